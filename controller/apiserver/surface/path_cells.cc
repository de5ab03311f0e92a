#include <cmath>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "controller/apiserver/surface/age.h"
#include "controller/apiserver/surface/cells.h"

namespace rekindle::apiserver {
namespace {

std::string TextOf(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return json::Dump(value);
}

// A value as its column's type; null when it is of another one (spec kubernetes-api 13.4).
Json CellOf(const std::string& type, const Json& value, absl::Time now) {
  if (type == "integer") {
    if (value.is_number_integer()) return value;
    if (value.is_number_float() && std::abs(value.get<double>()) < 9e15) {
      return static_cast<int64_t>(value.get<double>());
    }
    return nullptr;
  }
  if (type == "number") return value.is_number() ? value : Json();
  if (type == "boolean") return value.is_boolean() ? value : Json();
  if (type == "date") {
    return value.is_string() ? Json(AgeOf(value.get_ref<const std::string&>(), now)) : Json();
  }
  return TextOf(value);
}

}  // namespace

std::vector<PathColumn> PathColumnsOf(const std::vector<api::PrinterColumn>& columns) {
  std::vector<PathColumn> out;
  for (const api::PrinterColumn& column : columns) {
    PathColumn& one = out.emplace_back();
    one.type = column.type;
    if (auto path = json::JsonPath::Parse(column.path); path.ok()) one.path = *std::move(path);
  }
  return out;
}

std::vector<Json> PathCells(const std::vector<PathColumn>& columns, const Json& object,
                            absl::Time now) {
  std::vector<Json> out;
  for (const PathColumn& column : columns) {
    std::vector<const Json*> found;
    if (column.path.has_value()) found = column.path->Find(object);
    if (found.empty() || found[0]->is_null()) {
      out.emplace_back(nullptr);
    } else if (column.type == "string" && found.size() > 1) {
      std::string text;
      for (const Json* one : found) absl::StrAppend(&text, text.empty() ? "" : ",", TextOf(*one));
      out.emplace_back(std::move(text));
    } else {
      out.push_back(CellOf(column.type, *found[0], now));
    }
  }
  return out;
}

}  // namespace rekindle::apiserver
