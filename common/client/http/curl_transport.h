#ifndef REKINDLE_COMMON_CLIENT_HTTP_CURL_TRANSPORT_H_
#define REKINDLE_COMMON_CLIENT_HTTP_CURL_TRANSPORT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "common/base/loop.h"
#include "common/client/http/transport.h"

namespace rekindle::client {

// The transport over libcurl: HTTP/2 where the server offers it, else HTTP/1.1; connections are
// kept and shared. Its thread does what TLS and decoding cost; callbacks arrive on the loop.
//
// The environment's proxy variables are not looked at.
class CurlTransport final : public Transport {
 public:
  struct Options {
    std::string server;           // "https://host:port/prefix"; http only without TLS identities
    std::string tls_server_name;  // the name in the server's certificate, when it is not the host
    bool insecure_skip_verify = false;
    absl::Duration connect_timeout = absl::Seconds(10);
    // Data that the other side's kernel has not acknowledged for so long ends the connection, and
    // is not sent again. A leader counts on it: what it sent before it lost its lease has arrived,
    // or never will, once so much time has passed (leader/elector.h).
    absl::Duration unacknowledged = absl::Seconds(5);
  };

  // Errors: kInvalidArgument naming `server`. Threads: any. `loop` outlives the transport.
  static absl::StatusOr<std::unique_ptr<CurlTransport>> Make(Loop& loop, const Options& options);

  // Drops all calls without their callbacks. Threads: the loop's, or any once the loop has stopped.
  ~CurlTransport() override;

  CallId Start(HttpRequest request, std::shared_ptr<BodyReader> reader, Done done) override;
  bool Cancel(CallId call) override;
  void RetireConnections(bool end_streams) override;

 private:
  struct State;
  explicit CurlTransport(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_HTTP_CURL_TRANSPORT_H_
