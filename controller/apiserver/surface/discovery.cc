#include "controller/apiserver/surface/discovery.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

namespace rekindle::apiserver {
namespace {

Json VersionEntry(const std::string& group, const std::string& version) {
  return {{"groupVersion", absl::StrCat(group, "/", version)}, {"version", version}};
}

Json GroupEntry(const GroupVersions& group) {
  Json versions = Json::array();
  for (const std::string& version : group.versions) {
    versions.push_back(VersionEntry(group.group, version));
  }
  return {{"name", group.group},
          {"versions", versions},
          {"preferredVersion", versions.empty() ? Json() : versions[0]}};
}

Json Resource(const ServedKind& kind) {
  const api::KindInfo& info = *kind.info;
  Json out = {{"name", info.plural},
              {"singularName", info.singular},
              {"namespaced", info.namespaced},
              {"kind", info.kind},
              {"verbs", kind.verbs}};
  if (!info.short_names.empty()) out["shortNames"] = info.short_names;
  if (!info.categories.empty()) out["categories"] = info.categories;
  return out;
}

Json ResponseKind(const api::KindInfo& info, const Subresource* part) {
  const bool own = part == nullptr || part->version.empty();
  return {{"group", own ? info.group : part->group},
          {"version", own ? info.version : part->version},
          {"kind", part == nullptr ? info.kind : part->kind}};
}

Json AggregatedResource(const ServedKind& kind) {
  const api::KindInfo& info = *kind.info;
  Json out = {{"resource", info.plural},
              {"responseKind", ResponseKind(info, nullptr)},
              {"scope", info.namespaced ? "Namespaced" : "Cluster"},
              {"singularResource", info.singular},
              {"verbs", kind.verbs}};
  if (!info.short_names.empty()) out["shortNames"] = info.short_names;
  if (!info.categories.empty()) out["categories"] = info.categories;
  for (const Subresource& part : kind.subresources) {
    out["subresources"].push_back({{"subresource", part.name},
                                   {"responseKind", ResponseKind(info, &part)},
                                   {"verbs", part.verbs}});
  }
  return out;
}

Json AggregatedGroup(const Catalog& catalog, const GroupVersions& group) {
  Json versions = Json::array();
  for (const std::string& version : group.versions) {
    Json resources = Json::array();
    for (const ServedKind& kind : catalog.kinds()) {
      if (kind.info->group == group.group && kind.info->version == version) {
        resources.push_back(AggregatedResource(kind));
      }
    }
    versions.push_back(
        {{"version", version}, {"freshness", "Current"}, {"resources", std::move(resources)}});
  }
  Json metadata = Json::object();
  if (!group.group.empty()) metadata["name"] = group.group;
  return {{"metadata", std::move(metadata)}, {"versions", std::move(versions)}};
}

}  // namespace

std::vector<GroupVersions> GroupsOf(const Catalog& catalog) {
  std::vector<GroupVersions> out;
  for (const ServedKind& kind : catalog.kinds()) {
    if (kind.info->group.empty()) continue;
    auto group = std::find_if(out.begin(), out.end(), [&](const GroupVersions& one) {
      return one.group == kind.info->group;
    });
    if (group == out.end()) group = out.insert(out.end(), {kind.info->group, {}});
    std::vector<std::string>& versions = group->versions;
    if (std::find(versions.begin(), versions.end(), kind.info->version) == versions.end()) {
      versions.push_back(kind.info->version);
    }
  }
  for (GroupVersions& group : out) {
    std::sort(group.versions.begin(), group.versions.end(), VersionBefore);
  }
  return out;
}

Json LegacyVersions() { return {{"kind", "APIVersions"}, {"versions", Json::array({"v1"})}}; }

Json GroupList(const Catalog& catalog) {
  Json groups = Json::array();
  for (const GroupVersions& group : GroupsOf(catalog)) groups.push_back(GroupEntry(group));
  return {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}};
}

Json GroupDocument(const GroupVersions& group) {
  Json out = GroupEntry(group);
  out["kind"] = "APIGroup";
  out["apiVersion"] = "v1";
  return out;
}

Json ResourceList(const Catalog& catalog, absl::string_view group, absl::string_view version) {
  Json resources = Json::array();
  for (const ServedKind& kind : catalog.kinds()) {
    if (kind.info->group != group || kind.info->version != version) continue;
    resources.push_back(Resource(kind));
    for (const Subresource& part : kind.subresources) {
      Json one = {{"name", absl::StrCat(kind.info->plural, "/", part.name)},
                  {"singularName", ""},
                  {"namespaced", kind.info->namespaced},
                  {"kind", part.kind},
                  {"verbs", part.verbs}};
      if (!part.version.empty() && (part.group != group || part.version != version)) {
        one["group"] = part.group;
        one["version"] = part.version;
      }
      resources.push_back(std::move(one));
    }
  }
  return {
      {"kind", "APIResourceList"},
      {"apiVersion", "v1"},
      {"groupVersion", group.empty() ? std::string(version) : absl::StrCat(group, "/", version)},
      {"resources", std::move(resources)}};
}

Json AggregatedDiscovery(const Catalog& catalog, bool core, absl::string_view version) {
  Json items = Json::array();
  if (core) {
    items.push_back(AggregatedGroup(catalog, {"", {"v1"}}));
  } else {
    for (const GroupVersions& group : GroupsOf(catalog)) {
      items.push_back(AggregatedGroup(catalog, group));
    }
  }
  return {{"kind", "APIGroupDiscoveryList"},
          {"apiVersion", absl::StrCat("apidiscovery.k8s.io/", version)},
          {"metadata", Json::object()},
          {"items", std::move(items)}};
}

}  // namespace rekindle::apiserver
