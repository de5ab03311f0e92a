#include "controller/apiserver/surface/table.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "controller/apiserver/surface/cells.h"

namespace rekindle::apiserver {
namespace {

Json Definition(const Column& column) {
  return {{"name", column.name},
          {"type", column.type},
          {"format", column.format},
          {"description", column.description},
          {"priority", column.priority}};
}

// What pods that are done are hidden by (`kubectl get --show-all=false` of old clients).
Json RowConditions(const ServedKind& kind, const Json& object) {
  if (!kind.info->group.empty() || kind.info->kind != "Pod") return Json();
  const absl::string_view phase = json::String(object, {"status", "phase"});
  if (phase != "Succeeded" && phase != "Failed") return Json();
  return {{{"type", "Completed"},
           {"status", "True"},
           {"reason", phase},
           {"message",
            phase == "Succeeded" ? "The pod has completed successfully." : "The pod failed."}}};
}

Json RowObject(const ServedKind& kind, const Json& object, absl::string_view version,
               IncludeObject include) {
  if (include == IncludeObject::kNone) return nullptr;
  if (include == IncludeObject::kMetadata) {
    return {{"kind", "PartialObjectMetadata"},
            {"apiVersion", absl::StrCat("meta.k8s.io/", version)},
            {"metadata", object.value("metadata", Json::object())}};
  }
  Json whole = object;
  // Lists of the platform's kinds leave them out in their items.
  whole["apiVersion"] = kind.info->ApiVersion();
  whole["kind"] = kind.info->kind;
  return whole;
}

Json Row(const ServedKind& kind, const KindView* view, const std::vector<PathColumn>& paths,
         const Json& object, absl::string_view version, IncludeObject include, absl::Time now) {
  Json cells = Json::array();
  if (view != nullptr) {
    for (Json& cell : view->cells(object, now)) cells.push_back(std::move(cell));
  } else {
    cells.push_back(std::string(json::String(object, {"metadata", "name"})));
    for (Json& cell : PathCells(paths, object, now)) cells.push_back(std::move(cell));
  }
  Json row = {{"cells", std::move(cells)}, {"object", RowObject(kind, object, version, include)}};
  if (Json conditions = RowConditions(kind, object); !conditions.is_null()) {
    row["conditions"] = std::move(conditions);
  }
  return row;
}

// Kinds without columns show what every object has.
std::vector<api::PrinterColumn> PrinterColumnsOf(const api::KindInfo& info) {
  if (!info.columns.empty()) return info.columns;
  return {{"Age", "date", ".metadata.creationTimestamp", "Time since it was made.", 0}};
}

}  // namespace

std::vector<Column> ColumnsOf(const ServedKind& kind) {
  if (const KindView* view = FindView(*kind.info)) return view->columns;
  std::vector<Column> out = {{"Name", "string", "name", "Name of the object.", 0}};
  for (const api::PrinterColumn& column : PrinterColumnsOf(*kind.info)) {
    out.push_back(
        {column.name, column.type, "",
         column.doc.empty()
             ? absl::StrCat("Custom resource definition column (in JSONPath format): ", column.path)
             : column.doc,
         column.priority});
  }
  return out;
}

absl::StatusOr<Json> MakeTable(const ServedKind& kind, const Json& object_or_list,
                               absl::string_view version, IncludeObject include, bool columns,
                               absl::Time now) {
  if (!object_or_list.is_object()) return absl::InternalError("a Table of what is no object");
  Json out = {{"kind", "Table"}, {"apiVersion", absl::StrCat("meta.k8s.io/", version)}};
  const KindView* view = FindView(*kind.info);
  const std::vector<PathColumn> paths = PathColumnsOf(PrinterColumnsOf(*kind.info));
  Json rows = Json::array();
  Json metadata = Json::object();
  const Json* items = json::Find(object_or_list, "items");
  if (items != nullptr && items->is_array() &&
      json::String(object_or_list, "kind") == kind.info->list_kind) {
    for (const Json& object : *items) {
      rows.push_back(Row(kind, view, paths, object, version, include, now));
    }
    if (const Json* given = json::Find(object_or_list, "metadata")) metadata = *given;
  } else {
    rows.push_back(Row(kind, view, paths, object_or_list, version, include, now));
    const absl::string_view at = json::String(object_or_list, {"metadata", "resourceVersion"});
    if (!at.empty()) metadata["resourceVersion"] = at;
  }
  out["metadata"] = std::move(metadata);
  out["columnDefinitions"] = nullptr;
  if (columns) {
    out["columnDefinitions"] = Json::array();
    for (const Column& column : ColumnsOf(kind)) {
      out["columnDefinitions"].push_back(Definition(column));
    }
  }
  out["rows"] = std::move(rows);
  return out;
}

}  // namespace rekindle::apiserver
