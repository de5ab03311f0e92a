#ifndef REKINDLE_CLI_RESTART_WAIT_H_
#define REKINDLE_CLI_RESTART_WAIT_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "cli/io.h"

namespace rekindle::cli {

// How long a restart is waited for beyond its own deadline: what was stopped is brought up again.
inline constexpr absl::Duration kAfterDeadline = absl::Minutes(2);

// Says why a wait ended before what was waited for: kExitInterrupted or kExitTimedOut. How to look
// at what goes on is for the caller to add.
inline void SayWhyEnded(const Io& io, ExitCode code) {
  io.err << (code == kExitInterrupted ? "interrupted\n" : "error: timed out waiting\n");
}

// A connection that was lost in the middle of a wait and is made anew. Threads: owned by one.
class LostConnection {
 public:
  // `patience`: for how long it is tried.
  LostConnection(const Io& io, absl::Duration patience) : io_(io), patience_(patience) {}

  void Heard() { since_.reset(); }
  bool lost() const { return since_.has_value(); }
  // It is lost at `now`, on a clock that never jumps. Says `what` the first time. Whether it has
  // been so for too long.
  bool Lost(absl::Duration now, const std::string& what) {
    if (!since_.has_value()) {
      since_ = now;
      io_.err << what << "\n";
    }
    return now - *since_ > patience_;
  }

 private:
  const Io& io_;
  const absl::Duration patience_;
  std::optional<absl::Duration> since_;
};

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_RESTART_WAIT_H_
