#ifndef REKINDLE_TESTS_CONFORMANCE_CONTROL_PLANE_H_
#define REKINDLE_TESTS_CONFORMANCE_CONTROL_PLANE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "tests/bed/process.h"
#include "tests/conformance/http.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle::conformance {

// A real kube-apiserver on loopback with etcd and those controllers that the API's own behaviour
// needs (namespaces, garbage collection, budgets): no node, so nothing touches pods. Needs no root.
// Everything is in a temporary directory and ends with the object. Threads: owned by one.
class ControlPlane {
 public:
  struct Options {
    bool durable = false;     // etcd syncs its disk
    bool controllers = true;  // those of the API's own behaviour
    // Further users, as lines of a token file: "token,name,uid,\"group,group\"".
    std::vector<std::string> users;
  };

  // Errors: kFailedPrecondition without Kubernetes's or etcd's programs; kDeadlineExceeded with the
  // last lines of the log when the server does not become ready.
  static absl::StatusOr<std::unique_ptr<ControlPlane>> Start(const Options& options);
  static absl::StatusOr<std::unique_ptr<ControlPlane>> Start() { return Start(Options()); }

  Endpoint endpoint() const;
  // A file with which kubectl is the administrator.
  std::string kubeconfig() const { return dir_ / "kubeconfig"; }

  std::vector<pid_t> processes() const;

 private:
  ControlPlane() = default;
  absl::Status Run(const std::string& name, std::vector<std::string> argv);

  TempDir dir_;
  int port_ = 0;
  // Those that depend on others end first.
  std::vector<std::unique_ptr<bed::ChildProcess>> processes_;
};

}  // namespace rekindle::conformance

#endif  // REKINDLE_TESTS_CONFORMANCE_CONTROL_PLANE_H_
