#ifndef REKINDLE_COMMON_NET_HTTP_SERVER_H_
#define REKINDLE_COMMON_NET_HTTP_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/base/asio_loop.h"

namespace rekindle::net {

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// A small HTTP/1.1 server for metrics and health: GET and HEAD of fixed paths, no bodies taken.
// Everything else is answered with 404, 405, 413 or 431, garbage with 400, and a client that says
// nothing is cut off. It has no authentication: it listens on loopback unless told otherwise.
//
// Threads: Start and the destructor on any thread but the loop's; handlers run on the loop's.
class HttpServer {
 public:
  using Handler = std::function<HttpResponse()>;

  struct Options {
    std::string address = "127.0.0.1";  // an IP address
    uint16_t port = 0;                  // 0: the system chooses
    bool allow_remote = false;          // an address that is not loopback is refused without it
    size_t max_connections = 32;        // further ones are closed at once
    size_t max_header_bytes = 8 * 1024;
    absl::Duration timeout = absl::Seconds(10);  // of one request, and of the pause before one
  };

  // Listens and answers `handlers` (by path, without query) until destroyed.
  // Errors: kInvalidArgument (address), kUnavailable (it cannot listen there).
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(AsioLoop& loop, const Options& options,
                                                           std::map<std::string, Handler> handlers);

  // Stops listening and closes all connections. The loop must still run.
  ~HttpServer();

  uint16_t port() const { return port_; }

 private:
  class Listener;

  HttpServer(AsioLoop& loop, std::shared_ptr<Listener> listener, uint16_t port)
      : loop_(loop), listener_(std::move(listener)), port_(port) {}

  AsioLoop& loop_;
  std::shared_ptr<Listener> listener_;
  const uint16_t port_;
};

}  // namespace rekindle::net

#endif  // REKINDLE_COMMON_NET_HTTP_SERVER_H_
