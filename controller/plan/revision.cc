#include "controller/plan/revision.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/container_hash.h"
#include "common/api/keys.h"
#include "common/api/names.h"
#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::plan {
namespace {

constexpr absl::string_view kSafeAlphabet = "bcdfghjklmnpqrstvwxz2456789";
constexpr size_t kMaxNamePrefix = 223;

uint32_t Fnv1(absl::string_view text) {
  uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash * 16777619U) ^ static_cast<unsigned char>(c);
  return hash;
}

bool Older(const Revision& a, const Revision& b) {
  if (a.number != b.number) return a.number < b.number;
  if (a.created != b.created) return a.created < b.created;
  return a.name < b.name;
}

bool Taken(const RevisionInput& input, const std::string& name) {
  const auto& foreign = input.foreign_names;
  return std::find(foreign.begin(), foreign.end(), name) != foreign.end() ||
         std::any_of(input.history.begin(), input.history.end(),
                     [&](const Revision& r) { return r.name == name; });
}

}  // namespace

std::string RevisionData(const Json& pod_template) {
  Json stored = pod_template.is_object() ? pod_template : Json::object();
  stored["$patch"] = "replace";
  Json& metadata = stored["metadata"];
  if (!metadata.is_object()) metadata = Json::object();
  if (!metadata.contains("creationTimestamp")) metadata["creationTimestamp"] = nullptr;
  if (stored.contains("spec") && stored["spec"].is_object()) {
    for (const char* list : {"containers", "initContainers"}) {
      if (!stored["spec"].contains(list) || !stored["spec"][list].is_array()) continue;
      for (Json& container : stored["spec"][list]) {
        if (container.is_object() && !container.contains("resources")) {
          container["resources"] = Json::object();
        }
      }
    }
  }
  return json::DumpLikeGo({{"spec", {{"template", std::move(stored)}}}});
}

std::string RevisionHash(absl::string_view data, int32_t collision_count) {
  std::string out;
  for (const char digit : absl::StrCat(Fnv1(absl::StrCat(data, collision_count)))) {
    out += kSafeAlphabet[static_cast<unsigned char>(digit) % kSafeAlphabet.size()];
  }
  return out;
}

std::string RevisionName(absl::string_view owner, absl::string_view hash) {
  return absl::StrCat(owner.substr(0, kMaxNamePrefix), "-", hash);
}

std::string ClaimTemplatesHash(const Json& claim_templates) {
  if (!claim_templates.is_array() || claim_templates.empty()) return "";
  std::vector<const Json*> sorted;
  for (const Json& claim : claim_templates) sorted.push_back(&claim);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Json* a, const Json* b) {
    return json::String(*a, {"metadata", "name"}) < json::String(*b, {"metadata", "name"});
  });
  // Typed order of members: metadata{name, creationTimestamp}, spec, status. The members of the
  // claim spec come in the order of its type.
  constexpr absl::string_view kSpecOrder[] = {
      "accessModes", "selector",         "resources",
      "volumeName",  "storageClassName", "volumeMode",
      "dataSource",  "dataSourceRef",    "volumeAttributesClassName"};
  std::string text;
  for (const Json* claim : sorted) {
    std::string spec;
    for (const absl::string_view field : kSpecOrder) {
      const Json* value = json::Find(*claim, {"spec", field});
      if (value == nullptr && field != "resources") continue;
      absl::StrAppend(&spec, spec.empty() ? "" : ",", "\"", field,
                      "\":", value == nullptr ? "{}" : json::DumpLikeGo(*value));
    }
    absl::StrAppend(&text, text.empty() ? "" : ",", "{\"metadata\":{\"name\":",
                    json::DumpLikeGo(Json(std::string(json::String(*claim, {"metadata", "name"})))),
                    ",\"creationTimestamp\":null},\"spec\":{", spec, "},\"status\":{}}");
  }
  return absl::StrCat(api::HashOfBytesText(absl::StrCat("[", text, "]")));
}

absl::StatusOr<Revision> ParseRevision(const Json& object, const NormalizeOptions& options,
                                       api::PodParser& parser) {
  Revision out;
  out.name = std::string(json::String(object, {"metadata", "name"}));
  if (out.name.empty()) return absl::InvalidArgumentError("metadata.name: missing");
  out.number = json::Int(object, "revision").value_or(0);
  const auto created = api::ParseTime(json::String(object, {"metadata", "creationTimestamp"}));
  out.created = created.has_value() ? absl::ToUnixSeconds(*created) : 0;
  const Json* data = json::Find(object, {"data", "spec", "template"});
  if (data == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(out.name, ": data.spec.template: missing"));
  }
  Json tree = *data;
  if (tree.is_object()) tree.erase("$patch");
  absl::StatusOr<Template> made = MakeTemplate(tree, options, parser);
  if (!made.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(out.name, ": data.spec.template.", made.status().message()));
  }
  out.pod_template = *std::move(made);
  const Json* hash = json::Find(object, {"metadata", "annotations", api::kAnnotationClaimHash});
  if (hash != nullptr && hash->is_string()) out.claims_hash = hash->get<std::string>();
  for (const absl::string_view label :
       {api::kLabelPreDownloadCreated, api::kLabelPreDownloadIgnored}) {
    out.pre_download_done =
        out.pre_download_done || json::Find(object, {"metadata", "labels", label}) != nullptr;
  }
  return out;
}

RevisionPlan PlanRevisions(const RevisionInput& input) {
  RevisionPlan plan;
  plan.collision_count = input.collision_count;
  std::vector<Revision> sorted = input.history;
  std::sort(sorted.begin(), sorted.end(), Older);
  const int64_t next = sorted.empty() ? 1 : sorted.back().number + 1;
  const auto equal = std::find_if(sorted.rbegin(), sorted.rend(), [&](const Revision& r) {
    return SameMeaning(r.pod_template, input.pod_template);
  });
  if (equal == sorted.rend()) {
    plan.action = RevisionAction::kCreate;
    plan.data = RevisionData(*input.pod_template.tree);
    plan.hash_label = RevisionHash(plan.data, plan.collision_count);
    plan.update.name = RevisionName(input.owner, plan.hash_label);
    while (Taken(input, plan.update.name)) {
      ++plan.collision_count;
      plan.update.name = RevisionName(input.owner, RevisionHash(plan.data, plan.collision_count));
    }
    plan.update.number = next;
    plan.update.pod_template = input.pod_template;
  } else {
    plan.update = *equal;
    if (equal != sorted.rbegin()) {
      plan.action = RevisionAction::kRollback;
      plan.update.number = next;
    }
  }
  // The newest revision keeps the hash its pods were made with, or the next change would pass as
  // one in place (cloneset 11.4 rule 4, 17.5).
  const bool noted = plan.action == RevisionAction::kReuse;
  if (input.claims_hash && !noted) plan.update.claims_hash = input.claims_hash;
  plan.current = plan.update;
  for (const Revision& r : sorted) {
    if (r.name == input.status_current && r.name != plan.update.name) plan.current = r;
  }
  return plan;
}

std::vector<std::string> TrimHistory(const std::vector<Revision>& history,
                                     const std::vector<std::string>& live, int64_t limit) {
  std::vector<const Revision*> idle;
  for (const Revision& r : history) {
    const bool used = std::any_of(live.begin(), live.end(), [&](const std::string& name) {
      return api::SameRevision(name, r.name);
    });
    if (!used) idle.push_back(&r);
  }
  std::sort(idle.begin(), idle.end(),
            [](const Revision* a, const Revision* b) { return Older(*a, *b); });
  std::vector<std::string> out;
  const size_t keep = limit < 0 ? 0 : static_cast<size_t>(limit);
  for (size_t i = 0; i + keep < idle.size(); ++i) out.push_back(idle[i]->name);
  return out;
}

const Revision* FindRevision(const std::vector<Revision>& history, absl::string_view label) {
  for (const Revision& r : history) {
    if (api::SameRevision(label, r.name)) return &r;
  }
  return nullptr;
}

}  // namespace rekindle::plan
