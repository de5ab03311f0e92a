#ifndef REKINDLE_COMMON_API_OBJECT_META_H_
#define REKINDLE_COMMON_API_OBJECT_META_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/api/string_map.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

struct OwnerReference {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;
  bool block_owner_deletion = false;
  friend bool operator==(const OwnerReference&, const OwnerReference&) = default;
};

// What decisions need of an object's metadata (spec kubernetes-api 2.1). A view: the object itself
// stays a JSON tree. Copyable; thread-compatible.
struct ObjectMeta {
  std::string name;
  std::string generate_name;
  std::string name_space;
  std::string uid;
  std::string resource_version;  // opaque; compare for equality only
  int64_t generation = 0;
  std::optional<absl::Time> created;
  std::optional<absl::Time> deletion_time;
  std::optional<int64_t> deletion_grace_seconds;
  StringMap labels;
  StringMap annotations;
  std::vector<OwnerReference> owners;
  std::vector<std::string> finalizers;

  bool BeingDeleted() const { return deletion_time.has_value(); }
  bool HasFinalizer(absl::string_view finalizer) const;
  // The owner that manages the object; null when there is none.
  const OwnerReference* Controller() const;
};

// Reads `metadata` of a whole object. Errors: kInvalidArgument naming the member that has the wrong
// type.
absl::StatusOr<ObjectMeta> ReadObjectMeta(const Json& object);

Json OwnerReferenceToJson(const OwnerReference& owner);

// Who holds a Lease and until when (spec kubernetes-api 10.2).
struct LeaseView {
  std::string holder;  // empty: nobody
  int32_t duration_seconds = 0;
  std::optional<absl::Time> acquired;
  std::optional<absl::Time> renewed;
  int32_t transitions = 0;
  friend bool operator==(const LeaseView&, const LeaseView&) = default;
};

// Reads `spec` of a Lease. Errors: kInvalidArgument naming the member; times need six digits.
absl::StatusOr<LeaseView> ReadLease(const Json& lease);
// Puts the view into a Lease; members that it does not know stay.
void WriteLease(const LeaseView& view, Json& lease);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_OBJECT_META_H_
