#ifndef REKINDLE_DAEMON_RESTART_CLEANER_H_
#define REKINDLE_DAEMON_RESTART_CLEANER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

#include "common/base/backoff.h"
#include "common/base/blocking.h"
#include "common/base/loop.h"
#include "daemon/cri/runtime.h"

namespace rekindle::restart {

// Removes containers that nobody needs any more, one after the other: stop (a replacement that was
// given up may run), remove, and then what the runtime leaves behind of them (spec/node-runtime
// 1.10 rule 5): the log file with its rotated parts, and the termination-message file that we made.
// Threads: the loop's thread.
class Cleaner : public std::enable_shared_from_this<Cleaner> {
 public:
  struct Deps {
    Loop& loop;
    cri::Runtime& runtime;
    Blocking& files;
    Backoff::Options retry;
  };

  // Starts on `containers`; `grace` is what a running one gets to stop. Each is tried a few times;
  // `done` gets those that are still there, for a later life of the daemon. Dropping the returned
  // pointer stops the work after the call that is under way.
  static std::shared_ptr<Cleaner> Start(const Deps& deps, std::vector<std::string> containers,
                                        absl::Duration grace,
                                        absl::AnyInvocable<void(std::vector<std::string>)> done);

 private:
  Cleaner(const Deps& deps, std::vector<std::string> containers, absl::Duration grace,
          absl::AnyInvocable<void(std::vector<std::string>)> done);

  void Next();
  void Stop();
  void Remove();
  void RemoveFiles();
  void Failed();

  template <typename F>
  auto Here(F f);

  Deps deps_;
  std::vector<std::string> todo_;  // the last one is worked on
  std::vector<std::string> remaining_;
  absl::Duration grace_;
  absl::AnyInvocable<void(std::vector<std::string>)> done_;
  Backoff retry_;
  int tries_ = 0;
  std::string log_path_;
  std::string termination_file_;
  ScopedTimer timer_;
};

// Of a container's status: the host file behind its termination message when its name is one that
// a replacement gives it (8 hex digits), else empty. Pure.
std::string OwnTerminationFile(const ::runtime::v1::ContainerStatus& status);

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_CLEANER_H_
