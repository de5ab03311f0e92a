#include "common/json/patch.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

namespace rekindle::json {
namespace {

constexpr char kDirective[] = "$patch";
constexpr char kRetainKeys[] = "$retainKeys";
constexpr absl::string_view kOrder = "$setElementOrder/";
constexpr absl::string_view kDeletePrimitive = "$deleteFromPrimitiveList/";

const MergeSchema* Below(const MergeSchema* schema, absl::string_view name) {
  return schema == nullptr ? nullptr : schema->MemberSchema(name);
}

ListRule RuleOf(const MergeSchema* schema) {
  return schema == nullptr ? ListRule() : schema->MergeRule();
}

bool IsDirective(const Json& element, absl::string_view name) {
  if (!element.is_object()) return false;
  const auto it = element.find(kDirective);
  return it != element.end() && it->is_string() && it->get_ref<const std::string&>() == name;
}

bool Contains(const Json& list, const Json& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// What identifies an element: its merge key's value, or itself. Null for what has no identity.
Json Identity(const Json& element, const ListRule& rule) {
  if (rule.kind == ListRule::Kind::kMergePrimitive) return element;
  return element.is_object() ? element.value(std::string(rule.key), Json()) : Json();
}

constexpr size_t kNowhere = static_cast<size_t>(-1);

// Where the elements of a list are, by identity; the first one counts. Lists come from users and
// may be long, so looking one up must not cost a walk.
class Places {
 public:
  Places(const Json& list, const ListRule& rule) : rule_(rule) {
    for (size_t i = 0; i < list.size(); ++i) Add(list[i], i);
  }
  void Add(const Json& element, size_t place) {
    const Json identity = Identity(element, rule_);
    if (!identity.is_null()) places_.emplace(Text(identity), place);
  }
  size_t Find(const Json& identity) const {
    const auto it = identity.is_null() ? places_.end() : places_.find(Text(identity));
    return it == places_.end() ? kNowhere : it->second;
  }
  size_t Of(const Json& element) const { return Find(Identity(element, rule_)); }
  bool Has(const Json& element) const { return Of(element) != kNowhere; }
  size_t size() const { return places_.size(); }

 private:
  static std::string Text(const Json& identity) {
    return identity.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  ListRule rule_;
  absl::flat_hash_map<std::string, size_t> places_;
};

// The text of a value as error messages of API servers show it.
std::string Shown(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  std::string out;
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      absl::StrAppend(&out, out.empty() ? "" : " ", key, ":", Shown(member));
    }
    return absl::StrCat("map[", out, "]");
  }
  if (value.is_array()) {
    for (const Json& member : value) absl::StrAppend(&out, out.empty() ? "" : " ", Shown(member));
    return absl::StrCat("[", out, "]");
  }
  return value.is_null() ? "<nil>" : value.dump();
}

absl::Status NoKey(const Json& element, absl::string_view key) {
  return absl::InvalidArgumentError(
      absl::StrCat("map: ", Shown(element), " does not contain declared merge key: ", key));
}

// `merged` in its final order: elements named in `order` follow it, the others keep their places
// relative to the elements that the list had `before`.
Json Arrange(const Json& merged, const Json& order, const Places& before, const ListRule& rule) {
  struct Element {
    const Json* value;
    size_t rank;    // in `order`
    size_t before;  // place in the old list
  };
  const Places ranks(order, rule);
  std::vector<Element> named;
  std::vector<Element> others;
  for (const Json& element : merged) {
    const size_t rank = ranks.Of(element);
    (rank != kNowhere ? named : others).push_back({&element, rank, before.Of(element)});
  }
  std::stable_sort(named.begin(), named.end(),
                   [](const Element& a, const Element& b) { return a.rank < b.rank; });
  Json out = Json::array();
  size_t other = 0;
  for (const Element& element : named) {
    while (other < others.size() && element.before != kNowhere &&
           others[other].before < element.before) {
      out.push_back(*others[other++].value);
    }
    out.push_back(*element.value);
  }
  while (other < others.size()) out.push_back(*others[other++].value);
  return out;
}

void DropPrimitives(Json& list, const Json& doomed) {
  if (!list.is_array() || !doomed.is_array()) return;
  const Places gone(doomed, {ListRule::Kind::kMergePrimitive, {}});
  Json kept = Json::array();
  for (Json& value : list) {
    if (!gone.Has(value)) kept.push_back(std::move(value));
  }
  list = std::move(kept);
}

absl::StatusOr<Json> MergeList(Json tree, const Json& patch, const Json* order,
                               const MergeSchema* schema);

absl::StatusOr<Json> MergeMap(Json tree, const Json& patch, const MergeSchema* schema) {
  if (!tree.is_object()) tree = Json::object();
  if (const auto it = patch.find(kDirective); it != patch.end()) {
    if (IsDirective(patch, "delete")) return Json::object();
    if (IsDirective(patch, "replace")) {
      tree = Json::object();
    } else if (!IsDirective(patch, "merge")) {
      return absl::InvalidArgumentError(absl::StrCat("unknown $patch directive ", it->dump()));
    }
  }
  if (const auto it = patch.find(kRetainKeys); it != patch.end()) {
    if (!it->is_array()) return absl::InvalidArgumentError("$retainKeys is no list");
    Json kept = Json::object();
    for (auto& [key, value] : tree.items()) {
      if (Contains(*it, Json(key))) kept[key] = std::move(value);
    }
    tree = std::move(kept);
  }
  for (const auto& [key, doomed] : patch.items()) {
    if (!absl::StartsWith(key, kDeletePrimitive)) continue;
    const auto it = tree.find(std::string(absl::StripPrefix(key, kDeletePrimitive)));
    if (it != tree.end()) DropPrimitives(*it, doomed);
  }
  for (const auto& [key, value] : patch.items()) {
    if (absl::StartsWith(key, "$")) continue;
    if (value.is_null()) {
      tree.erase(key);
      continue;
    }
    const MergeSchema* below = Below(schema, key);
    Json live = tree.value(key, Json());
    absl::StatusOr<Json> merged = value;
    if (value.is_object()) {
      merged = MergeMap(std::move(live), value, below);
    } else if (value.is_array()) {
      const auto order = patch.find(absl::StrCat(kOrder, key));
      merged = MergeList(std::move(live), value, order == patch.end() ? nullptr : &*order, below);
    }
    if (!merged.ok()) return merged.status();
    tree[key] = *std::move(merged);
  }
  for (const auto& [key, order] : patch.items()) {
    if (!absl::StartsWith(key, kOrder)) continue;
    const std::string field(absl::StripPrefix(key, kOrder));
    const auto it = tree.find(field);
    if (it == tree.end() || !it->is_array() || !order.is_array() || patch.contains(field)) continue;
    const ListRule rule = RuleOf(Below(schema, field));
    if (rule.kind != ListRule::Kind::kReplace) *it = Arrange(*it, order, Places(*it, rule), rule);
  }
  return tree;
}

// A list as it is stored when nothing is merged into it: no directives, at any depth.
absl::StatusOr<Json> Cleaned(const Json& list, const MergeSchema* schema) {
  Json out = Json::array();
  for (const Json& element : list) {
    if (element.is_object()) {
      if (element.contains(kDirective)) continue;
      absl::StatusOr<Json> clean = MergeMap(Json::object(), element, Below(schema, ""));
      if (!clean.ok()) return clean.status();
      out.push_back(*std::move(clean));
    } else {
      out.push_back(element);
    }
  }
  return out;
}

absl::StatusOr<Json> MergeList(Json tree, const Json& patch, const Json* order,
                               const MergeSchema* schema) {
  const ListRule rule = RuleOf(schema);
  const bool replaced = std::any_of(patch.begin(), patch.end(), [](const Json& element) {
    return element.is_object() && element.size() == 1 && IsDirective(element, "replace");
  });
  if (rule.kind == ListRule::Kind::kReplace || replaced) return Cleaned(patch, schema);
  if (!tree.is_array()) tree = Json::array();
  const Places before(tree, rule);
  Places now = before;
  std::vector<bool> deleted(tree.size(), false);
  Json present = Json::array();  // the elements that the patch sets, in its order
  for (const Json& element : patch) {
    if (rule.kind == ListRule::Kind::kMergePrimitive) {
      if (!now.Has(element)) {
        now.Add(element, tree.size());
        tree.push_back(element);
        deleted.push_back(false);
      }
      present.push_back(element);
      continue;
    }
    const std::string key(rule.key);
    if (!element.is_object() || !element.contains(key)) return NoKey(element, rule.key);
    const size_t at = now.Find(element[key]);
    if (IsDirective(element, "delete")) {
      if (at != kNowhere) deleted[at] = true;
      continue;
    }
    const bool live = at != kNowhere && !deleted[at];
    absl::StatusOr<Json> merged =
        MergeMap(live ? std::move(tree[at]) : Json::object(), element, Below(schema, ""));
    if (!merged.ok()) return merged.status();
    (*merged)[key] = element[key];
    present.push_back({{key, element[key]}});
    if (at != kNowhere) {
      tree[at] = *std::move(merged);
      deleted[at] = false;
    } else {
      now.Add(*merged, tree.size());
      tree.push_back(*std::move(merged));
      deleted.push_back(false);
    }
  }
  Json left = Json::array();
  for (size_t i = 0; i < tree.size(); ++i) {
    if (!deleted[i]) left.push_back(std::move(tree[i]));
  }
  return Arrange(left, order != nullptr && order->is_array() ? *order : present, before, rule);
}

Json MakeMap(const Json& before, const Json& after, const MergeSchema* schema);

void MakeKeyedList(const Json& before, const Json& after, const std::string& field,
                   const MergeSchema* schema, Json& out) {
  const ListRule rule = schema->MergeRule();
  const std::string key(rule.key);
  const Places old_places(before, rule);
  const Places new_places(after, rule);
  Json patch = Json::array();
  Json order = Json::array();
  for (const Json& element : after) {
    const Json identity = Identity(element, rule);
    order.push_back({{key, identity}});
    const size_t at = old_places.Find(identity);
    Json change = at == kNowhere ? element : MakeMap(before[at], element, Below(schema, ""));
    if (change.empty()) continue;
    change[key] = identity;
    patch.push_back(std::move(change));
  }
  for (const Json& element : before) {
    const Json identity = Identity(element, rule);
    if (new_places.Find(identity) == kNowhere) {
      patch.push_back({{kDirective, "delete"}, {key, identity}});
    }
  }
  out[absl::StrCat(kOrder, field)] = std::move(order);
  if (!patch.empty()) out[field] = std::move(patch);
}

void MakePrimitiveList(const Json& before, const Json& after, const std::string& field, Json& out) {
  const ListRule rule{ListRule::Kind::kMergePrimitive, {}};
  const Places old_places(before, rule);
  const Places new_places(after, rule);
  Json added = Json::array();
  Json removed = Json::array();
  for (const Json& value : after) {
    if (!old_places.Has(value)) added.push_back(value);
  }
  for (const Json& value : before) {
    if (!new_places.Has(value)) removed.push_back(value);
  }
  if (!removed.empty()) out[absl::StrCat(kDeletePrimitive, field)] = std::move(removed);
  if (!after.empty()) out[absl::StrCat(kOrder, field)] = after;
  if (!added.empty()) out[field] = std::move(added);
}

// True when every element has an identity of its own, so that a patch can name them.
bool Keyed(const Json& list, const ListRule& rule) {
  return Places(list, rule).size() == list.size();
}

Json MakeMap(const Json& before, const Json& after, const MergeSchema* schema) {
  Json out = Json::object();
  for (const auto& [key, value] : before.items()) {
    if (!after.contains(key)) out[key] = nullptr;
  }
  for (const auto& [key, value] : after.items()) {
    const auto it = before.find(key);
    if (it != before.end() && *it == value) continue;
    const MergeSchema* below = Below(schema, key);
    const ListRule rule = RuleOf(below);
    const bool both_lists = it != before.end() && it->is_array() && value.is_array();
    if (it != before.end() && it->is_object() && value.is_object()) {
      out[key] = MakeMap(*it, value, below);
    } else if (both_lists && rule.kind == ListRule::Kind::kMergeByKey) {
      if (Keyed(*it, rule) && Keyed(value, rule)) {
        MakeKeyedList(*it, value, key, below, out);
      } else {
        out[key] = value;
        out[key].insert(out[key].begin(), Json{{kDirective, "replace"}});
      }
    } else if (both_lists && rule.kind == ListRule::Kind::kMergePrimitive) {
      MakePrimitiveList(*it, value, key, out);
    } else {
      out[key] = value;
    }
  }
  if (schema != nullptr && schema->RetainsKeys() && !out.empty()) {
    Json keys = Json::array();
    for (const auto& [key, value] : after.items()) keys.push_back(key);
    out[kRetainKeys] = std::move(keys);
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

absl::StatusOr<Json> ApplyStrategicPatch(const Json& tree, const Json& patch,
                                         const MergeSchema* schema) {
  if (!patch.is_object()) return absl::InvalidArgumentError("a strategic merge patch is an object");
  return MergeMap(tree, patch, schema);
}

Json MakeStrategicPatch(const Json& before, const Json& after, const MergeSchema* schema) {
  return MakeMap(before, after, schema);
}

}  // namespace rekindle::json
