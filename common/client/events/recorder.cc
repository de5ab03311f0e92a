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
  // One that still waits is counted up where it is.
  if (const auto found = waiting_.find(verdict->key); found != waiting_.end()) {
    Waiting& what = *found->second;
    what.count = verdict->count;
    what.last = now;
    what.text.message = std::move(text.message);
    return;
  }
  if (waiting() >= options_.most_waiting) {
    ++counters_.overflowed;
    return;
  }
  const auto added = line_.insert(line_.end(), Waiting{.key = std::move(verdict->key),
                                                       .name = {},
                                                       .subject = subject,
                                                       .text = std::move(text),
                                                       .count = verdict->count,
                                                       .first = now,
                                                       .last = now});
  waiting_.emplace(added->key, added);
  Next();
}

void EventRecorder::Next() {
  for (auto next = line_.begin(); next != line_.end() && flights_.size() < options_.most_at_once;) {
    // A series has one event: what comes of the one under way decides how it goes on. There are few
    // of these to pass over, since a key waits once.
    if (flying_.contains(next->key)) {
      ++next;
      continue;
    }
    flying_.insert(next->key);
    waiting_.erase(next->key);
    const auto flight = flights_.emplace(flights_.end());
    flight->what = std::move(*next);
    next = line_.erase(next);
    Write(flight);
  }
  CheckFlushed();
}

void EventRecorder::Write(Flights::iterator flight) {
  Waiting& what = flight->what;
  ++what.attempts;
  const auto written = written_.find(what.key);
  if (what.count > 1 && written != written_.end()) {
    what.name = written->second.name;
    what.first = written->second.first;
    Patch(flight);
  } else {
    Post(flight, /*again=*/false);
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

void EventRecorder::Post(Flights::iterator flight, bool again) {
  Waiting& what = flight->what;
  // A repeated attempt keeps its name: the first may have gone through.
  if (what.name.empty() || again) what.name = NewName(what.subject.name);
  const ObjectRef ref = {EventResource(), {NamespaceOf(what.subject), what.name}, ""};
  flight->call.Set(
      client_,
      client_.Create(ref, EventOf(what), {.background = true},
                     [this, flight](absl::StatusOr<Json> event) {
                       flight->call.Over();
                       const bool there = event.ok() || absl::IsAlreadyExists(event.status());
                       if (there) {
                         // Forgotten entries are merely posted anew.
                         if (written_.size() >= options_.limits.most_remembered) {
                           written_.clear();
                         }
                         const Waiting& done = flight->what;
                         written_[done.key] = {done.name, NamespaceOf(done.subject), done.first};
                       }
                       Ended(flight, there ? absl::OkStatus() : event.status());
                     }));
}

void EventRecorder::Patch(Flights::iterator flight) {
  const Waiting& what = flight->what;
  const ObjectRef ref = {EventResource(), {NamespaceOf(what.subject), what.name}, ""};
  const Json patch = {{"count", what.count},
                      {"lastTimestamp", api::FormatTime(what.last)},
                      {"message", what.text.message}};
  flight->call.Set(client_, client_.Patch(ref, PatchType::kStrategic, patch, {.background = true},
                                          [this, flight](const absl::StatusOr<Json>& event) {
                                            flight->call.Over();
                                            // Events live for an hour.
                                            if (absl::IsNotFound(event.status())) {
                                              return Post(flight, /*again=*/true);
                                            }
                                            Ended(flight, event.status());
                                          }));
}

void EventRecorder::Ended(Flights::iterator flight, const absl::Status& status) {
  const Waiting& what = flight->what;
  const bool answered = api::FromStatus(status).has_value();
  if (!status.ok() && !answered && what.attempts < options_.attempts &&
      !absl::IsCancelled(status) && !absl::IsFailedPrecondition(status)) {
    // The first pause is random, so that processes that failed together come back apart.
    const absl::Duration pause = what.attempts == 1 ? options_.retry * random_() : options_.retry;
    flight->pause.Set(loop_, pause, [this, flight] { Write(flight); });
    return;
  }
  ++(status.ok() ? counters_.written : counters_.rejected);
  flying_.erase(what.key);
  flights_.erase(flight);
  Next();
}

void EventRecorder::Flush(absl::Duration limit, absl::AnyInvocable<void(absl::Status)> done) {
  flushed_ = std::move(done);
  flush_timer_.Set(loop_, limit, [this] {
    if (auto call = std::exchange(flushed_, nullptr)) {
      call(absl::DeadlineExceededError(absl::StrCat(waiting(), " events were not written")));
    }
  });
  CheckFlushed();
}

void EventRecorder::CheckFlushed() {
  if (waiting() > 0 || !flushed_) return;
  flush_timer_.Cancel();
  loop_.Post([call = std::exchange(flushed_, nullptr)]() mutable { call(absl::OkStatus()); });
}

}  // namespace rekindle::client
