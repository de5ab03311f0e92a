#include "daemon/register/grpc_registry.h"

#include <utility>

namespace rekindle::registration {

GrpcRegistry::GrpcRegistry(Loop& loop, net::RpcQueue& queue, std::string target,
                           std::string server_name, std::shared_ptr<net::TlsFiles> files)
    : loop_(loop),
      queue_(queue),
      target_(std::move(target)),
      server_name_(std::move(server_name)),
      files_(std::move(files)) {}

void GrpcRegistry::Register(const controller::v1::RegisterRequest& request, absl::Duration timeout,
                            Done done) {
  std::shared_ptr<const net::TlsMaterial> now = files_->Refresh();
  if (now != material_) {
    material_ = std::move(now);
    stub_ =
        controller::v1::NodeRegistry::NewStub(net::OpenChannel(target_, *material_, server_name_));
  }
  call_ = net::StartCall(queue_, loop_, *stub_,
                         &controller::v1::NodeRegistry::Stub::PrepareAsyncRegister, request,
                         timeout, std::move(done));
}

}  // namespace rekindle::registration
