#ifndef REKINDLE_CONTROLLER_PLAN_SVG_H_
#define REKINDLE_CONTROLLER_PLAN_SVG_H_

#include <string>

#include "controller/plan/simulate.h"

namespace rekindle::plan {

// A picture of a simulated rollout: pods in all, available and updated over time, with a mark for
// every second in which the plan acted. Self-contained SVG text, the same for the same timeline.
std::string TimelineSvg(const Timeline& timeline, const std::string& title);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_SVG_H_
