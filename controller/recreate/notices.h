#ifndef REKINDLE_CONTROLLER_RECREATE_NOTICES_H_
#define REKINDLE_CONTROLLER_RECREATE_NOTICES_H_

#include <string>

#include "common/client/events/recorder.h"
#include "controller/plan/recreate/request.h"
#include "controller/plan/recreate/status.h"
#include "rekindle/node/v1/node.pb.h"

namespace rekindle::recreate {

// Tells users how their requests go, as events of the request and of the pod (container-recreate
// 14). Threads: the loop's.
class Notices {
 public:
  // `recorder` outlives it.
  explicit Notices(client::EventRecorder& recorder) : recorder_(recorder) {}

  // On the pod; the text is the reference's.
  void Killing(const plan::RecreateRequest& request, const std::string& container);
  // On the pod. The text is fixed: what a command printed may be secret (9.4).
  void HookFailed(const plan::RecreateRequest& request, const std::string& container);

  // On the request.
  // Of what takes longer than a moment: the end tells of itself.
  void Accepted(const plan::RecreateRequest& request, const std::string& container);
  void Waiting(const plan::RecreateRequest& request, const std::string& why);
  void NoGate(const plan::RecreateRequest& request);
  // "container a: restarted in 212 ms, gap 84 ms (replace: chosen: ...)".
  void Ended(const plan::RecreateRequest& request, const node::v1::Operation& operation);
  // Only what Ended has not said: an end before its time, containers that the daemon did not
  // restart.
  void Completed(const plan::RecreateRequest& request, const plan::RecreateStatus& status);

 private:
  void OnPod(const plan::RecreateRequest& request, const std::string& container, bool warning,
             const std::string& reason, const std::string& message);
  void OnRequest(const plan::RecreateRequest& request, bool warning, const std::string& reason,
                 const std::string& message);

  client::EventRecorder& recorder_;
};

// How an operation ended, for a person. Pure.
std::string DescribeEnd(const node::v1::Operation& operation);

}  // namespace rekindle::recreate

#endif  // REKINDLE_CONTROLLER_RECREATE_NOTICES_H_
