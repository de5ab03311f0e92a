#ifndef REKINDLE_DAEMON_CRI_CONNECTION_H_
#define REKINDLE_DAEMON_CRI_CONNECTION_H_

#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>

#include "common/base/sync.h"

namespace rekindle::cri {

// Where containerd keeps what the CRI made.
inline constexpr char kContainerdNamespace[] = "k8s.io";

// The one channel to a runtime's socket, shared by calls, event streams and pulls, with the client
// rules of spec/node-runtime 1.1 and 1.25: replies of up to 32 MiB, no keepalive, reconnection
// after 100 ms doubling to 5 s. Connects at the first call.
//
// It has a completion queue and a thread of its own instead of gRPC's callback API. On Linux the
// threads behind that API (gRPC 1.51) sleep 100 ms after each second without an event, which is
// what a container's stop looks like: replies came up to 100 ms late. They also wake an idle
// process all the time, and abort it now and then when the last channel goes.
//
// Threads: any, except that the destructor must not run on the connection's own thread.
class Connection {
 public:
  // One call or stream. Kept alive by the connection from Track until Done says true.
  class Operation {
   public:
    virtual ~Operation() = default;
    // On the connection's thread: one thing that was started on the queue with this object as its
    // tag has ended. True: nothing more will come; the object is let go.
    virtual bool Done(bool ok) = 0;

    grpc::ClientContext context;
  };

  // `endpoint` is gRPC's form: "unix:///run/containerd/containerd.sock".
  explicit Connection(const std::string& endpoint);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Cancels whatever is still under way and waits for it: do so only when the process ends. No
  // operation may begin any more.
  ~Connection();

  const std::string& endpoint() const { return endpoint_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  grpc::CompletionQueue* queue() { return &queue_; }

  // Call before the operation starts anything on the queue.
  void Track(std::shared_ptr<Operation> operation);

 private:
  void Run();

  const std::string endpoint_;
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::CompletionQueue queue_;
  Mutex mutex_;
  absl::flat_hash_map<Operation*, std::shared_ptr<Operation>> operations_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_CONNECTION_H_
