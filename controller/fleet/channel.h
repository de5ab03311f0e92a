#ifndef REKINDLE_CONTROLLER_FLEET_CHANNEL_H_
#define REKINDLE_CONTROLLER_FLEET_CHANNEL_H_

#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <grpcpp/channel.h>
#include <grpcpp/completion_queue.h>

#include "common/base/loop.h"
#include "common/base/sync.h"
#include "common/net/tls_files.h"
#include "controller/fleet/endpoint.h"

namespace rekindle::fleet {

// A channel for one connection to `endpoint`; nothing is connected yet. It shares nothing with
// other channels, so that a new one tries at once, with the certificates as they are now.
// `tls` may be null when only sockets are used; it is looked at (small files are read).
// Errors: kFailedPrecondition when `tls` is missing. `endpoint` must have passed CheckEndpoint.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const Endpoint& endpoint,
                                                           net::TlsFiles* tls);

// Tells a loop when the state of a channel has changed. One thread for all channels: gRPC offers
// this on completion queues only.
// Threads: the loop's, destructor included.
class ChannelWatch {
 public:
  explicit ChannelWatch(Loop& loop);
  ChannelWatch(const ChannelWatch&) = delete;
  ChannelWatch& operator=(const ChannelWatch&) = delete;
  // All channels that are watched must be gone. No task is posted afterwards.
  ~ChannelWatch();

  // Posts `changed` once `channel` is in another state than `last`, or is gone, or `limit` has
  // passed.
  void Watch(grpc::Channel& channel, grpc_connectivity_state last, absl::Duration limit,
             Task changed);

 private:
  void Run();

  Loop& loop_;
  grpc::CompletionQueue queue_;
  Mutex mutex_;
  uintptr_t next_tag_ ABSL_GUARDED_BY(mutex_) = 1;
  absl::flat_hash_map<uintptr_t, Task> tasks_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace rekindle::fleet

#endif  // REKINDLE_CONTROLLER_FLEET_CHANNEL_H_
