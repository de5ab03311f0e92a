#ifndef REKINDLE_TEST_KUBE_CLUSTER_H_
#define REKINDLE_TEST_KUBE_CLUSTER_H_

#include <signal.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <nlohmann/json.hpp>

#include "tests/bed/bed.h"
#include "tests/kube/api_client.h"
#include "tests/kube/components.h"

namespace rekindle::kube {

struct ClusterOptions {
  // As in BedOptions: where everything lives, whether it outlives the object, and whose it is.
  std::string dir;
  bool keep = false;
  std::optional<bed::ProcessId> owner;

  // Where Kubernetes's binaries are; empty: $REKINDLE_KUBERNETES, else what
  // tools/build_kubernetes.sh built last.
  std::string programs;
  int max_pods = 250;
  // Merged over the kubelet's configuration (RFC 7386), for instance {"cpuManagerPolicy":
  // "static"}.
  nlohmann::json kubelet_configuration = nlohmann::json::object();
  std::vector<std::string> kubelet_flags;
  // Feature gates that API server and kubelet have on, such as "EphemeralContainers".
  std::vector<std::string> feature_gates;
};

// The directory with Kubernetes's binaries. kFailedPrecondition tells how to make it.
absl::StatusOr<std::string> FindPrograms(const std::string& wanted = "");

// A private Kubernetes 1.20 with one node on a bed: etcd, API server (TLS, Node and RBAC
// authorizers), controller manager, scheduler and kubelet. No kube-proxy and no DNS; the API server
// has the address of the service `kubernetes` itself, so that pods reach it as usual. Images of
// tests/images are there: use imagePullPolicy Never or IfNotPresent.
//
// Everything is in the bed's directory and mount namespace (tests/bed/node_mounts.h) and belongs to
// whoever the bed belongs to: a crash leaves nothing that the next Up, or `rekindle-bed sweep`,
// does not remove.
//
// Threads: Up, Down, Stop, Start and Restart by one thread; the rest from any.
class Cluster {
 public:
  // Returns when the node is ready and pods can be made. Errors as Bed::Up, and
  // kFailedPrecondition without Kubernetes's binaries; kDeadlineExceeded names the component that
  // does not become ready, with its last log lines.
  static absl::StatusOr<std::unique_ptr<Cluster>> Up(ClusterOptions options = {});
  // A kept cluster made by another process. kNotFound if there is none in `dir`.
  static absl::StatusOr<std::unique_ptr<Cluster>> Attach(const std::string& dir);
  // Down, unless kept.
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Ends all and removes every trace, pods included. kFailedPrecondition names what would not go.
  absl::Status Down();

  // Sends `signal` and waits for the end. Pods run on whatever is stopped. An API server takes a
  // minute to leave on SIGTERM: it waits for clients that hold a connection.
  absl::Status Stop(Component component, int signal = SIGTERM);
  // Starts it again, as before, and waits until it answers.
  absl::Status Start(Component component);
  absl::Status Restart(Component component, int signal = SIGTERM);
  // 0 if it is not running.
  pid_t Pid(Component component) const;
  std::string LogPath(Component component) const;
  // The kubelet runs in a directory of its own, with a file in it. kDataLoss when that file has
  // gone: a kubelet that removes a container without a log path deletes what it can of its working
  // directory, which is "/" on most nodes.
  absl::Status CheckKubeletFolder() const;
  // For the kubelet's next start.
  absl::Status SetKubeletConfiguration(const nlohmann::json& merged);

  bed::Bed& bed() { return *bed_; }
  const std::string& dir() const { return bed_->dir(); }
  const std::string& node_name() const { return layout_.node; }
  const Layout& layout() const { return layout_; }
  // A directory of static pod manifests, watched by the kubelet.
  std::string static_pods() const { return layout_.File("static-pods"); }
  // Where /var/log/pods and the others of the node are on the machine.
  std::string LogDir() const { return dir() + "/node/pods"; }
  std::string KubeletDir() const { return dir() + "/node/kubelet"; }
  // See Bed::InNode: rekindled runs so.
  std::vector<std::string> InNode(const std::vector<std::string>& argv) const {
    return bed_->InNode(argv);
  }

  // ---- who asks ----

  // The administrator's kubeconfig file.
  std::string Kubeconfig() const { return layout_.File("admin.conf"); }
  // A certificate for a user of these groups (joined by commas), valid for days.
  Identity NewIdentity(const std::string& user, const std::string& groups = "") const;
  // A kubeconfig file for such a user, which stays the same for the same name and groups.
  absl::StatusOr<std::string> KubeconfigFor(const std::string& user,
                                            const std::string& groups = "") const;
  // The token of a service account, waiting until it has one.
  absl::StatusOr<std::string> AccountToken(const std::string& ns, const std::string& account) const;
  ApiClient Client(const Identity& identity) const;
  // As the administrator.
  const ApiClient& api() const { return *admin_; }

  // ---- objects ----

  // kubectl as the administrator: its standard output, with errors in the status as RunCommand has
  // them. The namespace is "default" unless `arguments` say otherwise.
  absl::StatusOr<std::string> Kubectl(const std::vector<std::string>& arguments,
                                      absl::Duration timeout = absl::Seconds(60)) const;
  absl::StatusOr<std::string> KubectlAs(const std::string& kubeconfig,
                                        const std::vector<std::string>& arguments,
                                        absl::Duration timeout = absl::Seconds(60)) const;
  // `kubectl apply` of YAML or JSON, several documents too.
  absl::Status Apply(const std::string& yaml) const;
  absl::Status Apply(const char* yaml) const { return Apply(std::string(yaml)); }
  absl::Status Apply(const nlohmann::json& object) const { return Apply(object.dump()); }

  absl::StatusOr<nlohmann::json> Pod(const std::string& name,
                                     const std::string& ns = "default") const;
  // Items of a list; `selector` is a label selector such as "app=web".
  absl::StatusOr<std::vector<nlohmann::json>> Pods(const std::string& ns = "default",
                                                   const std::string& selector = "") const;
  // Asks every 50 ms until `condition` holds for the object at an API path; kDeadlineExceeded with
  // what it was last. A path without an object is null.
  using Condition = std::function<bool(const nlohmann::json&)>;
  absl::StatusOr<nlohmann::json> WaitFor(const std::string& path, const Condition& condition,
                                         absl::Duration timeout = absl::Seconds(60)) const;
  absl::StatusOr<nlohmann::json> WaitPod(const std::string& name, const Condition& condition,
                                         absl::Duration timeout = absl::Seconds(60),
                                         const std::string& ns = "default") const;
  // Condition Ready of the pod is True.
  absl::StatusOr<nlohmann::json> WaitReady(const std::string& name,
                                           absl::Duration timeout = absl::Seconds(60),
                                           const std::string& ns = "default") const;
  absl::Status WaitGone(const std::string& path, absl::Duration timeout = absl::Seconds(60)) const;

  // ---- the runtime's view ----

  // Containers of a pod (by UID) as the CRI lists them, of one name unless it is empty.
  absl::StatusOr<std::vector<bed::v1::Container>> Containers(const std::string& pod_uid,
                                                             const std::string& name = "") const;
  absl::StatusOr<std::vector<bed::v1::Container>> Running(const std::string& pod_uid,
                                                          const std::string& name = "") const;

 private:
  Cluster() = default;
  std::string WorkingFile() const;
  absl::Status Prepare(const ClusterOptions& options);
  absl::Status MakeCredentials();
  absl::Status WriteKubeletConfiguration() const;
  absl::Status Launch(Component component);
  absl::Status AwaitReady(Component component);
  absl::Status Answers(Component component) const;
  absl::Status AwaitNode();
  absl::Status Save() const;
  absl::Status Load();
  Identity StoredIdentity(const std::string& name) const;

  std::unique_ptr<bed::Bed> bed_;
  Layout layout_;
  bool keep_ = false;
  std::map<Component, bed::ProcessId> processes_;
  std::unique_ptr<ApiClient> admin_;
};

// "/api/v1/namespaces/<ns>/pods/<name>"; without a name the collection.
std::string PodPath(const std::string& name, const std::string& ns = "default");

// Whether a pod's JSON has a condition of that type with status True.
bool HasCondition(const nlohmann::json& object, const std::string& type);

// The entry of status.containerStatuses with that name; null if there is none.
nlohmann::json ContainerStatus(const nlohmann::json& pod, const std::string& name = "main");

}  // namespace rekindle::kube

#endif  // REKINDLE_TEST_KUBE_CLUSTER_H_
