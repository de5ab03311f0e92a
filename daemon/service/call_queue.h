#ifndef REKINDLE_DAEMON_SERVICE_CALL_QUEUE_H_
#define REKINDLE_DAEMON_SERVICE_CALL_QUEUE_H_

#include <limits>
#include <memory>
#include <thread>

#include <grpcpp/completion_queue.h>
#include <grpcpp/server_builder.h>

#include "daemon/service/slots.h"

namespace rekindle::service {

// The completion queue of one server and the thread that works it off.
// Threads: Attach, Run and Stop on the owner's thread; TakeSlot and queue on any.
class CallQueue {
 public:
  // Before the server is built.
  void Attach(grpc::ServerBuilder& builder) { queue_ = builder.AddCompletionQueue(); }

  // Once it is built and has calls to wait for.
  void Run();

  // After the server has shut down: waits until every call is over, then ends the thread. Never
  // long, since a shut-down server has cancelled its calls. A second call does nothing.
  void Stop();

  ~CallQueue() { Stop(); }

  grpc::ServerCompletionQueue* queue() { return queue_.get(); }

  // Counts one call until it is over: nothing may be started on a queue that is shut down.
  Slots::Slot TakeSlot() { return calls_.Take(); }

 private:
  Slots calls_{std::numeric_limits<size_t>::max()};
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::thread thread_;
};

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_CALL_QUEUE_H_
