#include "common/api/apply/field_set.h"

#include <algorithm>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/json/parse.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

constexpr int kMostLevels = 128;

absl::Status ReadInto(const Json& json, int level, FieldSet& out) {
  if (!json.is_object())
    return absl::InvalidArgumentError("fieldsV1 holds something else than maps");
  if (level > kMostLevels) return absl::InvalidArgumentError("fieldsV1 is nested too deeply");
  for (const auto& [key, below] : json.items()) {
    if (key == ".") continue;
    absl::StatusOr<PathElement> element = PathElement::Parse(key);
    if (!element.ok()) return element.status();
    if (!below.is_object()) {
      return absl::InvalidArgumentError(absl::StrCat("fieldsV1: ", key, " is no map"));
    }
    // A field without anything below, or with ".", is in the set itself.
    if (below.empty() || below.contains(".")) out.InsertMember(*element);
    const bool deeper = std::any_of(below.items().begin(), below.items().end(),
                                    [](const auto& item) { return item.key() != "."; });
    if (deeper) {
      absl::Status status = ReadInto(below, level + 1, out.MutableChild(*element));
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

PathElement PathElement::Key(const Json& keys) { return {Kind::kKey, json::Dump(keys)}; }
PathElement PathElement::Value(const Json& value) { return {Kind::kValue, json::Dump(value)}; }

absl::StatusOr<PathElement> PathElement::Parse(absl::string_view text) {
  const absl::string_view rest = text.substr(std::min<size_t>(2, text.size()));
  const absl::Status bad =
      absl::InvalidArgumentError(absl::StrCat("fieldsV1: \"", text, "\" is no field"));
  if (absl::StartsWith(text, "f:")) return Field(rest);
  if (absl::StartsWith(text, "i:")) {
    uint64_t index = 0;
    if (!absl::SimpleAtoi(rest, &index)) return bad;
    return PathElement{Kind::kIndex, absl::StrCat(index)};
  }
  if (absl::StartsWith(text, "k:") || absl::StartsWith(text, "v:")) {
    const absl::StatusOr<Json> value = json::ParseChecked(rest, nullptr);
    if (!value.ok()) return bad;
    if (text[0] == 'v') return Value(*value);
    if (!value->is_object() || value->empty()) return bad;
    return Key(*value);
  }
  return bad;
}

std::string PathElement::Text() const {
  constexpr const char* kPrefix[] = {"f:", "k:", "v:", "i:"};
  return absl::StrCat(kPrefix[static_cast<int>(kind)], text);
}

std::string PathElement::Shown() const {
  switch (kind) {
    case Kind::kField:
      return absl::StrCat(".", text);
    case Kind::kIndex:
      return absl::StrCat("[", text, "]");
    case Kind::kValue:
      return absl::StrCat("[=", text, "]");
    case Kind::kKey:
      break;
  }
  std::vector<std::string> parts;
  if (const absl::StatusOr<Json> keys = json::Parse(text); keys.ok() && keys->is_object()) {
    for (const auto& [key, value] : keys->items()) {
      parts.push_back(absl::StrCat(key, "=", json::Dump(value)));
    }
  }
  return absl::StrCat("[", absl::StrJoin(parts, ","), "]");
}

absl::StatusOr<FieldSet> FieldSet::FromJson(const Json& fields_v1) {
  FieldSet out;
  absl::Status status = ReadInto(fields_v1, 0, out);
  if (!status.ok()) return status;
  out.Tidy();
  return out;
}

Json FieldSet::ToJson() const {
  Json out = Json::object();
  for (const PathElement& member : members_) out[member.Text()] = Json::object();
  for (const auto& [element, below] : children_) {
    if (below.Empty()) continue;
    Json body = below.ToJson();
    if (Has(element)) body["."] = Json::object();
    out[element.Text()] = std::move(body);
  }
  return out;
}

bool FieldSet::Empty() const {
  return members_.empty() && std::all_of(children_.begin(), children_.end(),
                                         [](const auto& child) { return child.second.Empty(); });
}

void FieldSet::Insert(const std::vector<PathElement>& path) {
  if (path.empty()) return;
  FieldSet* at = this;
  for (size_t i = 0; i + 1 < path.size(); ++i) at = &at->children_[path[i]];
  at->members_.insert(path.back());
}

bool FieldSet::Has(const std::vector<PathElement>& path) const {
  const FieldSet* at = this;
  for (size_t i = 0; i + 1 < path.size() && at != nullptr; ++i) at = at->Child(path[i]);
  return at != nullptr && !path.empty() && at->Has(path.back());
}

const FieldSet* FieldSet::Child(const PathElement& element) const {
  const auto it = children_.find(element);
  return it == children_.end() ? nullptr : &it->second;
}

void FieldSet::Tidy() {
  for (auto it = children_.begin(); it != children_.end();) {
    it->second.Tidy();
    it = it->second.Empty() ? children_.erase(it) : std::next(it);
  }
}

FieldSet FieldSet::Union(const FieldSet& other) const {
  FieldSet out = *this;
  out.members_.insert(other.members_.begin(), other.members_.end());
  for (const auto& [element, below] : other.children_) {
    FieldSet& mine = out.children_[element];
    mine = mine.Union(below);
  }
  out.Tidy();
  return out;
}

FieldSet FieldSet::Intersection(const FieldSet& other) const {
  FieldSet out;
  for (const PathElement& member : members_) {
    if (other.Has(member)) out.members_.insert(member);
  }
  for (const auto& [element, below] : children_) {
    if (const FieldSet* theirs = other.Child(element); theirs != nullptr) {
      out.children_[element] = below.Intersection(*theirs);
    }
  }
  out.Tidy();
  return out;
}

FieldSet FieldSet::Difference(const FieldSet& other) const {
  FieldSet out;
  for (const PathElement& member : members_) {
    if (!other.Has(member)) out.members_.insert(member);
  }
  for (const auto& [element, below] : children_) {
    const FieldSet* theirs = other.Child(element);
    out.children_[element] = theirs == nullptr ? below : below.Difference(*theirs);
  }
  out.Tidy();
  return out;
}

FieldSet FieldSet::RecursiveDifference(const FieldSet& other) const {
  FieldSet out;
  for (const PathElement& member : members_) {
    if (!other.Has(member)) out.members_.insert(member);
  }
  for (const auto& [element, below] : children_) {
    if (other.Has(element)) continue;
    const FieldSet* theirs = other.Child(element);
    out.children_[element] = theirs == nullptr ? below : below.RecursiveDifference(*theirs);
  }
  out.Tidy();
  return out;
}

FieldSet FieldSet::WithNamedParents(const Type* type) const {
  FieldSet out;
  out.members_ = members_;
  for (const auto& [element, below] : children_) {
    const Type* under = nullptr;
    if (type != nullptr && element.kind == PathElement::Kind::kField &&
        type->shape == Shape::kObject) {
      if (type->Find(element.text) != nullptr) out.members_.insert(element);
      under = MemberType(type, element.text);
    } else {
      under = MemberType(type, element.text);
    }
    out.children_[element] = below.WithNamedParents(under);
  }
  return out;
}

void FieldSet::Collect(const std::string& prefix, std::vector<std::string>& out) const {
  std::set<PathElement> all = members_;
  for (const auto& [element, below] : children_) all.insert(element);
  for (const PathElement& element : all) {
    const std::string path = prefix + element.Shown();
    if (Has(element)) out.push_back(path);
    if (const FieldSet* below = Child(element); below != nullptr) below->Collect(path, out);
  }
}

std::vector<std::string> FieldSet::Paths() const {
  std::vector<std::string> out;
  Collect("", out);
  return out;
}

}  // namespace rekindle::api
