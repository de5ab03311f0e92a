#ifndef REKINDLE_TEST_KUBE_RESTART_FIXTURE_H_
#define REKINDLE_TEST_KUBE_RESTART_FIXTURE_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "rekindle/node/v1/node.grpc.pb.h"
#include "tests/bed/process.h"
#include "tests/kube/cluster.h"
#include "tests/measure/daemon.h"

namespace rekindle::kube {

namespace node = ::rekindle::node::v1;

// Two looks of a kubelet on a busy machine, and what the API takes to hear of it.
inline constexpr absl::Duration kBackoffFlash = absl::Seconds(4);

// Looks at pods from both sides, the API's and the runtime's, all the time, and remembers what must
// never be. Threads: its own; Watch, Forget and violations from any.
class PodWatcher {
 public:
  explicit PodWatcher(Cluster& cluster);
  ~PodWatcher();

  struct Allowed {
    bool overlap = false;  // two running containers of a name, for hot restarts
    // Two are listed for a moment when the new one starts at the old one's exit: the runtime takes
    // some 100 ms, on a busy machine and after a kill longer, to call the old one exited. What
    // still is so at the kubelet's second look counts.
    absl::Duration exit_lag = absl::Milliseconds(2500);
    // A container that the kubelet has found dead several times within ten minutes is shown in
    // CrashLoopBackOff until the kubelet has seen the one that runs: so long at most.
    absl::Duration backoff;
  };

  // From now on: the pod (as the API gave it) is Running, with its address, under its UID, no
  // container is in crash back-off, and at most one container of a name runs.
  void Watch(const nlohmann::json& pod, const Allowed& allowed);
  void Watch(const nlohmann::json& pod) { Watch(pod, Allowed()); }
  void Forget(const std::string& uid);
  std::vector<std::string> violations() const;
  // Names with more than one running container for longer than half a second, seen so far.
  size_t duplicates() const;
  // The longest time that the API showed a container in crash back-off.
  absl::Duration longest_backoff() const;

 private:
  struct Watched {
    std::string name;
    std::string ip;
    Allowed allowed;
    std::map<std::string, absl::Time> backoff_since;  // by container
    std::map<std::string, absl::Time> two_since;      // by container
  };
  void Look();
  void LookAtApi();
  void LookAtRuntime();
  void Note(const std::string& violation);

  Cluster& cluster_;
  mutable std::mutex mutex_;
  std::map<std::string, Watched> watched_;  // by UID
  std::set<std::string> duplicates_;
  std::vector<std::string> violations_;
  absl::Duration longest_backoff_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Threads that use all the CPU they get, at a usual priority.
class CpuLoad {
 public:
  explicit CpuLoad(int threads);
  ~CpuLoad();

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

// A real rekindled beside a real kubelet. One cluster for the suite; $REKINDLE_KUBE_CLUSTER names a
// kept one to be used instead (tests/kube/README.md).
class KubeRestartTest : public testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;

  // `placeholder`: $REKINDLE_TEST_PLACEHOLDER of the daemon; empty: as users run it.
  void StartDaemon(const std::string& placeholder = "");
  // kill -9.
  void KillDaemon();

  // A pod of the test server, ready in a second, whose containers write diaries on a volume. Its
  // name is made unique, so that a kept cluster can be used again.
  nlohmann::json ServerPod(const std::string& name,
                           const std::vector<std::string>& containers = {"main"}) const;
  // Makes it and waits until it is ready; null on failure.
  nlohmann::json RunPod(const nlohmann::json& pod);
  // Lines of a container's diary that begin with `event`.
  int Count(const nlohmann::json& pod, const std::string& container,
            const std::string& event) const;
  // Output of a command in a container.
  std::string Exec(const nlohmann::json& pod, const std::vector<std::string>& command,
                   const std::string& container = "main");
  std::string DiaryDir(const std::string& pod) const;

  // What a controller sends for the pod: it describes it from the API's object.
  node::RestartContainersRequest Request(const nlohmann::json& pod,
                                         const std::vector<std::string>& containers = {"main"},
                                         node::Method method = node::METHOD_AUTO) const;
  // Restarts and waits for the end of all; by container name.
  absl::StatusOr<std::map<std::string, node::Operation>> Restart(
      const node::RestartContainersRequest& request);
  // Hands a request over and returns as soon as the daemon has taken it.
  absl::Status Submit(const node::RestartContainersRequest& request);
  absl::StatusOr<node::Operation> Operation(const std::string& id);
  // Waits for its end, through restarts of the daemon.
  absl::StatusOr<node::Operation> WaitEnd(const std::string& id,
                                          absl::Duration limit = absl::Seconds(150));
  // Waits until the aftercare of all operations so far is over.
  bool WaitAftercare(absl::Duration limit = absl::Seconds(150));
  // Containers that reserve names.
  std::vector<std::string> Placeholders();

  // What must hold of a pod when all is over: one container runs for each name, under its old
  // address and UID, and the API shows `restarts`.
  void ExpectSettled(const nlohmann::json& pod, int restarts, const std::string& name = "main");

  // A number from the environment, for the long forms.
  static int FromEnvironment(const char* variable, int otherwise);

  static inline Cluster* cluster_ = nullptr;
  static inline bool kept_ = false;
  static inline int next_ = 0;
  std::unique_ptr<measure::Daemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<node::NodeService::Stub> stub_;
  std::unique_ptr<PodWatcher> watcher_;
  std::vector<std::string> pods_;  // to be removed
};

}  // namespace rekindle::kube

#endif  // REKINDLE_TEST_KUBE_RESTART_FIXTURE_H_
