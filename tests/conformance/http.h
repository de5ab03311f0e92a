#ifndef REKINDLE_TESTS_CONFORMANCE_HTTP_H_
#define REKINDLE_TESTS_CONFORMANCE_HTTP_H_

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "tests/conformance/checks.h"

namespace rekindle::conformance {

// Where a server is and how to show who one is: a client certificate or a bearer token.
struct Endpoint {
  std::string url;      // https://host:port
  std::string ca_file;  // empty: any certificate will do
  std::string certificate_file;
  std::string key_file;
  std::string token;
  std::string reader_token;  // of somebody who may only read; empty: there is nobody
};

enum class Who { kAdmin, kReader, kNobody, kStranger };

struct Request {
  std::string method = "GET";
  std::string path;
  std::map<std::string, std::string> headers;
  std::string body;
  Who who = Who::kAdmin;
  bool parse = true;  // false: the answer has no tree
};

// An open watch: events, one JSON a line. Threads: owned by one.
class Stream {
 public:
  virtual ~Stream() = default;
  // The status of the answer; 0 when there was none within `timeout`.
  virtual int AwaitStatus(absl::Duration timeout) = 0;
  // The next line; an empty one when the server has ended the stream. kDeadlineExceeded.
  virtual absl::StatusOr<std::string> Next(absl::Duration timeout) = 0;
};

// Requests on one connection that is kept. Threads: owned by one.
class Http {
 public:
  explicit Http(Endpoint endpoint);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  // Errors: kUnavailable (no connection, no answer within a minute).
  absl::StatusOr<Answer> Call(const Request& request);
  std::unique_ptr<Stream> Open(const Request& request);

  const Endpoint& endpoint() const { return endpoint_; }

 private:
  const Endpoint endpoint_;
  void* easy_ = nullptr;
};

}  // namespace rekindle::conformance

#endif  // REKINDLE_TESTS_CONFORMANCE_HTTP_H_
