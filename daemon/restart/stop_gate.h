#ifndef REKINDLE_DAEMON_RESTART_STOP_GATE_H_
#define REKINDLE_DAEMON_RESTART_STOP_GATE_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"

namespace rekindle::restart {

// Lets only so many containers of one sandbox be stopped at a time. All containers of a pod share
// one shim process, and that of containerd 1.6 locks up for good when some 16 of them exit at once
// (docs/operations.md): no container of the pod can be stopped or started after that.
// Threads: the loop's thread.
class StopGate {
 public:
  // A container's way through the gate: waits until it is open, and keeps its place until
  // destroyed. Outlives no gate.
  class Pass {
   public:
    ~Pass() { gate_.Leave(*this); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

    bool open() const { return open_; }

   private:
    friend class StopGate;
    Pass(StopGate& gate, std::string sandbox, absl::AnyInvocable<void()> go)
        : gate_(gate), sandbox_(std::move(sandbox)), go_(std::move(go)) {}

    StopGate& gate_;
    const std::string sandbox_;
    absl::AnyInvocable<void()> go_;
    bool open_ = false;
  };

  explicit StopGate(size_t limit) : limit_(limit) {}

  // Open at once when there is room: `go` never runs then. Else `go` runs when its turn comes,
  // first come, first served, from within the destructor of another pass.
  std::unique_ptr<Pass> Enter(const std::string& sandbox, absl::AnyInvocable<void()> go);

  // Nobody's turn comes any more.
  void Close() { closed_ = true; }

 private:
  struct Sandbox {
    size_t open = 0;
    std::deque<Pass*> waiting;
  };

  void Leave(const Pass& pass);

  const size_t limit_;
  bool closed_ = false;
  std::map<std::string, Sandbox> sandboxes_;  // where somebody is
};

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_STOP_GATE_H_
