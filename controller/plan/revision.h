#ifndef REKINDLE_CONTROLLER_PLAN_REVISION_H_
#define REKINDLE_CONTROLLER_PLAN_REVISION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/json/json_fwd.h"
#include "controller/plan/template.h"

namespace rekindle::plan {

// The stored bytes of a revision: only the pod template, as a strategic merge patch with
// "$patch":"replace", keys sorted, markup escaped, with the artefacts of typed serialisation
// (`creationTimestamp: null`, `resources: {}`) that existing objects carry.
std::string RevisionData(const Json& pod_template);

// FNV-1 over the bytes and the decimal collision count, digits mapped to the safe alphabet.
// Vectors: spec cloneset 31.1, statefulset 7.2.
std::string RevisionHash(absl::string_view data, int32_t collision_count);
std::string RevisionName(absl::string_view owner, absl::string_view hash);

// Decimal FNV-1a over name and spec of the claim templates, sorted by name; "" without any.
std::string ClaimTemplatesHash(const Json& claim_templates);

// A ControllerRevision as plans see it.
struct Revision {
  std::string name;
  int64_t number = 0;
  int64_t created = 0;  // Unix seconds
  Template pod_template;
  std::optional<std::string> claims_hash;  // annotation; absent differs from ""
  bool pre_download_done = false;          // one of the two marker labels is there
};

// Reads a ControllerRevision object. Errors: kInvalidArgument naming the field.
absl::StatusOr<Revision> ParseRevision(const Json& object, const NormalizeOptions& options,
                                       api::PodParser& parser);

struct RevisionInput {
  std::string owner;
  Template pod_template;                   // the live one
  std::optional<std::string> claims_hash;  // of the live claim templates; absent: not recorded
  std::vector<Revision> history;           // any order
  std::vector<std::string> foreign_names;  // names found taken by other objects
  std::string status_current;              // status.currentRevision
  int32_t collision_count = 0;
};

enum class RevisionAction {
  kReuse,     // the newest revision means the same: nothing is written, its claim hash stays
  kRollback,  // an older one means the same: raise its number and note the claim hash, keep its
              // name
  kCreate,
};

struct RevisionPlan {
  RevisionAction action = RevisionAction::kReuse;
  Revision update;
  Revision current;
  int32_t collision_count = 0;
  std::string hash_label;  // of a created revision: the hash of the first attempt
  std::string data;        // stored bytes of a created revision
};

// Which revision the live template is, and which one the set was last stable on. Equality is by
// meaning, so a serialisation difference makes no revision.
RevisionPlan PlanRevisions(const RevisionInput& input);

// Names of revisions to delete: those that are not live, lowest number first, beyond `limit`
// (negative counts as 0). `live` holds names or bare hashes.
std::vector<std::string> TrimHistory(const std::vector<Revision>& history,
                                     const std::vector<std::string>& live, int64_t limit);

// The revision that `label` names, in long or short style; nullptr when it is not stored.
const Revision* FindRevision(const std::vector<Revision>& history, absl::string_view label);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_REVISION_H_
