#include "common/api/schema/schema.h"

namespace rekindle::api {

const Type* Schema::FindType(absl::string_view name) const {
  const auto it = types_.find(std::string(name));
  return it == types_.end() ? nullptr : it->second;
}

const KindInfo* Schema::Find(absl::string_view group, absl::string_view version,
                             absl::string_view kind) const {
  for (const KindInfo& info : kinds_) {
    if (info.group == group && info.version == version && info.kind == kind) return &info;
  }
  return nullptr;
}

const KindInfo* Schema::Find(absl::string_view api_version, absl::string_view kind) const {
  const size_t slash = api_version.find('/');
  if (slash == absl::string_view::npos) return Find("", api_version, kind);
  return Find(api_version.substr(0, slash), api_version.substr(slash + 1), kind);
}

const KindInfo* Schema::FindResource(absl::string_view group, absl::string_view version,
                                     absl::string_view plural) const {
  for (const KindInfo& info : kinds_) {
    if (info.group == group && info.version == version && info.plural == plural) return &info;
  }
  return nullptr;
}

}  // namespace rekindle::api
