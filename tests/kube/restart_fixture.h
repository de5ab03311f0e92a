#ifndef REKINDLE_TEST_KUBE_RESTART_FIXTURE_H_
#define REKINDLE_TEST_KUBE_RESTART_FIXTURE_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
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
#include "tests/kube/pod_watcher.h"
#include "tests/measure/daemon.h"

namespace rekindle::kube {

namespace node = ::rekindle::node::v1;

// Threads that use all the CPU they get, at a usual priority.
class CpuLoad {
 public:
  explicit CpuLoad(int threads);
  ~CpuLoad();

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

// A real rekindled beside a real kubelet. One cluster for the whole program;
// $REKINDLE_KUBE_CLUSTER names a kept one to be used instead (tests/kube/README.md).
class KubeRestartTest : public testing::Test {
 public:
  // Of the program, called by its environment.
  static void Begin();
  static void End();

 protected:
  void SetUp() override;
  void TearDown() override;

  // `placeholder`: $REKINDLE_TEST_PLACEHOLDER of the daemon; empty: as users run it. The one before
  // is killed (kill -9), and this one goes on with what it left.
  static void StartDaemon(const std::string& placeholder = "");
  static void KillDaemon();

  // A pod of the test server, ready in a second, whose containers write diaries on a volume. Its
  // name is made unique, so that a kept cluster can be used again.
  static nlohmann::json ServerPod(const std::string& name,
                                  const std::vector<std::string>& containers = {"main"});
  // Makes it and waits until it is ready; null on failure.
  static nlohmann::json RunPod(const nlohmann::json& pod);
  // Lines of a container's diary that begin with `event`.
  static int Count(const nlohmann::json& pod, const std::string& container,
                   const std::string& event);
  // How often one of its programs started while another one served: by the diary, so that none is
  // missed, however short.
  static int Copies(const nlohmann::json& pod, const std::string& container = "main");
  // Output of a command in a container.
  static std::string Exec(const nlohmann::json& pod, const std::vector<std::string>& command,
                          const std::string& container = "main");
  static std::string DiaryDir(const std::string& pod);

  // What a controller sends for the pod: it describes it from the API's object.
  static node::RestartContainersRequest Request(
      const nlohmann::json& pod, const std::vector<std::string>& containers = {"main"},
      node::Method method = node::METHOD_AUTO);
  // Restarts and waits for the end of all; by container name.
  static absl::StatusOr<std::map<std::string, node::Operation>> Restart(
      const node::RestartContainersRequest& request);
  // Hands a request over and returns as soon as the daemon has taken it.
  static absl::Status Submit(const node::RestartContainersRequest& request);
  static absl::StatusOr<node::Operation> Operation(const std::string& id);
  // Waits for its end, through restarts of the daemon.
  static absl::StatusOr<node::Operation> WaitEnd(const std::string& id,
                                                 absl::Duration limit = absl::Seconds(150));
  // Waits until the aftercare of all operations so far is over.
  static bool WaitAftercare(absl::Duration limit = absl::Seconds(150));
  // Containers that reserve names.
  static std::vector<std::string> Placeholders();

  // What must hold of a pod when all is over: one container runs for each name, under its old
  // address and UID, and the API shows `restarts`.
  static void ExpectSettled(const nlohmann::json& pod, int restarts,
                            const std::string& name = "main");
  // The last look of the aftercare comes 70 s after a restart. Tests do not wait for it each:
  // `check` runs when all tests have, after a wait for the aftercare of all. Pods that it looks at
  // must stay: see KeepPod.
  static void AfterAll(std::function<void()> check) { after_all_.push_back(std::move(check)); }
  // ExpectSettled now, and once more after all.
  static void ExpectSettledForGood(const nlohmann::json& pod, int restarts,
                                   const std::string& name = "main");
  // The pod is removed after all instead of after its test.
  static void KeepPod(const std::string& name);
  // Pods of a test that it has no use for any more; waits until they are gone.
  static void RemovePods(const std::vector<nlohmann::json>& pods);

  // A number from the environment, for the long forms.
  static int FromEnvironment(const char* variable, int otherwise);

  static inline Cluster* cluster_ = nullptr;
  static inline bool kept_ = false;  // the cluster
  static inline int next_ = 0;
  static inline std::unique_ptr<measure::Daemon> daemon_;
  static inline std::shared_ptr<grpc::Channel> channel_;
  static inline std::unique_ptr<node::NodeService::Stub> stub_;
  static inline std::set<std::string> pods_;       // to be removed after the test
  static inline std::set<std::string> kept_pods_;  // and after all
  static inline std::vector<std::function<void()>> after_all_;
  std::unique_ptr<PodWatcher> watcher_;
};

// The kernel hands connections that wait for a server that leaves to another one; pods may ask for
// it in the cluster that the tests make.
inline constexpr char kMigrateRequests[] = "net.ipv4.tcp_migrate_req";

}  // namespace rekindle::kube

#endif  // REKINDLE_TEST_KUBE_RESTART_FIXTURE_H_
