#ifndef REKINDLE_DAEMON_CRI_RUNTIME_H_
#define REKINDLE_DAEMON_CRI_RUNTIME_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "cri/v1/api.pb.h"

namespace rekindle::cri {

namespace v1 = ::runtime::v1;

template <typename T>
using Reply = absl::AnyInvocable<void(absl::StatusOr<T>)>;
using Done = absl::AnyInvocable<void(absl::Status)>;

// The calls of the Container Runtime Interface that the daemon makes, with the client rules of
// spec/node-runtime part 1 built in:
//  - every call has its own deadline (1.1) and is detached from whoever asked for it (1.25 rule 2):
//    a cancelled create, start or stop leaves work behind;
//  - CreateContainer refuses locally what would kill the runtime (1.7, pitfall 1);
//  - codes are absl's, as the runtime gave them. Misuse comes back as kUnknown: callers decide from
//    the state they read again, never from a message (1.3).
// kUnavailable or kDeadlineExceeded of a mutating call: it may or may not have happened.
//
// Threads: calls on the loop's thread; replies arrive there, never inline.
class Runtime {
 public:
  virtual ~Runtime() = default;

  virtual void Version(Reply<v1::VersionResponse> reply) = 0;
  virtual void Status(Reply<v1::StatusResponse> reply) = 0;

  virtual void ListPodSandbox(const v1::PodSandboxFilter& filter,
                              Reply<v1::ListPodSandboxResponse> reply) = 0;
  // Verbose: info["info"] holds the JSON that cri::ParseSandboxInfo reads. kNotFound.
  virtual void PodSandboxStatus(const std::string& sandbox_id, bool verbose,
                                Reply<v1::PodSandboxStatusResponse> reply) = 0;

  virtual void ListContainers(const v1::ContainerFilter& filter,
                              Reply<v1::ListContainersResponse> reply) = 0;
  // Verbose: info["info"] holds the JSON that cri::ParseContainerInfo reads. kNotFound.
  virtual void ContainerStatus(const std::string& container_id, bool verbose,
                               Reply<v1::ContainerStatusResponse> reply) = 0;

  // Replies with the new container's ID. kInvalidArgument, without any call: container metadata,
  // sandbox configuration or sandbox metadata missing.
  virtual void CreateContainer(const v1::CreateContainerRequest& request,
                               Reply<std::string> reply) = 0;
  virtual void StartContainer(const std::string& container_id, Done done) = 0;
  // `timeout` is rounded up to whole seconds; zero kills at once. The call's own deadline is
  // timeout + 2 min (1.9 rule 7). A container that is not there counts as stopped on every
  // runtime version (1.3).
  virtual void StopContainer(const std::string& container_id, absl::Duration timeout,
                             Done done) = 0;
  // A container that is not there counts as removed. What a start that was cut off has left of it
  // in containerd, out of the CRI's reach, is ended first.
  virtual void RemoveContainer(const std::string& container_id, Done done) = 0;

  // `timeout` > 0. Replies at the latest a few seconds after it, even when a child of the command
  // keeps its output open (1.14 rule 6): kDeadlineExceeded. A command that cannot be started is
  // kUnknown, not an exit code (rule 7).
  virtual void ExecSync(const std::string& container_id, const std::vector<std::string>& command,
                        absl::Duration timeout, Reply<v1::ExecSyncResponse> reply) = 0;

  // No value: the image is not there.
  virtual void ImageStatus(const std::string& image, Reply<std::optional<v1::Image>> reply) = 0;
};

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_RUNTIME_H_
