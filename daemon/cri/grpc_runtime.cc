#include "daemon/cri/grpc_runtime.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "containerd/v1/tasks.grpc.pb.h"
#include "cri/v1/api.grpc.pb.h"

namespace rekindle::cri {

namespace {

namespace tasks = ::containerd::services::tasks::v1;

// Longer timeouts are cut: what a duration can hold overflows a deadline.
constexpr absl::Duration kLongestTimeout = absl::Hours(24 * 365);

int64_t CeilSeconds(absl::Duration timeout) {
  const absl::Duration bounded = std::clamp(timeout, absl::ZeroDuration(), kLongestTimeout);
  return absl::ToInt64Seconds(absl::Ceil(bounded, absl::Seconds(1)));
}

// Without these a create kills containerd up to 2.1 (spec/node-runtime 1.7, pitfall 1).
absl::Status CheckCreate(const v1::CreateContainerRequest& request) {
  absl::string_view missing;
  if (request.pod_sandbox_id().empty()) {
    missing = "pod_sandbox_id";
  } else if (!request.config().has_metadata() || request.config().metadata().name().empty()) {
    missing = "config.metadata.name";
  } else if (!request.has_sandbox_config()) {
    missing = "sandbox_config";
  } else if (!request.sandbox_config().has_metadata()) {
    missing = "sandbox_config.metadata";
  } else if (request.sandbox_config().metadata().name().empty() ||
             request.sandbox_config().metadata().uid().empty() ||
             request.sandbox_config().metadata().namespace_().empty()) {
    missing = "sandbox_config.metadata: name, uid or namespace";
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("CreateContainer: ", missing, " is missing"));
}

// The runtime takes any unique prefix of an ID for the ID: an empty one must never get there.
absl::Status CheckId(absl::string_view method, absl::string_view field, absl::string_view id) {
  if (!id.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(method, ": ", field, " is empty"));
}

absl::Status NotFoundIsDone(const absl::Status& status) {
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

// A start that was cut off between the task's creation and its start: for the CRI the container has
// exited, for containerd its task is there, and the CRI's removal fails until containerd restarts.
bool HasLeftTask(const absl::Status& removal) {
  return absl::IsFailedPrecondition(removal) &&
         absl::StrContains(removal.message(), "cannot delete running task");
}

}  // namespace

struct GrpcRuntime::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : runtime(v1::RuntimeService::NewStub(channel)),
        images(v1::ImageService::NewStub(channel)),
        tasks(tasks::Tasks::NewStub(channel)) {}

  std::unique_ptr<v1::RuntimeService::Stub> runtime;
  std::unique_ptr<v1::ImageService::Stub> images;
  std::unique_ptr<tasks::Tasks::Stub> tasks;
};

using Runtimes = v1::RuntimeService::Stub;
using Images = v1::ImageService::Stub;
using Tasks = tasks::Tasks::Stub;

GrpcRuntime::GrpcRuntime(Loop& loop, std::shared_ptr<Connection> connection,
                         const GrpcRuntimeOptions& options)
    : loop_(loop),
      options_(options),
      stubs_(std::make_unique<Stubs>(connection->channel())),
      calls_(loop, std::move(connection), options.connect_wait, options.observe),
      queue_(loop, options.max_creates_and_starts, options.call_deadline) {}

GrpcRuntime::~GrpcRuntime() { *alive_ = false; }

size_t GrpcRuntime::mutations_in_flight() const {
  return calls_.mutations_in_flight() + queue_.waiting();
}

template <typename T>
void GrpcRuntime::Refuse(absl::Status why, Reply<T> reply) {
  loop_.Post([alive = alive_, why = std::move(why), reply = std::move(reply)]() mutable {
    if (*alive) reply(std::move(why));
  });
}

void GrpcRuntime::Finish(absl::Status status, Done done) {
  loop_.Post([alive = alive_, status = std::move(status), done = std::move(done)]() mutable {
    if (*alive) done(std::move(status));
  });
}

void GrpcRuntime::Version(Reply<v1::VersionResponse> reply) {
  v1::VersionRequest request;
  request.set_version("v1");
  calls_.Start({.method = "Version", .deadline = options_.call_deadline, .read = true},
               *stubs_->runtime, &Runtimes::PrepareAsyncVersion, request, std::move(reply));
}

void GrpcRuntime::Status(Reply<v1::StatusResponse> reply) {
  calls_.Start({.method = "Status", .deadline = options_.call_deadline, .read = true},
               *stubs_->runtime, &Runtimes::PrepareAsyncStatus, v1::StatusRequest(),
               std::move(reply));
}

void GrpcRuntime::ListPodSandbox(const v1::PodSandboxFilter& filter,
                                 Reply<v1::ListPodSandboxResponse> reply) {
  v1::ListPodSandboxRequest request;
  *request.mutable_filter() = filter;
  calls_.Start({.method = "ListPodSandbox", .deadline = options_.call_deadline, .read = true},
               *stubs_->runtime, &Runtimes::PrepareAsyncListPodSandbox, request, std::move(reply));
}

void GrpcRuntime::PodSandboxStatus(const std::string& sandbox_id, bool verbose,
                                   Reply<v1::PodSandboxStatusResponse> reply) {
  if (absl::Status bad = CheckId("PodSandboxStatus", "pod_sandbox_id", sandbox_id); !bad.ok()) {
    Refuse<v1::PodSandboxStatusResponse>(std::move(bad), std::move(reply));
    return;
  }
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(sandbox_id);
  request.set_verbose(verbose);
  calls_.Start({.method = "PodSandboxStatus", .deadline = options_.call_deadline, .read = true},
               *stubs_->runtime, &Runtimes::PrepareAsyncPodSandboxStatus, request,
               std::move(reply));
}

void GrpcRuntime::ListContainers(const v1::ContainerFilter& filter,
                                 Reply<v1::ListContainersResponse> reply) {
  v1::ListContainersRequest request;
  *request.mutable_filter() = filter;
  calls_.Start({.method = "ListContainers", .deadline = options_.call_deadline, .read = true},
               *stubs_->runtime, &Runtimes::PrepareAsyncListContainers, request, std::move(reply));
}

void GrpcRuntime::ContainerStatus(const std::string& container_id, bool verbose,
                                  Reply<v1::ContainerStatusResponse> reply) {
  if (absl::Status bad = CheckId("ContainerStatus", "container_id", container_id); !bad.ok()) {
    Refuse<v1::ContainerStatusResponse>(std::move(bad), std::move(reply));
    return;
  }
  v1::ContainerStatusRequest request;
  request.set_container_id(container_id);
  request.set_verbose(verbose);
  calls_.Start({.method = "ContainerStatus", .deadline = options_.call_deadline, .read = true},
               *stubs_->runtime, &Runtimes::PrepareAsyncContainerStatus, request, std::move(reply));
}

void GrpcRuntime::CreateContainer(const v1::CreateContainerRequest& request,
                                  Reply<std::string> reply) {
  if (absl::Status bad = CheckCreate(request); !bad.ok()) {
    Refuse<std::string>(std::move(bad), std::move(reply));
    return;
  }
  queue_.Enter(StartQueue::Turn::kCreate, [this, request,
                                           reply = std::move(reply)](absl::Status turn) mutable {
    if (!turn.ok()) {
      Refuse<std::string>(Annotate(turn, "CreateContainer"), std::move(reply));
      return;
    }
    Reply<v1::CreateContainerResponse> created =
        [this, reply = std::move(reply)](absl::StatusOr<v1::CreateContainerResponse> got) mutable {
          queue_.Release();
          if (!got.ok()) {
            reply(got.status());
          } else if (got->container_id().empty()) {
            reply(absl::InternalError("CreateContainer: the runtime gave no container_id"));
          } else {
            reply(std::move(*got->mutable_container_id()));
          }
        };
    calls_.Start({.method = "CreateContainer", .deadline = options_.call_deadline},
                 *stubs_->runtime, &Runtimes::PrepareAsyncCreateContainer, request,
                 std::move(created));
  });
}

void GrpcRuntime::StartContainer(const std::string& container_id, Done done) {
  if (absl::Status bad = CheckId("StartContainer", "container_id", container_id); !bad.ok()) {
    Finish(std::move(bad), std::move(done));
    return;
  }
  queue_.Enter(StartQueue::Turn::kStart, [this, container_id,
                                          done = std::move(done)](absl::Status turn) mutable {
    if (!turn.ok()) {
      Finish(Annotate(turn, "StartContainer"), std::move(done));
      return;
    }
    v1::StartContainerRequest request;
    request.set_container_id(container_id);
    Reply<v1::StartContainerResponse> started =
        [this, done = std::move(done)](absl::StatusOr<v1::StartContainerResponse> got) mutable {
          queue_.Release();
          done(got.status());
        };
    calls_.Start({.method = "StartContainer", .deadline = options_.call_deadline}, *stubs_->runtime,
                 &Runtimes::PrepareAsyncStartContainer, request, std::move(started));
  });
}

void GrpcRuntime::StopContainer(const std::string& container_id, absl::Duration timeout,
                                Done done) {
  if (absl::Status bad = CheckId("StopContainer", "container_id", container_id); !bad.ok()) {
    Finish(std::move(bad), std::move(done));
    return;
  }
  v1::StopContainerRequest request;
  request.set_container_id(container_id);
  request.set_timeout(CeilSeconds(timeout));
  // A client that gives up earlier leaves the process running without its SIGKILL (1.9 rule 7).
  const absl::Duration deadline = absl::Seconds(request.timeout()) + options_.call_deadline;
  Reply<v1::StopContainerResponse> stopped =
      [done = std::move(done)](absl::StatusOr<v1::StopContainerResponse> got) mutable {
        done(NotFoundIsDone(got.status()));
      };
  calls_.Start({.method = "StopContainer", .deadline = deadline}, *stubs_->runtime,
               &Runtimes::PrepareAsyncStopContainer, request, std::move(stopped));
}

void GrpcRuntime::RemoveContainer(const std::string& container_id, Done done) {
  if (absl::Status bad = CheckId("RemoveContainer", "container_id", container_id); !bad.ok()) {
    Finish(std::move(bad), std::move(done));
    return;
  }
  SendRemove(container_id, [this, container_id,
                            done = std::move(done)](const absl::Status& removed) mutable {
    if (!HasLeftTask(removed)) return done(NotFoundIsDone(removed));
    EndLeftTask(container_id, [this, container_id, done = std::move(done)]() mutable {
      SendRemove(container_id, [done = std::move(done)](const absl::Status& again) mutable {
        done(NotFoundIsDone(again));
      });
    });
  });
}

void GrpcRuntime::EndLeftTask(const std::string& container_id, absl::AnyInvocable<void()> then) {
  tasks::KillRequest kill;
  kill.set_container_id(container_id);
  kill.set_signal(SIGKILL);
  kill.set_all(true);
  // Whatever the outcome: the removal that follows tells.
  Reply<google::protobuf::Empty> killed =
      [this, container_id,
       then = std::move(then)](const absl::StatusOr<google::protobuf::Empty>&) mutable {
        tasks::DeleteTaskRequest request;
        request.set_container_id(container_id);
        Reply<tasks::DeleteResponse> deleted =
            [then = std::move(then)](const absl::StatusOr<tasks::DeleteResponse>&) mutable {
              then();
            };
        calls_.Start({.method = "Tasks.Delete",
                      .deadline = options_.call_deadline,
                      .containerd_namespace = kContainerdNamespace},
                     *stubs_->tasks, &Tasks::PrepareAsyncDelete, request, std::move(deleted));
      };
  calls_.Start({.method = "Tasks.Kill",
                .deadline = options_.call_deadline,
                .containerd_namespace = kContainerdNamespace},
               *stubs_->tasks, &Tasks::PrepareAsyncKill, kill, std::move(killed));
}

void GrpcRuntime::SendRemove(const std::string& container_id, Done done) {
  v1::RemoveContainerRequest request;
  request.set_container_id(container_id);
  Reply<v1::RemoveContainerResponse> removed =
      [done = std::move(done)](const absl::StatusOr<v1::RemoveContainerResponse>& got) mutable {
        done(got.status());
      };
  calls_.Start({.method = "RemoveContainer", .deadline = options_.call_deadline}, *stubs_->runtime,
               &Runtimes::PrepareAsyncRemoveContainer, request, std::move(removed));
}

void GrpcRuntime::ExecSync(const std::string& container_id, const std::vector<std::string>& command,
                           absl::Duration timeout, Reply<v1::ExecSyncResponse> reply) {
  absl::Status bad = CheckId("ExecSync", "container_id", container_id);
  if (bad.ok() && command.empty()) bad = absl::InvalidArgumentError("ExecSync: cmd is empty");
  if (bad.ok() && timeout <= absl::ZeroDuration()) {
    bad = absl::InvalidArgumentError("ExecSync: timeout must be positive");
  }
  if (!bad.ok()) {
    Refuse<v1::ExecSyncResponse>(std::move(bad), std::move(reply));
    return;
  }
  v1::ExecSyncRequest request;
  request.set_container_id(container_id);
  for (const std::string& word : command) request.add_cmd(word);
  request.set_timeout(CeilSeconds(timeout));
  const absl::Duration deadline = absl::Seconds(request.timeout()) + options_.exec_slack;
  calls_.Start({.method = "ExecSync", .deadline = deadline}, *stubs_->runtime,
               &Runtimes::PrepareAsyncExecSync, request, std::move(reply));
}

void GrpcRuntime::ImageStatus(const std::string& image, Reply<std::optional<v1::Image>> reply) {
  if (absl::Status bad = CheckId("ImageStatus", "image", image); !bad.ok()) {
    Refuse<std::optional<v1::Image>>(std::move(bad), std::move(reply));
    return;
  }
  v1::ImageStatusRequest request;
  request.mutable_image()->set_image(image);
  Reply<v1::ImageStatusResponse> got =
      [reply = std::move(reply)](absl::StatusOr<v1::ImageStatusResponse> status) mutable {
        if (!status.ok()) {
          reply(status.status());
        } else if (!status->has_image()) {
          reply(std::nullopt);
        } else {
          reply(std::optional<v1::Image>(std::move(*status->mutable_image())));
        }
      };
  calls_.Start({.method = "ImageStatus", .deadline = options_.call_deadline, .read = true},
               *stubs_->images, &Images::PrepareAsyncImageStatus, request, std::move(got));
}

}  // namespace rekindle::cri
