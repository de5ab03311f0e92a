#ifndef REKINDLE_COMMON_API_KINDS_READY_GATE_H_
#define REKINDLE_COMMON_API_KINDS_READY_GATE_H_

#include "common/api/kinds/admission.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

// Whether admission adds readiness gate KruisePodReady to a pod that is being created (spec
// container-recreate 13.1): its controller is of group apps.kruise.io, in whatever version, or
// `gates` say that every pod gets it. Never with PodWebhook off, nor where the pod has it already.
// Neither for what stands for a static pod: its kubelet reads the file, which has no gate. A tree
// that is no pod wants none. Pure. Threads: any.
bool WantsReadyGate(const Json& pod, const AdmissionGates& gates);

// Adds it behind the gates that the pod, which wants it, has of its own.
void AddReadyGate(Json& pod);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_KINDS_READY_GATE_H_
