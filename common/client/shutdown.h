#ifndef REKINDLE_COMMON_CLIENT_SHUTDOWN_H_
#define REKINDLE_COMMON_CLIENT_SHUTDOWN_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/base/loop.h"

namespace rekindle::client {

// An orderly end as a list of named steps, one after the other, each with a limit of its own. It
// runs to its end whatever happens: a step that fails or takes too long is noted, and the next
// begins.
//
// The order that keeps promises: control loops stop (writes end), events are flushed, informers and
// the gated client stop, the lease is released last, so that a successor finds nobody writing.
//
// Threads: the loop's; destroyed there, after `done` or instead of it.
class ShutdownSequence {
 public:
  using StepDone = absl::AnyInvocable<void(absl::Status)>;
  // Begins the step; calls its argument once, on the loop.
  using Step = absl::AnyInvocable<void(StepDone)>;

  explicit ShutdownSequence(Loop& loop) : loop_(loop) {}
  ~ShutdownSequence() { *alive_ = false; }

  void Add(std::string name, absl::Duration limit, Step step);

  // Called after each step with what came of it; for log lines.
  using Observer =
      std::function<void(const std::string& name, const absl::Status&, absl::Duration)>;
  // Once. `done` gets OK, or the first error with all that failed in its message.
  void Run(Observer observer, absl::AnyInvocable<void(absl::Status)> done);

 private:
  struct Named {
    std::string name;
    absl::Duration limit;
    Step step;
  };
  void Next();
  void Ended(size_t index, const absl::Status& status);

  Loop& loop_;
  std::vector<Named> steps_;
  size_t at_ = 0;
  bool over_ = true;  // the step at `at_`
  absl::Duration begun_;
  ScopedTimer timer_;
  Observer observer_;
  absl::Status failed_;
  absl::AnyInvocable<void(absl::Status)> done_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_SHUTDOWN_H_
