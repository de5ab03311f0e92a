#ifndef REKINDLE_DAEMON_SERVICE_LOCAL_LISTENER_H_
#define REKINDLE_DAEMON_SERVICE_LOCAL_LISTENER_H_

#include <functional>
#include <memory>

#include "absl/strings/string_view.h"

#include "common/base/asio_loop.h"
#include "daemon/service/local_socket.h"

namespace rekindle::service {

// Accepts connections of the local socket and passes on those whose peer may connect and whose
// first bytes are HTTP/2's. All others are closed without an answer: garbage never reaches the
// gRPC server, and a silent peer holds a place for kLocalHelloTimeout at most.
// Threads: Start on any thread but the loop's, Stop too; the callbacks run on the loop's.
class LocalListener {
 public:
  struct Callbacks {
    // Takes over a connected, non-blocking socket.
    std::function<void(int fd)> accepted;
    // A connection was closed: "peer", "garbage", "silent" or "busy".
    std::function<void(absl::string_view reason)> refused;
  };

  static std::unique_ptr<LocalListener> Start(AsioLoop& loop, LocalSocket socket,
                                              LocalAccess access, Callbacks callbacks);

  // As Stop.
  ~LocalListener();

  // Closes the socket, removes its file. No callback runs afterwards.
  void Stop();

 private:
  class Acceptor;

  LocalListener(AsioLoop& loop, std::shared_ptr<Acceptor> acceptor)
      : loop_(loop), acceptor_(std::move(acceptor)) {}

  AsioLoop& loop_;
  std::shared_ptr<Acceptor> acceptor_;
};

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_LOCAL_LISTENER_H_
