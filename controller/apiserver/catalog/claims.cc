#include "controller/apiserver/catalog/claims.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::apiserver {

Claims::Result Claims::Claim(const std::string& group, const Json& names) {
  Result out;
  std::set<std::string>& taken = names_[group];
  std::set<std::string>& taken_kinds = kinds_[group];
  // A CRD may use one name twice, as plural and as a short name; only others' names are in its way.
  std::set<std::string> own;
  std::set<std::string> own_kinds;
  const auto refuse = [&](absl::string_view reason, const std::string& name) {
    out.all = false;
    out.reason = std::string(reason);
    out.message = absl::StrCat("\"", name, "\" is already in use");
  };
  const auto one = [&](const char* member, absl::string_view reason,
                       const std::set<std::string>& in, std::set<std::string>& mine) {
    const std::string name(json::String(names, member));
    if (name.empty()) return;
    if (in.contains(name)) return refuse(reason, name);
    out.got[member] = name;
    mine.insert(name);
  };
  one("plural", "PluralConflict", taken, own);
  one("singular", "SingularConflict", taken, own);
  if (const Json* list = json::Find(names, "shortNames"); list != nullptr && list->is_array()) {
    for (const Json& name : *list) {
      if (!name.is_string()) continue;
      const auto& text = name.get_ref<const std::string&>();
      if (taken.contains(text)) {
        refuse("ShortNamesConflict", text);
      } else {
        own.insert(text);
        out.short_names.insert(text);
      }
    }
  }
  one("kind", "KindConflict", taken_kinds, own_kinds);
  one("listKind", "ListKindConflict", taken_kinds, own_kinds);
  taken.merge(own);
  taken_kinds.merge(own_kinds);
  return out;
}

}  // namespace rekindle::apiserver
