#ifndef REKINDLE_TEST_BENCH_CLIENT_POD_PAGES_H_
#define REKINDLE_TEST_BENCH_CLIENT_POD_PAGES_H_

#include <cstdint>
#include <string>

namespace rekindle::bench {

// The JSON of one pod as an API server writes it, about 6 kB: managed fields, a projected volume
// for its token under a name of its own, probes, two containers with their statuses. `index` makes
// name, UID, address, node and container IDs; a hundred pods share a node, a thousand a workload.
std::string RealisticPod(int64_t index, int64_t resource_version);

// A page of `count` pods from `first` on; `more`: others follow.
std::string PodPage(int64_t first, int64_t count, bool more);

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_CLIENT_POD_PAGES_H_
