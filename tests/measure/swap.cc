#include "tests/measure/swap.h"

#include "common/base/status_macros.h"

namespace rekindle::measure {
namespace {

const bed::ContainerSpec* FindSpec(const bed::Pod& pod, const std::string& name) {
  for (const bed::ContainerSpec& spec : pod.spec.containers) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<ProbeResult> Watch(const bed::Pod& pod, int port,
                                  const std::function<absl::Status()>& act,
                                  absl::Duration back_in) {
  RK_RETURN_IF_ERROR(bed::WaitHttp(pod.ip, port, "/id").status());
  GapProbe probe(pod.ip, port);
  if (!probe.AwaitGood()) return absl::FailedPreconditionError("no service before the restart");
  absl::Status acted = act();
  absl::Status back = bed::WaitHttp(pod.ip, port, "/id", back_in).status();
  bool good = back.ok() && probe.AwaitGood();
  ProbeResult result = probe.Stop();
  RK_RETURN_IF_ERROR(acted);
  RK_RETURN_IF_ERROR(back);
  if (!good) return absl::DeadlineExceededError("service did not come back");
  return result;
}

absl::StatusOr<ProbeResult> SwapByHand(bed::Bed* bed, bed::Pod* pod, const std::string& container,
                                       int port) {
  const bed::ContainerSpec* known = FindSpec(*pod, container);
  if (known == nullptr) return absl::NotFoundError(container);
  RK_ASSIGN_OR_RETURN(bed::v1::Container old, bed->Newest(*pod, container));
  bed::ContainerSpec spec = *known;
  spec.attempt = old.metadata().attempt() + 1;
  RK_ASSIGN_OR_RETURN(std::string next, bed->CreateContainer(pod, spec));
  RK_ASSIGN_OR_RETURN(
      ProbeResult result, Watch(*pod, port, [&]() -> absl::Status {
        RK_RETURN_IF_ERROR(bed->cri().StopContainer(old.id(), pod->spec.grace_seconds));
        return bed->cri().StartContainer(next);
      }));
  RK_RETURN_IF_ERROR(bed->cri().RemoveContainer(old.id()));
  return result;
}

}  // namespace rekindle::measure
