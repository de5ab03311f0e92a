#include "daemon/restart/stop_gate.h"

namespace rekindle::restart {

std::unique_ptr<StopGate::Pass> StopGate::Enter(const std::string& sandbox,
                                                absl::AnyInvocable<void()> go) {
  std::unique_ptr<Pass> pass(new Pass(*this, sandbox, std::move(go)));
  Sandbox& at = sandboxes_[sandbox];
  if (at.open < limit_) {
    ++at.open;
    pass->open_ = true;
  } else {
    at.waiting.push_back(pass.get());
  }
  return pass;
}

void StopGate::Leave(const Pass& pass) {
  const auto it = sandboxes_.find(pass.sandbox_);
  Sandbox& at = it->second;
  if (!pass.open_) {
    std::erase(at.waiting, &pass);
    return;
  }
  if (at.waiting.empty() || closed_) {
    if (--at.open == 0 && at.waiting.empty()) sandboxes_.erase(it);
    return;
  }
  Pass& next = *at.waiting.front();
  at.waiting.pop_front();
  next.open_ = true;
  next.go_();
}

}  // namespace rekindle::restart
