#ifndef REKINDLE_CONTROLLER_NODES_NODE_FEED_H_
#define REKINDLE_CONTROLLER_NODES_NODE_FEED_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "rekindle/node/v1/node.pb.h"

namespace rekindle::nodes {

// Where the daemon of a node is.
struct NodeEndpoint {
  std::string node;         // empty: it says so itself (the local socket)
  std::string target;       // "unix:/run/rekindle/rekindled.sock", or "host:port" with mutual TLS
  std::string server_name;  // in its certificate; empty over a socket
  friend bool operator==(const NodeEndpoint&, const NodeEndpoint&) = default;
};

// What one daemon tells of its node and its pods. The seam between the mirror and the network;
// tests replace it. Threads: the loop's. Callbacks arrive there, never inline, and never after the
// feed is gone; they may destroy it.
class NodeFeed {
 public:
  virtual ~NodeFeed() = default;

  using InfoDone = absl::AnyInvocable<void(absl::StatusOr<node::v1::NodeInfo>)>;
  // One attempt; drops the one before it. Errors: the daemon's, kUnavailable, kDeadlineExceeded.
  virtual void GetInfo(absl::Duration timeout, InfoDone done) = 0;

  struct PodEvents {
    absl::AnyInvocable<void(node::v1::WatchPodsResponse)> message;
    absl::AnyInvocable<void(absl::Status)> ended;  // the last one
  };
  // Follows all pods (proto: WatchPods); drops the watch before it.
  virtual void WatchPods(PodEvents events) = 0;
};

// Makes feeds. Threads: the loop's.
using OpenFeed = std::function<std::unique_ptr<NodeFeed>(const NodeEndpoint&)>;

}  // namespace rekindle::nodes

#endif  // REKINDLE_CONTROLLER_NODES_NODE_FEED_H_
