#ifndef REKINDLE_CONTROLLER_APISERVER_SURFACE_DISCOVERY_H_
#define REKINDLE_CONTROLLER_APISERVER_SURFACE_DISCOVERY_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"
#include "controller/apiserver/catalog/catalog.h"

namespace rekindle::apiserver {

// Documents about what a catalog offers (spec kubernetes-api 16). Pure.

// A group and its versions, the preferred one first.
struct GroupVersions {
  std::string group;
  std::vector<std::string> versions;
};
// In the order of the catalog, without the core group.
std::vector<GroupVersions> GroupsOf(const Catalog& catalog);

Json LegacyVersions();                           // /api
Json GroupList(const Catalog& catalog);          // /apis
Json GroupDocument(const GroupVersions& group);  // /apis/G
Json ResourceList(const Catalog& catalog, absl::string_view group,
                  absl::string_view version);  // /api/v1, /apis/G/V
// The aggregated form of /api (`core`) and /apis; `version` is that of the document, v2 or v2beta1.
Json AggregatedDiscovery(const Catalog& catalog, bool core, absl::string_view version);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_SURFACE_DISCOVERY_H_
