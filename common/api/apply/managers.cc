#include "common/api/apply/managers.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

constexpr size_t kMostUpdaters = 10;
constexpr absl::string_view kAncient = "ancient-changes";

using Managers = std::vector<Manager>;

}  // namespace

bool Manager::SameIdentity(const Manager& other) const {
  return name == other.name && applies == other.applies && api_version == other.api_version &&
         subresource == other.subresource;
}

std::string Manager::Shown() const {
  std::string out = absl::StrCat("\"", name, "\"");
  if (!subresource.empty()) absl::StrAppend(&out, " with subresource \"", subresource, "\"");
  if (!applies) absl::StrAppend(&out, " using ", api_version);
  return out;
}

absl::StatusOr<std::vector<Manager>> ReadManagers(const Json& managed_fields) {
  Managers out;
  if (!managed_fields.is_array()) return out;
  for (size_t i = 0; i < managed_fields.size(); ++i) {
    const Json& entry = managed_fields[i];
    const auto bad = [&](absl::string_view what) {
      return absl::InvalidArgumentError(absl::StrCat("metadata.managedFields[", i, "]: ", what));
    };
    Manager manager;
    const absl::string_view operation = json::String(entry, "operation");
    if (operation != "Apply" && operation != "Update") {
      return bad("operation must be `Apply` or `Update`");
    }
    if (const absl::string_view form = json::String(entry, "fieldsType");
        !form.empty() && form != "FieldsV1") {
      return bad("fieldsType must be `FieldsV1`");
    }
    manager.applies = operation == "Apply";
    manager.name = std::string(json::String(entry, "manager"));
    manager.api_version = std::string(json::String(entry, "apiVersion"));
    if (manager.api_version.empty()) return bad("apiVersion must not be empty");
    manager.subresource = std::string(json::String(entry, "subresource"));
    manager.time = ParseTime(json::String(entry, "time")).value_or(absl::UnixEpoch());
    if (const Json* fields = json::Find(entry, "fieldsV1"); fields != nullptr) {
      absl::StatusOr<FieldSet> set = FieldSet::FromJson(*fields);
      if (!set.ok()) return bad(set.status().message());
      manager.fields = *std::move(set);
    }
    if (Manager* twin = FindManager(out, manager); twin != nullptr) {
      twin->fields = twin->fields.Union(manager.fields);
    } else {
      out.push_back(std::move(manager));
    }
  }
  return out;
}

Json WriteManagers(const std::vector<Manager>& managers) {
  Managers sorted = managers;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Manager& a, const Manager& b) {
    // Appliers first; then by time.
    if (a.applies != b.applies) return a.applies;
    if (a.time != b.time) return a.time < b.time;
    return a.name < b.name;
  });
  Json out = Json::array();
  for (const Manager& manager : sorted) {
    Json entry = {
        {"manager", manager.name},           {"operation", manager.applies ? "Apply" : "Update"},
        {"apiVersion", manager.api_version}, {"time", api::FormatTime(manager.time)},
        {"fieldsType", "FieldsV1"},          {"fieldsV1", manager.fields.ToJson()}};
    if (!manager.subresource.empty()) entry["subresource"] = manager.subresource;
    out.push_back(std::move(entry));
  }
  return out;
}

Manager* FindManager(Managers& managers, const Manager& like) {
  for (Manager& manager : managers) {
    if (manager.SameIdentity(like)) return &manager;
  }
  return nullptr;
}

void DropEmpty(Managers& managers) {
  managers.erase(std::remove_if(managers.begin(), managers.end(),
                                [](const Manager& manager) { return manager.fields.Empty(); }),
                 managers.end());
}

void CapUpdaters(Managers& managers) {
  const auto updaters = [&] {
    return static_cast<size_t>(std::count_if(managers.begin(), managers.end(),
                                             [](const Manager& m) { return !m.applies; }));
  };
  while (updaters() > kMostUpdaters) {
    auto oldest = managers.end();
    for (auto it = managers.begin(); it != managers.end(); ++it) {
      if (it->applies || it->name == kAncient) continue;
      if (oldest == managers.end() || it->time < oldest->time) oldest = it;
    }
    if (oldest == managers.end()) return;
    Manager ancient = *oldest;
    ancient.name = std::string(kAncient);
    ancient.subresource.clear();
    managers.erase(oldest);
    if (Manager* present = FindManager(managers, ancient); present != nullptr) {
      present->fields = present->fields.Union(ancient.fields);
      present->time = std::max(present->time, ancient.time);
    } else {
      managers.push_back(std::move(ancient));
      // One bucket more than before would never end this.
      if (updaters() > kMostUpdaters &&
          std::count_if(managers.begin(), managers.end(),
                        [](const Manager& m) { return !m.applies && m.name != kAncient; }) == 0) {
        return;
      }
    }
  }
}

}  // namespace rekindle::api
