// The part of Bed that runs pods.
#include <atomic>
#include <filesystem>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "common/base/sync.h"
#include "tests/bed/bed.h"

namespace rekindle::bed {

absl::StatusOr<Pod> Bed::RunSandbox(PodSpec spec) {
  if (spec.uid.empty()) spec.uid = RandomUid();
  Pod pod;
  pod.config = SandboxConfig(spec, {dir_ + "/logs", "/" + CgroupName(id_)});
  pod.spec = std::move(spec);
  RK_ASSIGN_OR_RETURN(pod.sandbox_id, cri_->RunPodSandbox(pod.config));
  RK_ASSIGN_OR_RETURN(v1::PodSandboxStatusResponse status, cri_->SandboxStatus(pod.sandbox_id));
  pod.ip = status.status().network().ip();
  return pod;
}

absl::StatusOr<std::string> Bed::CreateContainer(Pod* pod, const ContainerSpec& spec) {
  std::string message_file;
  if (!spec.termination_message_path.empty()) {
    message_file =
        absl::StrCat(dir_, "/messages/", pod->spec.uid, "_", spec.name, "_", spec.attempt);
    RK_RETURN_IF_ERROR(WriteFile(message_file, ""));
    std::error_code error;
    std::filesystem::permissions(message_file, std::filesystem::perms(0666), error);
  }
  RunningContainer container;
  container.config = MakeContainerConfig(pod->spec, spec, message_file);
  RK_ASSIGN_OR_RETURN(container.id,
                      cri_->CreateContainer(pod->sandbox_id, container.config, pod->config));
  std::string id = container.id;
  pod->containers[spec.name] = std::move(container);
  return id;
}

absl::StatusOr<Pod> Bed::RunPod(PodSpec spec) {
  RK_ASSIGN_OR_RETURN(Pod pod, RunSandbox(std::move(spec)));
  for (const ContainerSpec& container : pod.spec.containers) {
    RK_ASSIGN_OR_RETURN(std::string id, CreateContainer(&pod, container));
    RK_RETURN_IF_ERROR(cri_->StartContainer(id));
  }
  return pod;
}

absl::StatusOr<std::vector<Pod>> Bed::RunPods(std::vector<PodSpec> specs, int parallel) {
  std::vector<Pod> pods(specs.size());
  std::atomic<size_t> next = 0;
  Mutex mutex;
  absl::Status failed;
  auto work = [&] {
    for (size_t i = next++; i < specs.size(); i = next++) {
      absl::StatusOr<Pod> pod = RunPod(std::move(specs[i]));
      MutexLock lock(&mutex);
      if (pod.ok()) {
        pods[i] = *std::move(pod);
      } else {
        failed.Update(pod.status());
      }
    }
  };
  std::vector<std::thread> workers;
  workers.reserve(static_cast<size_t>(parallel));
  for (int i = 0; i < parallel; ++i) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  if (!failed.ok()) return failed;
  return pods;
}

absl::Status Bed::RemovePod(const Pod& pod) {
  absl::Status stopped = cri_->StopPodSandbox(pod.sandbox_id);
  if (!stopped.ok() && !absl::IsNotFound(stopped)) return stopped;
  return cri_->RemovePodSandbox(pod.sandbox_id);
}

absl::StatusOr<v1::Container> Bed::Newest(const Pod& pod, const std::string& name) {
  RK_ASSIGN_OR_RETURN(std::vector<v1::Container> all, cri_->ListContainers(pod.sandbox_id));
  const v1::Container* newest = nullptr;
  for (const v1::Container& container : all) {
    if (container.metadata().name() != name) continue;
    if (newest == nullptr || container.metadata().attempt() > newest->metadata().attempt()) {
      newest = &container;
    }
  }
  if (newest == nullptr) {
    return absl::NotFoundError(absl::StrCat("no container ", name, " in ", pod.sandbox_id));
  }
  return *newest;
}

absl::Status Bed::WaitState(const std::string& container_id, v1::ContainerState state,
                            absl::Duration timeout) {
  absl::StatusOr<v1::ContainerStatus> last;
  bool reached = WaitUntil(
      [&] {
        last = cri_->Status(container_id);
        return last.ok() && last->state() == state;
      },
      timeout);
  if (reached) return absl::OkStatus();
  if (!last.ok()) return last.status();
  return absl::DeadlineExceededError(absl::StrCat("container ", container_id, " is ",
                                                  v1::ContainerState_Name(last->state()), ", not ",
                                                  v1::ContainerState_Name(state)));
}

}  // namespace rekindle::bed
