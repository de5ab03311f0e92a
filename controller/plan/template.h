#ifndef REKINDLE_CONTROLLER_PLAN_TEMPLATE_H_
#define REKINDLE_CONTROLLER_PLAN_TEMPLATE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/api/pod_record.h"
#include "common/api/string_map.h"
#include "common/json/json_fwd.h"

namespace rekindle::plan {

struct NormalizeOptions {
  // CloneSet admission defaults a missing imagePullPolicy of regular containers to Always whatever
  // the tag (spec cloneset 6.3); elsewhere the tag decides.
  bool pull_policy_always = false;
};

// The canonical form of a pod template, in which templates that mean the same are equal: fields
// with their default value, nulls and empty members are gone, quantities are canonical, limits
// without requests have them, env entries are sorted by name unless their order matters ($(VAR)
// references or repeated names), and volumes, mounts and ports are sorted by their key. Unknown
// fields stay. So a defaulted or reordered field rolls nothing (in-place-update pitfalls 53 and
// #1621, cloneset P33, statefulset P-35).
Json NormalizeTemplate(const Json& pod_template, const NormalizeOptions& options);

// What plans need of a pod template, computed once and shared.
struct Template {
  std::shared_ptr<const Json> tree;    // as the user wrote it
  std::shared_ptr<const Json> normal;  // canonical form
  std::shared_ptr<const api::PodShape> shape;
  api::StringMap labels;
  api::StringMap annotations;
  std::vector<std::string> finalizers;
};

// Errors: kInvalidArgument naming the field.
absl::StatusOr<Template> MakeTemplate(const Json& pod_template, const NormalizeOptions& options,
                                      api::PodParser& parser);

// True when both mean the same.
bool SameMeaning(const Template& a, const Template& b);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_TEMPLATE_H_
