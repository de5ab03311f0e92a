#include "common/api/schema/type.h"

#include <nlohmann/json.hpp>

namespace rekindle::api {

const Field* Type::Find(absl::string_view field) const {
  const auto it = index_.find(field);
  return it == index_.end() ? nullptr : &fields[it->second];
}

void Type::Index() {
  index_.clear();
  for (size_t i = 0; i < fields.size(); ++i) index_.emplace(fields[i].name, i);
}

const json::MergeSchema* Type::MemberSchema(absl::string_view field) const {
  return MemberType(this, field);
}

json::ListRule Type::MergeRule() const { return {merge, merge_key}; }

const Type* MemberType(const Type* type, absl::string_view member) {
  if (type == nullptr) return nullptr;
  if (type->shape == Shape::kMap || type->shape == Shape::kList) return type->element;
  if (type->shape != Shape::kObject) return nullptr;
  const Field* field = type->Find(member);
  return field == nullptr || field->opaque ? nullptr : field->type;
}

}  // namespace rekindle::api
