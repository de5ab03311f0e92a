#ifndef REKINDLE_CONTROLLER_RECREATE_JOIN_H_
#define REKINDLE_CONTROLLER_RECREATE_JOIN_H_

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/client/control_loop.h"
#include "controller/recreate/recreate_controller.h"

namespace rekindle::recreate {

// Waits for the writes of one pass, and says what comes of it: the first error, or when to look
// again. Threads: the loop's.
class RecreateController::Join {
 public:
  explicit Join(Done done) : done_(std::move(done)) {}

  // A write has begun; it ends with End.
  void Begin() { ++open_; }
  void End(const absl::Status& status) {
    if (failed_.ok()) failed_ = status;
    --open_;
    Check();
  }
  void Wake(absl::Duration after) { wake_ = std::min(wake_, after); }
  // No further write begins, but in the place of one that ends.
  void Close() {
    closed_ = true;
    Check();
  }

 private:
  void Check() {
    if (!closed_ || open_ > 0 || !done_) return;
    Done done = std::exchange(done_, nullptr);
    if (!failed_.ok()) return done(failed_);
    if (wake_ == absl::InfiniteDuration()) return done(std::nullopt);
    done(client::Again{wake_});
  }

  Done done_;
  int open_ = 0;
  bool closed_ = false;
  absl::Status failed_;
  absl::Duration wake_ = absl::InfiniteDuration();
};

}  // namespace rekindle::recreate

#endif  // REKINDLE_CONTROLLER_RECREATE_JOIN_H_
