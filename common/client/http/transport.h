#ifndef REKINDLE_COMMON_CLIENT_HTTP_TRANSPORT_H_
#define REKINDLE_COMMON_CLIENT_HTTP_TRANSPORT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rekindle::client {

using Header = std::pair<std::string, std::string>;

// Who this side is and whom it believes, for one TLS connection. All in PEM. Connections are shared
// by requests with equal contents only.
struct TlsIdentity {
  std::string ca;           // empty: the system's authorities
  std::string certificate;  // empty: none
  std::string key;
  friend bool operator==(const TlsIdentity&, const TlsIdentity&) = default;
};

struct HttpRequest {
  std::string method = "GET";
  std::string target;  // path and query, beginning with a slash
  std::vector<Header> headers;
  std::string body;
  std::shared_ptr<const TlsIdentity> tls;      // null: the system's authorities, no certificate
  absl::Duration timeout = absl::Seconds(30);  // of the whole call, a stream's end included
  absl::Duration head_timeout = absl::Seconds(30);  // until the answer begins
  size_t max_body_bytes = size_t{64} << 20;         // of a body that no reader takes
  bool long_lived = false;  // a stream that its caller opens again when it ends
  // Asked on the transport's thread right before the request's first byte is written, each time the
  // request is written. An error ends the call with that error, and nothing has been sent.
  std::function<absl::Status()> admit;
};

struct HttpHead {
  int status = 0;
  std::string content_type;
  std::optional<absl::Duration> retry_after;  // Retry-After in whole seconds
  std::vector<std::string> warnings;          // texts of Warning headers with code 299
};

// Takes the body of a 2xx as it comes. The transport calls it on a thread of its own, one call
// after the other, and never again once the call has ended or has been cancelled: decoding stays
// away from the loop. An error ends the call with that error.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  virtual absl::Status Consume(absl::string_view bytes) = 0;
  // The body is complete, as far as HTTP can tell.
  virtual absl::Status Finish() = 0;
};

struct HttpReply {
  HttpHead head;
  std::string body;  // empty when a reader took it
};

// Carries requests to one server. The one seam between the client and the network.
// Threads: the loop's, except where said otherwise; `done` arrives there, never inline.
class Transport {
 public:
  using CallId = uint64_t;  // 0 is never a call
  using Done = absl::AnyInvocable<void(absl::StatusOr<HttpReply>)>;

  virtual ~Transport() = default;

  // Sends `request`. Any answer is a reply, whatever its code; `reader` (may be null) is given the
  // body of a 2xx. Errors: kUnavailable (no connection, or it broke), kDeadlineExceeded (a timeout
  // passed), kFailedPrecondition (the server's certificate is not trusted, or the key does not
  // fit), kResourceExhausted (a body beyond its limit), and whatever `admit` or `reader` returned.
  virtual CallId Start(HttpRequest request, std::shared_ptr<BodyReader> reader, Done done) = 0;

  // Ends a call without `done`. False when it is over already. Once this returns the reader is not
  // called any more.
  virtual bool Cancel(CallId call) = 0;

  // No call that starts from now on uses a connection that is open now; those are closed when the
  // calls on them are over. With `end_streams` the long-lived calls end with kUnavailable.
  virtual void RetireConnections(bool end_streams) = 0;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_HTTP_TRANSPORT_H_
