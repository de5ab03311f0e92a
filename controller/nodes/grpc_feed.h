#ifndef REKINDLE_CONTROLLER_NODES_GRPC_FEED_H_
#define REKINDLE_CONTROLLER_NODES_GRPC_FEED_H_

#include <memory>

#include "common/base/loop.h"
#include "common/net/rpc_client.h"
#include "common/net/tls_files.h"
#include "controller/nodes/node_feed.h"

namespace rekindle::nodes {

// Feeds over gRPC: a channel for each daemon, opened anew when the files of `tls` have changed
// (looked at before each GetInfo). Null `tls`: Unix sockets only; calls of others fail with
// kFailedPrecondition. `loop` and `queue` outlive the feeds.
OpenFeed GrpcFeeds(Loop& loop, net::RpcQueue& queue, std::shared_ptr<net::TlsFiles> tls);

}  // namespace rekindle::nodes

#endif  // REKINDLE_CONTROLLER_NODES_GRPC_FEED_H_
