#ifndef REKINDLE_TEST_BENCH_RESTART_CALL_H_
#define REKINDLE_TEST_BENCH_RESTART_CALL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "rekindle/node/v1/node.grpc.pb.h"
#include "tests/measure/daemon.h"

namespace rekindle::bench {

// A connection to the daemon's local socket that is kept: what a controller has. A command line
// tool's start would drown what is measured.
// Threads: any.
class RestartCaller {
 public:
  explicit RestartCaller(const measure::Daemon& daemon);

  // Restarts these containers of the pod, all at once, by one call; returns when the call has
  // ended. kAborted if an operation did not end well (the first one's message).
  absl::Status Restart(const bed::Pod& pod, const std::vector<std::string>& containers);

  // Any such call, of at most `timeout`: its operations as they ended, by container name.
  // Errors as Restart.
  absl::StatusOr<std::vector<node::v1::Operation>> Run(
      const node::v1::RestartContainersRequest& request, absl::Duration timeout = absl::Minutes(5));

 private:
  std::unique_ptr<node::v1::NodeService::Stub> stub_;
};

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_RESTART_CALL_H_
