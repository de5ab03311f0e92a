#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_SELECTION_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_SELECTION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/api/field_selector.h"
#include "common/api/selector.h"
#include "common/api/string_map.h"
#include "common/json/json_fwd.h"
#include "controller/apiserver/registry/registry.h"

namespace rekindle::apiserver {

// Both selectors of a list, watch or deletecollection (spec kubernetes-api 3). Immutable;
// thread-safe.
class Selection {
 public:
  Selection() = default;
  // Errors: 400 (ApiError).
  static absl::StatusOr<Selection> Parse(const Call& call);

  bool MatchesEverything() const {
    return labels_.MatchesEverything() && fields_.MatchesEverything();
  }
  bool HasFields() const { return !fields_.MatchesEverything(); }
  // False when no object of this key can match: nothing needs to be parsed to know.
  bool MayMatch(const Key& key) const;
  // False when the stored text cannot be that of a match. A search for the values that a match must
  // hold takes a tenth of the time of parsing the object, which lists of a node's pods would do to
  // all pods.
  bool MayMatchText(absl::string_view stored) const;
  // `object` in the version of the call.
  bool Matches(const Json& object) const;
  bool MatchesLabels(const api::StringMap& labels) const { return labels_.Matches(labels); }
  // The one name that can match; null when there may be several.
  const std::string* Name() const { return fields_.Demanded("metadata.name"); }

 private:
  api::Selector labels_;
  api::FieldSelector fields_;
  std::vector<std::string> demanded_;  // texts that a match holds somewhere
};

// metadata.labels of an object; what is no text is left out.
api::StringMap LabelsOf(const Json& object);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_SELECTION_H_
