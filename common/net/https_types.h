#ifndef REKINDLE_COMMON_NET_HTTPS_TYPES_H_
#define REKINDLE_COMMON_NET_HTTPS_TYPES_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rekindle::net {

// Whom a client certificate names: its CN, and each O.
struct PeerName {
  std::string name;
  std::vector<std::string> groups;
};

// A request as it came over the wire. A value.
struct HttpsRequest {
  std::string method;                          // "GET"
  std::string target;                          // path and query, as sent
  std::map<std::string, std::string> headers;  // names in lower case; repeated ones joined by ", "
  std::string body;
  // Who the client certificate says it is, when one was sent and verified. Untrusted: one was sent
  // that our authority did not sign, or that has expired.
  std::optional<PeerName> certificate;
  bool certificate_untrusted = false;

  absl::string_view Header(absl::string_view lower_case_name) const;
};

struct HttpsReply {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;  // ETag, Vary, Warning, ...
  std::string body;                                          // empty with 304
};

// An answer whose end nobody knows yet: what there is to say comes as it happens, and the
// connection is closed after it. The session calls everything on its strand, apart from Begin.
class HttpsStream {
 public:
  struct Batch {
    std::string bytes;
    bool end = false;  // nothing follows
  };
  virtual ~HttpsStream() = default;

  // First of all. `wake`: to be called, on any thread and without locks, when there is something to
  // Take after there was nothing.
  virtual void Open(std::function<void()> wake) = 0;
  // On a thread that may block; the other methods may be called meanwhile. A reply: there is no
  // stream, and this is the answer.
  virtual std::optional<HttpsReply> Begin() = 0;
  // Something had been sent already when Begin gave its reply: the stream has to end with it.
  virtual void EndWithReply() = 0;
  // What waits, up to about `most` bytes. Empty and not the end: `wake` will be called.
  virtual Batch Take(size_t most) = 0;
  // Ends the stream after what waits.
  virtual void Finish() = 0;
  // Nothing is taken any more. May be called several times.
  virtual void Abandon() = 0;
  // The longest that the stream lasts; Finish is called then.
  virtual absl::Duration limit() const = 0;
  virtual absl::string_view content_type() const = 0;
};

// What a server answers. Threads: thread-safe; outlives the server.
class HttpsHandler {
 public:
  using Outcome = std::variant<HttpsReply, std::shared_ptr<HttpsStream>>;
  virtual ~HttpsHandler() = default;

  // Answers a request; may block.
  virtual Outcome Handle(const HttpsRequest& request) = 0;
  // The answer of what must be answered however busy the server is, before the body is read;
  // nullopt for all else. Must not block.
  virtual std::optional<HttpsReply> Immediate(const HttpsRequest& request) const = 0;
  // Why the request is refused, whatever its body is; nullopt: it is not. So nobody who may not ask
  // makes the server read a body. Must not block.
  virtual std::optional<HttpsReply> Refusal(const HttpsRequest& request) const = 0;
  // How the server's own refusals look: 400, 408, 413 and 431. `text` says why.
  virtual HttpsReply Problem(int status, absl::string_view text) const = 0;
};

}  // namespace rekindle::net

#endif  // REKINDLE_COMMON_NET_HTTPS_TYPES_H_
