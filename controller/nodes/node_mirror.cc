#include "controller/nodes/node_mirror.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/logging.h"
#include "common/client/decoders.h"
#include "common/json/tree.h"

namespace rekindle::nodes {

namespace {

client::ControlLoop::Options LoopOptions(const NodeMirror::Options& options) {
  return {.concurrency = options.concurrency, .queue = options.queue, .observer = options.observer};
}

}  // namespace

NodeMirror::NodeMirror(Deps deps, Options options)
    : deps_(std::move(deps)),
      options_(std::move(options)),
      nodes_(deps_.api, {.collection = {.resource = NodeResource()}},
             client::TreeDecoder(NodeResource()), deps_.random),
      directory_(deps_.loop, deps_.open, options_.follower, deps_.random,
                 {.node =
                      [this](const std::string& node) {
                        node_loop_.queue().Add({"", node});
                      },
                  .pod = [this](const client::ObjectKey& key) { pod_loop_.queue().Add(key); },
                  // What the API shows for the node and its runtime does not have is looked at;
                  // the rest was told pod by pod.
                  .synced =
                      [this](const std::string& node) {
                        QueuePodsOf([&](const std::string& of) { return of == node; });
                      },
                  .silence =
                      [this](const std::string& node) {
                        QueuePodsOf([&](const std::string& of) { return of == node; });
                      },
                  .endpoint =
                      [this](const NodeEndpoint& endpoint) {
                        if (deps_.on_endpoint) deps_.on_endpoint(endpoint);
                      }}),
      pod_mirror_(
          deps_.loop, deps_.api, directory_, options_.pods,
          [this](const std::string& node, const client::ObjectKey& pod, const absl::Status& why) {
            OnTrouble(node, pod, why);
          },
          [this](const Json& pod) { OnSilenced(pod); }),
      node_writer_(deps_.loop, deps_.api, nodes_, directory_),
      pod_loop_(deps_.loop, pod_mirror_, LoopOptions(options_), deps_.random),
      node_loop_(deps_.loop, node_writer_, LoopOptions(options_), deps_.random) {
  // The shared cache's handlers cannot be taken back.
  const std::shared_ptr<bool> alive = alive_;
  deps_.pods.AddHandler(
      {.added =
           [this, alive](const client::ObjectKey& key, const auto& now) {
             if (*alive) OnPodChange(key, *now);
           },
       .updated =
           [this, alive](const client::ObjectKey& key, const auto&, const auto& now) {
             if (*alive) OnPodChange(key, *now);
           },
       .deleted =
           [this, alive](const client::ObjectKey& key, const auto& last, bool) {
             if (*alive) OnPodChange(key, *last);
           }});
  const auto node_changed = [this](const client::ObjectKey& key) { node_loop_.queue().Add(key); };
  nodes_.AddHandler(
      {.added = [node_changed](const client::ObjectKey& key, const auto&) { node_changed(key); },
       .updated = [node_changed](const client::ObjectKey& key, const auto&,
                                 const auto&) { node_changed(key); },
       .deleted = [node_changed](const client::ObjectKey& key, const auto&,
                                 bool) { node_changed(key); }});
  if (!options_.local_daemon.empty()) directory_.FollowLocal(options_.local_daemon);
}

NodeMirror::~NodeMirror() { *alive_ = false; }

void NodeMirror::Registered(const NodeEndpoint& endpoint) {
  if (!stopped_) directory_.Follow(endpoint);
}

void NodeMirror::Start() {
  if (std::exchange(started_, true)) return;
  node_writer_.Begin();
  pod_loop_.Start();
  node_loop_.Start();
  patience_timer_.Set(deps_.loop, options_.follower.silence, [this] {
    pod_mirror_.EndPatience();
    QueuePodsOf([this](const std::string& node) { return directory_.Find(node) == nullptr; });
  });
}

void NodeMirror::Stop(absl::Duration limit, absl::AnyInvocable<void(absl::Status)> stopped) {
  stopped_ = true;
  patience_timer_.Cancel();
  directory_.Clear();
  nodes_.Stop();
  struct Both {
    int left = 2;
    absl::Status status;
    absl::AnyInvocable<void(absl::Status)> stopped;
  };
  const auto both = std::make_shared<Both>();
  both->stopped = std::move(stopped);
  const auto one = [both](absl::Status status) {
    both->status.Update(std::move(status));
    if (--both->left == 0) both->stopped(both->status);
  };
  pod_loop_.Stop(limit, one);
  node_loop_.Stop(limit, one);
}

// Somebody has changed or deleted what we keep, or we have.
void NodeMirror::OnPodChange(const client::ObjectKey& key, const api::PodRecord& pod) {
  const NodeFollower* node = directory_.Find(pod.node.str());
  const bool of_ours = node != nullptr && (node->synced() || node->PodOf(key) != nullptr);
  if (!of_ours) {
    // A pod that was in the way of one of ours has gone, perhaps.
    for (const auto& [name, follower] : directory_.nodes()) {
      if (follower->PodOf(key) != nullptr) pod_loop_.queue().Add(key);
    }
    return;
  }
  const std::string version = deps_.pods.VersionOf(key);
  if (!version.empty() && version == pod_mirror_.LastWritten(key)) return;
  pod_loop_.queue().Add(key);
}

void NodeMirror::QueuePodsOf(absl::FunctionRef<bool(const std::string& node)> asked) {
  std::vector<client::ObjectKey> here;
  deps_.pods.ForEach([&](const client::ObjectKey& key, const api::PodRecord& pod) {
    const std::string node(pod.node.str());
    if (!node.empty() && asked(node)) here.push_back(key);
  });
  for (const client::ObjectKey& key : here) pod_loop_.queue().Add(key);
}

// As Kubernetes's node controller tells of it.
void NodeMirror::OnSilenced(const Json& pod) {
  std::string why;
  if (const Json* conditions = json::Find(pod, {"status", "conditions"})) {
    for (const Json& one : *conditions) {
      if (json::String(one, "type") == "Ready") why = std::string(json::String(one, "message"));
    }
  }
  deps_.events.Record({.api_version = "v1",
                       .kind = "Pod",
                       .name_space = std::string(json::String(pod, {"metadata", "namespace"})),
                       .name = std::string(json::String(pod, {"metadata", "name"})),
                       .uid = std::string(json::String(pod, {"metadata", "uid"}))},
                      {.warning = true, .reason = "NodeNotReady", .message = why});
}

void NodeMirror::OnTrouble(const std::string& node, const client::ObjectKey& pod,
                           const absl::Status& why) {
  const std::string message =
      absl::StrCat("pod ", pod.Text(), " of the runtime is not shown: ", why.message());
  LOG(WARNING) << "node " << node << ": " << message;
  client::EventSubject subject = {.api_version = "v1", .kind = "Node", .name = node};
  if (const auto object = nodes_.Get({"", node})) {
    subject.uid = std::string(json::String(*object, {"metadata", "uid"}));
  }
  deps_.events.Record(subject, {.warning = true, .reason = "PodNotMirrored", .message = message});
}

}  // namespace rekindle::nodes
