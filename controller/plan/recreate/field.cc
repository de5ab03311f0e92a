#include "controller/plan/recreate/field.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

#include "common/api/quantity.h"
#include "common/json/tree.h"
#include "controller/plan/recreate/static_pod.h"

namespace rekindle::plan {
namespace {

// Annotations that the kubelet puts on its own copy of a pod (node-runtime 2.1).
constexpr absl::string_view kKubeletsOwn[] = {"kubernetes.io/config.seen",
                                              "kubernetes.io/config.source"};

FieldValue Fixed(absl::string_view value) { return {.value = std::string(value)}; }

// `labels['key']`: the key.
std::optional<absl::string_view> Subscript(absl::string_view path, absl::string_view map) {
  if (!absl::ConsumePrefix(&path, map) || !absl::ConsumePrefix(&path, "['") ||
      !absl::ConsumeSuffix(&path, "']")) {
    return std::nullopt;
  }
  return path;
}

std::string Addresses(const Json& pod, absl::string_view list) {
  std::vector<std::string> out;
  const Json* entries = json::Find(pod, {"status", list});
  if (entries != nullptr && entries->is_array()) {
    for (const Json& entry : *entries) out.emplace_back(json::String(entry, "ip"));
  }
  return absl::StrJoin(out, ",");
}

const Json* ByName(const Json* list, absl::string_view name) {
  if (list == nullptr || !list->is_array()) return nullptr;
  for (const Json& entry : *list) {
    if (json::String(entry, "name") == name) return &entry;
  }
  return nullptr;
}

const Json* ByName(const Json& pod, absl::string_view part,
                   std::initializer_list<absl::string_view> lists, absl::string_view name) {
  for (const absl::string_view list : lists) {
    if (const Json* found = ByName(json::Find(pod, {part, list}), name)) return found;
  }
  return nullptr;
}

int64_t CeilDivide(int64_t value, int64_t by) { return value / by + (value % by > 0 ? 1 : 0); }

}  // namespace

FieldValue ReadField(const Json& pod, absl::string_view path) {
  if (path == "metadata.name") return Fixed(json::String(pod, {"metadata", "name"}));
  if (path == "metadata.namespace") return Fixed(json::String(pod, {"metadata", "namespace"}));
  if (path == "metadata.uid") return Fixed(RuntimeUid(pod));
  if (path == "spec.nodeName") return Fixed(json::String(pod, {"spec", "nodeName"}));
  if (path == "spec.serviceAccountName") {
    return Fixed(json::String(pod, {"spec", "serviceAccountName"}));
  }
  if (path == "status.hostIP") return Fixed(json::String(pod, {"status", "hostIP"}));
  if (path == "status.podIP") return Fixed(json::String(pod, {"status", "podIP"}));
  if (path == "status.hostIPs") return Fixed(Addresses(pod, "hostIPs"));
  if (path == "status.podIPs") return Fixed(Addresses(pod, "podIPs"));
  if (const auto key = Subscript(path, "metadata.labels")) {
    return {.value = std::string(json::String(pod, {"metadata", "labels", *key})),
            .may_change = true};
  }
  if (const auto key = Subscript(path, "metadata.annotations")) {
    if (std::find(std::begin(kKubeletsOwn), std::end(kKubeletsOwn), *key) !=
        std::end(kKubeletsOwn)) {
      return {};
    }
    return {.value = std::string(json::String(pod, {"metadata", "annotations", *key})),
            .may_change = true};
  }
  return {};
}

FieldValue ReadResource(const Json& pod, const Json& container, const Json& ref) {
  absl::string_view resource = json::String(ref, "resource");
  const absl::string_view path = resource;
  const bool limit = absl::ConsumePrefix(&resource, "limits.");
  if (!limit && !absl::ConsumePrefix(&resource, "requests.")) return {};
  absl::string_view owner = json::String(ref, "containerName");
  if (owner.empty()) owner = json::String(container, "name");
  const Json* spec = ByName(pod, "spec", {"containers", "initContainers"}, owner);
  if (spec == nullptr) return {};
  const absl::string_view kind = path.substr(0, path.size() - resource.size() - 1);
  const Json* wanted = json::Find(*spec, {"resources", kind, resource});
  if (wanted == nullptr && limit) return {};

  const Json* divisor_text = json::Find(ref, "divisor");
  const auto divisor = api::Quantity::FromJson(divisor_text == nullptr ? Json("1") : *divisor_text);
  const auto amount = api::Quantity::FromJson(wanted == nullptr ? Json("0") : *wanted);
  if (!divisor.ok() || !amount.ok()) return {};
  // The API server writes a divisor that was not given as "0"; cpu counts in thousandths.
  const api::Quantity by = divisor->IsZero() ? *api::Quantity::Parse("1") : *divisor;
  const bool cpu = resource == "cpu";
  const int64_t least = cpu ? by.Milli() : by.Units();
  if (least <= 0) return {};
  FieldValue out{.value = absl::StrCat(CeilDivide(cpu ? amount->Milli() : amount->Units(), least))};

  const Json* status = ByName(pod, "status", {"containerStatuses", "initContainerStatuses"}, owner);
  const Json* in_force =
      status == nullptr ? nullptr : json::Find(*status, {"resources", kind, resource});
  if (in_force == nullptr) return out;
  const auto present = api::Quantity::FromJson(*in_force);
  if (!present.ok() || *present != *amount) return {.value = std::nullopt, .may_change = true};
  out.may_change = true;
  return out;
}

}  // namespace rekindle::plan
