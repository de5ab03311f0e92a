#ifndef REKINDLE_CONTROLLER_APP_NODE_ACCESS_H_
#define REKINDLE_CONTROLLER_APP_NODE_ACCESS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/base/loop.h"
#include "common/net/rpc_client.h"
#include "common/net/tls_files.h"
#include "controller/app/run_options.h"
#include "controller/fleet/directory.h"
#include "controller/fleet/fleet.h"
#include "controller/nodes/node_feed.h"
#include "controller/nodes/registry_server.h"
#include "controller/runtime/cache_state.h"
#include "controller/runtime/context.h"
#include "controller/runtime/controller_metrics.h"

namespace rekindle {

// The way to the daemons of nodes: who this process is to them, the connections, and where they
// are. On a cluster the daemons' pods tell where; with an API server of its own the mirror of nodes
// does, which hears of registrations and of the local socket.
// Threads: the loop's, destructor included, except where said otherwise.
class NodeAccess {
 public:
  // Reads the TLS files of `run`, if there are any. Errors: those of TlsFiles::Open. `loop`
  // outlives it. Threads: any.
  static absl::StatusOr<std::shared_ptr<net::TlsFiles>> OpenTls(const RunOptions& run);

  // `tls` may be null: then only sockets of this machine can be reached.
  NodeAccess(Loop& loop, const RunOptions& run, std::shared_ptr<net::TlsFiles> tls);

  fleet::NodeCalls& calls() { return fleet_; }

  // A daemon is there. What cannot be called is logged.
  void SetEndpoint(const nodes::NodeEndpoint& endpoint);
  // Follows the pods of the daemon, in the namespace of `context`. Once; `context` outlives what it
  // names until Forget.
  void FollowDaemonPods(const ControllerContext& context);
  void Forget() { daemon_pods_.reset(); }

  // This process leads: connections to daemons are made ahead, where `run` says so.
  void Lead();

  // For the mirror of nodes.
  nodes::OpenFeed Feeds();
  using Registered = std::function<void(const nodes::NodeEndpoint&)>;
  void OnRegistered(Registered registered) { registered_ = std::move(registered); }
  void Register(const nodes::NodeEndpoint& endpoint);

  // What it looks at to know where daemons are; for health and metrics.
  std::vector<CacheState> caches() const;
  // What the connections do. `metrics` is scraped on the loop, and not after this object's end.
  void AddTo(ControllerMetrics& metrics);

 private:
  Loop& loop_;
  const bool ahead_;
  const std::shared_ptr<net::TlsFiles> tls_;
  net::RpcQueue feeds_{"node-feeds"};
  fleet::Fleet fleet_;
  std::unique_ptr<fleet::DaemonPods> daemon_pods_;
  Registered registered_;
};

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_APP_NODE_ACCESS_H_
