#include "daemon/cri/exit_watches.h"

#include <algorithm>
#include <utility>

namespace rekindle::cri {

namespace {

// How the runtime is asked after an event: it lags by 35 to 100 ms, more on a busy node.
constexpr Backoff::Options kPoll{
    .initial = absl::Milliseconds(10), .max = absl::Milliseconds(320), .factor = 2.0};
// After so many questions (about 30 s) the relist of the monitor takes over.
constexpr int kMaxQuestions = 100;
// How long and how many exit events are remembered.
constexpr absl::Duration kRemember = absl::Minutes(1);
constexpr size_t kMaxRemembered = 4096;

}  // namespace

ExitWatches::ExitWatches(Loop& loop, Runtime& runtime) : loop_(loop), runtime_(runtime) {}

ExitWatches::~ExitWatches() { *alive_ = false; }

ExitWatches::Watched& ExitWatches::WatchedOf(const std::string& container_id) {
  auto& watched = watched_[container_id];
  if (watched == nullptr) {
    watched = std::make_unique<Watched>(kPoll);
    watched->exit_seen = std::any_of(recent_.begin(), recent_.end(), [&](const auto& event) {
      return event.second == container_id;
    });
  }
  return *watched;
}

void ExitWatches::Remember(const std::string& container_id) {
  const absl::Duration now = loop_.Monotonic();
  recent_.emplace_back(now, container_id);
  while (recent_.size() > kMaxRemembered || now - recent_.front().first > kRemember) {
    recent_.pop_front();
  }
}

void ExitWatches::AddExit(WatchId watch, const std::string& container_id, Exited exited) {
  watches_[watch] = {container_id, std::move(exited), nullptr};
  WatchedOf(container_id).watches.push_back(watch);
  Ask(container_id);
}

void ExitWatches::AddTaskExit(WatchId watch, const std::string& container_id,
                              absl::AnyInvocable<void()> exited) {
  watches_[watch] = {container_id, nullptr, std::move(exited)};
  WatchedOf(container_id).watches.push_back(watch);
  Ask(container_id);
}

void ExitWatches::Remove(WatchId watch) {
  auto it = watches_.find(watch);
  if (it == watches_.end()) return;
  auto watched = watched_.find(it->second.container_id);
  watches_.erase(it);
  if (watched == watched_.end()) return;
  auto& all = watched->second->watches;
  all.erase(std::remove(all.begin(), all.end(), watch), all.end());
  if (all.empty()) watched_.erase(watched);
}

void ExitWatches::OnExitEvent(const std::string& container_id) {
  Remember(container_id);
  auto it = watched_.find(container_id);
  if (it == watched_.end()) return;
  Watched& watched = *it->second;
  watched.exit_seen = true;
  watched.asked_since_event = 0;
  watched.poll.Reset();
  Ask(container_id);
  FireTaskExits(container_id);
}

void ExitWatches::OnDeleteEvent(const std::string& container_id) {
  auto it = watched_.find(container_id);
  if (it == watched_.end()) return;
  // The event comes a moment before the runtime itself forgets the container.
  it->second->exit_seen = true;
  it->second->asked_since_event = 0;
  it->second->poll.Reset();
  Ask(container_id);
}

void ExitWatches::OnList(const v1::ListContainersResponse& list) {
  if (watched_.empty()) return;
  absl::flat_hash_map<std::string, v1::ContainerState> states;
  for (const v1::Container& container : list.containers()) {
    states[container.id()] = container.state();
  }
  std::vector<std::string> changed;
  for (const auto& [id, watched] : watched_) {
    auto it = states.find(id);
    if (it == states.end() || it->second == v1::CONTAINER_EXITED) changed.push_back(id);
  }
  for (const std::string& id : changed) Ask(id);
}

void ExitWatches::Ask(const std::string& container_id) {
  Watched& watched = WatchedOf(container_id);
  watched.timer.Cancel();
  if (watched.asking) {
    watched.ask_again = true;
    return;
  }
  watched.asking = true;
  watched.ask_again = false;
  if (watched.exit_seen) ++watched.asked_since_event;
  runtime_.ContainerStatus(
      container_id, /*verbose=*/false,
      [this, alive = alive_, container_id](absl::StatusOr<v1::ContainerStatusResponse> answer) {
        if (*alive) OnStatus(container_id, std::move(answer));
      });
}

void ExitWatches::OnStatus(const std::string& container_id,
                           absl::StatusOr<v1::ContainerStatusResponse> answer) {
  auto it = watched_.find(container_id);
  if (it == watched_.end()) return;
  Watched& watched = *it->second;
  watched.asking = false;
  if (absl::IsNotFound(answer.status())) {
    FireAll(container_id, answer.status());
  } else if (answer.ok() && answer->status().state() == v1::CONTAINER_EXITED) {
    FireAll(container_id, std::move(*answer->mutable_status()));
  } else if (watched.ask_again) {
    Ask(container_id);
  } else if (watched.exit_seen && watched.asked_since_event < kMaxQuestions) {
    watched.timer.Set(loop_, watched.poll.Next(), [this, container_id] { Ask(container_id); });
  }
}

bool ExitWatches::Take(WatchId watch, bool task, Watch& taken) {
  auto it = watches_.find(watch);
  if (it == watches_.end() || (it->second.task_exited != nullptr) != task) return false;
  taken = std::move(it->second);
  it->second.container_id = taken.container_id;
  Remove(watch);
  return true;
}

void ExitWatches::FireTaskExits(const std::string& container_id) {
  const auto alive = alive_;
  auto it = watched_.find(container_id);
  if (it == watched_.end()) return;
  const std::vector<WatchId> all = it->second->watches;
  for (WatchId watch : all) {
    Watch taken;
    if (!Take(watch, /*task=*/true, taken)) continue;
    taken.task_exited();
    if (!*alive) return;
  }
}

void ExitWatches::FireAll(const std::string& container_id,
                          const absl::StatusOr<v1::ContainerStatus>& outcome) {
  const auto alive = alive_;
  auto it = watched_.find(container_id);
  if (it == watched_.end()) return;
  const std::vector<WatchId> all = it->second->watches;
  for (WatchId watch : all) {
    Watch taken;
    if (Take(watch, /*task=*/true, taken)) {
      taken.task_exited();
    } else if (Take(watch, /*task=*/false, taken)) {
      taken.exited(outcome);
    }
    if (!*alive) return;
  }
}

}  // namespace rekindle::cri
