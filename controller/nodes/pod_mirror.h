#ifndef REKINDLE_CONTROLLER_NODES_POD_MIRROR_H_
#define REKINDLE_CONTROLLER_NODES_POD_MIRROR_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/client/api_client.h"
#include "common/client/control_loop.h"
#include "controller/nodes/directory.h"
#include "controller/nodes/pod_plan.h"

namespace rekindle::nodes {

// Makes the object of one pod say what its runtime says: reads both, plans, writes. At most one
// reconcile of a pod runs at a time, so there is never more than one write of it under way, and
// what changes meanwhile is written once afterwards. Threads: the loop's.
class PodMirror final : public client::Reconciler {
 public:
  struct Options {
    // The containers of a pod have to be the same for so long before its object is made, or made
    // anew: its creator makes them one by one.
    absl::Duration settle = absl::Milliseconds(500);
  };
  // A pod of the runtime that cannot be shown, once for each reason; for events and logs.
  using Trouble = std::function<void(const std::string& node, const client::ObjectKey& pod,
                                     const absl::Status& why)>;

  // A pod that is not ready any more because its node is silent, as it was written.
  using Silenced = std::function<void(const Json& pod)>;

  // All outlive it.
  PodMirror(Loop& loop, client::ApiClient& api, const NodeDirectory& directory,
            const Options& options, Trouble trouble, Silenced silenced);
  ~PodMirror() override { *alive_ = false; }

  // Nodes that nobody speaks for have had their time to do so: they are silent from now on.
  void EndPatience() { patience_ended_ = true; }

  void Reconcile(const client::ObjectKey& key, absl::Duration deadline, Done done) override;

  // The version of our own last write of a pod: seeing it come back is no news. Empty: none.
  const std::string& LastWritten(const client::ObjectKey& key) const;

 private:
  struct Task;
  struct Desired {
    const node::v1::Pod* pod = nullptr;  // null: no runtime that is known has it
    const NodeFollower* node = nullptr;
  };
  // What the containers of a pod have been since when.
  struct Shape {
    std::string containers;
    absl::Duration since;
  };

  // Of several nodes that have a pod of the name `current_node` comes first, then the order of
  // names.
  Desired Find(const client::ObjectKey& key, const std::string& current_node) const;
  // As NodeFollower::silence, also of a node without a follower (null).
  std::string SilenceOf(const std::string& node, const NodeFollower* follower) const;
  // How long the pod's containers still have to stay as they are; zero: long enough.
  absl::Duration Unsettled(const client::ObjectKey& key, const node::v1::Pod& pod);

  void OnRead(const std::shared_ptr<Task>& task, absl::StatusOr<Json> got);
  void Create(const std::shared_ptr<Task>& task);
  void MakeNamespace(const std::shared_ptr<Task>& task);
  void Delete(const std::shared_ptr<Task>& task, bool then_create);
  void Patch(const std::shared_ptr<Task>& task);
  void PatchStatus(const std::shared_ptr<Task>& task, const Json& patch);
  void Wrote(const std::shared_ptr<Task>& task, const Json& object);
  void Tell(const std::shared_ptr<Task>& task, const absl::Status& why);
  void End(const std::shared_ptr<Task>& task, Outcome outcome);
  client::ApiClient::JsonDone Then(const std::shared_ptr<Task>& task,
                                   std::function<void(absl::StatusOr<Json>)> next);

  Loop& loop_;
  client::ApiClient& api_;
  const NodeDirectory& directory_;
  const Options options_;
  const Trouble trouble_;
  const Silenced silenced_;
  bool patience_ended_ = false;
  absl::flat_hash_map<client::ObjectKey, Shape> shapes_;
  absl::flat_hash_map<client::ObjectKey, std::string> written_;
  absl::flat_hash_map<client::ObjectKey, std::string> told_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::nodes

#endif  // REKINDLE_CONTROLLER_NODES_POD_MIRROR_H_
