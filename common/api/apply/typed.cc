#include "common/api/apply/typed.h"

#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/schema/values.h"

namespace rekindle::api {
namespace {

using Path = std::vector<PathElement>;

// A type as it stands at one place; null: free-form.
struct Ref {
  const Type* type = nullptr;
  bool atomic = false;
};

enum class Owned { kWhole, kMembers, kKeyed, kSet };

Owned HowOwned(const Json& value, const Ref& ref) {
  if (value.is_object()) return ref.atomic ? Owned::kWhole : Owned::kMembers;
  if (!value.is_array() || ref.type == nullptr || ref.type->shape != Shape::kList) {
    return Owned::kWhole;
  }
  if (ref.type->list == ListKind::kMap) return Owned::kKeyed;
  return ref.type->list == ListKind::kSet ? Owned::kSet : Owned::kWhole;
}

Ref ElementOf(const Ref& ref) {
  const Type* element = ref.type == nullptr ? nullptr : ref.type->element;
  return {element, element != nullptr && element->atomic};
}

Ref MemberOf(const Ref& ref, const std::string& name) {
  if (ref.type == nullptr) return {};
  if (ref.type->shape == Shape::kMap) return {ref.type->element, ref.type->element->atomic};
  if (ref.type->shape != Shape::kObject) return {};
  const Field* field = ref.type->Find(name);
  if (field == nullptr || field->opaque || field->type->shape == Shape::kAny) return {};
  return {field->type, field->atomic || field->type->atomic};
}

// The keys of an element, with defaults for those that it leaves out; nullopt when one is missing.
std::optional<PathElement> KeyOf(const Json& element, const Type& list) {
  if (!element.is_object()) return std::nullopt;
  Json keys = Json::object();
  for (const std::string& name : list.keys) {
    const auto it = element.find(name);
    if (it != element.end() && !it->is_null()) {
      keys[name] = *it;
      continue;
    }
    const Field* field = list.element->Find(name);
    if (field != nullptr && field->fallback != nullptr) {
      keys[name] = *field->fallback;
    }
  }
  // Several keys may leave some out, but not all.
  if (keys.empty()) return std::nullopt;
  return PathElement::Key(keys);
}

std::optional<PathElement> ElementPath(const Json& element, const Ref& list, Owned owned) {
  if (owned == Owned::kSet) return PathElement::Value(element);
  return KeyOf(element, *list.type);
}

using Elements = std::map<PathElement, const Json*>;

Elements ByPath(const Json& list, const Ref& ref, Owned owned) {
  Elements out;
  for (const Json& element : list) {
    const std::optional<PathElement> path = ElementPath(element, ref, owned);
    if (path.has_value()) out.emplace(*path, &element);
  }
  return out;
}

// Adds everything below `value` to `set`; `parents`: maps and elements themselves too, as a
// comparison reports what is new.
void Collect(const Json& value, const Ref& ref, bool parents, FieldSet& set) {
  const Owned owned = HowOwned(value, ref);
  const auto child = [&](const PathElement& element, const Json& below, const Ref& below_ref,
                         bool item) {
    const bool whole = HowOwned(below, below_ref) == Owned::kWhole || below.empty();
    if (whole || parents || item) set.InsertMember(element);
    if (!whole) Collect(below, below_ref, parents, set.MutableChild(element));
  };
  if (owned == Owned::kMembers) {
    for (const auto& [name, below] : value.items()) {
      child(PathElement::Field(name), below, MemberOf(ref, name), false);
    }
  } else if (owned != Owned::kWhole) {
    for (const auto& [element, below] : ByPath(value, ref, owned)) {
      if (owned == Owned::kSet) {
        set.InsertMember(element);
      } else {
        child(element, *below, ElementOf(ref), true);
      }
    }
  }
}

class Comparer {
 public:
  Comparison out;

  void Walk(const Json& before, const Json& after, const Ref& ref, Path& path) {
    if (before == after) return;  // most of an object is as it was
    const Owned owned = HowOwned(before, ref);
    if (owned != HowOwned(after, ref) || owned == Owned::kWhole) {
      if (before != after) out.modified.Insert(path);
      return;
    }
    if (owned == Owned::kMembers) {
      for (const auto& [name, old] : before.items()) {
        const auto it = after.find(name);
        path.push_back(PathElement::Field(name));
        if (it == after.end()) {
          Report(old, MemberOf(ref, name), path, out.removed);
        } else {
          Walk(old, *it, MemberOf(ref, name), path);
        }
        path.pop_back();
      }
      for (const auto& [name, now] : after.items()) {
        if (before.contains(name)) continue;
        path.push_back(PathElement::Field(name));
        Report(now, MemberOf(ref, name), path, out.added);
        path.pop_back();
      }
      return;
    }
    const Elements old_elements = ByPath(before, ref, owned);
    const Elements new_elements = ByPath(after, ref, owned);
    for (const auto& [element, old] : old_elements) {
      const auto it = new_elements.find(element);
      path.push_back(element);
      if (it == new_elements.end()) {
        Report(*old, ElementOf(ref), path, out.removed);
      } else if (owned == Owned::kKeyed) {
        Walk(*old, *it->second, ElementOf(ref), path);
      }
      path.pop_back();
    }
    for (const auto& [element, now] : new_elements) {
      if (old_elements.count(element) > 0) continue;
      path.push_back(element);
      Report(*now, ElementOf(ref), path, out.added);
      path.pop_back();
    }
  }

 private:
  static void Report(const Json& value, const Ref& ref, const Path& path, FieldSet& into) {
    into.Insert(path);
    if (HowOwned(value, ref) == Owned::kWhole) return;
    FieldSet* at = &into;
    for (const PathElement& element : path) at = &at->MutableChild(element);
    Collect(value, ref, /*parents=*/true, *at);
  }
};

Json Merge(const Json& live, const Json& config, const Ref& ref);

// Elements of the applied list keep their order. One that only the live list has comes as soon as
// the walk through the live list is there, so it stays in front of what is new.
Json MergeLists(const Json& live, const Json& config, const Ref& ref, Owned owned) {
  constexpr size_t kNobody = std::numeric_limits<size_t>::max();
  std::map<PathElement, size_t> live_places;
  for (size_t i = 0; i < live.size(); ++i) {
    const auto path = ElementPath(live[i], ref, owned);
    if (path.has_value()) live_places.emplace(*path, i);
  }
  std::vector<size_t> partner;  // of each applied element: its place in the live list
  std::vector<bool> named(live.size(), false);
  for (const Json& element : config) {
    const auto path = ElementPath(element, ref, owned);
    const auto it = path.has_value() ? live_places.find(*path) : live_places.end();
    partner.push_back(it == live_places.end() ? kNobody : it->second);
    if (partner.back() != kNobody) named[partner.back()] = true;
  }
  Json out = Json::array();
  std::vector<bool> done(live.size(), false);
  size_t left = 0;
  size_t right = 0;
  while (left < live.size() || right < config.size()) {
    if (left < live.size()) {
      if (!named[left]) {
        out.push_back(live[left++]);
        continue;
      }
      // It is there already, or comes when the applied list is there: another one comes first.
      size_t next = right;
      while (next < config.size() && partner[next] == kNobody) ++next;
      if (done[left] || next == config.size() || partner[next] != left) {
        ++left;
        continue;
      }
    }
    if (right == config.size()) continue;
    const size_t place = partner[right];
    if (place == kNobody || owned == Owned::kSet) {
      out.push_back(config[right]);
    } else {
      out.push_back(Merge(live[place], config[right], ElementOf(ref)));
    }
    if (place != kNobody) done[place] = true;
    ++right;
  }
  return out;
}

Json Merge(const Json& live, const Json& config, const Ref& ref) {
  const Owned owned = HowOwned(config, ref);
  if (owned == Owned::kWhole || HowOwned(live, ref) != owned) return config;
  if (owned != Owned::kMembers) return MergeLists(live, config, ref, owned);
  Json out = live;
  for (const auto& [name, value] : config.items()) {
    const auto it = live.find(name);
    out[name] = it == live.end() ? value : Merge(*it, value, MemberOf(ref, name));
  }
  return out;
}

Json Remove(const Json& value, const FieldSet& fields, const Ref& ref) {
  const Owned owned = HowOwned(value, ref);
  if (owned == Owned::kMembers) {
    Json out = Json::object();
    for (const auto& [name, member] : value.items()) {
      const PathElement element = PathElement::Field(name);
      if (fields.Has(element)) continue;
      const FieldSet* below = fields.Child(element);
      if (below == nullptr) {
        out[name] = member;
        continue;
      }
      Json left = Remove(member, *below, MemberOf(ref, name));
      const bool emptied = left.is_structured() && left.empty() && !member.empty();
      if (!emptied) out[name] = std::move(left);
    }
    return out;
  }
  if (owned == Owned::kWhole) return value;
  Json out = Json::array();
  for (const Json& element : value) {
    const std::optional<PathElement> path = ElementPath(element, ref, owned);
    if (!path.has_value()) {
      out.push_back(element);
      continue;
    }
    if (fields.Has(*path)) continue;
    const FieldSet* below = fields.Child(*path);
    out.push_back(below == nullptr ? element : Remove(element, *below, ElementOf(ref)));
  }
  return out;
}

absl::Status CheckLists(const Json& value, const Ref& ref, const std::string& path) {
  const Owned owned = HowOwned(value, ref);
  if (owned == Owned::kMembers) {
    for (const auto& [name, member] : value.items()) {
      absl::Status status = CheckLists(member, MemberOf(ref, name), absl::StrCat(path, ".", name));
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }
  if (owned == Owned::kWhole) return absl::OkStatus();
  std::set<PathElement> seen;
  for (size_t i = 0; i < value.size(); ++i) {
    const std::optional<PathElement> element = ElementPath(value[i], ref, owned);
    if (!element.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": element ", i,
                       ": associative list with keys has an element that omits key field \"",
                       ref.type->keys.empty() ? "" : ref.type->keys[0], "\""));
    }
    if (!seen.insert(*element).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": duplicate entries for key ", element->Shown()));
    }
    absl::Status status =
        CheckLists(value[i], ElementOf(ref), absl::StrCat(path, element->Shown()));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTyped(const Json& value, const Type& type) {
  const std::vector<std::string> unknown = UnknownFields(value, type, 1);
  if (!unknown.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(".", unknown[0], ": field not declared in schema"));
  }
  return CheckLists(value, {&type, false}, "");
}

FieldSet FieldsOf(const Json& value, const Type& type) {
  FieldSet out;
  Collect(value, {&type, false}, /*parents=*/false, out);
  return out;
}

Comparison CompareTyped(const Json& before, const Json& after, const Type& type) {
  Comparer comparer;
  Path path;
  comparer.Walk(before, after, {&type, false}, path);
  return std::move(comparer.out);
}

Json MergeTyped(const Json& live, const Json& config, const Type& type) {
  return Merge(live, config, {&type, false});
}

Json RemoveFields(const Json& value, const FieldSet& fields, const Type& type) {
  return Remove(value, fields, {&type, false});
}

}  // namespace rekindle::api
