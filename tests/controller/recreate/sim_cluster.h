#ifndef REKINDLE_TESTS_CONTROLLER_RECREATE_SIM_CLUSTER_H_
#define REKINDLE_TESTS_CONTROLLER_RECREATE_SIM_CLUSTER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "tests/conformance/http.h"
#include "tests/controller/recreate/controller_process.h"
#include "tests/fakes/sim_daemons.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle {

// The embedded API server as a program without controllers, holding Nodes, a running Pod of one
// container on each, and the daemons' Pods; daemons simulated behind real gRPC with mutual TLS at
// addresses of 127.0.0.0/8; and rekindle-controller programs as on a cluster, against that server.
// Threads: owned by one.
class SimCluster {
 public:
  struct Options {
    std::string program;  // rekindle-controller
    int nodes = 1;
    int nodes_per_server = 500;
    absl::Duration shortest = absl::Milliseconds(100);  // of a restart
    absl::Duration longest = absl::Milliseconds(200);
    absl::Duration clock_ahead;  // of the nodes
  };
  static constexpr char kNamespace[] = "shop";

  // Starts server and daemons and makes the objects, no controller. Errors: what did not start.
  static absl::StatusOr<std::unique_ptr<SimCluster>> Start(const Options& options);
  ~SimCluster();

  conformance::Endpoint endpoint() const { return {.url = url_, .token = "administrator"}; }
  SimDaemons& daemons() { return *daemons_; }
  ControllerProcess& api() { return *api_; }
  const std::string& pod_uid(int node) const { return uids_[static_cast<size_t>(node)]; }

  // Another rekindle-controller with `flags` beside those that say where things are.
  absl::StatusOr<std::unique_ptr<ControllerProcess>> StartController(
      const std::vector<std::string>& flags);

  // Ends the API server by `signal` and starts it again at its port.
  absl::Status RestartApi(int signal);

  // The creation of a request for the pod of a node.
  static conformance::Request Creation(const std::string& name, int node);

 private:
  explicit SimCluster(const Options& options) : options_(options) {}
  absl::Status StartApi(const std::string& listen);
  void MakeCertificates();
  absl::Status StartDaemons();
  absl::Status MakeObjects();
  std::string NextLog() { return dir_ / ("log" + std::to_string(++logs_)); }

  const Options options_;
  TempDir dir_;
  int logs_ = 0;
  std::string url_;
  std::unique_ptr<ControllerProcess> api_;
  std::unique_ptr<SimDaemons> daemons_;
  std::shared_ptr<grpc::ServerCredentials> credentials_;
  std::vector<std::string> uids_;
};

}  // namespace rekindle

#endif  // REKINDLE_TESTS_CONTROLLER_RECREATE_SIM_CLUSTER_H_
