#ifndef REKINDLE_CONTROLLER_NODES_NODE_MIRROR_H_
#define REKINDLE_CONTROLLER_NODES_NODE_MIRROR_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"

#include "common/api/pod_record.h"
#include "common/client/api_client.h"
#include "common/client/control_loop.h"
#include "common/client/events/recorder.h"
#include "common/client/informer.h"
#include "common/client/pause.h"
#include "common/json/json_fwd.h"
#include "controller/nodes/directory.h"
#include "controller/nodes/node_writer.h"
#include "controller/nodes/pod_mirror.h"
#include "controller/runtime/controller.h"

namespace rekindle::nodes {

// Keeps the embedded API true to the runtimes of nodes without a kubelet (docs/embedded.md): a Node
// and a lease for each daemon, and a Pod for each pod of its runtime, whoever made that. Only pods
// that it made are changed or deleted. Containers are never touched.
// Threads: the loop's.
class NodeMirror final : public Controller {
 public:
  struct Deps {
    Loop& loop;
    client::ApiClient& api;                  // its writes come at a rate of its own
    client::Informer<api::PodRecord>& pods;  // shared; outlives the mirror
    client::EventRecorder& events;
    OpenFeed open;
    client::Random random;
    // Where daemons are, for whoever else calls them; also before Start. May be empty.
    std::function<void(const NodeEndpoint&)> on_endpoint;
  };
  struct Options {
    std::string local_daemon;  // "unix:/run/rekindle/rekindled.sock"; empty: none
    FollowerOptions follower;
    PodMirror::Options pods;
    int concurrency = 8;
    // Of both control loops; for log lines and metrics. May be empty.
    std::function<void(const client::ControlLoop::Report&)> observer = nullptr;
    // Of keys that failed: a pod that somebody is changing is soon tried again.
    client::WorkQueue::Options queue = {.longest_pause = absl::Minutes(1)};
  };

  // All that `deps` names outlives it.
  NodeMirror(Deps deps, Options options);
  ~NodeMirror() override;

  // A daemon has registered; for RegistryServer. Ignored after Stop.
  void Registered(const NodeEndpoint& endpoint);

  absl::string_view name() const override { return "nodes"; }
  bool synced() const override { return nodes_.synced(); }
  void Watch() override { nodes_.Start(); }
  void Start() override;
  void Stop(absl::Duration limit, absl::AnyInvocable<void(absl::Status)> stopped) override;
  std::vector<const client::ControlLoop*> loops() const override {
    return {&pod_loop_, &node_loop_};
  }
  std::vector<CacheState> caches() const override { return {StateOfCache("nodes", nodes_)}; }

 private:
  void OnPodChange(const client::ObjectKey& key, const api::PodRecord& pod);
  // Pods that the API shows for nodes that are asked for.
  void QueuePodsOf(absl::FunctionRef<bool(const std::string& node)> asked);
  void OnSilenced(const Json& pod);
  void OnTrouble(const std::string& node, const client::ObjectKey& pod, const absl::Status& why);

  const Deps deps_;
  const Options options_;
  client::Informer<Json> nodes_;
  NodeDirectory directory_;
  PodMirror pod_mirror_;
  NodeWriter node_writer_;
  client::ControlLoop pod_loop_;
  client::ControlLoop node_loop_;
  ScopedTimer patience_timer_;
  bool started_ = false;
  bool stopped_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::nodes

#endif  // REKINDLE_CONTROLLER_NODES_NODE_MIRROR_H_
