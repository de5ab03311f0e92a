#include "common/client/reflector.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/sync.h"
#include "common/client/reflector_readers.h"

namespace rekindle::client {
namespace {

constexpr int kExpired = 410;
// A watch that lived shorter and said nothing is a failure, however politely it ended.
constexpr absl::Duration kBriefWatch = absl::Seconds(1);
// Lists that follow each other faster than this do not help.
constexpr absl::Duration kBriefList = absl::Seconds(10);
// How often the same place of a stream may be unreadable before everything is listed anew.
constexpr int kMostBadFrames = 3;
// The server closes a watch in time; this is for one that does not.
constexpr absl::Duration kWatchGrace = absl::Seconds(30);
constexpr absl::Duration kTooNewPause = absl::Seconds(1);

bool IsExpired(const absl::Status& status) {
  const std::optional<api::ApiError> error = api::FromStatus(status);
  return error.has_value() && error->code == kExpired;
}

bool IsTooNew(const absl::Status& status) {
  const std::optional<api::ApiError> error = api::FromStatus(status);
  return error.has_value() && error->FindCause("ResourceVersionTooLarge") != nullptr;
}

}  // namespace

Reflector::Reflector(ApiClient& client, ReflectorOptions options, Decoder& decoder, Sink& sink,
                     Random random)
    : client_(client),
      loop_(client.loop()),
      options_(std::move(options)),
      decoder_(decoder),
      sink_(sink),
      random_(std::move(random)),
      pauses_(options_.pauses, random_),
      list_from_(options_.from == ListFrom::kServerCache ? "0" : "") {}

Reflector::~Reflector() { Stop(); }

void Reflector::Start() { Step(ReflectorEvent::kStart); }

void Reflector::Stop() { Step(ReflectorEvent::kStop); }

void Reflector::Step(ReflectorEvent event) {
  const std::optional<ReflectorState> next = NextReflectorState(state_, event);
  if (!next.has_value()) return;  // a second Start, say
  Enter(*next);
}

void Reflector::Enter(ReflectorState state) {
  state_ = state;
  timer_.Cancel();
  switch (state) {
    case ReflectorState::kListing:
      return BeginList();
    case ReflectorState::kWatching:
      return BeginWatch();
    case ReflectorState::kListPause:
    case ReflectorState::kWatchPause:
      return Pause();
    case ReflectorState::kIdle:
    case ReflectorState::kStopped:
      call_.Cancel();
      if (watch_ != nullptr) watch_->Detach();
      watch_.reset();
      page_.reset();
      staged_ = {};
      return;
  }
}

void Reflector::Pause() {
  const absl::Duration pause =
      std::max(pauses_.Next(loop_.Monotonic()), std::exchange(pause_least_, absl::ZeroDuration()));
  timer_.Set(loop_, pause, [this] { Step(ReflectorEvent::kPauseOver); });
}

void Reflector::Fail(const absl::Status& why, ReflectorEvent event) {
  ++counters_.failures;
  last_error_ = why;
  Step(event);
}

std::string Reflector::Target(const QueryParameters& parameters) const {
  const Collection& what = options_.collection;
  // The path was checked when the list began.
  return WithQuery(*CollectionPath(what.resource, what.name_space), parameters);
}

QueryParameters Reflector::ListParameters() const {
  const Collection& what = options_.collection;
  QueryParameters out = {{"labelSelector", what.label_selector},
                         {"fieldSelector", what.field_selector}};
  if (!without_pages_ && list_from_.empty()) {
    out.emplace_back("limit", absl::StrCat(options_.page_limit));
  }
  if (!continue_token_.empty()) {
    out.emplace_back("continue", continue_token_);
  } else if (!list_from_.empty()) {
    out.emplace_back("resourceVersion", list_from_);
    if (list_from_ != "0") out.emplace_back("resourceVersionMatch", "NotOlderThan");
  }
  return out;
}

void Reflector::BeginList() {
  staged_.clear();
  continue_token_.clear();
  const Collection& what = options_.collection;
  if (const auto path = CollectionPath(what.resource, what.name_space); !path.ok()) {
    return Fail(path.status(), ReflectorEvent::kListLater);
  }
  RequestPage();
}

void Reflector::RequestPage() {
  page_ =
      std::make_shared<PageReader>(decoder_, options_.max_page_bytes, options_.max_object_bytes);
  call_.Set(client_, client_.Read({.verb = "list",
                                   .resource = options_.collection.resource,
                                   .target = Target(ListParameters()),
                                   .timeout = options_.page_timeout},
                                  page_, [this](const absl::Status& status) {
                                    call_.Over();
                                    OnPage(status);
                                  }));
}

void Reflector::OnPage(const absl::Status& status) {
  if (!status.ok()) return OnListError(status);
  ListPage page = page_->Take();
  page_.reset();
  ++counters_.pages;
  if (staged_.empty()) {
    staged_ = std::move(page.items);
  } else {
    staged_.insert(staged_.end(), std::make_move_iterator(page.items.begin()),
                   std::make_move_iterator(page.items.end()));
  }
  if (!page.continue_token.empty()) {
    continue_token_ = std::move(page.continue_token);
    return RequestPage();
  }
  if (page.resource_version.empty()) {
    return OnListError(absl::UnavailableError("the list has no resourceVersion"));
  }
  ++counters_.lists;
  listed_at_ = loop_.Monotonic();
  resource_version_ = std::move(page.resource_version);
  without_pages_ = false;
  too_new_ = false;
  bad_frames_ = 0;
  internal_since_ = absl::InfiniteDuration();
  sink_.Replace(std::exchange(staged_, {}));
  Step(ReflectorEvent::kListed);
}

void Reflector::OnListError(const absl::Status& status) {
  page_.reset();
  staged_ = {};
  // The snapshot of the pages is gone: what was read so far is of no use, and the token that goes
  // on without it gives no state that ever was (spec 5.4).
  if (IsExpired(status) && !continue_token_.empty() && !without_pages_) {
    without_pages_ = true;
    return Fail(status, ReflectorEvent::kListAnew);
  }
  if (!list_from_.empty() && IsExpired(status)) {
    list_from_.clear();
    return Fail(status, ReflectorEvent::kListAnew);
  }
  if (!list_from_.empty() && IsTooNew(status)) {
    if (std::exchange(too_new_, true)) list_from_.clear();
    pause_least_ = kTooNewPause;
  }
  without_pages_ = false;
  Fail(status, ReflectorEvent::kListLater);
}

void Reflector::BeginWatch() {
  watch_begun_ = loop_.Monotonic();
  watch_events_ = 0;
  ++counters_.watches;
  const absl::Duration length =
      options_.watch_least + (options_.watch_most - options_.watch_least) * random_();
  watch_ = std::make_shared<WatchReader>(loop_, decoder_, options_.max_object_bytes,
                                         options_.max_waiting_events, [this] { TakeEvents(); });
  const Collection& what = options_.collection;
  const std::string target = Target({{"watch", "true"},
                                     {"resourceVersion", resource_version_},
                                     {"allowWatchBookmarks", "true"},
                                     {"timeoutSeconds", absl::StrCat(absl::ToInt64Seconds(length))},
                                     {"labelSelector", what.label_selector},
                                     {"fieldSelector", what.field_selector}});
  call_.Set(client_, client_.Read({.verb = "watch",
                                   .resource = what.resource,
                                   .target = target,
                                   .timeout = length + kWatchGrace,
                                   .long_lived = true},
                                  watch_, [this](const absl::Status& status) {
                                    call_.Over();
                                    OnWatchEnd(status);
                                  }));
}

void Reflector::TakeEvents() {
  if (state_ != ReflectorState::kWatching || watch_ == nullptr) return;
  std::vector<WatchEvent> changes;
  std::optional<api::ApiError> error;
  for (WatchEvent& event : watch_->Take()) {
    if (event.type == WatchEvent::Type::kError) {
      error = std::move(event.error);
      break;
    }
    ++watch_events_;
    if (!event.item.meta.resource_version.empty()) {
      resource_version_ = event.item.meta.resource_version;
    }
    if (event.type == WatchEvent::Type::kBookmark) {
      ++counters_.bookmarks;
    } else {
      changes.push_back(std::move(event));
    }
  }
  if (watch_events_ > 0) {
    bad_frames_ = 0;
    internal_since_ = absl::InfiniteDuration();
  }
  counters_.events += changes.size();
  if (!changes.empty()) sink_.Apply(std::move(changes));
  if (!error.has_value()) return;
  // Nothing comes behind it.
  call_.Cancel();
  OnWatchEnd(api::ToStatus(*error));
}

void Reflector::OnWatchEnd(const absl::Status& status) {
  if (state_ != ReflectorState::kWatching || watch_ == nullptr) return;
  const std::shared_ptr<WatchReader> ended = watch_;
  if (status.ok() || !IsExpired(status)) {
    TakeEvents();
    if (watch_ != ended || state_ != ReflectorState::kWatching) return;  // an error was among them
  }
  ended->Detach();
  watch_.reset();
  const bool brief = watch_events_ == 0 && loop_.Monotonic() - watch_begun_ < kBriefWatch;
  if (status.ok()) {
    if (!brief) return Step(ReflectorEvent::kWatchAgain);
    return Fail(absl::UnavailableError("the watch ended at once and said nothing"),
                ReflectorEvent::kWatchLater);
  }
  Fail(status, AfterWatchError(status, brief));
}

ReflectorEvent Reflector::AfterExpired() {
  // Of a server's cache at least what is known here already.
  if (options_.from == ListFrom::kServerCache) list_from_ = resource_version_;
  return loop_.Monotonic() - listed_at_ < kBriefList ? ReflectorEvent::kListLater
                                                     : ReflectorEvent::kListAnew;
}

ReflectorEvent Reflector::AfterWatchError(const absl::Status& status, bool brief) {
  if (IsExpired(status)) return AfterExpired();
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      // A stream that broke; or nobody is there to give one.
      return brief || api::FromStatus(status).has_value() ? ReflectorEvent::kWatchLater
                                                          : ReflectorEvent::kWatchAgain;
    case absl::StatusCode::kResourceExhausted:
      // 429: the server is busy; it is asked for nothing more than before.
      return api::FromStatus(status).has_value() ? ReflectorEvent::kWatchLater
                                                 : ReflectorEvent::kListLater;
    case absl::StatusCode::kInternal:
      if (internal_since_ == absl::InfiniteDuration()) internal_since_ = loop_.Monotonic();
      return loop_.Monotonic() - internal_since_ < options_.internal_errors
                 ? ReflectorEvent::kWatchLater
                 : ReflectorEvent::kListLater;
    case absl::StatusCode::kInvalidArgument:
      if (!api::FromStatus(status).has_value() && ++bad_frames_ < kMostBadFrames) {
        return ReflectorEvent::kWatchLater;
      }
      return ReflectorEvent::kListLater;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return ReflectorEvent::kWatchLater;
    default:
      return ReflectorEvent::kListLater;
  }
}

}  // namespace rekindle::client
