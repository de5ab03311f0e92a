#ifndef REKINDLE_DAEMON_RESTART_REPLACEMENT_RESOURCES_IN_FORCE_H_
#define REKINDLE_DAEMON_RESTART_REPLACEMENT_RESOURCES_IN_FORCE_H_

#include "absl/status/status.h"
#include <nlohmann/json.hpp>

#include "cri/v1/api.pb.h"

namespace rekindle::restart {

// Puts the limits that are in force (`runtime_spec`, an OCI spec) into config.linux.resources,
// which holds those at creation (spec/node-runtime 1.12 rule 4):
//
//   linux.resources of the spec            config.linux.resources
//   cpu.shares, quota, period              cpu_shares, cpu_quota, cpu_period
//   cpu.cpus, mems                         cpuset_cpus, cpuset_mems
//   memory.limit, swap                     memory_limit_in_bytes, memory_swap_limit_in_bytes
//   hugepageLimits, unified                hugepage_limits, unified
//
// A key which the spec lacks means unset. oom_score_adj stays: the spec has it clamped. A swap
// limit that the configuration left open stays open when the spec's equals the memory limit: the
// runtime filled it in (1.7 rule 1) and will again. The result, applied to the spec of a container
// created from it, is itself: copies of copies do not drift. Errors: kFailedPrecondition naming the
// key; `config` is then unchanged. Threads: any.
absl::Status ApplyResourcesInForce(const nlohmann::json& runtime_spec,
                                   ::runtime::v1::ContainerConfig& config);

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_REPLACEMENT_RESOURCES_IN_FORCE_H_
