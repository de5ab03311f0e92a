#include "daemon/restart/replacement/resources_in_force.h"

#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "daemon/cri/go_json.h"

namespace rekindle::restart {
namespace {

using nlohmann::json;
using ::runtime::v1::LinuxContainerResources;

constexpr char kPlace[] = "runtimeSpec.linux.resources";

absl::Status Refuse(absl::string_view key, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(kPlace, ".", key, ": ", why));
}

const json* Find(const json& resources, const char* group, const char* key) {
  const json* members = cri::Member(resources, group);
  return members == nullptr ? nullptr : cri::Member(*members, key);
}

absl::StatusOr<int64_t> Number(const json& resources, const char* group, const char* key) {
  const json* value = Find(resources, group, key);
  if (value == nullptr) return 0;
  auto number = cri::ToInt64(*value, absl::StrCat(kPlace, ".", group, ".", key));
  if (!number.ok()) return absl::FailedPreconditionError(number.status().message());
  return number;
}

absl::StatusOr<std::string> Text(const json& resources, const char* group, const char* key) {
  const json* value = Find(resources, group, key);
  if (value == nullptr) return "";
  const auto* text = value->get_ptr<const json::string_t*>();
  if (text == nullptr) return Refuse(absl::StrCat(group, ".", key), "must be a string");
  return *text;
}

absl::Status ReadHugepages(const json& resources, LinuxContainerResources& out) {
  out.clear_hugepage_limits();
  const json* list = cri::Member(resources, "hugepageLimits");
  if (list == nullptr) return absl::OkStatus();
  if (!list->is_array()) return Refuse("hugepageLimits", "must be an array");
  // Updates append to the list in containerd 1.6 and 1.7 (1.13 rule 6): the last of a size counts.
  std::map<std::string, uint64_t> limits;
  for (const json& item : *list) {
    const json* size = cri::Member(item, "pageSize");
    const json* limit = cri::Member(item, "limit");
    const auto* name = size == nullptr ? nullptr : size->get_ptr<const json::string_t*>();
    const auto* bytes =
        limit == nullptr ? nullptr : limit->get_ptr<const json::number_unsigned_t*>();
    if (name == nullptr || (limit != nullptr && bytes == nullptr)) {
      return Refuse("hugepageLimits", "must hold pageSize and limit");
    }
    limits[*name] = bytes == nullptr ? 0 : *bytes;
  }
  for (const auto& [size, bytes] : limits) {
    auto& limit = *out.add_hugepage_limits();
    limit.set_page_size(size);
    limit.set_limit(bytes);
  }
  return absl::OkStatus();
}

absl::Status ReadUnified(const json& resources, LinuxContainerResources& out) {
  out.clear_unified();
  const json* map = cri::Member(resources, "unified");
  if (map == nullptr) return absl::OkStatus();
  const auto* members = map->get_ptr<const json::object_t*>();
  if (members == nullptr) return Refuse("unified", "must be an object");
  for (const auto& [key, value] : *members) {
    const auto* text = value.get_ptr<const json::string_t*>();
    if (text == nullptr) return Refuse(absl::StrCat("unified[\"", key, "\"]"), "must be a string");
    (*out.mutable_unified())[key] = *text;
  }
  return absl::OkStatus();
}

absl::Status ReadCpu(const json& resources, LinuxContainerResources& out) {
  RK_ASSIGN_OR_RETURN(const int64_t shares, Number(resources, "cpu", "shares"));
  RK_ASSIGN_OR_RETURN(const int64_t quota, Number(resources, "cpu", "quota"));
  RK_ASSIGN_OR_RETURN(const int64_t period, Number(resources, "cpu", "period"));
  RK_ASSIGN_OR_RETURN(std::string cpus, Text(resources, "cpu", "cpus"));
  RK_ASSIGN_OR_RETURN(std::string mems, Text(resources, "cpu", "mems"));
  out.set_cpu_shares(shares);
  out.set_cpu_quota(quota);
  out.set_cpu_period(period);
  out.set_cpuset_cpus(std::move(cpus));
  out.set_cpuset_mems(std::move(mems));
  return absl::OkStatus();
}

absl::Status ReadMemory(const json& resources, LinuxContainerResources& out) {
  RK_ASSIGN_OR_RETURN(const int64_t limit, Number(resources, "memory", "limit"));
  RK_ASSIGN_OR_RETURN(const int64_t swap, Number(resources, "memory", "swap"));
  const bool filled_in = out.memory_swap_limit_in_bytes() == 0 && swap == limit;
  out.set_memory_limit_in_bytes(limit);
  out.set_memory_swap_limit_in_bytes(filled_in ? 0 : swap);
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyResourcesInForce(const json& runtime_spec,
                                   ::runtime::v1::ContainerConfig& config) {
  const json* os = cri::Member(runtime_spec, "linux");
  const json* resources = os == nullptr ? nullptr : cri::Member(*os, "resources");
  if (resources == nullptr || !resources->is_object()) {
    return absl::FailedPreconditionError(
        absl::StrCat(kPlace, ": missing, so the limits in force are not known"));
  }
  LinuxContainerResources merged = config.linux().resources();
  RK_RETURN_IF_ERROR(ReadCpu(*resources, merged));
  RK_RETURN_IF_ERROR(ReadMemory(*resources, merged));
  RK_RETURN_IF_ERROR(ReadHugepages(*resources, merged));
  RK_RETURN_IF_ERROR(ReadUnified(*resources, merged));
  // "Not set" and "set, all zero" are not the same to every runtime: nothing is set without need.
  if (config.linux().has_resources() || merged.ByteSizeLong() > 0) {
    *config.mutable_linux()->mutable_resources() = std::move(merged);
  }
  return absl::OkStatus();
}

}  // namespace rekindle::restart
