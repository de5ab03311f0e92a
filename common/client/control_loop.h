#ifndef REKINDLE_COMMON_CLIENT_CONTROL_LOOP_H_
#define REKINDLE_COMMON_CLIENT_CONTROL_LOOP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/base/loop.h"
#include "common/client/work_queue.h"

namespace rekindle::client {

// Look at the key again after that long; earlier failures are forgotten.
struct Again {
  absl::Duration after;
};

// What a controller does for one key. Never told what changed: it reads everything afresh.
// Threads: the loop's.
class Reconciler {
 public:
  // ok without value: done until something about the key changes. ok with Again: look again.
  // An error: kInvalidArgument, kFailedPrecondition and kUnimplemented will not get better by
  // themselves, so the key waits until something about it changes; the rest is tried again.
  using Outcome = absl::StatusOr<std::optional<Again>>;
  using Done = absl::AnyInvocable<void(Outcome)>;

  virtual ~Reconciler() = default;

  // Brings everything that belongs to `key` to its desired state, and calls `done` once, on the
  // loop, before the monotonic `deadline`. Never runs twice at once for one key; may be repeated at
  // any time.
  virtual void Reconcile(const ObjectKey& key, absl::Duration deadline, Done done) = 0;
};

// The one loop that all controllers share: takes keys from a queue, runs a reconciler on some of
// them at once, sorts what came of them.
// Threads: the loop's.
class ControlLoop {
 public:
  enum class Kind { kDone, kAgain, kRetry, kTerminal };
  struct Report {
    ObjectKey key;
    uint64_t run = 0;  // grows; for log lines
    Kind kind = Kind::kDone;
    absl::Status status;
    absl::Duration took;
    bool late = false;  // no outcome within the deadline; another report follows once there is one
  };
  struct Counters {
    uint64_t done = 0;
    uint64_t again = 0;
    uint64_t retry = 0;
    uint64_t terminal = 0;
  };
  struct Options {
    int concurrency = 4;
    absl::Duration deadline = absl::Minutes(2);
    WorkQueue::Options queue;
    std::function<void(const Report&)> observer;  // logs and metrics
  };

  // `reconciler` outlives it.
  ControlLoop(Loop& loop, Reconciler& reconciler, Options options, Random random);
  ~ControlLoop();

  WorkQueue& queue() { return queue_; }
  const WorkQueue& queue() const { return queue_; }
  // Nothing is taken from the queue before; caches fill first.
  void Start();
  // Takes nothing more, waits for what is being worked on, `limit` at most, then calls `stopped`
  // with OK or kDeadlineExceeded naming a key that did not end.
  void Stop(absl::Duration limit, absl::AnyInvocable<void(absl::Status)> stopped);

  const Counters& counters() const { return counters_; }
  size_t running() const { return runs_.size(); }

 private:
  struct Run {
    ObjectKey key;
    absl::Duration begun;
    Loop::TimerId deadline = 0;
  };
  void Pump();
  void Ended(uint64_t run, Reconciler::Outcome outcome);
  void Late(uint64_t run);
  void Tell(uint64_t run, const Run& what, Kind kind, const absl::Status& status, bool late);
  void StopIfIdle();

  Loop& loop_;
  Reconciler& reconciler_;
  const Options options_;
  WorkQueue queue_;
  Counters counters_;
  bool started_ = false;
  bool stopping_ = false;
  uint64_t next_run_ = 1;
  absl::flat_hash_map<uint64_t, Run> runs_;
  absl::AnyInvocable<void(absl::Status)> stopped_;
  ScopedTimer stop_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_CONTROL_LOOP_H_
