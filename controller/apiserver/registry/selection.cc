#include "controller/apiserver/registry/selection.h"

#include <string.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include <nlohmann/json.hpp>

#include "common/api/status.h"
#include "common/json/tree.h"

namespace rekindle::apiserver {

namespace {

// No writer of JSON has a reason to escape any of it.
bool IsPlain(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

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
  for (const api::Selector::Requirement& one : labels->requirements()) {
    const bool demands = one.op == api::Selector::Op::kIn && one.values.size() == 1;
    if (demands && IsPlain(one.values[0])) out.demanded_.push_back(one.values[0]);
  }
  for (const api::FieldSelector::Term& term : fields->terms()) {
    // Keys tell these two. Versions of a custom resource may say one thing in different words.
    if (term.path == "metadata.name" || term.path == "metadata.namespace") continue;
    if (call.kind->info->custom || call.kind->user_defined) continue;
    // What is absent may count as false.
    if (term.value == "true" || term.value == "false") continue;
    if (term.equal && IsPlain(term.value)) out.demanded_.push_back(term.value);
  }
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

bool Selection::MayMatchText(absl::string_view stored) const {
  return std::all_of(demanded_.begin(), demanded_.end(), [&](const std::string& text) {
    return memmem(stored.data(), stored.size(), text.data(), text.size()) != nullptr;
  });
}

bool Selection::Matches(const Json& object) const {
  return (labels_.MatchesEverything() || labels_.Matches(LabelsOf(object))) &&
         (fields_.MatchesEverything() || fields_.Matches(object));
}

}  // namespace rekindle::apiserver
