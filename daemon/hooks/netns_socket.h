#ifndef REKINDLE_DAEMON_HOOKS_NETNS_SOCKET_H_
#define REKINDLE_DAEMON_HOOKS_NETNS_SOCKET_H_

#include <unistd.h>

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/base/loop.h"
#include "common/base/sync.h"

namespace rekindle::hooks {

// A file descriptor that is closed with its object.
// Threads: thread-compatible.
class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Opens sockets inside network namespaces. A socket belongs for good to the namespace of the thread
// that made it, so one worker thread goes there and back and the loop's thread never leaves its
// own. The worker starts with the first socket that is asked for.
//
// Threads: constructed, used and destroyed on the loop's thread (or once it has stopped).
// Destruction drops the replies that have not run.
class NetnsSockets {
 public:
  using Reply = absl::AnyInvocable<void(absl::StatusOr<UniqueFd>)>;

  explicit NetnsSockets(Loop& loop) : loop_(loop) {}
  NetnsSockets(const NetnsSockets&) = delete;
  NetnsSockets& operator=(const NetnsSockets&) = delete;
  ~NetnsSockets();

  // Makes a non-blocking TCP socket of `family` (AF_INET, AF_INET6) in the namespace that
  // `netns_path` names. Replies on the loop, never inline.
  // Errors: kUnavailable (the namespace has gone, is none, or may not be entered).
  void Open(const std::string& netns_path, int family, Reply reply);

 private:
  struct Job {
    std::string netns_path;
    int family;
    Reply reply;
  };

  void Work();

  Loop& loop_;
  // Read and written on the loop only: the owner of replies on their way.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Mutex mutex_;
  std::deque<Job> jobs_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace rekindle::hooks

#endif  // REKINDLE_DAEMON_HOOKS_NETNS_SOCKET_H_
