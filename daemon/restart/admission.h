#ifndef REKINDLE_DAEMON_RESTART_ADMISSION_H_
#define REKINDLE_DAEMON_RESTART_ADMISSION_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "daemon/restart/operation.h"
#include "daemon/restart/pod_reader.h"
#include "daemon/restart/replacement/replacement.h"

namespace rekindle::restart {

// Checks a request by itself: IDs, names, order of magnitude. The service checks the wire form more
// closely; this is what the engine relies on. kInvalidArgument naming the field. Pure.
absl::Status CheckRequest(const RestartRequest& request);

// What admission has to know of the other operations.
struct AdmissionContext {
  absl::Time now;
  // True when work on that container of the pod is under way or queued, so that the state seen now
  // is not the one the request will meet.
  std::function<bool(const std::string& container)> busy;
};

// What a container of a request is to become.
struct AdmittedRestart {
  OperationRecord record;
  Replacement replacement;  // with the attempt that is free now; empty for kDelegate
};

// Checks a valid request against the pod as it is and makes its records, in the order of the
// request, with every default applied (grace and pre-stop hook from the container's annotations,
// deadline as at Engine::Submit). Pure.
// Beside a kubelet the method in use may be another than the one asked for (kubelet/eligibility.h);
// with kDelegate there is no replacement.
// Errors, each naming the field: kInvalidArgument (a kubelet's pod that is not described),
// kFailedPrecondition (a stale container ID, a container that does not run without force, a
// configuration that cannot be recovered, delegate without a kubelet, what the kubelet's pod does
// not allow).
absl::StatusOr<std::vector<AdmittedRestart>> Admit(const RestartRequest& request,
                                                   const PodDetails& pod,
                                                   const AdmissionContext& context);

// What the replacement of `container` is built from for an operation.
ReplacementInput InputFor(const OperationRecord& record,
                          const ::runtime::v1::ContainerStatusResponse& container,
                          const ::runtime::v1::PodSandboxStatusResponse& sandbox, uint32_t attempt);

// "main is now 4f1c... (attempt 3, running)": what a stale request is told.
std::string DescribeContainer(const ::runtime::v1::Container& container);

// "running", "exited", "created" or "unknown".
std::string StateName(::runtime::v1::ContainerState state);

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_ADMISSION_H_
