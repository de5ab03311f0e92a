#ifndef REKINDLE_TEST_FAKES_FAKE_HOOKS_H_
#define REKINDLE_TEST_FAKES_FAKE_HOOKS_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/loop.h"
#include "daemon/hooks/handler.h"

namespace rekindle {

// Hooks of simulated time: each run takes `takes` (cut off at its limit) and ends with what
// `result` says.
class FakeHooks final : public hooks::HookRunner {
 public:
  struct Ran {
    hooks::Handler handler;
    hooks::HookTarget target;
    absl::Duration limit;
  };

  explicit FakeHooks(Loop& loop) : loop_(loop) {}

  void Run(const hooks::Handler& handler, const hooks::HookTarget& target, absl::Duration limit,
           absl::AnyInvocable<void(absl::Status)> reply) override {
    ran.push_back({handler, target, limit});
    absl::Duration needs = takes;
    if (const auto* sleep = std::get_if<hooks::SleepAction>(&handler)) needs = sleep->duration;
    const bool cut = needs > limit;
    loop_.RunAfter(cut ? limit : needs,
                   [this, cut, handler, client = client_, reply = std::move(reply)]() mutable {
                     if (client != client_) return;
                     reply(cut ? absl::DeadlineExceededError("cut off") : result(handler));
                   });
  }

  void DropClient() { ++client_; }

  std::vector<Ran> ran;
  absl::Duration takes;
  std::function<absl::Status(const hooks::Handler&)> result = [](const hooks::Handler&) {
    return absl::OkStatus();
  };

 private:
  Loop& loop_;
  uint64_t client_ = 0;
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_FAKE_HOOKS_H_
