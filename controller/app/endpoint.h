#ifndef REKINDLE_CONTROLLER_APP_ENDPOINT_H_
#define REKINDLE_CONTROLLER_APP_ENDPOINT_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "common/base/asio_loop.h"
#include "common/net/http_server.h"
#include "controller/app/run_options.h"
#include "controller/runtime/controller_metrics.h"
#include "controller/runtime/manager.h"

namespace rekindle {

// Serves /healthz, /livez, /readyz, /readyz/webhooks and /metrics (docs/controller.md). Both
// outlive the server; the manager belongs to the loop. Errors: those of HttpServer::Start, naming
// the flag. Threads: as HttpServer::Start.
absl::StatusOr<std::unique_ptr<net::HttpServer>> StartEndpoint(AsioLoop& loop,
                                                               const RunOptions& options,
                                                               const Manager& manager,
                                                               ControllerMetrics& metrics);

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_APP_ENDPOINT_H_
