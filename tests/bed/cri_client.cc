#include "tests/bed/cri_client.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"

namespace rekindle::bed {
namespace {

constexpr int kCallSeconds = 120;

// One blocking call of a stub's method, with a deadline from now.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Call(Stub& stub,
                              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                           Response*),
                              const Request& request, int64_t seconds = kCallSeconds) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
  context.set_wait_for_ready(true);
  Response response;
  grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) {
    // The two sets of codes have the same numbers.
    return absl::Status(
        static_cast<absl::StatusCode>(status.error_code()),
        absl::StrCat(request.GetDescriptor()->name(), ": ", status.error_message()));
  }
  return response;
}

std::shared_ptr<grpc::Channel> Connect(const std::string& endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(17 * 1024 * 1024);
  // containerd is restarted under our feet: come back at once.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
  // Another bed at the same path must not inherit this one's connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

CriClient::CriClient(const std::string& endpoint) {
  std::shared_ptr<grpc::Channel> channel = Connect(endpoint);
  runtime_ = v1::RuntimeService::NewStub(channel);
  images_ = v1::ImageService::NewStub(channel);
}

absl::Status CriClient::Ready() {
  v1::StatusRequest request;
  RK_ASSIGN_OR_RETURN(v1::StatusResponse response,
                      Call(runtime(), &v1::RuntimeService::Stub::Status, request, 10));
  for (const v1::RuntimeCondition& condition : response.status().conditions()) {
    if (!condition.status()) {
      return absl::UnavailableError(
          absl::StrCat(condition.type(), ": ", condition.reason(), ": ", condition.message()));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> CriClient::RunPodSandbox(const v1::PodSandboxConfig& config) {
  v1::RunPodSandboxRequest request;
  *request.mutable_config() = config;
  RK_ASSIGN_OR_RETURN(
      v1::RunPodSandboxResponse response,
      Call(runtime(), &v1::RuntimeService::Stub::RunPodSandbox, request, 2 * kCallSeconds));
  return response.pod_sandbox_id();
}

absl::Status CriClient::StopPodSandbox(const std::string& sandbox_id) {
  v1::StopPodSandboxRequest request;
  request.set_pod_sandbox_id(sandbox_id);
  return Call(runtime(), &v1::RuntimeService::Stub::StopPodSandbox, request).status();
}

absl::Status CriClient::RemovePodSandbox(const std::string& sandbox_id) {
  v1::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(sandbox_id);
  return Call(runtime(), &v1::RuntimeService::Stub::RemovePodSandbox, request).status();
}

absl::StatusOr<v1::PodSandboxStatusResponse> CriClient::SandboxStatus(const std::string& sandbox_id,
                                                                      bool verbose) {
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(sandbox_id);
  request.set_verbose(verbose);
  return Call(runtime(), &v1::RuntimeService::Stub::PodSandboxStatus, request);
}

absl::StatusOr<std::vector<v1::PodSandbox>> CriClient::ListSandboxes() {
  RK_ASSIGN_OR_RETURN(
      v1::ListPodSandboxResponse response,
      Call(runtime(), &v1::RuntimeService::Stub::ListPodSandbox, v1::ListPodSandboxRequest()));
  return std::vector<v1::PodSandbox>(response.items().begin(), response.items().end());
}

absl::StatusOr<std::string> CriClient::CreateContainer(const std::string& sandbox_id,
                                                       const v1::ContainerConfig& config,
                                                       const v1::PodSandboxConfig& sandbox_config) {
  if (!config.has_metadata() || !sandbox_config.has_metadata()) {
    return absl::InvalidArgumentError("config.metadata and sandbox_config.metadata are required");
  }
  v1::CreateContainerRequest request;
  request.set_pod_sandbox_id(sandbox_id);
  *request.mutable_config() = config;
  *request.mutable_sandbox_config() = sandbox_config;
  RK_ASSIGN_OR_RETURN(v1::CreateContainerResponse response,
                      Call(runtime(), &v1::RuntimeService::Stub::CreateContainer, request));
  return response.container_id();
}

absl::Status CriClient::StartContainer(const std::string& container_id) {
  v1::StartContainerRequest request;
  request.set_container_id(container_id);
  return Call(runtime(), &v1::RuntimeService::Stub::StartContainer, request).status();
}

absl::Status CriClient::StopContainer(const std::string& container_id, int64_t timeout_seconds) {
  v1::StopContainerRequest request;
  request.set_container_id(container_id);
  request.set_timeout(timeout_seconds);
  return Call(runtime(), &v1::RuntimeService::Stub::StopContainer, request,
              timeout_seconds + kCallSeconds)
      .status();
}

absl::Status CriClient::RemoveContainer(const std::string& container_id) {
  v1::RemoveContainerRequest request;
  request.set_container_id(container_id);
  return Call(runtime(), &v1::RuntimeService::Stub::RemoveContainer, request).status();
}

absl::StatusOr<v1::ContainerStatus> CriClient::Status(const std::string& container_id) {
  v1::ContainerStatusRequest request;
  request.set_container_id(container_id);
  RK_ASSIGN_OR_RETURN(v1::ContainerStatusResponse response,
                      Call(runtime(), &v1::RuntimeService::Stub::ContainerStatus, request));
  return response.status();
}

absl::StatusOr<v1::ContainerStatusResponse> CriClient::VerboseStatus(
    const std::string& container_id) {
  v1::ContainerStatusRequest request;
  request.set_container_id(container_id);
  request.set_verbose(true);
  return Call(runtime(), &v1::RuntimeService::Stub::ContainerStatus, request);
}

absl::StatusOr<std::vector<v1::Container>> CriClient::ListContainers(
    const std::string& sandbox_id) {
  v1::ListContainersRequest request;
  request.mutable_filter()->set_pod_sandbox_id(sandbox_id);
  RK_ASSIGN_OR_RETURN(v1::ListContainersResponse response,
                      Call(runtime(), &v1::RuntimeService::Stub::ListContainers, request));
  return std::vector<v1::Container>(response.containers().begin(), response.containers().end());
}

absl::StatusOr<v1::ExecSyncResponse> CriClient::Exec(const std::string& container_id,
                                                     const std::vector<std::string>& command,
                                                     int64_t timeout_seconds) {
  v1::ExecSyncRequest request;
  request.set_container_id(container_id);
  for (const std::string& word : command) request.add_cmd(word);
  request.set_timeout(timeout_seconds);
  return Call(runtime(), &v1::RuntimeService::Stub::ExecSync, request,
              timeout_seconds + kCallSeconds);
}

absl::Status CriClient::UpdateResources(const std::string& container_id,
                                        const v1::LinuxContainerResources& resources) {
  v1::UpdateContainerResourcesRequest request;
  request.set_container_id(container_id);
  *request.mutable_linux() = resources;
  return Call(runtime(), &v1::RuntimeService::Stub::UpdateContainerResources, request).status();
}

absl::StatusOr<std::optional<v1::Image>> CriClient::ImageStatus(const std::string& image) {
  v1::ImageStatusRequest request;
  request.mutable_image()->set_image(image);
  RK_ASSIGN_OR_RETURN(v1::ImageStatusResponse response,
                      Call(images(), &v1::ImageService::Stub::ImageStatus, request));
  if (!response.has_image()) return std::optional<v1::Image>();
  return std::optional<v1::Image>(response.image());
}

absl::StatusOr<std::string> CriClient::PullImage(const std::string& image,
                                                 const v1::AuthConfig* auth) {
  v1::PullImageRequest request;
  request.mutable_image()->set_image(image);
  if (auth != nullptr) *request.mutable_auth() = *auth;
  RK_ASSIGN_OR_RETURN(v1::PullImageResponse response,
                      Call(images(), &v1::ImageService::Stub::PullImage, request));
  return response.image_ref();
}

absl::Status CriClient::RemoveImage(const std::string& image) {
  v1::RemoveImageRequest request;
  request.mutable_image()->set_image(image);
  return Call(images(), &v1::ImageService::Stub::RemoveImage, request).status();
}

}  // namespace rekindle::bed
