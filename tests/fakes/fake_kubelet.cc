#include "tests/fakes/fake_kubelet.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace rekindle {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kName[] = "io.kubernetes.container.name";
constexpr char kUid[] = "io.kubernetes.pod.uid";
constexpr char kCount[] = "io.kubernetes.container.restartCount";
constexpr absl::Duration kFirstDelay = absl::Seconds(10);
constexpr absl::Duration kLastDelay = absl::Seconds(300);

std::string ValueOf(const google::protobuf::Map<std::string, std::string>& map, const char* key) {
  const auto it = map.find(key);
  return it == map.end() ? std::string() : it->second;
}

}  // namespace

FakeKubelet::FakeKubelet(Loop& loop, FakeRuntime& runtime, std::string sandbox,
                         std::vector<std::string> containers, absl::Duration first_relist)
    : loop_(loop),
      runtime_(runtime),
      sandbox_(std::move(sandbox)),
      names_(std::move(containers)),
      cache_(Look()) {
  for (const Seen& seen : cache_) states_[seen.id] = seen.state;
  RelistLater(first_relist);
  After(periodic_sync, [this] { SyncPeriodically(); });
  After(collection, [this] { CollectGarbage(); });
}

void FakeKubelet::After(absl::Duration delay, absl::AnyInvocable<void()> work) {
  loop_.RunAfter(delay, [alive = alive_, work = std::move(work)]() mutable {
    if (*alive) work();
  });
}

void FakeKubelet::RelistLater(absl::Duration delay) {
  After(delay, [this] { Relist(); });
}

// The list is what the runtime says at its beginning; it takes effect when the statuses are in.
void FakeKubelet::Relist() {
  After(relist_takes, [this, now = Look()]() mutable {
    std::map<std::string, v1::ContainerState> states;
    bool worth_a_sync = false;
    std::vector<std::string> died;
    for (const Seen& seen : now) {
      states[seen.id] = seen.state;
      const auto before = states_.find(seen.id);
      if (before != states_.end() && before->second == seen.state) continue;
      // Created counts as unknown: it refreshes the cache and wakes nobody (2.4 rule 2).
      worth_a_sync |= seen.state == v1::CONTAINER_RUNNING || seen.state == v1::CONTAINER_EXITED;
      if (seen.state == v1::CONTAINER_EXITED) died.push_back(seen.name);
    }
    for (const auto& [id, state] : states_) worth_a_sync |= !states.contains(id);
    states_ = std::move(states);
    cache_ = std::move(now);
    for (const std::string& name : died) RemoveBeyondNewestDead(name);
    if (worth_a_sync) SyncLater(sync_delay);
    RelistLater(relist_period);
  });
}

std::vector<FakeKubelet::Seen> FakeKubelet::Look() const {
  std::vector<Seen> all;
  const std::string uid = runtime_.SandboxUid(sandbox_);
  runtime_.ForEach([&](const FakeRuntime::Container& container) {
    if (ValueOf(container.config.labels(), kUid) != uid) return;
    Seen seen;
    seen.id = container.summary.id();
    seen.name = ValueOf(container.config.labels(), kName);
    seen.state = container.summary.state();
    seen.created_at = container.summary.created_at();
    seen.finished_at = container.status.finished_at();
    (void)absl::SimpleAtoi(ValueOf(container.config.annotations(), kCount), &seen.restart_count);
    all.push_back(std::move(seen));
  });
  std::sort(all.begin(), all.end(),
            [](const Seen& a, const Seen& b) { return a.created_at > b.created_at; });
  return all;
}

const FakeKubelet::Seen* FakeKubelet::Newest(const std::string& name) const {
  for (const Seen& seen : cache_) {
    if (seen.name == name) return &seen;
  }
  return nullptr;
}

void FakeKubelet::SyncLater(absl::Duration delay) {
  After(delay, [this] { Sync(); });
}

void FakeKubelet::SyncPeriodically() {
  After(periodic_sync, [this] { SyncPeriodically(); });
  Sync();
}

void FakeKubelet::Sync() {
  if (syncing_) {
    sync_wanted_ = true;
    return;
  }
  if (!runtime_.SandboxReady(sandbox_)) return;
  syncing_ = true;
  failed_ = false;
  SyncContainer(0);
}

void FakeKubelet::SyncContainer(size_t index) {
  if (index == names_.size()) {
    syncing_ = false;
    if (failed_) SyncLater(after_error);
    if (std::exchange(sync_wanted_, false)) SyncLater(sync_delay);
    return;
  }
  const Seen* newest = Newest(names_[index]);
  if (newest != nullptr && health_checks && newest->state == v1::CONTAINER_CREATED) {
    unhealthy_.insert(newest->id);
  }
  if (newest != nullptr && newest->state == v1::CONTAINER_RUNNING) {
    if (!unhealthy_.contains(newest->id)) return SyncContainer(index + 1);
    ++killed;
    return runtime_.AsOtherClient([&] {
      runtime_.StopContainer(newest->id, absl::Seconds(30),
                             [this, alive = alive_, index, was = *newest](const absl::Status&) {
                               if (*alive) StartUnlessHeldBack(index, &was);
                             });
    });
  }
  StartUnlessHeldBack(index, newest);
}

// The back-off counts from the newest dead one, whatever the newest one is.
void FakeKubelet::StartUnlessHeldBack(size_t index, const Seen* newest) {
  for (const Seen& seen : cache_) {
    if (seen.name != names_[index] || seen.state != v1::CONTAINER_EXITED) continue;
    if (!InBackoff(names_[index], seen)) break;
    ++backoffs;
    // Only at the next sync (2.6 "requeue").
    return SyncContainer(index + 1);
  }
  Start(index, newest);
}

bool FakeKubelet::InBackoff(const std::string& name, const Seen& dead) {
  const absl::Time finished = absl::FromUnixNanos(dead.finished_at);
  auto it = held_.find(name);
  if (it != held_.end() && finished - it->second.updated > 2 * kLastDelay) held_.erase(name);
  it = held_.find(name);
  if (it == held_.end()) {
    held_[name] = {kFirstDelay, loop_.Now()};
    return false;
  }
  if (loop_.Now() - finished < it->second.delay) return true;
  it->second = {std::min(it->second.delay * 2, kLastDelay), loop_.Now()};
  return false;
}

void FakeKubelet::Start(size_t index, const Seen* newest) {
  const uint32_t attempt = newest == nullptr ? 0 : newest->restart_count + 1;
  v1::CreateContainerRequest request = runtime_.RequestLike(sandbox_, names_[index], attempt);
  runtime_.AsOtherClient([&] {
    runtime_.CreateContainer(request, [this, alive = alive_,
                                       index](absl::StatusOr<std::string> id) {
      if (!*alive) return;
      if (!id.ok()) {
        ++failed_creates;
        failed_ = true;
        return SyncContainer(index + 1);
      }
      ++created;
      runtime_.AsOtherClient([&] {
        runtime_.StartContainer(*id, [this, alive2 = alive_, index](const absl::Status& started) {
          if (!*alive2) return;
          failed_ |= !started.ok();
          SyncContainer(index + 1);
        });
      });
    });
  });
}

// At a container's death: what is dead of its name, beyond the newest.
void FakeKubelet::RemoveBeyondNewestDead(const std::string& name) {
  bool first = true;
  for (const Seen& seen : cache_) {
    if (seen.name != name || seen.state != v1::CONTAINER_EXITED) continue;
    if (std::exchange(first, false)) continue;
    Remove(seen.id);
  }
}

void FakeKubelet::Remove(const std::string& id) {
  runtime_.ForEach([&](const FakeRuntime::Container& container) {
    if (container.summary.id() == id && container.config.log_path().empty()) ++folders_wiped;
  });
  runtime_.AsOtherClient([&] { runtime_.RemoveContainer(id, [](const absl::Status&) {}); });
}

// Every minute: of each pod and metadata name the newest that does not run stays; of pods that do
// not exist (no UID label) none does.
void FakeKubelet::CollectGarbage() {
  After(collection, [this] { CollectGarbage(); });
  std::map<std::pair<std::string, std::string>, std::vector<std::pair<int64_t, std::string>>> units;
  runtime_.ForEach([&](const FakeRuntime::Container& container) {
    if (container.summary.state() == v1::CONTAINER_RUNNING) return;
    units[{ValueOf(container.config.labels(), kUid), container.summary.metadata().name()}]
        .emplace_back(container.summary.created_at(), container.summary.id());
  });
  for (auto& [unit, dead] : units) {
    std::sort(dead.rbegin(), dead.rend());
    const size_t keep = unit.first.empty() ? 0 : 1;
    for (size_t i = keep; i < dead.size(); ++i) Remove(dead[i].second);
  }
}

}  // namespace rekindle
