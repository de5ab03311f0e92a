#include "cli/feed.h"

#include <algorithm>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "cli/api_errors.h"
#include <nlohmann/json.hpp>

#include "common/base/sync.h"
#include "common/client/decoders.h"
#include "common/client/informer.h"

namespace rekindle::cli {
namespace {

// A watch that has been open for so long is taken for a good one, though nothing has come: longer
// than it takes to find out that there is no connection.
constexpr absl::Duration kOpenLongEnough = absl::Seconds(15);

client::ReflectorOptions Options(const client::Collection& collection, absl::Duration limit) {
  return {.collection = collection,
          .page_timeout = limit,
          // Somebody waits in front of the screen.
          .pauses = {.initial = absl::Milliseconds(100), .max = absl::Seconds(2)}};
}

}  // namespace

struct Feed::Shared {
  Mutex mutex;
  std::vector<FeedChange> changes ABSL_GUARDED_BY(mutex);

  void Add(const client::ObjectKey& key, ObjectPtr object, bool gone) {
    MutexLock lock(&mutex);
    changes.push_back({.key = key, .object = std::move(object), .gone = gone});
  }
};

struct Feed::Source {
  Source(client::ApiClient& client, const client::Collection& collection, absl::Duration limit)
      : informer(client, Options(collection, limit), client::TreeDecoder(collection.resource)) {}

  client::Informer<Json> informer;
  uint64_t heard = 0;  // lists, events and bookmarks, at the last look
  uint64_t failures = 0;
  absl::Duration failed_at;
  absl::Status trouble;
};

Feed::Feed(ApiSession& session, const client::Collection& collection)
    : session_(session), shared_(std::make_shared<Shared>()) {
  session_.RunOnLoop([&] {
    source_ = std::make_unique<Source>(session_.client(), collection, session_.call_limit());
    const auto put = [shared = shared_](const client::ObjectKey& key, const ObjectPtr& now) {
      shared->Add(key, now, false);
    };
    source_->informer.AddHandler(
        {.added = put,
         .updated = [put](const client::ObjectKey& key, const ObjectPtr&,
                          const ObjectPtr& now) { put(key, now); },
         .deleted = [shared = shared_](const client::ObjectKey& key, const ObjectPtr& last,
                                       bool) { shared->Add(key, last, true); }});
    source_->informer.Start();
  });
}

Feed::~Feed() {
  session_.RunOnLoop([this] { source_.reset(); });
}

std::vector<FeedChange> Feed::Take(absl::Duration patience) {
  Shared& shared = *shared_;
  MutexLock lock(&shared.mutex);
  shared.mutex.AwaitFor(patience, [&shared]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(shared.mutex) {
    return !shared.changes.empty();
  });
  return std::exchange(shared.changes, {});
}

Feed::State Feed::Look() {
  State out;
  session_.RunOnLoop([&] {
    Source& source = *source_;
    const client::Reflector& reflector = source.informer.reflector();
    const absl::Duration now = session_.client().loop().Monotonic();
    const client::Reflector::Counters& counters = reflector.counters();
    const uint64_t heard = counters.lists + counters.events + counters.bookmarks;
    if (counters.failures != source.failures) {
      source.failures = counters.failures;
      source.failed_at = now;
      source.trouble = AsUnreachable(reflector.last_error());
    }
    const bool pauses = reflector.state() == client::ReflectorState::kListPause ||
                        reflector.state() == client::ReflectorState::kWatchPause;
    if (heard != source.heard || now - source.failed_at > kOpenLongEnough) {
      source.heard = heard;
      if (!pauses) source.trouble = absl::OkStatus();
    }
    out = {.synced = source.informer.synced(), .trouble = source.trouble};
  });
  return out;
}

absl::Status Feed::AwaitFirst(absl::Duration limit) {
  const absl::Duration end = session_.client().loop().Monotonic() + limit;
  Latch never;
  // Local servers answer within a millisecond or two.
  absl::Duration pause = absl::Milliseconds(1);
  while (true) {
    const State state = Look();
    if (state.synced) return absl::OkStatus();
    if (!state.trouble.ok()) return state.trouble;
    if (session_.io().interrupted.load()) return absl::CancelledError("interrupted");
    if (session_.client().loop().Monotonic() > end) {
      return absl::DeadlineExceededError("no answer");
    }
    never.WaitFor(pause);
    pause = std::min(pause * 2, kTick);
  }
}

}  // namespace rekindle::cli
