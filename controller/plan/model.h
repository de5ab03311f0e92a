#ifndef REKINDLE_CONTROLLER_PLAN_MODEL_H_
#define REKINDLE_CONTROLLER_PLAN_MODEL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

#include "controller/plan/cloneset.h"

namespace rekindle::plan {

// How long things take in a model cluster, and what goes wrong. Whole seconds.
struct ModelOptions {
  int64_t schedule_seconds = 1;  // until a new pod has a node
  int64_t start_seconds = 2;     // create and start a container, image present
  int64_t ready_seconds = 3;     // from running to ready
  int64_t stop_seconds = 2;      // from the stop request to the end of a container or pod
  int64_t report_seconds = 1;    // until the node daemon reports a container
  int64_t hook_seconds = 2;      // until the owner of a lifecycle hook answers
  int64_t jitter_seconds = 0;    // up to this much is added to each of them, from the seed
  uint64_t seed = 1;
  int64_t nodes = 3;
  bool daemon = true;           // node daemons report hashes and restart containers
  bool pod_ready_gate = false;  // new pods have the gate KruisePodReady, as admission gives it
  std::map<std::string, bool> never_ready;  // images that start and never become ready
  double hook_never = 0.0;                  // share of hooks that never answer
};

// A cluster that does what kubelets, node daemons and hook owners would do with the pods of one
// workload: it carries out plans and moves in events. Deterministic for a seed.
// Threads: thread-compatible.
class ModelCluster {
 public:
  ModelCluster(ModelOptions options, absl::Time start, Hooks hooks, std::string owner_uid);

  absl::Time now() const { return now_; }
  const std::vector<PodPtr>& pods() const { return pods_; }  // null where a pod is gone
  int64_t restarts() const { return restarts_; }
  // Restarts of containers in the pod since it was created in the model.
  int32_t RestartsOf(int32_t slot) const { return extra_[static_cast<size_t>(slot)].restarts; }

  // Puts a pod in as it is.
  int32_t Add(PodPtr pod);
  // Carries out one action of a plan on the pod in `slot`.
  void Apply(int32_t slot, const PodAction& action);
  int32_t Create(const Creation& creation, const Revision& revision, bool label_short);

  // When something happens next; infinite future when nothing is under way.
  absl::Time NextEvent();
  // Moves time to `until` and lets everything happen that is due by then.
  void AdvanceTo(absl::Time until);

  // Slots that changed since the last call; a slot whose pod is null is gone.
  std::vector<std::pair<int32_t, std::string>> TakeChanges();

 private:
  enum class Kind : uint8_t { kScheduled, kRunning, kReady, kRestarted, kReported, kGone, kHook };
  struct Event {
    int64_t at;
    uint64_t order;
    int32_t slot;
    uint32_t generation;
    Kind kind;
    uint64_t containers;
    bool operator>(const Event& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  struct Extra {
    uint32_t generation = 0;  // bumped when a slot is reused
    int32_t restarts = 0;
    bool hook_pending = false;
    bool hook_dead = false;
    bool changed = false;  // since the last TakeChanges
    bool own = false;      // the record was made here, so it is no constant object
  };

  void Changed(int32_t slot);
  api::PodRecord& Edit(int32_t slot);
  void Schedule(int32_t slot, int64_t delay, Kind kind, uint64_t containers = 0);
  bool Stale(const Event& event) const;
  void GoOn(int32_t slot);
  void Handle(const Event& event);
  void Recompute(int32_t slot);
  void StartRestart(int32_t slot, uint64_t containers);
  void Restarted(int32_t slot, uint64_t containers);
  void Reported(int32_t slot, uint64_t containers);
  void ConsiderHook(int32_t slot);
  void AnswerHook(int32_t slot);
  int64_t Delay(int64_t seconds);
  uint64_t Random();

  ModelOptions options_;
  absl::Time now_;
  int64_t now_s_;
  Hooks hooks_;
  api::Text owner_uid_;
  uint64_t random_;
  uint64_t order_ = 0;
  uint64_t next_id_ = 1;
  int64_t restarts_ = 0;
  std::vector<PodPtr> pods_;
  std::vector<Extra> extra_;
  std::vector<int32_t> free_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<std::pair<int32_t, std::string>> changes_;
  absl::flat_hash_map<std::string, std::shared_ptr<const api::ImageStatus>> images_;
  struct Reshaped {
    std::shared_ptr<const api::PodShape> from;  // held, so that its address stays its own
    std::shared_ptr<const api::PodShape> to;
  };
  absl::flat_hash_map<std::string, std::shared_ptr<const api::PodShape>> shapes_;
  absl::flat_hash_map<std::string, Reshaped> reshaped_;
};

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_MODEL_H_
