#ifndef REKINDLE_COMMON_CLIENT_LEADER_LEASE_H_
#define REKINDLE_COMMON_CLIENT_LEADER_LEASE_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/client/resource.h"
#include "common/json/json_fwd.h"

namespace rekindle::client {

// Leases as leader election uses them (spec kubernetes-api 10.2). All functions are pure; `now` is
// wall time, which is written for people and never compared.

struct LeaseTimes {
  absl::Duration lease = absl::Seconds(15);           // how long a silent holder keeps it
  absl::Duration renew_deadline = absl::Seconds(10);  // a holder that cannot renew gives up
  absl::Duration retry = absl::Seconds(2);
};

// "": nobody holds it.
absl::string_view HolderOf(const Json& lease);
int64_t TransitionsOf(const Json& lease);
// How long the holder keeps it after a sign of life; `otherwise` when the lease does not say.
absl::Duration HeldFor(const Json& lease, absl::Duration otherwise);

// A lease to create, held by `identity`.
Json NewLease(const ObjectKey& key, const std::string& identity, const LeaseTimes& times,
              absl::Time now);
// The lease that was read, now held by `identity`: renewed if it was before, else taken over.
Json HeldBy(const Json& lease, const std::string& identity, const LeaseTimes& times,
            absl::Time now);
// The lease that was read, held by nobody.
Json Released(const Json& lease, absl::Time now);

// Empty when the three fit together: lease > renew_deadline > 1.2 x retry > 0; else what does not.
std::string CheckLeaseTimes(const LeaseTimes& times);

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_LEADER_LEASE_H_
