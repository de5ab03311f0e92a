#include "controller/apiserver/registry/selection.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/status.h"
#include "common/json/tree.h"

namespace rekindle::apiserver {

api::StringMap LabelsOf(const Json& object) {
  api::StringMap out;
  const Json* labels = json::Find(object, {"metadata", "labels"});
  if (labels == nullptr || !labels->is_object()) return out;
  for (const auto& [key, value] : labels->items()) {
    if (value.is_string()) out.Set(key, value.get_ref<const std::string&>());
  }
  return out;
}

absl::StatusOr<Selection> Selection::Parse(const Call& call) {
  Selection out;
  absl::StatusOr<api::Selector> labels = api::Selector::Parse(call.label_selector);
  if (!labels.ok()) return ToStatus(api::BadRequest(labels.status().message()));
  absl::StatusOr<api::FieldSelector> fields = api::FieldSelector::Parse(call.field_selector);
  if (!fields.ok()) return ToStatus(api::BadRequest(fields.status().message()));
  const absl::Status known = fields->CheckFields(call.kind->info->group, call.kind->info->kind,
                                                 call.kind->selectable_fields);
  if (!known.ok()) return ToStatus(api::BadRequest(known.message()));
  out.labels_ = *std::move(labels);
  out.fields_ = *std::move(fields);
  return out;
}

bool Selection::MayMatch(const Key& key) const {
  for (const api::FieldSelector::Term& term : fields_.terms()) {
    if (term.path == "metadata.name" && (term.value == key.name) != term.equal) return false;
    if (term.path == "metadata.namespace" && (term.value == key.name_space) != term.equal) {
      return false;
    }
  }
  return true;
}

bool Selection::Matches(const Json& object) const {
  return (labels_.MatchesEverything() || labels_.Matches(LabelsOf(object))) &&
         (fields_.MatchesEverything() || fields_.Matches(object));
}

}  // namespace rekindle::apiserver
