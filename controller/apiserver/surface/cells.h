#ifndef REKINDLE_CONTROLLER_APISERVER_SURFACE_CELLS_H_
#define REKINDLE_CONTROLLER_APISERVER_SURFACE_CELLS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "common/json/json_fwd.h"
#include "common/json/json_path.h"
#include "controller/apiserver/catalog/catalog.h"
#include "controller/apiserver/surface/table.h"

namespace rekindle::apiserver {

// How a kind of the platform is shown (spec kubernetes-api 18.2): one cell for each column.
struct KindView {
  std::vector<Column> columns;
  std::vector<Json> (*cells)(const Json& object, absl::Time now) = nullptr;
};

// Null for kinds that have no columns of their own.
const KindView* FindView(const api::KindInfo& info);

// Cells of a pod: its readiness and the word for its state (18.2).
std::vector<Column> PodColumns();
std::vector<Json> PodCells(const Json& pod, absl::Time now);

// Kinds that are shown by the JSONPaths of their printer columns (13.4), after the name.
struct PathColumn {
  std::string type;
  std::optional<json::JsonPath> path;  // nullopt: it cannot be read, nothing is shown
};
std::vector<PathColumn> PathColumnsOf(const std::vector<api::PrinterColumn>& columns);
std::vector<Json> PathCells(const std::vector<PathColumn>& columns, const Json& object,
                            absl::Time now);

// Names or images of the containers of a pod spec, joined by commas; "<none>" without any.
std::string ContainerTexts(const Json& pod_spec, const char* member);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_SURFACE_CELLS_H_
