#ifndef REKINDLE_TEST_BED_CRI_CLIENT_H_
#define REKINDLE_TEST_BED_CRI_CLIENT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <grpcpp/grpcpp.h>

#include "cri/v1/api.grpc.pb.h"

namespace rekindle::bed {

namespace v1 = ::runtime::v1;

// Plain blocking CRI calls: what a test uses to look at the runtime behind the daemon's back, and
// the floor that benchmarks compare with. Nothing of the daemon's client is in here on purpose.
// Each call waits for the connection and has a deadline. Codes are the runtime's own.
// Threads: any.
class CriClient {
 public:
  // `endpoint` is a gRPC target such as "unix:///run/containerd/containerd.sock".
  explicit CriClient(const std::string& endpoint);

  v1::RuntimeService::Stub& runtime() { return *runtime_; }
  v1::ImageService::Stub& images() { return *images_; }

  // OK when runtime and network are ready; kUnavailable until then.
  absl::Status Ready();

  absl::StatusOr<std::string> RunPodSandbox(const v1::PodSandboxConfig& config);
  absl::Status StopPodSandbox(const std::string& sandbox_id);
  absl::Status RemovePodSandbox(const std::string& sandbox_id);
  absl::StatusOr<v1::PodSandboxStatusResponse> SandboxStatus(const std::string& sandbox_id,
                                                             bool verbose = false);
  absl::StatusOr<std::vector<v1::PodSandbox>> ListSandboxes();

  // kInvalidArgument without metadata in either configuration: without that of the sandbox
  // containerd 1.6 would crash (spec/node-runtime 1.3).
  absl::StatusOr<std::string> CreateContainer(const std::string& sandbox_id,
                                              const v1::ContainerConfig& config,
                                              const v1::PodSandboxConfig& sandbox_config);
  absl::Status StartContainer(const std::string& container_id);
  absl::Status StopContainer(const std::string& container_id, int64_t timeout_seconds);
  absl::Status RemoveContainer(const std::string& container_id);
  absl::StatusOr<v1::ContainerStatus> Status(const std::string& container_id);
  absl::StatusOr<v1::ContainerStatusResponse> VerboseStatus(const std::string& container_id);
  // Of one sandbox, or of all with an empty ID.
  absl::StatusOr<std::vector<v1::Container>> ListContainers(const std::string& sandbox_id = "");
  absl::StatusOr<v1::ExecSyncResponse> Exec(const std::string& container_id,
                                            const std::vector<std::string>& command,
                                            int64_t timeout_seconds = 10);
  absl::Status UpdateResources(const std::string& container_id,
                               const v1::LinuxContainerResources& resources);

  absl::StatusOr<std::optional<v1::Image>> ImageStatus(const std::string& image);
  absl::StatusOr<std::string> PullImage(const std::string& image,
                                        const v1::AuthConfig* auth = nullptr);
  absl::Status RemoveImage(const std::string& image);

 private:
  std::unique_ptr<v1::RuntimeService::Stub> runtime_;
  std::unique_ptr<v1::ImageService::Stub> images_;
};

}  // namespace rekindle::bed

#endif  // REKINDLE_TEST_BED_CRI_CLIENT_H_
