#ifndef REKINDLE_CONTROLLER_NODES_DIRECTORY_H_
#define REKINDLE_CONTROLLER_NODES_DIRECTORY_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/base/loop.h"
#include "common/client/pause.h"
#include "common/client/resource.h"
#include "controller/nodes/node_feed.h"
#include "controller/nodes/node_follower.h"

namespace rekindle::nodes {

// All daemons that are known, each with its follower: those that have registered and the one of the
// own machine. The local one needs no registration; where it registers all the same, its socket is
// used.
// Threads: the loop's, constructor and destructor included.
class NodeDirectory {
 public:
  struct Events {
    std::function<void(const std::string& node)> node;  // see NodeFollower::Events
    std::function<void(const client::ObjectKey&)> pod;
    std::function<void(const std::string& node)> synced;
    std::function<void(const std::string& node)> silence;
    // A daemon is at another place than before, or new. May be empty.
    std::function<void(const NodeEndpoint&)> endpoint;
  };

  NodeDirectory(Loop& loop, OpenFeed open, const FollowerOptions& options, client::Random random,
                Events events);

  // Follows the daemon behind a local socket ("unix:/path").
  void FollowLocal(const std::string& target);
  // A daemon has registered.
  void Follow(const NodeEndpoint& endpoint);
  void Clear();

  // Null: no daemon of that node is known.
  const NodeFollower* Find(const std::string& node) const;
  const std::map<std::string, std::unique_ptr<NodeFollower>>& nodes() const { return nodes_; }

 private:
  std::unique_ptr<NodeFollower> Open(const NodeEndpoint& endpoint, bool local);
  void OnLocalHeard();

  Loop& loop_;
  const OpenFeed open_;
  const FollowerOptions options_;
  const client::Random random_;
  const Events events_;
  std::map<std::string, std::unique_ptr<NodeFollower>> nodes_;
  std::unique_ptr<NodeFollower> unnamed_;  // the local one, until it has said its name
};

}  // namespace rekindle::nodes

#endif  // REKINDLE_CONTROLLER_NODES_DIRECTORY_H_
