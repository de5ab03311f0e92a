#ifndef REKINDLE_CONTROLLER_NODES_NODE_FOLLOWER_H_
#define REKINDLE_CONTROLLER_NODES_NODE_FOLLOWER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/base/backoff.h"
#include "common/base/loop.h"
#include "common/client/pause.h"
#include "common/client/resource.h"
#include "controller/nodes/node_feed.h"
#include "controller/nodes/node_object.h"

namespace rekindle::nodes {

// The times of a follower, injected for tests.
struct FollowerOptions {
  absl::Duration beat =
      absl::Seconds(10);  // between two looks at the node, with up to a tenth more
  absl::Duration timeout = absl::Seconds(5);  // of one look
  absl::Duration silence = kSilence;
  Backoff::Options retry = {.initial = absl::Seconds(1), .max = absl::Seconds(10)};
};

// Follows one daemon: looks at the node every ten seconds, keeps a watch on its pods, and knows
// when it was heard last. Never gives up. Pods of a kubelet are not its business. Threads: the
// loop's, constructor and destructor included.
class NodeFollower {
 public:
  struct Events {
    // The node was heard, or could not be, or has become silent.
    std::function<void()> node;
    // Something about a pod's name has changed: see PodOf.
    std::function<void(const client::ObjectKey&)> pod;
    // All pods of the daemon are known (again): whatever else the API shows for the node is gone.
    std::function<void()> synced;
    // silence() begins to say something, or ends.
    std::function<void()> silence;
  };

  // `endpoint.node` empty: the name is what the daemon says first. None of the events comes before
  // the constructor has returned.
  NodeFollower(Loop& loop, std::unique_ptr<NodeFeed> feed, NodeEndpoint endpoint,
               const FollowerOptions& options, client::Random random, Events events);
  NodeFollower(const NodeFollower&) = delete;
  NodeFollower& operator=(const NodeFollower&) = delete;
  ~NodeFollower();

  const NodeEndpoint& endpoint() const { return endpoint_; }
  // Empty until a local daemon has said it.
  const std::string& node() const { return endpoint_.node; }

  // As it is known now.
  NodeView View() const;

  // Why nothing is known of the node's pods as they are now: the node is silent, or is heard again
  // and has not told of all its pods yet. Says the same as long as it lasts; empty: they are known.
  const std::string& silence() const { return silence_; }

  // All pods have been known since some moment; from then on a name that is not there is gone.
  bool synced() const { return synced_; }
  // The sandbox that shows the pod; null: the runtime has none of that name.
  const node::v1::Pod* PodOf(const client::ObjectKey& key) const;
  std::set<client::ObjectKey> Pods() const;

 private:
  using Sandboxes = std::map<std::string, node::v1::Pod>;  // by ID

  void Look();
  void OnInfo(absl::StatusOr<node::v1::NodeInfo> info);
  void LookAfter(absl::Duration pause);
  void SetSilenceTimer();
  void OnSilence();
  void Watch();
  void OnMessage(node::v1::WatchPodsResponse message);
  void OnWatchEnded(const absl::Status& status);
  void TakeOver();
  void Index(const node::v1::Pod& pod, bool add);

  Loop& loop_;
  const std::unique_ptr<NodeFeed> feed_;
  NodeEndpoint endpoint_;
  const FollowerOptions options_;
  const client::Random random_;
  const Events events_;

  std::optional<node::v1::NodeInfo> info_;
  bool alive_now_ = false;
  bool silent_ = false;
  absl::Time heard_;
  std::string trouble_;
  std::string silence_;
  Backoff look_retry_;
  ScopedTimer look_timer_;
  ScopedTimer silence_timer_;

  bool watching_ = false;
  bool synced_ = false;
  bool stream_synced_ = false;
  Backoff watch_retry_;
  ScopedTimer watch_timer_;
  Sandboxes sandboxes_;
  Sandboxes arriving_;  // of a stream that is not synced yet
  std::map<client::ObjectKey, std::set<std::string>> by_name_;

  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::nodes

#endif  // REKINDLE_CONTROLLER_NODES_NODE_FOLLOWER_H_
