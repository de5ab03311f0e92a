#include "controller/nodes/grpc_feed.h"

#include <utility>

#include "absl/strings/match.h"

#include "rekindle/node/v1/node.grpc.pb.h"

namespace rekindle::nodes {
namespace {

class GrpcFeed final : public NodeFeed {
 public:
  GrpcFeed(Loop& loop, net::RpcQueue& queue, std::shared_ptr<net::TlsFiles> tls,
           NodeEndpoint endpoint)
      : loop_(loop), queue_(queue), tls_(std::move(tls)), endpoint_(std::move(endpoint)) {}

  void GetInfo(absl::Duration timeout, InfoDone done) override {
    LookAtFiles();
    if (stub_ == nullptr) {
      loop_.Post([alive = std::weak_ptr<bool>(alive_), done = std::move(done)]() mutable {
        if (alive.lock() == nullptr) return;
        done(absl::FailedPreconditionError(
            "the controller has no certificate of its own for calls to nodes"));
      });
      return;
    }
    info_ =
        net::StartCall(queue_, loop_, *stub_, &node::v1::NodeService::Stub::PrepareAsyncGetNodeInfo,
                       {}, timeout, std::move(done));
  }

  void WatchPods(PodEvents events) override {
    if (stub_ == nullptr) LookAtFiles();
    if (stub_ == nullptr) {
      loop_.Post([alive = std::weak_ptr<bool>(alive_), ended = std::move(events.ended)]() mutable {
        if (alive.lock() != nullptr) ended(absl::FailedPreconditionError("no certificate"));
      });
      return;
    }
    watch_ =
        net::StartStream(queue_, loop_, *stub_, &node::v1::NodeService::Stub::PrepareAsyncWatchPods,
                         {}, std::move(events.message), std::move(events.ended));
  }

 private:
  void LookAtFiles() {
    const bool local = absl::StartsWith(endpoint_.target, "unix:");
    std::shared_ptr<const net::TlsMaterial> now;
    if (local) {
      now = material_ == nullptr ? std::make_shared<net::TlsMaterial>() : material_;
    } else if (tls_ != nullptr) {
      now = tls_->Refresh();
    }
    if (now == material_) return;
    material_ = std::move(now);
    // A watch that is open goes on over the channel that it has.
    stub_ = node::v1::NodeService::NewStub(
        net::OpenChannel(endpoint_.target, *material_, endpoint_.server_name));
  }

  Loop& loop_;
  net::RpcQueue& queue_;
  const std::shared_ptr<net::TlsFiles> tls_;
  const NodeEndpoint endpoint_;
  std::shared_ptr<const net::TlsMaterial> material_;  // of the channel
  std::unique_ptr<node::v1::NodeService::Stub> stub_;
  std::unique_ptr<net::Rpc> info_;
  std::unique_ptr<net::Rpc> watch_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

OpenFeed GrpcFeeds(Loop& loop, net::RpcQueue& queue, std::shared_ptr<net::TlsFiles> tls) {
  return [&loop, &queue, tls = std::move(tls)](const NodeEndpoint& endpoint) {
    return std::make_unique<GrpcFeed>(loop, queue, tls, endpoint);
  };
}

}  // namespace rekindle::nodes
