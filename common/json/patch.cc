#include "common/json/patch.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

namespace rekindle::json {
namespace {

constexpr absl::string_view kDirective = "$patch";
constexpr absl::string_view kOrder = "$setElementOrder/";
constexpr absl::string_view kDeletePrimitive = "$deleteFromPrimitiveList/";
constexpr absl::string_view kRetainKeys = "$retainKeys";

struct ListEntry {
  absl::string_view path;
  absl::string_view key;  // empty: list of primitives
};

// Every merged list; all others are replaced as a whole.
constexpr ListEntry kMergedLists[] = {
    {"metadata.ownerReferences", "uid"},
    {"metadata.finalizers", ""},
    {"spec.containers", "name"},
    {"spec.initContainers", "name"},
    {"spec.ephemeralContainers", "name"},
    {"spec.volumes", "name"},
    {"spec.imagePullSecrets", "name"},
    {"spec.hostAliases", "ip"},
    {"spec.topologySpreadConstraints", "topologyKey"},
    {"spec.schedulingGates", "name"},
    {"spec.resourceClaims", "name"},
    {"status.conditions", "type"},
    {"status.podIPs", "ip"},
    {"status.hostIPs", "ip"},
    {"status.resourceClaimStatuses", "name"},
};
constexpr ListEntry kContainerLists[] = {{"env", "name"},
                                         {"ports", "containerPort"},
                                         {"volumeMounts", "mountPath"},
                                         {"volumeDevices", "devicePath"}};

std::string Join(absl::string_view path, absl::string_view field) {
  return path.empty() ? std::string(field) : absl::StrCat(path, ".", field);
}

Json* FindByKey(Json& list, absl::string_view key, const Json& value) {
  for (Json& element : list) {
    if (!element.is_object()) continue;
    const auto it = element.find(key);
    if (it != element.end() && *it == value) return &element;
  }
  return nullptr;
}

class Applier {
 public:
  absl::StatusOr<Json> Merge(Json tree, const Json& patch, const std::string& path) {
    if (!patch.is_object()) return patch;
    if (!tree.is_object()) tree = Json::object();
    if (const auto it = patch.find(kDirective); it != patch.end()) {
      if (*it == "replace") {
        Json out = patch;
        out.erase(std::string(kDirective));
        return out;
      }
      if (*it == "delete") return Json::object();
      if (*it != "merge") return Unknown(path, *it);
    }
    if (const auto it = patch.find(kRetainKeys); it != patch.end() && it->is_array()) {
      Json kept = Json::object();
      for (const auto& [key, value] : tree.items()) {
        if (std::find(it->begin(), it->end(), Json(key)) != it->end()) kept[key] = value;
      }
      tree = std::move(kept);
    }
    for (const auto& [key, value] : patch.items()) {
      if (absl::StartsWith(key, "$")) continue;
      if (value.is_null()) {
        tree.erase(key);
        continue;
      }
      const std::string child = Join(path, key);
      absl::StatusOr<Json> merged =
          value.is_array() ? MergeList(tree.value(key, Json()), value, patch, key, child)
                           : Merge(tree.value(key, Json()), value, child);
      if (!merged.ok()) return merged.status();
      tree[key] = *std::move(merged);
    }
    return Lists(std::move(tree), patch, path);
  }

 private:
  static absl::Status Unknown(absl::string_view path, const Json& directive) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": unknown $patch directive ", directive.dump()));
  }

  // Directives that stand beside a list, for lists that the patch itself does not mention.
  static Json Lists(Json tree, const Json& patch, const std::string& path) {
    for (const auto& [key, value] : patch.items()) {
      if (absl::StartsWith(key, kDeletePrimitive)) {
        const std::string field(absl::StripPrefix(key, kDeletePrimitive));
        if (tree.contains(field)) DropPrimitives(tree[field], value);
      }
    }
    for (const auto& [key, value] : patch.items()) {
      if (!absl::StartsWith(key, kOrder)) continue;
      const std::string field(absl::StripPrefix(key, kOrder));
      if (tree.contains(field)) Reorder(tree[field], value, PodListRule(Join(path, field)));
    }
    return tree;
  }

  static void DropPrimitives(Json& list, const Json& doomed) {
    if (!list.is_array() || !doomed.is_array()) return;
    Json kept = Json::array();
    for (const Json& value : list) {
      if (std::find(doomed.begin(), doomed.end(), value) == doomed.end()) kept.push_back(value);
    }
    list = std::move(kept);
  }

  static void Reorder(Json& list, const Json& order, const ListRule& rule) {
    if (!list.is_array() || !order.is_array() || rule.kind == ListRule::Kind::kReplace) return;
    const auto place = [&](const Json& element) {
      for (size_t i = 0; i < order.size(); ++i) {
        const bool same = rule.kind == ListRule::Kind::kMergePrimitive
                              ? order[i] == element
                              : order[i].is_object() && element.is_object() &&
                                    order[i].value(std::string(rule.key), Json()) ==
                                        element.value(std::string(rule.key), Json());
        if (same) return i;
      }
      return order.size();
    };
    std::vector<Json> elements(list.begin(), list.end());
    std::stable_sort(elements.begin(), elements.end(),
                     [&](const Json& a, const Json& b) { return place(a) < place(b); });
    list = Json(elements);
  }

  absl::StatusOr<Json> MergeList(Json tree, const Json& patch, const Json&, const std::string&,
                                 const std::string& path) {
    const ListRule rule = PodListRule(path);
    if (rule.kind == ListRule::Kind::kReplace || !tree.is_array()) return WithoutDirectives(patch);
    if (rule.kind == ListRule::Kind::kMergePrimitive) {
      Json out = Json::array();
      for (const Json& value : patch) {
        if (std::find(tree.begin(), tree.end(), value) == tree.end()) out.push_back(value);
      }
      for (const Json& value : tree) out.push_back(value);
      return out;
    }
    for (const Json& element : patch) {
      if (element.is_object() && element.size() == 1 && element.contains(kDirective) &&
          element[std::string(kDirective)] == "replace") {
        return WithoutDirectives(patch);
      }
    }
    Json fresh = Json::array();
    for (const Json& element : patch) {
      const std::string key(rule.key);
      if (!element.is_object() || !element.contains(key)) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ": list element without its merge key ", rule.key));
      }
      Json* present = FindByKey(tree, rule.key, element[key]);
      if (element.value(std::string(kDirective), Json()) == "delete") {
        if (present != nullptr) tree.erase(tree.begin() + (present - &tree[0]));
        continue;
      }
      absl::StatusOr<Json> merged =
          Merge(present == nullptr ? Json::object() : *present, element, path);
      if (!merged.ok()) return merged.status();
      if (present == nullptr) {
        fresh.push_back(*std::move(merged));
      } else {
        *present = *std::move(merged);
      }
    }
    for (Json& element : tree) fresh.push_back(std::move(element));
    return fresh;
  }

  static Json WithoutDirectives(const Json& list) {
    Json out = Json::array();
    for (const Json& element : list) {
      if (element.is_object() && element.contains(kDirective)) continue;
      out.push_back(element);
    }
    return out;
  }
};

Json MakeMap(const Json& before, const Json& after, const std::string& path);

void MakeKeyedList(const Json& before, const Json& after, const std::string& field,
                   const std::string& path, absl::string_view key, Json& out) {
  const std::string k(key);
  Json patch = Json::array();
  Json order = Json::array();
  Json old_list = before;
  for (const Json& element : after) {
    if (element.is_object() && element.contains(k)) order.push_back({{k, element[k]}});
    const Json* present = FindByKey(old_list, key, element.value(k, Json()));
    Json change = present == nullptr ? element : MakeMap(*present, element, path);
    if (change.empty()) continue;
    change[k] = element[k];
    patch.push_back(std::move(change));
  }
  Json new_list = after;
  for (const Json& element : before) {
    if (FindByKey(new_list, key, element.value(k, Json())) == nullptr) {
      patch.push_back({{std::string(kDirective), "delete"}, {k, element[k]}});
    }
  }
  out[absl::StrCat(kOrder, field)] = std::move(order);
  if (!patch.empty()) out[field] = std::move(patch);
}

void MakePrimitiveList(const Json& before, const Json& after, const std::string& field, Json& out) {
  Json added = Json::array();
  Json removed = Json::array();
  for (const Json& value : after) {
    if (std::find(before.begin(), before.end(), value) == before.end()) added.push_back(value);
  }
  for (const Json& value : before) {
    if (std::find(after.begin(), after.end(), value) == after.end()) removed.push_back(value);
  }
  if (!removed.empty()) out[absl::StrCat(kDeletePrimitive, field)] = std::move(removed);
  if (!after.empty()) out[absl::StrCat(kOrder, field)] = after;
  if (!added.empty()) out[field] = std::move(added);
}

Json MakeMap(const Json& before, const Json& after, const std::string& path) {
  Json out = Json::object();
  for (const auto& [key, value] : before.items()) {
    if (!after.contains(key)) out[key] = nullptr;
  }
  for (const auto& [key, value] : after.items()) {
    const auto it = before.find(key);
    if (it == before.end()) {
      out[key] = value;
      continue;
    }
    if (*it == value) continue;
    const ListRule rule = PodListRule(Join(path, key));
    if (it->is_object() && value.is_object()) {
      out[key] = MakeMap(*it, value, Join(path, key));
    } else if (it->is_array() && value.is_array() && rule.kind == ListRule::Kind::kMergeByKey) {
      MakeKeyedList(*it, value, key, Join(path, key), rule.key, out);
    } else if (it->is_array() && value.is_array() && rule.kind == ListRule::Kind::kMergePrimitive) {
      MakePrimitiveList(*it, value, key, out);
    } else {
      out[key] = value;
    }
  }
  return out;
}

}  // namespace

Json ApplyMergePatch(Json tree, const Json& patch) {
  tree.merge_patch(patch);
  return tree;
}

Json MakeMergePatch(const Json& before, const Json& after) {
  if (!before.is_object() || !after.is_object()) return after;
  Json out = Json::object();
  for (const auto& [key, value] : before.items()) {
    if (!after.contains(key)) out[key] = nullptr;
  }
  for (const auto& [key, value] : after.items()) {
    const auto it = before.find(key);
    if (it == before.end()) {
      out[key] = value;
    } else if (*it != value) {
      out[key] = it->is_object() && value.is_object() ? MakeMergePatch(*it, value) : value;
    }
  }
  return out;
}

ListRule PodListRule(absl::string_view path) {
  for (const ListEntry& entry : kMergedLists) {
    if (entry.path != path) continue;
    return {entry.key.empty() ? ListRule::Kind::kMergePrimitive : ListRule::Kind::kMergeByKey,
            entry.key};
  }
  for (const absl::string_view list :
       {"spec.containers.", "spec.initContainers.", "spec.ephemeralContainers."}) {
    if (!absl::ConsumePrefix(&path, list)) continue;
    for (const ListEntry& entry : kContainerLists) {
      if (entry.path == path) return {ListRule::Kind::kMergeByKey, entry.key};
    }
  }
  return {};
}

absl::StatusOr<Json> ApplyStrategicPatch(const Json& tree, const Json& patch,
                                         absl::string_view root) {
  if (!patch.is_object()) return absl::InvalidArgumentError("a strategic merge patch is an object");
  return Applier().Merge(tree, patch, std::string(root));
}

Json MakeStrategicPatch(const Json& before, const Json& after, absl::string_view root) {
  return MakeMap(before, after, std::string(root));
}

}  // namespace rekindle::json
