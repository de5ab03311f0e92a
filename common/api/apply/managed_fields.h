#ifndef REKINDLE_COMMON_API_APPLY_MANAGED_FIELDS_H_
#define REKINDLE_COMMON_API_APPLY_MANAGED_FIELDS_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/api/apply/managers.h"
#include "common/api/schema/schema.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

// Who writes, and how versions relate.
struct WriteContext {
  const KindInfo* kind = nullptr;  // version in which the objects of the call are written
  std::string manager;
  std::string subresource;
  absl::Time now;
  bool force = false;
  // Another version of the kind; null when `api_version` is not served. Unset: there is only one.
  std::function<const KindInfo*(absl::string_view api_version)> find;
  std::function<absl::StatusOr<Json>(const Json& object, const KindInfo& to)> convert;
};

// Server-side apply of `config` to `live` (null: the object is new) (spec 7.6): the new object with
// its managed fields, before defaults and validation. It equals `live` when nothing changes. Errors
// carry an ApiError (FromStatus): 409 with all conflicts, 422 without a manager, 400 for managed
// fields in the config, 500 for a config that does not fit the type.
absl::StatusOr<Json> ServerSideApply(const Json* live, const Json& config,
                                     const WriteContext& context);

// `updated` with its managed fields brought up to date after an update, patch or create (`live` is
// null) by context.manager. Objects that nobody tracks (cleared managed fields) stay so. An
// explicit `[]` or `[{}]` clears them.
Json TrackUpdate(const Json* live, Json updated, const WriteContext& context);

// The manager of a write without fieldManager: the User-Agent up to the first '/' (2.6).
std::string DefaultManager(absl::string_view user_agent);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_APPLY_MANAGED_FIELDS_H_
