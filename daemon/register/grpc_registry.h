#ifndef REKINDLE_DAEMON_REGISTER_GRPC_REGISTRY_H_
#define REKINDLE_DAEMON_REGISTER_GRPC_REGISTRY_H_

#include <memory>
#include <string>

#include "common/base/loop.h"
#include "common/net/rpc_client.h"
#include "common/net/tls_files.h"
#include "daemon/register/registrar.h"
#include "rekindle/controller/v1/registry.grpc.pb.h"

namespace rekindle::registration {

// The controller over mutual TLS with the node's own certificate. The files are looked at before
// each call: once they have changed, the next call connects anew.
class GrpcRegistry final : public Registry {
 public:
  // `target`: "HOST:PORT" of the controller; `server_name`: what its certificate must be for;
  // empty: the host. `loop` and `queue` outlive it.
  GrpcRegistry(Loop& loop, net::RpcQueue& queue, std::string target, std::string server_name,
               std::shared_ptr<net::TlsFiles> files);

  void Register(const controller::v1::RegisterRequest& request, absl::Duration timeout,
                Done done) override;

 private:
  Loop& loop_;
  net::RpcQueue& queue_;
  const std::string target_;
  const std::string server_name_;
  const std::shared_ptr<net::TlsFiles> files_;
  std::shared_ptr<const net::TlsMaterial> material_;  // of the channel
  std::unique_ptr<controller::v1::NodeRegistry::Stub> stub_;
  std::unique_ptr<net::Rpc> call_;
};

}  // namespace rekindle::registration

#endif  // REKINDLE_DAEMON_REGISTER_GRPC_REGISTRY_H_
