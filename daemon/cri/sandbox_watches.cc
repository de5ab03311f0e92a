#include "daemon/cri/sandbox_watches.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace rekindle::cri {

void SandboxWatches::Add(WatchId watch, const std::string& sandbox_id,
                         std::function<void()> changed) {
  Watch& added = watches_[watch];
  added.sandbox_id = sandbox_id;
  added.changed = std::make_shared<std::function<void()>>(std::move(changed));
}

void SandboxWatches::OnStartEvent(const std::string& container_id) {
  if (watches_.empty()) return;
  v1::ContainerFilter filter;
  filter.set_id(container_id);
  runtime_.ListContainers(filter,
                          [this, alive = alive_](absl::StatusOr<v1::ListContainersResponse> list) {
                            if (!*alive || !list.ok()) return;
                            for (const v1::Container& container : list->containers()) {
                              OnSandboxEvent(container.pod_sandbox_id());
                              if (!*alive) return;
                            }
                          });
}

void SandboxWatches::OnSandboxEvent(const std::string& sandbox_id) {
  std::vector<WatchId> due;
  for (const auto& [watch, entry] : watches_) {
    if (entry.sandbox_id == sandbox_id) due.push_back(watch);
  }
  Fire(due);
}

void SandboxWatches::OnList(const v1::ListContainersResponse& list) {
  if (watches_.empty()) return;
  std::map<std::string, std::vector<std::string>> states;
  for (const v1::Container& container : list.containers()) {
    states[container.pod_sandbox_id()].push_back(
        absl::StrCat(container.id(), ":", static_cast<int>(container.state()), " "));
  }
  std::vector<WatchId> due;
  for (auto& [watch, entry] : watches_) {
    std::vector<std::string>& of_sandbox = states[entry.sandbox_id];
    std::sort(of_sandbox.begin(), of_sandbox.end());
    std::string now;
    for (const std::string& one : of_sandbox) now += one;
    if (entry.listed && entry.seen != now) due.push_back(watch);
    entry.listed = true;
    entry.seen = std::move(now);
  }
  Fire(due);
}

void SandboxWatches::Fire(const std::vector<WatchId>& due) {
  const auto alive = alive_;
  for (const WatchId watch : due) {
    const auto it = watches_.find(watch);
    if (it == watches_.end()) continue;
    const auto changed = it->second.changed;
    (*changed)();
    if (!*alive) return;
  }
}

}  // namespace rekindle::cri
