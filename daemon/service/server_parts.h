#ifndef REKINDLE_DAEMON_SERVICE_SERVER_PARTS_H_
#define REKINDLE_DAEMON_SERVICE_SERVER_PARTS_H_

#include <atomic>
#include <memory>
#include <string>

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "daemon/service/admission.h"
#include "daemon/service/health.h"
#include "daemon/service/local_listener.h"
#include "daemon/service/server.h"

namespace rekindle::service {

// One gRPC server with the service instance and the admission that are its own.
struct Endpoint {
  Endpoint(std::string name, const Admission::Options& options, const ServiceDeps& deps,
           std::shared_ptr<OperationHub> hub, std::shared_ptr<PodHub> pods)
      : admission(options, deps.loop),
        service(std::move(name), deps, admission, std::move(hub), std::move(pods)) {}

  Admission admission;
  NodeService service;
  CallQueue queue;
  std::unique_ptr<grpc::Server> server;
};

// Private to server.cc.
struct Server::Parts {
  Parts(AsioLoop& loop_in, const ServerOptions& options_in, const ServiceDeps& deps_in)
      : loop(loop_in), options(options_in), deps(deps_in) {}

  AsioLoop& loop;
  const ServerOptions options;
  const ServiceDeps deps;
  std::shared_ptr<OperationHub> hub;
  std::shared_ptr<PodHub> pods;

  std::shared_ptr<net::TlsFiles> tls_files;
  std::shared_ptr<grpc::ServerCredentials> tls_credentials;
  std::shared_ptr<const net::TlsMaterial> tls_seen;  // loop's thread
  absl::Status tls_error;                            // loop's thread; the last one logged
  ScopedTimer tls_timer;                             // loop's thread
  int tls_port = 0;
  std::unique_ptr<Endpoint> tls;

  std::unique_ptr<Endpoint> local;
  std::unique_ptr<LocalListener> local_listener;

  std::unique_ptr<HealthWatch> health;  // loop's thread
  std::atomic<bool> draining = false;
  bool stopped = false;
};

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_SERVER_PARTS_H_
