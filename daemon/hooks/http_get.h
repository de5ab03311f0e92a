#ifndef REKINDLE_DAEMON_HOOKS_HTTP_GET_H_
#define REKINDLE_DAEMON_HOOKS_HTTP_GET_H_

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include "daemon/hooks/handler.h"

namespace rekindle::hooks {

// The request of an httpGet handler (spec/node-runtime 3.9): target escaped where it must be,
// "Accept: */*" unless given (given empty: left out), User-Agent unless given, Host honoured,
// headers that frame the message (Connection, Content-Length, Transfer-Encoding, ...) ignored, no
// keep-alive.
// Errors: kInvalidArgument naming a header that is none.
// Threads: any.
absl::StatusOr<boost::beast::http::request<boost::beast::http::empty_body>> BuildHttpGet(
    const HttpGetAction& action, const boost::asio::ip::tcp::endpoint& to,
    const std::string& user_agent);

// One HTTP exchange that can be given up. No redirect is followed and no name looked up; the
// response's header may be 16 KiB long, at most 10 KiB of the body are read and thrown away.
// Threads: the io_context's thread.
class HttpExchange {
 public:
  struct Outcome {
    // OK: 200 <= code < 400. kAborted: another code. kUnavailable: no connection, no HTTP.
    absl::Status status;
    // A TLS handshake was answered by something that is no TLS, as a plain HTTP server does.
    bool plain_peer = false;
  };
  using Done = absl::AnyInvocable<void(Outcome)>;

  virtual ~HttpExchange() = default;

  // Gives up: closes the connection; `done` is not called any more. Harmless when it has been.
  virtual void Cancel() = 0;
};

// Connects `socket` (open, not yet connected) and makes the exchange. TLS (1.2 and later) does not
// verify the server. `done` is called on the io_context's thread, never inline.
std::shared_ptr<HttpExchange> StartHttpGet(
    boost::asio::ip::tcp::socket socket, const boost::asio::ip::tcp::endpoint& to, bool tls,
    boost::beast::http::request<boost::beast::http::empty_body> request, HttpExchange::Done done);

}  // namespace rekindle::hooks

#endif  // REKINDLE_DAEMON_HOOKS_HTTP_GET_H_
