#ifndef REKINDLE_DAEMON_RESTART_ENGINE_IMPL_H_
#define REKINDLE_DAEMON_RESTART_ENGINE_IMPL_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"

#include "daemon/restart/admission.h"
#include "daemon/restart/engine.h"
#include "daemon/restart/journal.h"
#include "daemon/restart/operation_runner.h"

namespace rekindle::restart {

// The engine: admission, turns, storage of operations. The steps of one operation are
// OperationRunner's.
//
// Turns: operations on one container (pod UID and name) run one after the other, in the order of
// their requests; those of one ordered request each wait for the one before. A request takes its
// places in all queues at once, so that no two can wait for each other.
//
// Threads: the loop's thread.
class EngineImpl final : public Engine {
 public:
  struct Options {
    OperationOptions operation;
    size_t max_active = 4096;
    // Ended operations are kept so long and so many.
    absl::Duration keep = absl::Hours(24);
    size_t max_stored = 2000;
    // How often expired ones are looked for when nothing else happens.
    absl::Duration sweep = absl::Minutes(10);
  };

  EngineImpl(const OperationDeps& deps, const Options& options);
  ~EngineImpl() override;

  // Takes over what the journal held and goes on with operations that had not ended. Call once,
  // before any other method.
  void Recover(std::vector<OperationRecord> records);

  // The daemon is about to exit: no operation goes beyond its point of no return any more, and
  // `drained` is called when no container is between stop and start, or when `bound` has passed.
  // Everything that has not ended goes on at the daemon's next start.
  void Drain(absl::Duration bound, absl::AnyInvocable<void(absl::Status)> drained);

  void Submit(
      RestartRequest request,
      absl::AnyInvocable<void(absl::StatusOr<std::vector<OperationRecord>>)> reply) override;
  void Cancel(const std::string& operation_id,
              absl::AnyInvocable<void(absl::StatusOr<OperationRecord>)> reply) override;
  void EndWithPod(const std::string& operation_id,
                  absl::AnyInvocable<void(absl::StatusOr<OperationRecord>)> reply) override;
  const OperationRecord* Find(const std::string& operation_id) const override;
  std::vector<OperationRecord> List(const Filter& filter) const override;
  WatchId Watch(std::function<void(const OperationRecord&)> observer) override;
  void Unwatch(WatchId watch) override;
  Stats GetStats() const override;
  void StopAccepting(const std::string& reason) override;

 private:
  using SubmitReply = absl::AnyInvocable<void(absl::StatusOr<std::vector<OperationRecord>>)>;
  using ContainerKey = std::pair<std::string, std::string>;  // pod UID, container

  struct Entry {
    uint64_t sequence = 0;
    OperationRecord record;                   // the truth once the runner is gone
    std::shared_ptr<OperationRunner> runner;  // until it has ended and cleaned up
    const OperationRecord& current() const { return runner ? runner->record() : record; }
  };
  struct Submission {
    RestartRequest request;
    std::vector<SubmitReply> replies;
  };
  // An operation that is being journaled. With a runner it has had its turn at once.
  struct Accepted {
    OperationRecord record;
    std::shared_ptr<OperationRunner> runner;
  };

  void OnRead(const std::string& request_id, absl::StatusOr<PodDetails> pod);
  // Gives those a runner whose turn it is, so that one write serves acceptance and first phase.
  std::vector<Accepted> BeginAtOnce(std::vector<AdmittedRestart> admitted, PodDetails pod);
  void OnAppended(const std::string& request_id, std::vector<Accepted> accepted,
                  const absl::Status& stored);
  void Answer(const std::string& request_id, absl::StatusOr<std::vector<OperationRecord>> answer);
  absl::Status CheckAttach(const RestartRequest& request) const;
  std::shared_ptr<OperationRunner> MakeRunner(OperationRecord record);
  // `runner`: one that has begun; none: a new one.
  void Add(OperationRecord record, std::shared_ptr<OperationRunner> runner);
  void Advance(const ContainerKey& key);
  std::string WaitReason(const Entry& entry, const std::deque<std::string>& queue) const;
  bool PredecessorEnded(const OperationRecord& record) const;
  void OnChanged(const OperationRecord& record);
  // Runs `task` soon, unless the engine is gone by then.
  void Later(absl::AnyInvocable<void()> task);
  // Replies what `end` left of an operation that has not ended, or its error.
  void EndEarly(const std::string& operation_id,
                absl::FunctionRef<absl::Status(OperationRunner&)> end,
                absl::AnyInvocable<void(absl::StatusOr<OperationRecord>)> reply);
  void AfterEnd(const std::string& id);
  void GiveUpRest(const OperationRecord& failed);
  void Settle(const std::string& id);
  // An operation on the container begins: it looks after what those before it have left.
  void TakeOverAftercare(const ContainerKey& key, const std::string& by);
  // Removes placeholders that no operation knows of (a journal that was lost).
  void SweepPlaceholders();
  void Sweep();
  void CheckDrained();
  bool Busy(const std::string& pod_uid, const std::string& container) const;
  std::vector<OperationRecord> OfRequest(const std::string& request_id) const;

  OperationDeps deps_;
  Options options_;
  OperationShared shared_;  // outlives the operations
  uint64_t next_sequence_ = 1;
  std::map<std::string, Entry> entries_;                                 // by operation ID
  absl::flat_hash_map<std::string, std::vector<std::string>> requests_;  // operation IDs, in order
  std::map<std::string, Submission> submissions_;                        // until journaled
  std::map<ContainerKey, std::deque<std::string>> queues_;  // operations that have not ended
  std::set<ContainerKey> beginning_;  // whose operation has begun and is being journaled
  std::map<ContainerKey, std::string> aftercare_;  // the ended operation that looks after it
  size_t active_ = 0;
  std::map<WatchId, std::function<void(const OperationRecord&)>> watches_;
  WatchId next_watch_ = 1;
  bool accepting_ = true;
  std::string accepting_reason_;
  bool draining_ = false;
  absl::AnyInvocable<void(absl::Status)> drained_;
  ScopedTimer drain_timer_;
  ScopedTimer sweep_timer_;
  ScopedTimer placeholder_timer_;
  Backoff placeholder_retry_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_ENGINE_IMPL_H_
