#ifndef REKINDLE_TEST_BENCH_RECREATE_ROUND_H_
#define REKINDLE_TEST_BENCH_RECREATE_ROUND_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "rekindle/node/v1/node.grpc.pb.h"
#include "tests/bench/recreate/hops.h"
#include "tests/conformance/http.h"
#include "tests/controller/recreate/request_watch.h"

namespace rekindle::bench {

inline constexpr char kNamespace[] = "default";
inline constexpr char kContainer[] = "main";

// What a round goes through; all outlive it.
struct RoundTools {
  conformance::Http& http;
  const RequestWatch& watch;
  node::v1::NodeService::Stub& daemon;
  absl::Duration patience;
};

struct Round {
  Hops hops;
  std::string new_container;
};

// Requests a restart of container "main" of `pod` and waits for its end. `number`: how many
// requests the watch has seen end before. `as_kubectl`: looks first whether the request is there,
// as `kubectl apply` does.
// Errors: kDeadlineExceeded (it did not end), kInternal (refused, or it did not succeed), those of
// the calls.
absl::StatusOr<Round> RunRound(const RoundTools& tools, const std::string& pod, int number,
                               bool as_kubectl);

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_RECREATE_ROUND_H_
