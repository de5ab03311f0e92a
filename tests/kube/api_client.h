#ifndef REKINDLE_TEST_KUBE_API_CLIENT_H_
#define REKINDLE_TEST_KUBE_API_CLIENT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <nlohmann/json.hpp>

#include "tests/bed/http.h"

namespace rekindle::kube {

// Who a client is: a certificate (both set) or a service account's token, or nobody.
struct Identity {
  std::string certificate;  // PEM
  std::string key;          // PEM
  std::string token;
};

// HTTPS to an API server, one request on a connection of its own: some milliseconds, where a
// kubectl takes a tenth of a second of CPU time. What tests poll with. The server's certificate is
// checked. Threads: any.
class ApiClient {
 public:
  // `ca` in PEM.
  ApiClient(std::string ip, int port, const std::string& ca, const Identity& identity);
  ~ApiClient();
  ApiClient(ApiClient&&) noexcept;

  // Any answer is a reply. kUnavailable: no connection, it broke, or `timeout` passed.
  absl::StatusOr<bed::HttpReply> Call(const bed::HttpRequest& request,
                                      absl::Duration timeout = absl::Seconds(30)) const;

  // The object of a 2xx. The API's refusals as codes: 400 and 422 kInvalidArgument, 401
  // kUnauthenticated, 403 kPermissionDenied, 404 kNotFound, 409 kAborted, others kUnavailable; the
  // message is the server's.
  absl::StatusOr<nlohmann::json> Get(const std::string& path) const;
  absl::StatusOr<nlohmann::json> Create(const std::string& path,
                                        const nlohmann::json& object) const;
  absl::StatusOr<nlohmann::json> Update(const std::string& path,
                                        const nlohmann::json& object) const;
  // A merge patch; `kind` names another patch type ("strategic-merge-patch", "json-patch").
  absl::StatusOr<nlohmann::json> Patch(const std::string& path, const nlohmann::json& patch,
                                       const std::string& kind = "merge-patch") const;
  absl::StatusOr<nlohmann::json> Delete(const std::string& path) const;

 private:
  struct Tls;
  absl::StatusOr<nlohmann::json> Object(const std::string& method, const std::string& path,
                                        const nlohmann::json* body, const std::string& type) const;

  std::string ip_;
  int port_;
  std::string token_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace rekindle::kube

#endif  // REKINDLE_TEST_KUBE_API_CLIENT_H_
