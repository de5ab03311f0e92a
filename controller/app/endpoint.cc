#include "controller/app/endpoint.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace rekindle {
namespace {

net::HttpResponse ToResponse(const HealthAnswer& answer) {
  return {.status = answer.ok ? 200U : 503U, .body = answer.text};
}

absl::StatusOr<std::unique_ptr<net::HttpServer>> Listen(
    AsioLoop& loop, const RunOptions& options, const std::string& address,
    const std::map<std::string, net::HttpServer::Handler>& handlers) {
  return net::HttpServer::Start(loop,
                                {.address = address,
                                 .port = options.metrics.port,
                                 .allow_remote = options.metrics_allow_remote},
                                handlers);
}

}  // namespace

absl::StatusOr<std::unique_ptr<net::HttpServer>> StartEndpoint(AsioLoop& loop,
                                                               const RunOptions& options,
                                                               const Manager& manager,
                                                               ControllerMetrics& metrics) {
  const auto liveness = [&manager] { return ToResponse(Liveness(manager.state())); };
  const std::map<std::string, net::HttpServer::Handler> handlers = {
      {"/healthz", liveness},
      {"/livez", liveness},
      {"/readyz", [&manager] { return ToResponse(Readiness(manager.state())); }},
      {"/readyz/webhooks", [&manager] { return ToResponse(Serving(manager.state())); }},
      {"/metrics", [&manager, &metrics] {
         metrics.SetState(manager.state());
         return net::HttpResponse{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                                  .body = metrics.Text()};
       }}};
  const std::string& host = options.metrics.host;
  // Every address: of both families where the system has both.
  auto server = Listen(loop, options, host.empty() ? "::" : host, handlers);
  if (!server.ok() && host.empty()) server = Listen(loop, options, "0.0.0.0", handlers);
  if (server.ok()) return server;
  return absl::Status(server.status().code(),
                      absl::StrCat("--metrics-listen: ", server.status().message()));
}

}  // namespace rekindle
