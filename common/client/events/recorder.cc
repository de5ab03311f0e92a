#include "common/client/events/recorder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/status.h"
#include "common/api/time.h"

namespace rekindle::client {
namespace {

constexpr size_t kMostMessage = 1024;
constexpr size_t kMostReason = 128;
// Of the 253 characters of a name, 17 are the dot and the number.
constexpr size_t kMostOfName = 236;

// Cut before a character of several bytes, not inside.
void Cut(std::string& text, size_t most) {
  if (text.size() <= most) return;
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
}

std::string NamespaceOf(const EventSubject& subject) {
  return subject.name_space.empty() ? "default" : subject.name_space;
}

}  // namespace

EventRecorder::EventRecorder(ApiClient& client, Options options, Random random)
    : client_(client),
      loop_(client.loop()),
      options_(std::move(options)),
      random_(std::move(random)),
      correlator_(options_.limits) {}

std::string EventRecorder::NewName(const std::string& object) {
  // Two events of one nanosecond would have one name.
  last_name_ = std::max(last_name_ + 1, absl::ToUnixNanos(loop_.Now()));
  return absl::StrCat(object.substr(0, kMostOfName), ".", absl::Hex(last_name_));
}

void EventRecorder::Record(const EventSubject& subject, EventText text) {
  Cut(text.reason, kMostReason);
  std::optional<EventCorrelator::Verdict> verdict =
      correlator_.Consider(subject, text, loop_.Monotonic());
  if (!verdict.has_value()) return;
  text.message = std::move(verdict->message);
  Cut(text.message, kMostMessage);
  const absl::Time now = loop_.Now();
  // One that still waits is counted up where it is; the first may be on its way.
  for (size_t i = writing_ ? 1 : 0; i < queue_.size(); ++i) {
    if (queue_[i].key != verdict->key) continue;
    queue_[i].count = verdict->count;
    queue_[i].last = now;
    queue_[i].text.message = std::move(text.message);
    return;
  }
  if (queue_.size() >= options_.most_waiting) {
    ++counters_.overflowed;
    return;
  }
  queue_.push_back({.key = std::move(verdict->key),
                    .subject = subject,
                    .text = std::move(text),
                    .count = verdict->count,
                    .first = now,
                    .last = now});
  Next();
}

void EventRecorder::Next() {
  if (busy_ || queue_.empty()) return CheckFlushed();
  busy_ = true;
  writing_ = true;
  Waiting& what = queue_.front();
  ++what.attempts;
  const auto written = written_.find(what.key);
  if (what.count > 1 && written != written_.end()) {
    what.name = written->second.name;
    what.first = written->second.first;
    Patch();
  } else {
    Post(/*again=*/false);
  }
}

Json EventRecorder::EventOf(const Waiting& what) const {
  Json involved = Json::object();
  const EventSubject& s = what.subject;
  const std::pair<const char*, const std::string*> kFields[] = {
      {"apiVersion", &s.api_version},
      {"kind", &s.kind},
      {"namespace", &s.name_space},
      {"name", &s.name},
      {"uid", &s.uid},
      {"resourceVersion", &s.resource_version},
      {"fieldPath", &s.field_path}};
  for (const auto& [name, value] : kFields) {
    if (!value->empty()) involved[name] = *value;
  }
  return {{"apiVersion", "v1"},
          {"kind", "Event"},
          {"metadata", {{"name", what.name}, {"namespace", NamespaceOf(s)}}},
          {"involvedObject", std::move(involved)},
          {"reason", what.text.reason},
          {"message", what.text.message},
          {"type", what.text.warning ? "Warning" : "Normal"},
          {"count", what.count},
          {"firstTimestamp", api::FormatTime(what.first)},
          {"lastTimestamp", api::FormatTime(what.last)},
          {"source", {{"component", options_.component}}},
          {"reportingComponent", options_.component},
          {"reportingInstance", options_.instance}};
}

void EventRecorder::Post(bool again) {
  Waiting& what = queue_.front();
  // A repeated attempt keeps its name: the first may have gone through.
  if (what.name.empty() || again) what.name = NewName(what.subject.name);
  const ObjectRef ref = {EventResource(), {NamespaceOf(what.subject), what.name}, ""};
  call_.Set(client_, client_.Create(ref, EventOf(what), {}, [this](absl::StatusOr<Json> event) {
    call_.Over();
    const bool there = event.ok() || absl::IsAlreadyExists(event.status());
    if (there) {
      // Forgotten entries are merely posted anew.
      if (written_.size() >= options_.limits.most_remembered) written_.clear();
      const Waiting& done = queue_.front();
      written_[done.key] = {done.name, NamespaceOf(done.subject), done.first};
    }
    Ended(there ? absl::OkStatus() : event.status());
  }));
}

void EventRecorder::Patch() {
  const Waiting& what = queue_.front();
  const ObjectRef ref = {EventResource(), {NamespaceOf(what.subject), what.name}, ""};
  const Json patch = {{"count", what.count},
                      {"lastTimestamp", api::FormatTime(what.last)},
                      {"message", what.text.message}};
  call_.Set(client_, client_.Patch(ref, PatchType::kStrategic, patch, {},
                                   [this](absl::StatusOr<Json> event) {
                                     call_.Over();
                                     // Events live for an hour.
                                     if (absl::IsNotFound(event.status())) {
                                       return Post(/*again=*/true);
                                     }
                                     Ended(event.status());
                                   }));
}

void EventRecorder::Ended(const absl::Status& status) {
  const bool answered = api::FromStatus(status).has_value();
  if (!status.ok() && !answered && queue_.front().attempts < options_.attempts &&
      !absl::IsCancelled(status) && !absl::IsFailedPrecondition(status)) {
    // The first pause is random, so that processes that failed together come back apart.
    const absl::Duration pause =
        queue_.front().attempts == 1 ? options_.retry * random_() : options_.retry;
    timer_.Set(loop_, pause, [this] {
      busy_ = false;
      Next();
    });
    return;
  }
  ++(status.ok() ? counters_.written : counters_.rejected);
  queue_.pop_front();
  writing_ = false;
  busy_ = false;
  Next();
}

void EventRecorder::Flush(absl::Duration limit, absl::AnyInvocable<void(absl::Status)> done) {
  flushed_ = std::move(done);
  flush_timer_.Set(loop_, limit, [this] {
    if (auto call = std::exchange(flushed_, nullptr)) {
      call(absl::DeadlineExceededError(absl::StrCat(queue_.size(), " events were not written")));
    }
  });
  CheckFlushed();
}

void EventRecorder::CheckFlushed() {
  if (!queue_.empty() || !flushed_) return;
  flush_timer_.Cancel();
  loop_.Post([call = std::exchange(flushed_, nullptr)]() mutable { call(absl::OkStatus()); });
}

}  // namespace rekindle::client
