#include "controller/nodes/directory.h"

#include <utility>

#include "absl/strings/match.h"

namespace rekindle::nodes {

NodeDirectory::NodeDirectory(Loop& loop, OpenFeed open, const FollowerOptions& options,
                             client::Random random, Events events)
    : loop_(loop),
      open_(std::move(open)),
      options_(options),
      random_(std::move(random)),
      events_(std::move(events)) {}

std::unique_ptr<NodeFollower> NodeDirectory::Open(const NodeEndpoint& endpoint, bool local) {
  // The follower's own name: a local one gets it later. Shared, since its events outlive this call.
  const auto name = std::make_shared<std::string>(endpoint.node);
  NodeFollower::Events events;
  events.node = [this, name, local] {
    if (local && name->empty()) {
      if (unnamed_ == nullptr || unnamed_->node().empty()) return;  // not heard yet
      *name = unnamed_->node();
      OnLocalHeard();
    }
    events_.node(*name);
  };
  events.pod = [this](const client::ObjectKey& key) { events_.pod(key); };
  events.synced = [this, name] { events_.synced(*name); };
  events.silence = [this, name] {
    if (!name->empty()) events_.silence(*name);
  };
  return std::make_unique<NodeFollower>(loop_, open_(endpoint), endpoint, options_, random_,
                                        std::move(events));
}

void NodeDirectory::FollowLocal(const std::string& target) {
  unnamed_ = Open({.node = "", .target = target, .server_name = ""}, true);
}

void NodeDirectory::OnLocalHeard() {
  const std::string node = unnamed_->node();
  nodes_[node] = std::move(unnamed_);
  if (events_.endpoint) events_.endpoint(nodes_[node]->endpoint());
}

void NodeDirectory::Follow(const NodeEndpoint& endpoint) {
  const auto known = nodes_.find(endpoint.node);
  if (known != nodes_.end()) {
    const NodeEndpoint& now = known->second->endpoint();
    if (now == endpoint || absl::StartsWith(now.target, "unix:")) return;
  }
  nodes_[endpoint.node] = Open(endpoint, false);
  if (events_.endpoint) events_.endpoint(endpoint);
}

void NodeDirectory::Clear() {
  unnamed_.reset();
  nodes_.clear();
}

const NodeFollower* NodeDirectory::Find(const std::string& node) const {
  const auto it = nodes_.find(node);
  return it == nodes_.end() ? nullptr : it->second.get();
}

}  // namespace rekindle::nodes
