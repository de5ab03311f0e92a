#ifndef REKINDLE_COMMON_API_KINDS_POD_RULES_H_
#define REKINDLE_COMMON_API_KINDS_POD_RULES_H_

#include <set>
#include <string>

#include "common/api/field_error.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

struct PodDefaultOptions {
  // Regular containers without a pull policy get Always whatever their tag (spec cloneset 6.3).
  bool pull_policy_always = false;
  // A template with host networking gets host ports (gate DefaultHostNetworkHostPortsIn...).
  bool host_ports = true;
  // A pod, no template: what only pods get, so that a template stays what its author wrote.
  bool pod = false;
};

// Defaults of a pod spec (spec kubernetes-api 10.4): those of the schema, and the pull policy by
// tag, an empty directory for a volume without source, host ports under host networking; of a pod
// also requests from limits and links to services. Quantities are rounded up to thousandths. `spec`
// is changed in place.
void DefaultPodSpec(Json& spec, const PodDefaultOptions& options = {});
// Template: metadata stays as it is.
void DefaultPodTemplate(Json& pod_template, const PodDefaultOptions& options = {});
// A claim or claim template: volume mode, quantities in canonical form, phase.
void DefaultClaim(Json& claim);
// Canonical quantities, rounded up to thousandths.
void NormalizeResources(Json& resources);

struct PodCheckOptions {
  // Volumes that exist beside those of the spec: claim templates.
  std::set<std::string> extra_volumes;
  bool is_template = false;
};
// Rules for a pod spec that has its defaults.
void CheckPodSpec(const Json& spec, const FieldPath& at, const PodCheckOptions& options,
                  FieldErrors& errors);
// Rules for a template of a controller: labels, annotations, spec, restart policy Always, no
// activeDeadlineSeconds.
void CheckPodTemplate(const Json& pod_template, const FieldPath& at, const PodCheckOptions& options,
                      FieldErrors& errors);
// What may change of a pod (spec kubernetes-api 9.5). `resize`: through that subresource.
void CheckPodUpdate(const Json& pod, const Json& old, bool resize, FieldErrors& errors);
void CheckClaimSpec(const Json& spec, const FieldPath& at, FieldErrors& errors);
// Requests and limits.
void CheckResources(const Json& resources, const FieldPath& at, FieldErrors& errors);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_KINDS_POD_RULES_H_
