#include "controller/apiserver/catalog/definition.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/registry.h"
#include "common/api/schema/openapi.h"
#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::apiserver {

void CompleteDefinition(Json& crd) {
  if (!crd.is_object()) return;
  const auto spec = crd.find("spec");
  if (spec == crd.end() || !spec->is_object()) return;
  const auto names = spec->find("names");
  if (names != spec->end() && names->is_object()) {
    const std::string kind(json::String(*names, "kind"));
    if (!kind.empty()) {
      if (json::String(*names, "singular").empty()) {
        (*names)["singular"] = absl::AsciiStrToLower(kind);
      }
      if (json::String(*names, "listKind").empty()) (*names)["listKind"] = kind + "List";
    }
  }
  if (json::Find(*spec, "conversion") == nullptr) (*spec)["conversion"] = {{"strategy", "None"}};
}

std::vector<Json> BuiltInDefinitions() {
  std::vector<Json> out;
  std::set<std::string> done;
  for (const api::KindInfo& info : api::Kinds().kinds()) {
    if (!info.custom || !done.insert(absl::StrCat(info.group, "/", info.kind)).second) continue;
    Json crd = api::ToCrd(api::Kinds(), info.group, info.kind);
    CompleteDefinition(crd);
    out.push_back(std::move(crd));
  }
  return out;
}

bool IsBuiltInDefinition(absl::string_view crd_name) {
  static const std::set<std::string>& names = *[] {
    auto* out = new std::set<std::string>();
    for (const api::KindInfo& info : api::Kinds().kinds()) {
      if (info.custom) out->insert(absl::StrCat(info.plural, ".", info.group));
    }
    return out;
  }();
  return names.contains(std::string(crd_name));
}

void MergeStatus(const Json& status, absl::Time now, Json& crd) {
  if (!status.is_object() || !crd.is_object()) return;
  Json& into = crd["status"];
  if (!into.is_object()) into = Json::object();
  for (const char* member : {"acceptedNames", "storedVersions"}) {
    if (status.contains(member)) into[member] = status[member];
  }
  Json& conditions = into["conditions"];
  if (!conditions.is_array()) conditions = Json::array();
  const Json* wanted = json::Find(status, "conditions");
  if (wanted == nullptr) return;
  for (const Json& one : *wanted) {
    Json* have = nullptr;
    for (Json& other : conditions) {
      if (json::String(other, "type") == json::String(one, "type")) have = &other;
    }
    if (have == nullptr) have = &conditions.emplace_back(Json::object());
    const bool same = json::String(*have, "status") == json::String(one, "status") &&
                      !json::String(*have, "lastTransitionTime").empty();
    Json time = same ? (*have)["lastTransitionTime"] : Json(api::FormatTime(now));
    *have = one;
    (*have)["lastTransitionTime"] = std::move(time);
  }
}

}  // namespace rekindle::apiserver
