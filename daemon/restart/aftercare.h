#ifndef REKINDLE_DAEMON_RESTART_AFTERCARE_H_
#define REKINDLE_DAEMON_RESTART_AFTERCARE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "common/base/backoff.h"
#include "common/base/loop.h"
#include "daemon/cri/runtime.h"
#include "daemon/kubelet/verification.h"
#include "daemon/restart/operation.h"

namespace rekindle::restart {

// What is done for a container of a kubelet after its operation has ended (DESIGN.md section 4):
//
//   after    step
//   1 s      look whether one container runs, and repair what does not fit (kubelet/verification.h)
//   3 s      the same
//   4.5 s    remove the placeholders: the kubelet has looked twice since, and acted once
//   70 s     look again: a kubelet whose periodic sync fell into the swap shows itself by then
//
// counted from OperationRecord::aftercare_from. It begins with the step that the record names, so a
// daemon that was killed goes on with what is left; steps that are overdue are done at once.
// No operation may be under way on the container: drop the object when one begins.
// Threads: the loop's thread.
class Aftercare : public std::enable_shared_from_this<Aftercare> {
 public:
  struct Deps {
    Loop& loop;
    cri::Runtime& runtime;
    Backoff::Options retry;
  };
  // After each step: the next one, and what was found and done ("": nothing). `next` is kSteps when
  // that was the last.
  using StepDone = std::function<void(uint32_t next, const std::string& note)>;

  static constexpr uint32_t kSteps = 4;

  static std::shared_ptr<Aftercare> Start(const Deps& deps, const OperationRecord& record,
                                          StepDone step_done);

 private:
  Aftercare(const Deps& deps, const OperationRecord& record, StepDone step_done);

  void Schedule();
  void RunStep();
  void Look();
  void Act(kubelet::Repair repair);
  void Release();
  void Finish(const std::string& note);
  // The runtime does not answer: again soon, as often as it takes.
  void Again(void (Aftercare::*step)());

  template <typename F>
  auto Here(F f);

  const Deps deps_;
  const PodRef pod_;
  const std::string sandbox_id_;
  const std::string container_;
  const absl::Duration grace_;
  const absl::Time from_;
  uint32_t step_;
  StepDone step_done_;
  Backoff retry_;
  ScopedTimer timer_;
};

// Removes placeholders that the runtime lists under `filter`, except those for which `keep` is
// true, and calls `done` when all are gone or with the first error. Threads: the loop's thread.
void RemovePlaceholders(cri::Runtime& runtime, const ::runtime::v1::ContainerFilter& filter,
                        std::function<bool(const ::runtime::v1::Container&)> keep,
                        absl::AnyInvocable<void(absl::Status)> done);

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_AFTERCARE_H_
