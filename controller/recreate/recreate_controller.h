#ifndef REKINDLE_CONTROLLER_RECREATE_RECREATE_CONTROLLER_H_
#define REKINDLE_CONTROLLER_RECREATE_RECREATE_CONTROLLER_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "common/api/pod_record.h"
#include "common/client/api_client.h"
#include "common/client/control_loop.h"
#include "common/client/events/recorder.h"
#include "common/client/informer.h"
#include "controller/fleet/node_calls.h"
#include "controller/plan/recreate/queue.h"
#include "controller/recreate/budgets.h"
#include "controller/recreate/notices.h"
#include "controller/recreate/request_work.h"
#include "controller/runtime/controller.h"

namespace rekindle::recreate {

// "apps.kruise.io/v1beta1" ContainerRecreateRequests.
client::ApiResource RecreateResource();

// Carries out ContainerRecreateRequests (container-recreate 7, 8; docs/recreate.md). Its keys are
// the pods' namespaces and names, so that the requests of one pod are looked at together. A pass
// over a key reads the caches, decides, and waits for its own writes only: reads and the daemons'
// work go on beside it, and bring the key back.
// Threads: the loop's.
class RecreateController final : public Controller, private client::Reconciler {
 public:
  struct Options {
    // An API server that comes back finds thousands of writes waiting: none waits long for its
    // turn.
    client::ControlLoop::Options loop = {.concurrency = 64,
                                         .queue = {.first_pause = absl::Milliseconds(20),
                                                   .longest_pause = absl::Seconds(10),
                                                   .retries_per_second = 200,
                                                   .retry_burst = 1000}};
    // A reason for waiting is written to a status when it has lasted for so long: of thousands of
    // requests at once most wait for a moment, and none is worth a write.
    absl::Duration before_reason = absl::Seconds(1);
    // One that changes is not written more often than this.
    absl::Duration between_reasons = absl::Seconds(10);
    // How long the cache may stay behind what was written.
    absl::Duration cache_lag = absl::Seconds(10);
  };

  // All outlive it.
  RecreateController(client::ApiClient& client, client::Informer<api::PodRecord>& pods,
                     fleet::NodeCalls& nodes, client::EventRecorder& events, Options options,
                     client::Random random = client::SystemRandom());
  ~RecreateController() override;

  absl::string_view name() const override { return "recreate"; }
  bool synced() const override { return requests_.synced(); }
  void Watch() override;
  void Start() override;
  void Stop(absl::Duration limit, absl::AnyInvocable<void(absl::Status)> stopped) override;
  std::vector<const client::ControlLoop*> loops() const override { return {&control_}; }
  std::vector<CacheState> caches() const override {
    return {StateOfCache("containerrecreaterequests", requests_)};
  }

  // Requests whose turn it is, for metrics.
  size_t working() const;

 private:
  class Join;
  using JoinPtr = std::shared_ptr<Join>;
  struct Seen {
    absl::Duration at;   // monotonic
    absl::Duration age;  // of the request at that moment
    // See RecreateInput::made_before; none: only the objects' times can tell.
    std::optional<std::vector<uint64_t>> made_before;
  };
  struct Written {
    plan::RecreatePtr request;
    absl::Duration since;
  };

  void Reconcile(const client::ObjectKey& pod, absl::Duration deadline, Done done) override;

  void Noticed(const plan::RecreateRequest& request);
  void Gone(const plan::RecreateRequest& request);
  void OnPodChange(const client::ObjectKey& pod, bool gone);
  std::vector<plan::RecreatePtr> RequestsOf(const client::ObjectKey& pod);
  absl::Duration AgeOf(const plan::RecreateRequest& request);
  // Keeps what a completed request made, for those that come after it.
  void RememberMade(const plan::RecreateRequest& request);
  std::vector<uint64_t> MadeBefore(const plan::RecreateRequest& request);
  // By the cache: it is being deleted. One that the cache does not have may be too new for it.
  bool PodEnding(const plan::RecreateRequest& request) const;
  // Drops what was known of requests that are none any more.
  void Tidy(const client::ObjectKey& pod, const std::vector<plan::RecreatePtr>& requests);

  void Advance(const plan::RecreatePtr& request, const JoinPtr& join);
  void CarryOut(const plan::RecreatePtr& request, RequestWork& work, const plan::RecreatePlan& plan,
                const JoinPtr& join);
  void Hold(const plan::RecreateRequest& request, const plan::WaitingPlan& plan,
            const JoinPtr& join);
  void AskBudgets(const plan::RecreateRequest& request, RequestWork& work);

  // recreate_writes.cc
  using After = absl::AnyInvocable<void()>;
  // Writes the status; `after` once it is stored.
  void WriteStatus(const plan::RecreateRequest& request, const plan::RecreateStatus& status,
                   const JoinPtr& join, After after);
  void PatchMetadata(const plan::RecreateRequest& request, Json metadata, const JoinPtr& join);
  void TakeFinalizer(const plan::RecreateRequest& request, const JoinPtr& join);
  void TakeKey(const plan::RecreateRequest& request, const JoinPtr& join);
  // What comes after a request's end: the pod's key, finalizer and label, its time to live (7.2.3,
  // 7.5, 7.6).
  void Finish(const plan::RecreateRequest& request, const JoinPtr& join);
  void Tidied(const plan::RecreateRequest& request, const JoinPtr& join);
  void OnWritten(const plan::RecreateRequest& request, absl::StatusOr<Json> got,
                 const JoinPtr& join, After after);

  client::ApiClient& client_;
  Loop& loop_;
  client::Informer<api::PodRecord>& pods_;
  fleet::NodeCalls& nodes_;
  const Options options_;
  const client::Random random_;
  Notices notices_;
  Budgets budgets_;
  client::Informer<plan::RecreateRequest> requests_;
  client::ControlLoop control_;
  bool watching_ = false;

  absl::flat_hash_map<std::string, Seen> seen_;  // by UID
  // Containers that completed requests made, oldest first, until their pod is gone: the request may
  // be deleted before the Pod shows them.
  absl::flat_hash_map<std::string, std::vector<uint64_t>> made_;  // by pod UID
  absl::flat_hash_map<std::string, Written> written_;  // by UID: what the cache does not show yet
  // The request whose turn it is, by UID, for each pod.
  std::map<client::ObjectKey, std::map<std::string, std::unique_ptr<RequestWork>>> works_;
  std::set<client::ObjectKey> wait_for_budget_;
  std::set<client::ObjectKey> budget_users_;  // pods whose restart may use a budget
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::recreate

#endif  // REKINDLE_CONTROLLER_RECREATE_RECREATE_CONTROLLER_H_
