#ifndef REKINDLE_COMMON_API_KINDS_KRUISE_RULES_H_
#define REKINDLE_COMMON_API_KINDS_KRUISE_RULES_H_

#include "absl/status/status.h"

#include "common/api/field_error.h"
#include "common/api/kinds/admission.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

// What admission does for each kind of apps.kruise.io beyond the schema. `Default...` change
// request.object; `Check...` add to the list. Used by admission.cc only.

void DefaultCloneSet(const AdmissionRequest& request);
void CheckCloneSet(const AdmissionRequest& request, FieldErrors& errors);

void DefaultKruiseStatefulSet(const AdmissionRequest& request);
void CheckKruiseStatefulSet(const AdmissionRequest& request, FieldErrors& errors);

// Requests for restarts are checked and completed in one pass, with errors of 400 and 403 (spec
// container-recreate 5).
absl::Status AdmitRecreateRequest(const AdmissionRequest& request);

absl::Status AdmitImagePullJob(const AdmissionRequest& request);
absl::Status AdmitNodeImage(const AdmissionRequest& request);

// Shared parts.
// Pod templates and claim templates of a set get their defaults on create and when the template
// differs from the old one.
void DefaultTemplates(const AdmissionRequest& request, bool pull_policy_always);
void CheckSelectorAndTemplate(const Json& spec, bool whole_template, FieldErrors& errors);
// updateStrategy's priorityStrategy; every fault is reported as "Required value" (sic).
void CheckPriorityStrategy(const Json& strategy, const FieldPath& at, FieldErrors& errors);
// Under InPlaceOnly a template may change in container images alone. The first other difference, as
// "replace /containers/0/env"; empty when there is none.
std::string NotInPlace(const Json& old_template, const Json& new_template);
// True when `now` equals `before` apart from the members in `may_change`.
bool SameApartFrom(const Json& now, const Json& before,
                   std::initializer_list<absl::string_view> may_change);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_KINDS_KRUISE_RULES_H_
