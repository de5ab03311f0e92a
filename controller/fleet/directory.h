#ifndef REKINDLE_CONTROLLER_FLEET_DIRECTORY_H_
#define REKINDLE_CONTROLLER_FLEET_DIRECTORY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/client/api_client.h"
#include "common/client/informer.h"
#include "controller/fleet/endpoint.h"

namespace rekindle::fleet {

// What is kept of a daemon's pod.
struct DaemonPod {
  std::string uid;
  std::string node;     // empty: not scheduled
  std::string host_ip;  // empty: its node has not reported it yet
  absl::Time created;
  bool ready = false;
  bool deleting = false;
  bool ended = false;  // Succeeded or Failed: nothing runs

  friend bool operator==(const DaemonPod&, const DaemonPod&) = default;
};

// Reads a pod. Errors: kInvalidArgument for what is no object.
client::DecodeFunction<DaemonPod> DaemonPodDecoder();

// Which of the pods of one node to call; two are there while a daemon is being replaced: the newest
// that is ready wins, else the newest; one that is being deleted only where there is no other.
// Null: none can be called (no address, or ended). Pure.
std::shared_ptr<const DaemonPod> PickDaemon(
    const std::vector<std::shared_ptr<const DaemonPod>>& pods);

// Keeps endpoints up to date with the pods of the daemon: hostIP and `port` (its DaemonSet is in
// the nodes' network).
// Threads: the loop's.
class DaemonPods {
 public:
  struct Options {
    std::string name_space;  // required
    std::string label_selector = "app.kubernetes.io/name=rekindled";
    uint16_t port = 10240;
    // What the daemons' certificates are for; empty: the name of the node.
    std::string server_name = "rekindled";
  };

  // `client` and `endpoints` outlive it.
  DaemonPods(client::ApiClient& client, const Options& options, Endpoints& endpoints,
             client::Random random = client::SystemRandom());

  // Begins to follow them. Once.
  void Start() { pods_.Start(); }
  // The endpoints of all daemons that run have been set.
  bool synced() const { return pods_.synced(); }
  void OnSynced(absl::AnyInvocable<void()> task) { pods_.OnSynced(std::move(task)); }
  const client::Informer<DaemonPod>& pods() const { return pods_; }

 private:
  void Look(const std::string& node);

  const Options options_;
  Endpoints& endpoints_;
  absl::flat_hash_map<std::string, DaemonPod> known_;  // the pod that each node is called at
  client::Informer<DaemonPod> pods_;
};

}  // namespace rekindle::fleet

#endif  // REKINDLE_CONTROLLER_FLEET_DIRECTORY_H_
