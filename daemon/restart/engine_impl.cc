#include "daemon/restart/engine_impl.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"

#include "common/base/logging.h"
#include "daemon/kubelet/reservation.h"
#include "daemon/restart/aftercare.h"
#include "daemon/restart/transitions.h"

namespace rekindle::restart {

EngineImpl::EngineImpl(const OperationDeps& deps, const Options& options)
    : deps_(deps),
      options_(options),
      shared_(options.operation.max_stopping_of_pod),
      placeholder_retry_(options.operation.retry) {
  sweep_timer_.Set(deps_.loop, options_.sweep, [this] { Sweep(); });
}

EngineImpl::~EngineImpl() { shared_.gate.Close(); }

void EngineImpl::Recover(std::vector<OperationRecord> records) {
  std::vector<std::string> started;
  for (OperationRecord& record : records) {
    const bool terminal = IsTerminal(record.phase);
    const bool begun = record.phase != Phase::kAccepted;
    const std::string id = record.id();
    if (terminal && record.leftovers.empty() && !record.aftercare) {
      Entry& entry = entries_[id];
      entry.sequence = next_sequence_++;
      requests_[record.request_id].push_back(id);
      entry.record = std::move(record);
      continue;
    }
    const ContainerKey key{record.pod.uid, record.container_name};
    const bool aftercare = record.aftercare;
    Add(std::move(record), nullptr);
    if (terminal) {
      if (aftercare) TakeOverAftercare(key, id);
      if (aftercare) aftercare_[key] = id;
      entries_[id].runner->CleanUp();
    } else if (begun) {
      started.push_back(id);
    }
  }
  for (auto& [request, ids] : requests_) {
    std::sort(ids.begin(), ids.end(), [this](const std::string& a, const std::string& b) {
      return entries_[a].current().index < entries_[b].current().index;
    });
  }
  for (const std::string& id : started) entries_[id].runner->Resume();
  // Failures that the killed daemon could no longer act on.
  for (const auto& [id, entry] : entries_) {
    if (IsTerminal(entry.current().phase)) started.push_back(id);
  }
  for (const std::string& id : started) {
    if (entries_.contains(id) && IsTerminal(entries_[id].current().phase)) {
      GiveUpRest(entries_[id].current());
    }
  }
  std::vector<ContainerKey> keys;
  for (const auto& [key, queue] : queues_) keys.push_back(key);
  for (const ContainerKey& key : keys) Advance(key);
  SweepPlaceholders();
}

void EngineImpl::TakeOverAftercare(const ContainerKey& key, const std::string& by) {
  auto it = aftercare_.find(key);
  if (it == aftercare_.end()) return;
  const std::string id = it->second;
  aftercare_.erase(it);
  auto entry = entries_.find(id);
  if (entry != entries_.end() && entry->second.runner != nullptr) {
    entry->second.runner->EndAftercare(by);
  }
}

void EngineImpl::SweepPlaceholders() {
  // An operation that is under way, or looked after, removes its own.
  auto known = [this, alive = std::weak_ptr<bool>(alive_)](const ::runtime::v1::Container& held) {
    if (!alive.lock()) return true;
    auto it = entries_.find(kubelet::MadeBy(held));
    if (it != entries_.end() && it->second.runner != nullptr) return true;
    return std::any_of(entries_.begin(), entries_.end(), [&](const auto& entry) {
      const OperationRecord& record = entry.second.current();
      return entry.second.runner != nullptr && record.sandbox_id == held.pod_sandbox_id() &&
             record.container_name == held.metadata().name();
    });
  };
  RemovePlaceholders(deps_.runtime, kubelet::PlaceholderFilter("", ""), known,
                     [this, alive = std::weak_ptr<bool>(alive_)](const absl::Status& removed) {
                       if (!alive.lock() || removed.ok()) return;
                       placeholder_timer_.Set(deps_.loop, placeholder_retry_.Next(),
                                              [this] { SweepPlaceholders(); });
                     });
}

std::shared_ptr<OperationRunner> EngineImpl::MakeRunner(OperationRecord record) {
  const std::string id = record.id();
  return std::make_shared<OperationRunner>(
      deps_, options_.operation, shared_, std::move(record),
      OperationRunner::Callbacks{
          .changed = [this](const OperationRecord& changed) { OnChanged(changed); },
          // Not inline: the operation is in the middle of ending.
          .ended = [this, id] { Later([this, id] { AfterEnd(id); }); },
          .settled = [this, id] { Later([this, id] { Settle(id); }); }});
}

void EngineImpl::Add(OperationRecord record, std::shared_ptr<OperationRunner> runner) {
  const std::string id = record.id();
  Entry& entry = entries_[id];
  entry.sequence = next_sequence_++;
  requests_[record.request_id].push_back(id);
  if (!IsTerminal(record.phase)) {
    queues_[{record.pod.uid, record.container_name}].push_back(id);
    ++active_;
  }
  entry.runner = runner != nullptr ? std::move(runner) : MakeRunner(std::move(record));
}

bool EngineImpl::Busy(const std::string& pod_uid, const std::string& container) const {
  return queues_.contains({pod_uid, container}) || beginning_.contains({pod_uid, container});
}

bool EngineImpl::PredecessorEnded(const OperationRecord& record) const {
  if (!record.ordered || record.index == 0) return true;
  const std::vector<std::string>& ids = requests_.at(record.request_id);
  for (const std::string& id : ids) {
    const OperationRecord& other = entries_.at(id).current();
    if (other.index + 1 == record.index) return IsTerminal(other.phase);
  }
  return true;  // expired: it has ended
}

std::string EngineImpl::WaitReason(const Entry& entry, const std::deque<std::string>& queue) const {
  const OperationRecord& record = entry.current();
  if (queue.front() != record.id()) {
    return absl::StrCat("waits for ", queue.front(), " on the same container");
  }
  return absl::StrCat("waits for container ", record.index - 1, " of its request");
}

void EngineImpl::Advance(const ContainerKey& key) {
  auto it = queues_.find(key);
  if (it == queues_.end() || draining_) return;
  const std::deque<std::string>& queue = it->second;
  Entry& first = entries_.at(queue.front());
  if (!first.runner->begun() && PredecessorEnded(first.runner->record())) {
    TakeOverAftercare(key, queue.front());
    first.runner->Begin();
  }
  // Begin may have ended it and so changed the queue.
  it = queues_.find(key);
  if (it == queues_.end()) return;
  const std::deque<std::string> waiting = it->second;
  for (const std::string& id : waiting) {
    Entry& entry = entries_.at(id);
    if (!entry.runner->begun()) entry.runner->Wait(WaitReason(entry, waiting));
  }
}

void EngineImpl::OnChanged(const OperationRecord& record) {
  // An observer may drop its watch from within.
  std::vector<WatchId> ids;
  for (const auto& [id, observer] : watches_) ids.push_back(id);
  for (WatchId id : ids) {
    auto it = watches_.find(id);
    if (it != watches_.end()) it->second(record);
  }
  if (drained_) CheckDrained();
}

void EngineImpl::Later(absl::AnyInvocable<void()> task) {
  deps_.loop.Post([task = std::move(task), alive = std::weak_ptr<bool>(alive_)]() mutable {
    if (alive.lock()) task();
  });
}

void EngineImpl::AfterEnd(const std::string& id) {
  const OperationRecord record = entries_.at(id).current();
  const ContainerKey key{record.pod.uid, record.container_name};
  --active_;
  if (auto it = queues_.find(key); it != queues_.end()) {
    std::erase(it->second, id);
    if (it->second.empty()) queues_.erase(it);
  }
  if (record.aftercare) {
    TakeOverAftercare(key, id);
    aftercare_[key] = id;
  }
  GiveUpRest(record);
  Advance(key);
  if (auto request = requests_.find(record.request_id); request != requests_.end()) {
    const std::vector<std::string> ids = request->second;
    for (const std::string& other : ids) {
      const OperationRecord& next = entries_.at(other).current();
      if (!IsTerminal(next.phase)) Advance({next.pod.uid, next.container_name});
    }
  }
  // Not at every end: it looks at all of them.
  if (entries_.size() - active_ > options_.max_stored + options_.max_stored / 10) Sweep();
}

void EngineImpl::GiveUpRest(const OperationRecord& failed) {
  const bool bad = failed.phase == Phase::kFailed || failed.phase == Phase::kCancelled;
  if (!bad || failed.ignore_failures) return;
  auto request = requests_.find(failed.request_id);
  if (request == requests_.end()) return;
  const std::vector<std::string> ids = request->second;
  for (const std::string& id : ids) {
    Entry& entry = entries_.at(id);
    if (IsTerminal(entry.current().phase) || entry.runner->begun()) continue;
    const absl::Status cancelled = entry.runner->Cancel(
        absl::StrCat("not begun: ", failed.container_name, " ", PhaseName(failed.phase)));
    if (!cancelled.ok()) LOG(DFATAL) << cancelled;
  }
}

void EngineImpl::Settle(const std::string& id) {
  auto it = entries_.find(id);
  if (it == entries_.end() || it->second.runner == nullptr) return;
  it->second.record = it->second.runner->record();
  it->second.runner.reset();
  const ContainerKey key{it->second.record.pod.uid, it->second.record.container_name};
  if (auto held = aftercare_.find(key); held != aftercare_.end() && held->second == id) {
    aftercare_.erase(held);
  }
}

void EngineImpl::Cancel(const std::string& operation_id,
                        absl::AnyInvocable<void(absl::StatusOr<OperationRecord>)> reply) {
  EndEarly(
      operation_id, [](OperationRunner& runner) { return runner.Cancel("cancelled on request"); },
      std::move(reply));
}

void EngineImpl::EndWithPod(const std::string& operation_id,
                            absl::AnyInvocable<void(absl::StatusOr<OperationRecord>)> reply) {
  EndEarly(
      operation_id,
      [](OperationRunner& runner) {
        runner.EndWithPod();
        return absl::OkStatus();
      },
      std::move(reply));
}

void EngineImpl::EndEarly(const std::string& operation_id,
                          absl::FunctionRef<absl::Status(OperationRunner&)> end,
                          absl::AnyInvocable<void(absl::StatusOr<OperationRecord>)> reply) {
  absl::StatusOr<OperationRecord> answer = absl::NotFoundError(
      absl::StrCat("id: no operation ", operation_id, "; it never was or has expired"));
  if (auto it = entries_.find(operation_id); it != entries_.end()) {
    if (IsTerminal(it->second.current().phase)) {
      answer = absl::FailedPreconditionError(absl::StrCat(
          "operation ", operation_id, " has ended: ", PhaseName(it->second.current().phase)));
    } else if (absl::Status done = end(*it->second.runner); !done.ok()) {
      answer = done;
    } else {
      answer = it->second.current();
    }
  }
  deps_.loop.Post([reply = std::move(reply), answer = std::move(answer)]() mutable {
    reply(std::move(answer));
  });
}

const OperationRecord* EngineImpl::Find(const std::string& operation_id) const {
  auto it = entries_.find(operation_id);
  return it == entries_.end() ? nullptr : &it->second.current();
}

std::vector<OperationRecord> EngineImpl::OfRequest(const std::string& request_id) const {
  std::vector<OperationRecord> records;
  for (const std::string& id : requests_.at(request_id)) {
    records.push_back(entries_.at(id).current());
  }
  return records;
}

std::vector<OperationRecord> EngineImpl::List(const Filter& filter) const {
  auto matches = [](const std::string& wanted, const std::string& actual) {
    return wanted.empty() || wanted == actual;
  };
  std::vector<const Entry*> found;
  for (const auto& [id, entry] : entries_) {
    const OperationRecord& record = entry.current();
    if (matches(filter.pod.ns, record.pod.ns) && matches(filter.pod.name, record.pod.name) &&
        matches(filter.pod.uid, record.pod.uid) && matches(filter.request_id, record.request_id) &&
        !(filter.active_only && IsTerminal(record.phase))) {
      found.push_back(&entry);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Entry* a, const Entry* b) { return a->sequence > b->sequence; });
  std::vector<OperationRecord> records;
  records.reserve(found.size());
  for (const Entry* entry : found) records.push_back(entry->current());
  return records;
}

Engine::WatchId EngineImpl::Watch(std::function<void(const OperationRecord&)> observer) {
  watches_[next_watch_] = std::move(observer);
  return next_watch_++;
}

void EngineImpl::Unwatch(WatchId watch) { watches_.erase(watch); }

Engine::Stats EngineImpl::GetStats() const {
  return {.active = active_,
          .stored = entries_.size(),
          .accepting = accepting_,
          .accepting_reason = accepting_reason_};
}

void EngineImpl::StopAccepting(const std::string& reason) {
  accepting_ = false;
  accepting_reason_ = reason;
}

void EngineImpl::Drain(absl::Duration bound, absl::AnyInvocable<void(absl::Status)> drained) {
  draining_ = true;
  for (auto& [id, entry] : entries_) {
    if (entry.runner != nullptr) entry.runner->Hold();
  }
  drained_ = std::move(drained);
  drain_timer_.Set(deps_.loop, bound, [this] {
    auto done = std::move(drained_);
    drained_ = nullptr;
    done(absl::DeadlineExceededError("containers are still between stop and start"));
  });
  CheckDrained();
}

void EngineImpl::CheckDrained() {
  for (const auto& [id, entry] : entries_) {
    if (entry.runner != nullptr && entry.runner->InGap()) return;
  }
  drain_timer_.Cancel();
  deps_.loop.Post([done = std::exchange(drained_, nullptr)]() mutable { done(absl::OkStatus()); });
}

void EngineImpl::Sweep() {
  sweep_timer_.Set(deps_.loop, options_.sweep, [this] { Sweep(); });
  // Requests expire as a whole, so that a repeated request finds all of its operations or none.
  struct Candidate {
    absl::Time ended;
    std::string request_id;
    bool operator<(const Candidate& other) const {
      return std::tie(ended, request_id) < std::tie(other.ended, other.request_id);
    }
  };
  std::vector<Candidate> candidates;
  for (const auto& [request_id, ids] : requests_) {
    absl::Time last = absl::InfinitePast();
    bool settled = true;
    for (const std::string& id : ids) {
      const Entry& entry = entries_.at(id);
      settled = settled && entry.runner == nullptr;
      last = std::max(last, entry.current().ended);
    }
    if (settled) candidates.push_back({last, request_id});
  }
  std::sort(candidates.begin(), candidates.end());
  const absl::Time oldest = deps_.loop.Now() - options_.keep;
  size_t ended = entries_.size() - active_;
  std::vector<std::string> expired;
  for (const Candidate& candidate : candidates) {
    if (ended <= options_.max_stored && candidate.ended >= oldest) break;
    for (const std::string& id : requests_.at(candidate.request_id)) {
      entries_.erase(id);
      expired.push_back(id);
      --ended;
    }
    requests_.erase(candidate.request_id);
  }
  if (expired.empty()) return;
  deps_.journal.Remove(std::move(expired), [](const absl::Status& removed) {
    if (!removed.ok()) LOG(WARNING) << "expired operations stay in the journal: " << removed;
  });
}

}  // namespace rekindle::restart
