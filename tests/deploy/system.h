#ifndef REKINDLE_TEST_DEPLOY_SYSTEM_H_
#define REKINDLE_TEST_DEPLOY_SYSTEM_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <nlohmann/json.hpp>

#include "tests/deploy/daemon_set.h"
#include "tests/kube/cluster.h"

namespace rekindle::deploy {

// All of Rekindle on a test cluster, from the manifests and images that users install: kinds,
// DaemonSet, controller with its replicas, rights and webhooks. Nothing of the controller is
// changed but the version of its budget, as docs/install.md says for Kubernetes 1.20.
// Threads: owned by one.
class System {
 public:
  // Returns when it is ready (AwaitReady). Errors: its, and those of DaemonSet::Install.
  // kInvalidArgument: no image of the controller.
  static absl::StatusOr<std::unique_ptr<System>> Install(kube::Cluster* cluster,
                                                         DaemonSetOptions options);

  // Waits until all replicas of the controller are ready, one of them leads, and requests are
  // admitted and converted. kDeadlineExceeded says what did not come, and what pods and logs say.
  absl::Status AwaitReady() const;

  DaemonSet& daemons() { return *daemons_; }
  // Pods of the controller that are not on their way out.
  absl::StatusOr<std::vector<nlohmann::json>> Controllers() const;
  // The one that holds the lease; kNotFound while nobody does.
  absl::StatusOr<nlohmann::json> Leader() const;
  // kill -9 of the controller in that pod; the kubelet starts it again.
  absl::Status KillController(const nlohmann::json& pod) const;
  // What the replicas said last, with the pod's name before each line.
  std::string Log() const;

 private:
  System(kube::Cluster* cluster, std::unique_ptr<DaemonSet> daemons)
      : cluster_(cluster), daemons_(std::move(daemons)) {}
  absl::Status AwaitReplicas() const;
  absl::Status AwaitLeader() const;
  absl::Status AwaitBundles() const;
  absl::Status AwaitAdmission() const;
  // The status with what pods and logs say.
  absl::Status Explained(const absl::Status& status, const std::string& what) const;

  kube::Cluster* const cluster_;
  const std::unique_ptr<DaemonSet> daemons_;
};

}  // namespace rekindle::deploy

#endif  // REKINDLE_TEST_DEPLOY_SYSTEM_H_
