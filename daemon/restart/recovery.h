#ifndef REKINDLE_DAEMON_RESTART_RECOVERY_H_
#define REKINDLE_DAEMON_RESTART_RECOVERY_H_

#include <string>

#include "absl/time/time.h"

#include "daemon/restart/operation.h"
#include "daemon/restart/pod_reader.h"

namespace rekindle::restart {

// Where an operation goes on after the daemon was killed in the middle of it.
enum class ResumeAt {
  kBegin,        // nothing has happened: from the start
  kCreate,       // create the replacement under the attempt in the record
  kStaged,       // the replacement is there: on to hook, stop or (hot) start
  kStop,         // stop the old container (again)
  kStart,        // start the replacement
  kStarted,      // it runs: post-start hook, verification
  kVerify,       // it runs and its hook is behind it
  kStartFailed,  // it does not run any more: the next attempt
  kMeasure,      // all done but the figures
  kFail,         // nothing has happened, and it is too late
  kSwap,         // beside a kubelet: the name is reserved (again), then create and start
  kAdopt,        // beside a kubelet: it made a container meanwhile, which is taken
  kAwait,        // beside a kubelet: it is to make the next one
};

struct ResumeDecision {
  ResumeAt at = ResumeAt::kBegin;
  std::string new_container_id;  // the replacement that was found; empty: none
  bool old_running = false;      // the old container runs now
  absl::Duration stop_timeout;   // for kStop
};

// Compares the journal with what the runtime says (DESIGN.md section 3). Pure. The rows:
//
//   phase       found                                         goes on at
//   accepted,   deadline passed                               kFail
//   draining    else                                          kBegin
//   staged      deadline passed                               kFail
//               replacement created                           kStaged
//               no replacement                                kCreate
//               something else under that attempt             kBegin
//   pre-stop    old one runs                                  kStop, what is left of the grace
//               old one has exited                            replace: kStart; hot: kMeasure
//   stopping    the same
//   starting    replacement created                           kStart
//               running                                       kStarted
//               exited                                        kStartFailed
//               none                                          kCreate
//   post-start  running                                       kVerify (the hook is not run twice)
//   verifying   running                                       kVerify
//               else                                          kStartFailed
//
// Beside a kubelet the rows differ: nothing is created before the old one has exited, and the
// kubelet may have made a container of its own meanwhile ("newer": the newest one is neither the
// old one nor ours).
//
//   staged      deadline passed                               kFail
//               else                                          kBegin
//   pre-stop,   old one runs                                  kStop
//   stopping    old one has exited                            hot: kMeasure; delegate: kAwait;
//                                                             newer: kAdopt; else kSwap
//   starting    delegate, or adopted                          kAwait
//               newer                                         replace: kAdopt; hot: kStartFailed
//               ours created                                  kStart
//               ours running                                  kStarted
//               ours exited                                   kStartFailed
//               ours not there                                kSwap
//   post-start, the new one running                           kVerify
//   verifying   else                                          kStartFailed
//
// A stop signal is sent once in a container's life (spec/node-runtime 1.9 rule 6), so a stop that
// is issued again only waits and kills; a container starts once in its life; and a second
// replacement is made only when the first is known not to run. So nothing is stopped or started
// twice for one operation.
ResumeDecision DecideResume(const OperationRecord& record, const PodView& pod, absl::Time now);

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_RECOVERY_H_
