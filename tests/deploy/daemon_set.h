#ifndef REKINDLE_TEST_DEPLOY_DAEMON_SET_H_
#define REKINDLE_TEST_DEPLOY_DAEMON_SET_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <nlohmann/json.hpp>

#include "tests/kube/cluster.h"

namespace rekindle::deploy {

struct DaemonSetOptions {
  std::string image;  // OCI archive of deploy/image/build.sh
  // The controller's, likewise. Empty: of the manifests only the daemon is installed; see System.
  std::string controller_image;
  std::string manifests;  // deploy/kubernetes
  std::string rekindle;   // the command line tool
  // Merged into the container of the pod (a strategic merge, by its name).
  nlohmann::json container = nlohmann::json::object();
};

// rekindled as the DaemonSet of deploy/kubernetes on a test cluster, installed as docs/install.md
// says: image imported, Secret with certificates, a kustomization over the manifests. Only what a
// test bed has elsewhere is changed there: containerd's network namespaces, a journal and a socket
// that are the bed's, and the addresses that are listened on.
// Threads: owned by one.
class DaemonSet {
 public:
  // Returns when the DaemonSet's pod is ready. kDeadlineExceeded with what the pod says.
  static absl::StatusOr<std::unique_ptr<DaemonSet>> Install(kube::Cluster* cluster,
                                                            DaemonSetOptions options);

  // Applies the kustomization with another `container` and waits until its pod is ready.
  absl::Status Change(const nlohmann::json& container);
  // `kubectl rollout restart`, and until the new pod is ready.
  absl::Status RolloutRestart();
  // Another authority and certificates of it, in the Secret and for callers. The kubelet is made to
  // look at the pod, which it would do by itself within two minutes.
  absl::Status RenewCertificates() const;
  // Removes the DaemonSet and waits until its pod is gone; the namespace stays.
  absl::Status Remove();
  // The pod that is not on its way out. kNotFound.
  absl::StatusOr<nlohmann::json> Pod() const;

  // `rekindle node ARGUMENTS...` over TCP with a controller's certificate, with the
  // administrator's kubectl at hand. Its output; errors as RunCommand.
  absl::StatusOr<std::string> Cli(const std::vector<std::string>& arguments,
                                  absl::Duration timeout = absl::Minutes(3)) const;
  // The same over the socket that the pod leaves on the node.
  absl::StatusOr<std::string> LocalCli(const std::vector<std::string>& arguments,
                                       absl::Duration timeout = absl::Minutes(3)) const;
  // As a caller with another certificate: `organization` empty is one of a foreign authority,
  // "former" the controller's of before RenewCertificates.
  absl::StatusOr<std::string> CliAs(const std::string& organization,
                                    const std::vector<std::string>& arguments) const;
  // Runs a program in the pod's container.
  absl::StatusOr<std::string> Exec(const std::vector<std::string>& argv) const;
  std::string Log() const;
  // Where the journal is on the machine.
  std::string StateDir() const { return dir_ + "/state"; }
  // The daemon's socket, where the machine has it.
  std::string Socket() const { return dir_ + "/run/rekindled.sock"; }

 private:
  DaemonSet(kube::Cluster* cluster, DaemonSetOptions options);
  absl::Status WriteCertificates() const;
  // The Secret of a certificate.
  absl::Status WriteSecret(const std::string& name, const std::string& certificate,
                           const std::string& key, const std::string& authority) const;
  // The manifests as an old kubectl can read them.
  absl::Status WriteBase() const;
  absl::Status WriteOverlay(const nlohmann::json& container) const;
  absl::Status ApplyOverlay() const;
  // Until a pod of the newest generation is ready.
  absl::Status AwaitRollout() const;
  std::vector<std::string> TlsFlags(const std::string& who) const;
  absl::StatusOr<std::string> Run(std::vector<std::string> arguments,
                                  const std::vector<std::string>& more,
                                  absl::Duration timeout) const;

  kube::Cluster* const cluster_;
  const DaemonSetOptions options_;
  const std::string dir_;
};

}  // namespace rekindle::deploy

#endif  // REKINDLE_TEST_DEPLOY_DAEMON_SET_H_
