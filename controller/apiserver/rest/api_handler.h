#ifndef REKINDLE_CONTROLLER_APISERVER_REST_API_HANDLER_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_API_HANDLER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/api/status.h"
#include "controller/apiserver/registry/registry.h"
#include "controller/apiserver/rest/authenticator.h"
#include "controller/apiserver/rest/http_types.h"
#include "controller/apiserver/rest/roles.h"
#include "controller/apiserver/rest/server_metrics.h"
#include "controller/apiserver/rest/surface.h"
#include "controller/apiserver/rest/target.h"

namespace rekindle::apiserver {

// From a request to its answer: who asks, may he, what is meant, in what form. Knows no sockets.
// Threads: thread-safe; calls block while the registry does.
class ApiHandler {
 public:
  struct Options {
    Registry* registry = nullptr;
    const Surface* surface = nullptr;
    TokenFile* tokens = nullptr;       // may be null
    ServerMetrics* metrics = nullptr;  // may be null: then nothing is counted and /metrics is none
    std::function<uint32_t()> random;  // thread-safe
    int64_t max_body_bytes = 3 * 1024 * 1024;
  };
  explicit ApiHandler(const Options& options) : options_(options) {}

  using Outcome = std::variant<HttpReply, WatchPlan>;
  Outcome Handle(const HttpRequest& request);

  // Why the request is refused, whatever its body is; nullopt: it is not. So nobody who may not ask
  // makes the server read a body.
  std::optional<HttpReply> Refusal(const HttpRequest& request) const;

  // The answer of paths that must be answered however busy the server is; nullopt for others.
  std::optional<HttpReply> Health(const HttpRequest& request) const;

  // Readiness is refused from now on: the server is about to stop.
  void Stopping() { stopping_ = true; }

  // An error as it is answered to this request.
  static HttpReply ErrorReply(const api::ApiError& error);
  static HttpReply StatusReply(const absl::Status& status);

 private:
  // Who asks for what, and may.
  struct Admitted {
    User user;
    Target target;
    std::optional<ResourcePath> path;
  };
  absl::StatusOr<Admitted> Admit(const HttpRequest& request) const;
  absl::StatusOr<Outcome> Route(const HttpRequest& request, ServerMetrics::Asked& asked);
  absl::StatusOr<Outcome> ServeResource(const HttpRequest& request, const Target& target,
                                        const ResourcePath& path, const User& user);
  // What the request is counted as.
  void Asks(const HttpRequest& request, const Admitted& admitted,
            ServerMetrics::Asked& asked) const;
  absl::StatusOr<HttpReply> ServePath(const HttpRequest& request, const Target& target);
  absl::StatusOr<HttpReply> ServeReview(const ServedKind& kind, const Form& form,
                                        const Catalog& catalog, const std::string& body,
                                        const User& user) const;
  absl::StatusOr<HttpReply> Present(const ServedKind& kind, const Call& call, const Form& form,
                                    IncludeObject include, Reply reply) const;
  absl::StatusOr<WatchPlan> PlanWatch(const Target& target, Call call, Form form,
                                      IncludeObject include,
                                      std::shared_ptr<const Catalog> catalog) const;

  const Options options_;
  std::atomic<bool> stopping_{false};
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_API_HANDLER_H_
