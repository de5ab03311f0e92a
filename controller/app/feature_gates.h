#ifndef REKINDLE_CONTROLLER_APP_FEATURE_GATES_H_
#define REKINDLE_CONTROLLER_APP_FEATURE_GATES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/api/kinds/admission.h"

namespace rekindle {

// The feature gates that users may set (spec container-recreate 15.3): those whose effect is there
// as a whole. One line adds one.
struct FeatureGate {
  absl::string_view name;
  absl::string_view stage;  // "Alpha", "Beta"
  bool api::AdmissionGates::*gate;
  absl::string_view what;  // for --help
};
absl::Span<const FeatureGate> FeatureGateTable();

// "PodWebhook=true|false (Beta, default=true): ...; ..." of all, for --help.
std::string DescribeFeatureGates();

// "KruisePodReadinessGate=false,PodWebhook=true": of all, as they are in force.
std::string FeatureGatesText(const api::AdmissionGates& gates);

// Sets `gates` to the defaults with "NAME=true" and "NAME=false" of `items`, the last of a name
// counts; then KruisePodReadinessGate is forced off where PodWebhook is. Errors: kInvalidArgument,
// naming `flag`, the item and what is allowed. Pure.
absl::Status ParseFeatureGates(absl::string_view flag, const std::vector<std::string>& items,
                               api::AdmissionGates& gates);

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_APP_FEATURE_GATES_H_
