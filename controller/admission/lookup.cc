#include "controller/admission/lookup.h"

#include <algorithm>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/registry.h"
#include "common/api/time.h"
#include "common/base/sync.h"

namespace rekindle::admission {
namespace {

constexpr absl::Duration kUsualTimeout = absl::Seconds(10);
constexpr absl::Duration kLongestTimeout = absl::Seconds(30);
// Of the timeout, for the way back; within these bounds.
constexpr double kMargin = 0.1;
constexpr absl::Duration kLeastMargin = absl::Milliseconds(100);
constexpr absl::Duration kMostMargin = absl::Seconds(1);

}  // namespace

// Shared with the loop's tasks, which may come after the lookup has gone.
struct ObjectLookup::State {
  explicit State(client::ApiClient& the_client) : client(&the_client) {}

  // One waiting Get.
  struct Wait {
    std::optional<absl::StatusOr<Json>> reply;
    bool given_up = false;
    client::ApiClient::CallId call = 0;  // the loop's
  };

  Mutex mutex;
  bool stopped ABSL_GUARDED_BY(mutex) = false;
  client::ApiClient* const client;  // the loop's, while not stopped
};

ObjectLookup::ObjectLookup(Loop& loop, client::ApiClient& client, Cached cached)
    : loop_(loop), cached_(std::move(cached)), state_(std::make_shared<State>(client)) {}

ObjectLookup::~ObjectLookup() { Stop(); }

void ObjectLookup::Stop() {
  MutexLock lock(&state_->mutex);
  state_->stopped = true;
}

absl::StatusOr<Json> ObjectLookup::Get(absl::string_view api_version, absl::string_view kind,
                                       absl::string_view name_space, absl::string_view name,
                                       absl::Duration deadline) {
  const api::KindInfo* info = api::Kinds().Find(api_version, kind);
  if (info == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("nobody knows ", api_version, " ", kind));
  }
  client::ObjectRef ref;
  ref.resource = {info->group, info->version, info->plural, info->kind, info->namespaced};
  ref.key = {std::string(name_space), std::string(name)};
  if (cached_) {
    if (std::optional<Json> found = cached_(ref.resource, ref.key)) return *std::move(found);
  }
  const auto wait = std::make_shared<State::Wait>();
  loop_.Post([state = state_, wait, ref] {
    {
      MutexLock lock(&state->mutex);
      if (state->stopped || wait->given_up) return;
    }
    // Stopped on this thread only, or when it does not run any more.
    wait->call = state->client->Get(ref, [state, wait](absl::StatusOr<Json> reply) {
      MutexLock lock(&state->mutex);
      wait->call = 0;
      wait->reply = std::move(reply);
    });
  });
  State& state = *state_;
  MutexLock lock(&state.mutex);
  state.mutex.AwaitFor(deadline - loop_.Monotonic(),
                       [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(state.mutex) {
                         return state.stopped || wait->reply.has_value();
                       });
  if (wait->reply.has_value()) return *std::move(wait->reply);
  wait->given_up = true;
  const std::string what = absl::StrCat(kind, " ", ref.key.Text());
  if (state.stopped) {
    return absl::UnavailableError(absl::StrCat("the controller stops; ", what, " was not read"));
  }
  loop_.Post([state = state_, wait] {
    {
      MutexLock stop_lock(&state->mutex);
      if (state->stopped) return;
    }
    if (wait->call != 0) state->client->Cancel(std::exchange(wait->call, 0));
  });
  return absl::DeadlineExceededError(
      absl::StrCat(what, " was not read within the time of this review"));
}

absl::Duration TimeFor(absl::string_view target) {
  absl::Duration timeout = kUsualTimeout;
  const size_t query = target.find('?');
  if (query != absl::string_view::npos) {
    for (absl::string_view pair : absl::StrSplit(target.substr(query + 1), '&')) {
      if (!absl::ConsumePrefix(&pair, "timeout=")) continue;
      const std::optional<absl::Duration> given = api::ParseDuration(pair);
      if (given.has_value() && *given > absl::ZeroDuration()) timeout = *given;
    }
  }
  timeout = std::min(timeout, kLongestTimeout);
  return timeout - std::clamp(timeout * kMargin, std::min(kLeastMargin, timeout / 2), kMostMargin);
}

}  // namespace rekindle::admission
