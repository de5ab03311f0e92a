#ifndef REKINDLE_CONTROLLER_RECREATE_REQUEST_WORK_H_
#define REKINDLE_CONTROLLER_RECREATE_REQUEST_WORK_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/api/pod_record.h"
#include "common/client/api_client.h"
#include "common/json/json_fwd.h"
#include "controller/fleet/node_calls.h"
#include "controller/plan/recreate/decide.h"
#include "controller/recreate/notices.h"

namespace rekindle::recreate {

// What this process knows of one request whose turn it is, and its talk with the pod's API object
// and the node's daemon. Nothing of it has to outlive the process: a successor reads the status,
// and asks the daemon under the same IDs.
// Threads: the loop's.
class RequestWork {
 public:
  struct Tools {
    client::ApiClient& client;
    fleet::NodeCalls& nodes;
    Notices& notices;
    std::function<void()> wake;  // something has changed
  };

  RequestWork(Tools tools, const plan::RecreateRequest& request);
  // Drops its calls: the daemon goes on with what it has taken over.
  ~RequestWork();

  // Everything known now. `cached`: the pod as the cache has it, or null.
  plan::RecreateInput Input(const plan::RecreateRequest& request, const api::PodRecord* cached,
                            absl::Duration age) const;
  // Keeps what a decision found out.
  void Keep(const plan::RecreatePlan& plan);

  // The pod's containers are others than before: what the node was seen to run may be old.
  void ContainersChanged();
  // The pod is gone, it seems: it is read again at the next chance.
  void PodGone() { pod_stale_ = true; }
  bool pod_stale() const { return pod_stale_; }

  // Each does nothing while its predecessor is under way, or pauses after a failure.
  void ReadPod(const plan::RecreateRequest& request);
  void ListContainers(const plan::RecreateRequest& request);
  // Both, where the last answer is not young.
  void Refresh(const plan::RecreateRequest& request);
  // Errors go into the container's call, as the daemon's would.
  void HandOver(const plan::RecreateRequest& request, size_t index, absl::Duration age);

  void KeyTaken() { key_taken_ = true; }
  bool key_taken() const { return key_taken_; }
  void DrainBegan();
  // Cancels what the daemon has not begun, and drops the calls. `pod_terminating`: what it has
  // begun is to start no container any more.
  void GiveUp(bool pod_terminating);

  // See RecreateInput; set by the controller.
  std::vector<uint64_t> made_before;
  // Why its budget forbids the restart; set by the controller, empty: it does not.
  std::string budget;
  // The pod's budgets, and those that its restart uses while it goes on.
  std::set<client::ObjectKey> budgets_asked;
  std::set<client::ObjectKey> budgets_used;

  // Tells a wait that lasts; the duration until it is to be asked again.
  absl::Duration TellWait(const plan::RecreateRequest& request, const std::string& why);
  // Since when there is a reason to write Pending, and when it was written last.
  std::optional<absl::Duration> pending_since;
  std::optional<absl::Duration> pending_written;

  // Null: not read, or not there.
  const Json* pod() const { return pod_.get(); }

 private:
  struct Call {
    fleet::NodeCalls::CallId id = 0;
    plan::RecreateCall view;
    std::string live_id;    // the newest container at the hand-over
    std::string operation;  // its ID with the daemon
    ScopedTimer accepted;   // until it is worth telling that the daemon works on it
    bool killing_told = false;
    bool end_told = false;
  };

  std::string ExpectedId(const plan::RecreateRequest& request, size_t index,
                         const plan::LiveContainer& live) const;
  void OnPod(absl::StatusOr<Json> got);
  void OnListed(const absl::StatusOr<node::v1::ListPodsResponse>& got);
  void OnProgress(const std::string& container, const node::v1::Operation& operation);
  void OnWaiting(const std::string& container, const absl::Status& why);
  void OnEnded(const std::string& container, const absl::Status& status);
  void Refused(Call& call, const absl::Status& why);
  void Reached();
  void Unreachable(const absl::Status& why);
  absl::Duration Now() const { return tools_.client.loop().Monotonic(); }

  Tools tools_;
  plan::RecreateRequest about_;  // for events
  const bool resumed_;
  const std::optional<absl::Time> drain_since_;  // by the status that was found

  std::vector<plan::RecreateState> states_;
  std::vector<plan::SnapshotEntry> snapshot_;
  std::map<std::string, plan::RecreateInput::Watched> watched_;
  std::map<std::string, absl::Duration> watched_since_;

  bool pod_known_ = false;
  bool pod_stale_ = false;
  std::unique_ptr<Json> pod_;
  absl::Duration pod_read_;
  client::ScopedCall pod_call_;
  bool reading_ = false;
  ScopedTimer pod_pause_;

  std::optional<node::v1::ListPodsResponse> listed_;
  absl::Duration list_read_;
  fleet::NodeCalls::CallId list_call_ = 0;
  bool list_stale_ = false;  // what is under way may be too old
  int list_failures_ = 0;
  ScopedTimer list_pause_;

  std::optional<absl::Duration> unreachable_since_;
  std::string unreachable_;
  bool refuses_ = false;

  std::map<std::string, Call> calls_;
  std::optional<absl::Duration> drain_began_;
  bool key_taken_ = false;

  std::string wait_;
  absl::Duration wait_since_;
  bool wait_told_ = false;
};

}  // namespace rekindle::recreate

#endif  // REKINDLE_CONTROLLER_RECREATE_REQUEST_WORK_H_
