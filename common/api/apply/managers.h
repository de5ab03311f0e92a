#ifndef REKINDLE_COMMON_API_APPLY_MANAGERS_H_
#define REKINDLE_COMMON_API_APPLY_MANAGERS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/api/apply/field_set.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

// One entry of metadata.managedFields (spec kubernetes-api 2.6).
struct Manager {
  std::string name;
  bool applies = false;  // operation Apply; else Update
  std::string api_version;
  std::string subresource;
  absl::Time time;
  FieldSet fields;

  bool SameIdentity(const Manager& other) const;
  // As conflicts name it: `"m"`, `"m" using v1`.
  std::string Shown() const;
};

// Errors: kInvalidArgument naming the entry. Anything but a list has no managers.
absl::StatusOr<std::vector<Manager>> ReadManagers(const Json& managed_fields);
Json WriteManagers(const std::vector<Manager>& managers);

// The one with this identity; null: none.
Manager* FindManager(std::vector<Manager>& managers, const Manager& like);
// Managers without fields go.
void DropEmpty(std::vector<Manager>& managers);
// An object keeps at most ten updaters; the oldest are put together as "ancient-changes".
void CapUpdaters(std::vector<Manager>& managers);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_APPLY_MANAGERS_H_
