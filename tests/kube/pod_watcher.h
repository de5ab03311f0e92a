#ifndef REKINDLE_TEST_KUBE_POD_WATCHER_H_
#define REKINDLE_TEST_KUBE_POD_WATCHER_H_

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include <nlohmann/json.hpp>

#include "tests/bed/cri_client.h"
#include "tests/kube/cluster.h"

namespace rekindle::kube {

// Two looks of a kubelet on a busy machine, and what the API takes to hear of it.
inline constexpr absl::Duration kBackoffFlash = absl::Seconds(4);

// Looks at pods from both sides, the API's and the runtime's, all the time, and remembers what must
// never be. Threads: its own; the methods from any.
class PodWatcher {
 public:
  explicit PodWatcher(Cluster& cluster);
  ~PodWatcher();

  struct Allowed {
    bool overlap = false;  // two running containers of a name, for hot restarts
    // The new one starts at the exit of the old one's process, which the runtime goes on listing as
    // running until it has cleaned up after it: some 100 ms, on a busy machine seconds. Its process
    // is dead meanwhile, which is looked at (two living processes are never allowed); this bounds
    // what the list may say. containerd gives that clean-up ten seconds.
    absl::Duration exit_lag = absl::Seconds(11);
    // A container that the kubelet has found dead several times within ten minutes is shown in
    // CrashLoopBackOff until the kubelet has seen the one that runs: so long at most.
    absl::Duration backoff;
    // How often the pod may cease to be ready; negative: is not counted.
    int ready_falls = -1;
  };

  // From now on: the pod (as the API gave it) is Running, with its address, under its UID, no
  // container is in crash back-off, and at most one container of a name runs.
  void Watch(const nlohmann::json& pod, const Allowed& allowed);
  void Watch(const nlohmann::json& pod) { Watch(pod, Allowed()); }
  void Forget(const std::string& uid);

  std::vector<std::string> violations() const;
  // Names of which two containers had a living process each at one moment, seen so far.
  size_t duplicates() const;
  // The longest time that the API showed a container in crash back-off.
  absl::Duration longest_backoff() const;
  // The longest time that the runtime listed a container as running whose process was dead, beside
  // the one that ran.
  absl::Duration longest_lag() const;
  // How often it has looked at both sides.
  int looks() const { return looks_; }

 private:
  struct Watched {
    std::string name;
    std::string ip;
    Allowed allowed;
    absl::Time from;  // what was asked for earlier says nothing of it
    bool ready = true;
    int ready_falls = 0;
    std::string ready_history;
    std::map<std::string, absl::Time> backoff_since;  // by container
    std::map<std::string, absl::Time> two_since;      // by container
  };
  using Key = std::pair<std::string, std::string>;  // UID, container
  void Look();
  // The pod if it was watched when `asked`; null if not. Needs the lock.
  Watched* Find(const std::string& uid, absl::Time asked);
  void LookAtApi();
  void LookAtRuntime();
  void JudgeSeveral(const Key& key, const std::vector<bed::v1::Container>& newest_first,
                    absl::Time asked);
  void JudgeReadiness(const nlohmann::json& pod, Watched& watched);
  void JudgeBackoff(const nlohmann::json& container, Watched& watched);
  void Note(const std::string& violation);

  Cluster& cluster_;
  mutable std::mutex mutex_;
  std::map<std::string, Watched> watched_;  // by UID
  std::set<Key> duplicates_;
  std::vector<std::string> violations_;
  absl::Duration longest_backoff_;
  absl::Duration longest_lag_;
  std::atomic<int> looks_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace rekindle::kube

#endif  // REKINDLE_TEST_KUBE_POD_WATCHER_H_
