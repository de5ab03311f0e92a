#ifndef REKINDLE_TEST_BENCH_RECORDING_PROXY_H_
#define REKINDLE_TEST_BENCH_RECORDING_PROXY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "common/base/sync.h"

namespace rekindle::bench {

// Nanoseconds of the monotonic clock.
int64_t MonotonicNanos();

// One call that went through the proxy.
struct RecordedCall {
  std::string method;  // "/runtime.v1.RuntimeService/StopContainer"
  int64_t begun = 0;   // its request had arrived (MonotonicNanos)
  int64_t ended = 0;   // its reply was about to be sent back; 0 while under way
};

// Stands between a daemon and its runtime, hands every call on as it is and notes when it began
// and ended. Calls have one request message and any number of replies, as all calls of the CRI and
// of containerd's events have. The time in the proxy counts as the runtime's, all transport between
// daemon and proxy as the daemon's.
// Threads: any.
class RecordingProxy : private grpc::CallbackGenericService {
 public:
  // Serves on the Unix socket `path` and hands on to `endpoint`. kUnavailable if it cannot listen.
  static absl::StatusOr<std::unique_ptr<RecordingProxy>> Start(const std::string& path,
                                                               const std::string& endpoint);
  // Cuts off what is under way; its clients must be gone or bear that.
  ~RecordingProxy() override;

  const std::string& endpoint() const { return endpoint_; }

  // Forgets all calls so far.
  void Clear();
  std::vector<RecordedCall> Calls() const;

 private:
  class Relay;

  RecordingProxy(const std::string& path, const std::string& endpoint);
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;
  uint64_t Began(const std::string& method);
  void Ended(uint64_t id);

  const std::string endpoint_;
  grpc::GenericStub stub_;
  mutable Mutex mutex_;
  uint64_t first_id_ ABSL_GUARDED_BY(mutex_) = 0;  // of calls_[0]
  std::vector<RecordedCall> calls_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_RECORDING_PROXY_H_
