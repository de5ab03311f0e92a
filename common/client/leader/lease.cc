#include "common/client/leader/lease.h"

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::client {

absl::string_view HolderOf(const Json& lease) {
  return json::String(lease, {"spec", "holderIdentity"});
}

int64_t TransitionsOf(const Json& lease) {
  return json::Int(lease, {"spec", "leaseTransitions"}).value_or(0);
}

absl::Duration HeldFor(const Json& lease, absl::Duration otherwise) {
  const int64_t seconds = json::Int(lease, {"spec", "leaseDurationSeconds"}).value_or(0);
  return seconds > 0 ? absl::Seconds(seconds) : otherwise;
}

Json NewLease(const ObjectKey& key, const std::string& identity, const LeaseTimes& times,
              absl::Time now) {
  return {{"apiVersion", "coordination.k8s.io/v1"},
          {"kind", "Lease"},
          {"metadata", {{"name", key.name}, {"namespace", key.name_space}}},
          {"spec",
           {{"holderIdentity", identity},
            {"leaseDurationSeconds", absl::ToInt64Seconds(times.lease)},
            {"acquireTime", api::FormatMicroTime(now)},
            {"renewTime", api::FormatMicroTime(now)},
            {"leaseTransitions", 0}}}};
}

Json HeldBy(const Json& lease, const std::string& identity, const LeaseTimes& times,
            absl::Time now) {
  Json out = lease;
  Json& spec = out["spec"];
  if (!spec.is_object()) spec = Json::object();
  if (HolderOf(lease) != identity) {
    spec["acquireTime"] = api::FormatMicroTime(now);
    spec["leaseTransitions"] = TransitionsOf(lease) + 1;
  }
  spec["holderIdentity"] = identity;
  spec["leaseDurationSeconds"] = absl::ToInt64Seconds(times.lease);
  spec["renewTime"] = api::FormatMicroTime(now);
  return out;
}

Json Released(const Json& lease, absl::Time now) {
  Json out = lease;
  Json& spec = out["spec"];
  spec["holderIdentity"] = "";
  spec["leaseDurationSeconds"] = 1;  // an API server takes no less
  spec["renewTime"] = api::FormatMicroTime(now);
  spec["acquireTime"] = api::FormatMicroTime(now);
  return out;
}

std::string CheckLeaseTimes(const LeaseTimes& times) {
  if (times.retry <= absl::ZeroDuration()) return "retry: must be more than 0";
  if (times.renew_deadline <= times.retry * 1.2) {
    return "renew_deadline: must be more than 1.2 times retry";
  }
  if (times.lease <= times.renew_deadline) return "lease: must be more than renew_deadline";
  if (times.lease < absl::Seconds(1)) return "lease: must be at least a second";
  return "";
}

}  // namespace rekindle::client
