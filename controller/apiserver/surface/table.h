#ifndef REKINDLE_CONTROLLER_APISERVER_SURFACE_TABLE_H_
#define REKINDLE_CONTROLLER_APISERVER_SURFACE_TABLE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/json/json_fwd.h"
#include "controller/apiserver/catalog/catalog.h"
#include "controller/apiserver/rest/surface.h"

namespace rekindle::apiserver {

// A column of a Table (spec kubernetes-api 18.1).
struct Column {
  std::string name;
  std::string type = "string";  // integer, number, string, boolean, date
  std::string format;           // "name" of the first one
  std::string description;
  int priority = 0;  // above 0: wide only
};

// The columns of a kind: those of the platform's kinds (18.2), of the others by their printer
// columns (13.4), the name first.
std::vector<Column> ColumnsOf(const ServedKind& kind);

// See Surface::ToTable. `now` is what ages are counted from. Thread-safe.
absl::StatusOr<Json> MakeTable(const ServedKind& kind, const Json& object_or_list,
                               absl::string_view version, IncludeObject include, bool columns,
                               absl::Time now);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_SURFACE_TABLE_H_
