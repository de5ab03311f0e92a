#ifndef REKINDLE_CONTROLLER_PLAN_RECREATE_POD_VIEW_H_
#define REKINDLE_CONTROLLER_PLAN_RECREATE_POD_VIEW_H_

#include <string>

#include "common/api/pod_record.h"
#include "common/json/json_fwd.h"
#include "controller/plan/recreate/decide.h"

namespace rekindle::plan {

// What a request for the pod with UID `uid` sees: `live`, a v1 Pod as it was read, brought up to
// date by `cached` where that is a later state of the same pod (null: the cache has none). Null
// `live`: there is no such pod. Pure. Threads: any.
PodView ViewPod(const Json* live, const api::PodRecord* cached, const std::string& uid);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_RECREATE_POD_VIEW_H_
