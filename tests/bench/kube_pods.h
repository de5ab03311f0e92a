#ifndef REKINDLE_TEST_BENCH_KUBE_PODS_H_
#define REKINDLE_TEST_BENCH_KUBE_PODS_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "rekindle/node/v1/node.pb.h"
#include "tests/bench/restart_call.h"
#include "tests/kube/cluster.h"

namespace rekindle::bench {

// A pod that the kubelet runs: one container, "main".
struct KubePod {
  std::string name;
  std::string uid;
  std::string ip;
};

struct KubePodOptions {
  std::vector<std::string> args = {"serve"};
  std::map<std::string, std::string> sysctls;
};

// `count` pods made side by side through the API, when all are ready; their names begin with
// `prefix` and are never used again. Errors of the cluster.
absl::StatusOr<std::vector<KubePod>> MakePods(const kube::Cluster& cluster,
                                              const std::string& prefix, size_t count,
                                              const KubePodOptions& options = {});

// Deletes them as a user would, and waits until they are gone.
absl::Status RemovePods(const kube::Cluster& cluster, const std::vector<KubePod>& pods);

// OK if exactly one "main" runs in each, and its restart count is as given. kInternal: not so, and
// then what was measured was something else.
absl::Status CheckOneRuns(const kube::Cluster& cluster, const std::vector<KubePod>& pods,
                          int restart_count);

// A restart of "main" as a controller asks for it, with what it knows from the API.
node::v1::RestartContainersRequest RestartOf(const KubePod& pod, node::v1::Method method);

// Makes that call and waits for the end; kInternal if another method was used than the one asked
// for, with the daemon's reason.
absl::Status RestartBeside(RestartCaller* caller,
                           const node::v1::RestartContainersRequest& request);

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_KUBE_PODS_H_
