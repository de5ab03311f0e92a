#ifndef REKINDLE_TEST_BED_BED_H_
#define REKINDLE_TEST_BED_BED_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "tests/bed/cri_client.h"
#include "tests/bed/host.h"
#include "tests/bed/http.h"
#include "tests/bed/node_mounts.h"
#include "tests/bed/pod_spec.h"
#include "tests/bed/process.h"

namespace rekindle::bed {

struct BedOptions {
  // Where everything of the bed lives; must not exist or be empty, absolute, at most 70 characters
  // (socket paths are short). Empty: a fresh directory below /var/tmp/rekindle-beds.
  std::string dir;
  // The bed outlives this object. It then belongs to `owner`: a later Sweep takes it away once that
  // process is gone. Without an owner it belongs to its own containerd, as a node to
  // the process that holds its mounts, so that a sweep spares it while containerd is down.
  bool keep = false;
  std::optional<ProcessId> owner;
  // The bed is a Kubernetes node to be: containerd runs in a mount namespace of its own, in which
  // the paths that a kubelet hard-codes are the bed's (node_mounts.h), and the upper quarter of the
  // subnet stays free for services.
  bool node = false;
};

struct RunningContainer {
  std::string id;
  v1::ContainerConfig config;
};

// A pod that a test has started. Plain data: what the CRI says now comes from CriClient.
struct Pod {
  PodSpec spec;
  v1::PodSandboxConfig config;
  std::string sandbox_id;
  std::string ip;  // empty with host network
  std::map<std::string, RunningContainer> containers;
};

// A private containerd with runc and a bridge network, and the images of tests/images in it.
// Needs root. Several beds run side by side; each has its own directory, socket, bridge, subnet and
// cgroup, and leaves nothing behind: Down takes it apart, and Up first sweeps what crashed beds
// have left. Starting takes about a second.
//
// Threads: Up, Down, Stop, Start and Restart by one thread; the rest from any.
class Bed {
 public:
  // kFailedPrecondition when not root, a program is missing, or `dir` does not fit;
  // kDeadlineExceeded when containerd does not become ready (the message has its last log lines).
  static absl::StatusOr<std::unique_ptr<Bed>> Up(BedOptions options = {});
  // A kept bed made by another process. kNotFound if there is none in `dir`.
  static absl::StatusOr<std::unique_ptr<Bed>> Attach(const std::string& dir);
  // Down, unless kept.
  ~Bed();
  Bed(const Bed&) = delete;
  Bed& operator=(const Bed&) = delete;

  // Ends all and removes every trace. kFailedPrecondition names what would not go.
  absl::Status Down();

  // Ends containerd alone: containers run on under their shims.
  absl::Status Stop(int signal);
  // Starts containerd again and waits until it is ready.
  absl::Status Start();
  absl::Status Restart(int signal);

  const std::string& dir() const { return dir_; }
  const std::string& id() const { return id_; }
  std::string socket() const { return node_ ? NodeSocket(dir_) : dir_ + "/containerd.sock"; }
  std::string endpoint() const { return "unix://" + socket(); }
  std::string log_path() const { return dir_ + "/containerd.log"; }
  pid_t containerd_pid() const { return containerd_.pid; }
  CriClient& cri() { return *cri_; }
  const Network& network() const { return network_; }

  // The command line that runs `argv` where containerd runs. Needed by whatever uses containerd's
  // paths (log files, network namespaces); only on a node it differs from `argv`. The process stays
  // the same one, so its pid is the program's.
  std::vector<std::string> InNode(const std::vector<std::string>& argv) const;

  // An empty host directory to mount as a volume; the same one when asked again.
  std::string Volume(const std::string& name) const;

  // Sandbox and containers, all started. Full metadata always goes along. A failure half-way leaves
  // what was made to Down.
  absl::StatusOr<Pod> RunPod(PodSpec spec);
  // `RunPod` for each, several at once; the order is kept.
  absl::StatusOr<std::vector<Pod>> RunPods(std::vector<PodSpec> specs, int parallel = 4);
  absl::StatusOr<Pod> RunSandbox(PodSpec spec);
  // Creates and registers a container in `pod`; not started. Replaces an entry of that name.
  absl::StatusOr<std::string> CreateContainer(Pod* pod, const ContainerSpec& spec);
  // Stops and removes sandbox and containers. OK when they are gone already.
  absl::Status RemovePod(const Pod& pod);

  // The newest container of that name in the sandbox, by attempt; kNotFound.
  absl::StatusOr<v1::Container> Newest(const Pod& pod, const std::string& name = "main");
  // Waits until the container is in that state; kDeadlineExceeded tells its last state.
  absl::Status WaitState(const std::string& container_id, v1::ContainerState state,
                         absl::Duration timeout = absl::Seconds(30));

  // Runs `ctr` against this bed in the CRI's namespace.
  absl::StatusOr<std::string> Ctr(const std::vector<std::string>& arguments,
                                  absl::Duration timeout = absl::Seconds(60));

 private:
  Bed() = default;
  absl::Status Prepare(const BedOptions& options);
  absl::Status WriteConfig();
  absl::Status ImportImages();
  absl::Status SaveOwner();

  std::string dir_;
  std::string id_;
  bool keep_ = false;
  bool down_ = false;
  bool overlay_ = true;
  std::optional<ProcessId> owner_;
  std::optional<FileLock> lock_;
  Network network_;
  bool node_ = false;
  ProcessId node_holder_;
  ProcessId containerd_;
  std::unique_ptr<CriClient> cri_;
};

}  // namespace rekindle::bed

#endif  // REKINDLE_TEST_BED_BED_H_
