#ifndef REKINDLE_COMMON_API_KINDS_ADMISSION_H_
#define REKINDLE_COMMON_API_KINDS_ADMISSION_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/api/field_error.h"
#include "common/api/schema/schema.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

// Feature gates that admission depends on (spec cloneset 27, statefulset 19,
// container-recreate 15.3).
struct AdmissionGates {
  bool template_no_defaults = false;  // TemplateNoDefaults
  bool auto_delete_claims = true;     // StatefulSetAutoDeletePVC
  bool auto_resize_claims = false;    // StatefulSetAutoResizePVCGate
  bool deletion_protection = false;   // ResourcesDeletionProtection
  bool daemon = true;                 // KruiseDaemon
  bool image_pull_jobs = true;        // ImagePullJobGate
  bool pod_webhook = true;            // PodWebhook
  bool ready_gate_for_all = false;    // KruisePodReadinessGate
};

// How rules look at other objects. Implementations need not be thread-safe.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  // Errors: kNotFound; anything else becomes a 500.
  virtual absl::StatusOr<Json> Get(absl::string_view api_version, absl::string_view kind,
                                   absl::string_view name_space, absl::string_view name) const = 0;
};

// One write, after decoding. For the platform's kinds as for ours, in this order: MakeDefaults,
// Validate. `object` has the version of `kind`.
struct AdmissionRequest {
  const KindInfo* kind = nullptr;
  Json* object = nullptr;
  const Json* old = nullptr;  // stored object in the same version; null for a create
  AdmissionGates gates;
  const ObjectReader* reader = nullptr;  // null: rules about other objects are skipped
  absl::Time now;
};

// Prunes, sets defaults and does what our mutating webhooks do. Errors carry an ApiError
// (FromStatus): 400 and 403 of the webhooks, 500 when another object cannot be read.
absl::Status MakeDefaults(const AdmissionRequest& request);

// All rules for the object as it is now; the error carries an ApiError, mostly a 422 with all
// causes.
absl::Status Validate(const AdmissionRequest& request);

// The rules of one kind without the wrapping, for callers that add to the list.
void CollectErrors(const AdmissionRequest& request, FieldErrors& errors);

// Whether a delete is let through (403 when not; spec cloneset 7.5, statefulset 4.4).
absl::Status AdmitDelete(const KindInfo& kind, const Json& object, const AdmissionGates& gates);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_KINDS_ADMISSION_H_
