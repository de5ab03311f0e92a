#ifndef REKINDLE_TEST_BED_HTTP_H_
#define REKINDLE_TEST_BED_HTTP_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rekindle::bed {

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";
  std::map<std::string, std::string> headers;
  std::string body;
};

struct HttpReply {
  int code = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// One request on a connection of its own. kUnavailable: no connection, it broke, or `timeout`
// passed.
absl::StatusOr<HttpReply> HttpCall(const std::string& ip, int port, const HttpRequest& request,
                                   absl::Duration timeout = absl::Seconds(5));

// The body of a 200. kAborted: another code; else as HttpCall.
absl::StatusOr<std::string> HttpGet(const std::string& ip, int port, const std::string& target,
                                    absl::Duration timeout = absl::Seconds(5));

// HttpGet until it answers 200. kDeadlineExceeded with the last error.
absl::StatusOr<std::string> WaitHttp(const std::string& ip, int port, const std::string& target,
                                     absl::Duration timeout = absl::Seconds(30));

}  // namespace rekindle::bed

#endif  // REKINDLE_TEST_BED_HTTP_H_
