#include "controller/apiserver/catalog/catalog.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <set>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/registry.h"
#include "common/api/schema/openapi.h"
#include "common/api/status.h"
#include "common/json/tree.h"
#include "controller/apiserver/catalog/claims.h"
#include "controller/apiserver/catalog/definition.h"

namespace rekindle::apiserver {
namespace {

using api::KindInfo;
using api::Type;

const std::vector<std::string>& AllVerbs() {
  static const std::vector<std::string> verbs = {"create", "delete", "deletecollection", "get",
                                                 "list",   "patch",  "update",           "watch"};
  return verbs;
}

std::vector<std::string> VerbsOf(const ServedKind& kind) {
  if (kind.info->review) return {"create"};
  if (kind.terminating) return {"delete", "deletecollection", "get", "list", "watch"};
  std::vector<std::string> verbs = AllVerbs();
  // All namespaces at once must not go by a slip.
  if (kind.info->group.empty() && kind.info->kind == "Namespace") {
    std::erase(verbs, "deletecollection");
  }
  return verbs;
}

std::vector<Subresource> SubresourcesOf(const KindInfo& info) {
  std::vector<Subresource> out;
  const std::vector<std::string> change = {"get", "patch", "update"};
  if (info.status) out.push_back({"status", "", "", info.kind, change});
  if (info.scale) out.push_back({"scale", "autoscaling", "v1", "Scale", change});
  if (!info.group.empty()) return out;
  if (info.kind == "Pod") {
    out.push_back({"binding", "", "v1", "Binding", {"create"}});
    out.push_back({"eviction", "policy", "v1", "Eviction", {"create"}});
  }
  if (info.kind == "Namespace") out.push_back({"finalize", "", "", info.kind, {"update"}});
  std::sort(out.begin(), out.end(),
            [](const Subresource& a, const Subresource& b) { return a.name < b.name; });
  return out;
}

// "v1beta2": {2 for a release, 1 for beta, 0 for alpha}, the numbers; nothing for other names.
struct VersionRank {
  int stage = -1;
  int64_t major = 0;
  int64_t minor = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): a false alarm on the 0 inside the defaulted operator
  auto operator<=>(const VersionRank&) const = default;
};

VersionRank RankOf(absl::string_view name) {
  VersionRank out;
  if (name.empty() || name[0] != 'v') return out;
  size_t at = 1;
  const auto number = [&](int64_t& into) {
    const size_t begin = at;
    while (at < name.size() && absl::ascii_isdigit(static_cast<unsigned char>(name[at]))) ++at;
    return at > begin && name[begin] != '0' &&
           absl::SimpleAtoi(name.substr(begin, at - begin), &into);
  };
  VersionRank rank;
  if (!number(rank.major)) return out;
  if (at == name.size()) {
    rank.stage = 2;
    return rank;
  }
  const bool beta = name.substr(at, 4) == "beta";
  if (!beta && name.substr(at, 5) != "alpha") return out;
  at += beta ? 4 : 5;
  if (!number(rank.minor) || at != name.size()) return out;
  rank.stage = beta ? 1 : 0;
  return rank;
}

std::string RootName(const std::string& group, const std::string& version,
                     const std::string& kind) {
  std::vector<std::string> parts = absl::StrSplit(group, '.');
  std::reverse(parts.begin(), parts.end());
  return absl::StrCat(absl::StrJoin(parts, "."), ".", version, ".", kind);
}

std::vector<std::string> Texts(const Json* list) {
  std::vector<std::string> out;
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& one : *list) {
    if (one.is_string()) out.push_back(one.get<std::string>());
  }
  return out;
}

Json Condition(absl::string_view type, bool holds, absl::string_view reason,
               absl::string_view message) {
  return {{"type", type},
          {"status", holds ? "True" : "False"},
          {"reason", reason},
          {"message", message}};
}

bool ConditionHolds(const Json& crd, absl::string_view type) {
  const Json* conditions = json::Find(crd, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return false;
  for (const Json& one : *conditions) {
    if (json::String(one, "type") == type) return json::String(one, "status") == "True";
  }
  return false;
}

class CatalogOfKinds : public Catalog {
 public:
  CatalogOfKinds(const std::vector<Json>& definitions, uint64_t id) : id_(id) {
    AddOurs();
    std::vector<const Json*> order;
    for (const Json& crd : definitions) {
      if (crd.is_object()) order.push_back(&crd);
    }
    std::stable_sort(order.begin(), order.end(), [](const Json* a, const Json* b) {
      const auto key = [](const Json& crd) {
        return std::make_tuple(!ConditionHolds(crd, "NamesAccepted"),
                               std::string(json::String(crd, {"metadata", "creationTimestamp"})),
                               std::string(json::String(crd, {"metadata", "name"})));
      };
      return key(*a) < key(*b);
    });
    for (const Json* crd : order) Add(*crd);
    Finish();
  }

  uint64_t id() const override { return id_; }

  const ServedKind* FindResource(absl::string_view group, absl::string_view version,
                                 absl::string_view plural) const override {
    const auto it = by_resource_.find(absl::StrCat(group, "/", version, "/", plural));
    return it == by_resource_.end() ? nullptr : &kinds_[it->second];
  }

  const ServedKind* Find(absl::string_view api_version, absl::string_view kind) const override {
    const auto it = by_kind_.find(absl::StrCat(api_version, "/", kind));
    return it == by_kind_.end() ? nullptr : &kinds_[it->second];
  }

  bool HasGroupVersion(absl::string_view group, absl::string_view version) const override {
    return group_versions_.contains(std::pair(std::string(group), std::string(version)));
  }

  const std::vector<ServedKind>& kinds() const override { return kinds_; }

  Json StatusOf(absl::string_view crd_name) const override {
    const auto it = status_.find(std::string(crd_name));
    return it == status_.end() ? Json() : it->second;
  }

 private:
  void AddOurs() {
    for (const KindInfo& info : api::Kinds().kinds()) {
      ServedKind kind;
      kind.info = &info;
      kind.storage = &info;
      for (const KindInfo& other : api::Kinds().kinds()) {
        if (other.storage && other.group == info.group && other.kind == info.kind) {
          kind.storage = &other;
        }
      }
      kinds_.push_back(std::move(kind));
      claims_.Take(info.group, info.plural);
      claims_.Take(info.group, info.singular);
      for (const std::string& name : info.short_names) claims_.Take(info.group, name);
      claims_.TakeKind(info.group, info.kind);
      claims_.TakeKind(info.group, info.list_kind);
    }
    for (const Json& crd : BuiltInDefinitions()) {
      status_[crd["metadata"]["name"]] = {
          {"conditions",
           {Condition("NamesAccepted", true, "NoConflicts", "no conflicts found"),
            Condition("Established", true, "InitialNamesAccepted",
                      "the initial names have been accepted")}},
          {"acceptedNames", crd["spec"]["names"]},
          {"storedVersions", StoredVersions(crd)}};
    }
  }

  // The versions of the status and the one of now.
  static Json StoredVersions(const Json& crd) {
    std::vector<std::string> out = Texts(json::Find(crd, {"status", "storedVersions"}));
    const Json* versions = json::Find(crd, {"spec", "versions"});
    if (versions != nullptr && versions->is_array()) {
      for (const Json& version : *versions) {
        const std::string name(json::String(version, "name"));
        if (json::Bool(version, {"storage"}) &&
            std::find(out.begin(), out.end(), name) == out.end())
          out.push_back(name);
      }
    }
    return out;
  }

  void Add(const Json& crd) {
    const std::string name(json::String(crd, {"metadata", "name"}));
    if (IsBuiltInDefinition(name)) {
      // Versions that objects were kept in before stay known.
      status_[name]["storedVersions"] = StoredVersions(crd);
      return;
    }
    Json full = crd;
    CompleteDefinition(full);
    const Json* spec = json::Find(full, "spec");
    const Json* names = spec == nullptr ? nullptr : json::Find(*spec, "names");
    if (names == nullptr) return;
    const std::string group(json::String(*spec, "group"));
    Claims::Result claim = claims_.Claim(group, *names);
    Json accepted = Json::object();
    for (const auto& [member, value] : claim.got) accepted[member] = value;
    for (const std::string& short_name : Texts(json::Find(*names, "shortNames"))) {
      if (claim.short_names.contains(short_name)) accepted["shortNames"].push_back(short_name);
    }
    if (const Json* categories = json::Find(*names, "categories")) {
      accepted["categories"] = *categories;
    }
    Json conditions = Json::array();
    conditions.push_back(claim.all
                             ? Condition("NamesAccepted", true, "NoConflicts", "no conflicts found")
                             : Condition("NamesAccepted", false, claim.reason, claim.message));
    const std::string trouble = claim.all ? Serve(full, group, *names) : std::string();
    if (!claim.all) {
      conditions.push_back(
          Condition("Established", false, "NotAccepted", "not all names are accepted"));
    } else if (!trouble.empty()) {
      conditions.push_back(Condition("Established", false, "NotAccepted",
                                     "the schema is not structural, so the kind is not served"));
      conditions.push_back(Condition("NonStructuralSchema", true, "Violations", trouble));
    } else {
      conditions.push_back(Condition("Established", true, "InitialNamesAccepted",
                                     "the initial names have been accepted"));
    }
    if (!json::String(full, {"metadata", "deletionTimestamp"}).empty()) {
      conditions.push_back(Condition("Terminating", true, "InstanceDeletionInProgress",
                                     "CustomResource deletion is in progress"));
    }
    status_[name] = {{"conditions", std::move(conditions)},
                     {"acceptedNames", std::move(accepted)},
                     {"storedVersions", StoredVersions(full)}};
  }

  // Adds the versions of a CRD. What is wrong with it otherwise.
  std::string Serve(const Json& crd, const std::string& group, const Json& names) {
    const Json* versions = json::Find(crd, {"spec", "versions"});
    if (versions == nullptr || !versions->is_array()) return "spec.versions: Required value";
    api::FieldErrors errors;
    std::vector<ServedKind> served;
    const KindInfo* storage = nullptr;
    for (size_t i = 0; i < versions->size(); ++i) {
      const Json& version = (*versions)[i];
      const api::FieldPath at =
          api::FieldPath("spec.versions").Index(i).Child("schema").Child("openAPIV3Schema");
      const Json* schema = json::Find(version, {"schema", "openAPIV3Schema"});
      if (schema == nullptr) return absl::StrCat(at.text(), ": Required value");
      const Type* read = api::FromOpenApi(*schema, &api::ObjectMetaType(), at, types_, errors);
      if (read == nullptr || !errors.empty()) return errors.Text();
      KindInfo& info = infos_.emplace_back();
      info.group = group;
      info.version = std::string(json::String(version, "name"));
      info.kind = std::string(json::String(names, "kind"));
      info.list_kind = std::string(json::String(names, "listKind"));
      info.plural = std::string(json::String(names, "plural"));
      info.singular = std::string(json::String(names, "singular"));
      info.short_names = Texts(json::Find(names, "shortNames"));
      info.categories = Texts(json::Find(names, "categories"));
      info.namespaced = json::String(crd, {"spec", "scope"}) != "Cluster";
      info.custom = true;
      info.storage = json::Bool(version, {"storage"});
      info.doc = read->doc;
      // Its own copy of the root, which is the only part that has a name.
      Type* root = types_.New();
      *root = *read;
      root->name = RootName(group, info.version, info.kind);
      root->Index();
      info.type = root;
      Columns(version, info);
      ServedKind kind;
      kind.info = &info;
      kind.user_defined = true;
      kind.terminating = !json::String(crd, {"metadata", "deletionTimestamp"}).empty();
      Parts(version, info, kind);
      if (info.storage) storage = &info;
      if (json::Bool(version, {"served"})) served.push_back(std::move(kind));
    }
    if (storage == nullptr) return "spec.versions: no version is stored";
    for (ServedKind& kind : served) {
      kind.storage = storage;
      kinds_.push_back(std::move(kind));
    }
    return "";
  }

  static void Columns(const Json& version, KindInfo& info) {
    const Json* columns = json::Find(version, "additionalPrinterColumns");
    if (columns == nullptr || !columns->is_array() || columns->empty()) {
      info.columns.push_back({"Age", "date", ".metadata.creationTimestamp", "", 0});
      return;
    }
    for (const Json& one : *columns) {
      info.columns.push_back({std::string(json::String(one, "name")),
                              std::string(json::String(one, "type")),
                              std::string(json::String(one, "jsonPath")),
                              std::string(json::String(one, "description")),
                              static_cast<int>(json::Int(one, "priority").value_or(0))});
    }
  }

  static void Parts(const Json& version, KindInfo& info, ServedKind& kind) {
    info.status = json::Find(version, {"subresources", "status"}) != nullptr;
    if (const Json* scale = json::Find(version, {"subresources", "scale"})) {
      info.scale = true;
      info.scale_selector_path = std::string(json::String(*scale, "labelSelectorPath"));
      kind.scale_spec_path = std::string(json::String(*scale, "specReplicasPath"));
      kind.scale_status_path = std::string(json::String(*scale, "statusReplicasPath"));
    }
    const Json* fields = json::Find(version, "selectableFields");
    if (fields != nullptr && fields->is_array()) {
      for (const Json& field : *fields) {
        const absl::string_view path = json::String(field, "jsonPath");
        if (!path.empty()) kind.selectable_fields.emplace_back(path.substr(path[0] == '.' ? 1 : 0));
      }
    }
    if (json::Bool(version, {"deprecated"})) {
      kind.warning = std::string(json::String(version, "deprecationWarning"));
      if (kind.warning.empty()) {
        kind.warning = absl::StrCat(info.ApiVersion(), " ", info.kind, " is deprecated");
      }
    }
  }

  void Finish() {
    std::stable_sort(kinds_.begin(), kinds_.end(), [](const ServedKind& a, const ServedKind& b) {
      if (a.info->custom != b.info->custom) return b.info->custom;
      if (!a.info->custom) return false;  // in the order of the schema texts
      if (a.info->group != b.info->group) return a.info->group < b.info->group;
      return a.info->version != b.info->version && VersionBefore(a.info->version, b.info->version);
    });
    for (size_t i = 0; i < kinds_.size(); ++i) {
      ServedKind& kind = kinds_[i];
      kind.verbs = VerbsOf(kind);
      kind.subresources = SubresourcesOf(*kind.info);
      const KindInfo& info = *kind.info;
      by_resource_.emplace(absl::StrCat(info.group, "/", info.version, "/", info.plural), i);
      by_kind_.emplace(absl::StrCat(info.ApiVersion(), "/", info.kind), i);
      group_versions_.emplace(info.group, info.version);
    }
  }

  const uint64_t id_;
  api::TypeStore types_;
  std::deque<KindInfo> infos_;
  std::vector<ServedKind> kinds_;
  absl::flat_hash_map<std::string, size_t> by_resource_;
  absl::flat_hash_map<std::string, size_t> by_kind_;
  std::set<std::pair<std::string, std::string>> group_versions_;
  std::map<std::string, Json> status_;
  Claims claims_;
};

}  // namespace

std::string ServedKind::Resource() const { return api::QualifiedName(info->plural, info->group); }

bool ServedKind::HasVerb(absl::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

const Subresource* ServedKind::FindSubresource(absl::string_view name) const {
  for (const Subresource& one : subresources) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

bool VersionBefore(absl::string_view a, absl::string_view b) {
  const VersionRank left = RankOf(a);
  const VersionRank right = RankOf(b);
  if (left != right) return left > right;
  return a < b;
}

std::shared_ptr<const Catalog> Catalog::Make(const std::vector<Json>& definitions) {
  static std::atomic<uint64_t> last{0};
  return std::make_shared<const CatalogOfKinds>(definitions, ++last);
}

}  // namespace rekindle::apiserver
