#include "daemon/hooks/netns_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "common/base/sync.h"

namespace rekindle::hooks {
namespace {

absl::Status SystemError(absl::string_view attempted) {
  const int error = errno;
  return absl::UnavailableError(absl::StrCat(attempted, ": ", strerror(error)));
}

// On the worker, which is in namespace `home` and is back there afterwards.
absl::StatusOr<UniqueFd> OpenIn(const std::string& netns_path, int family, int home) {
  // O_NONBLOCK: a path that turned out to be a FIFO must not hold the worker up.
  const UniqueFd netns(::open(netns_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (netns.get() < 0) return SystemError(absl::StrCat("open network namespace ", netns_path));
  if (::setns(netns.get(), CLONE_NEWNET) != 0) {
    return SystemError(absl::StrCat("enter network namespace ", netns_path));
  }
  UniqueFd made(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  absl::Status status;
  if (made.get() < 0) status = SystemError("make a socket");
  // Staying behind would only keep a dead pod's namespace alive: every job enters its own first.
  if (::setns(home, CLONE_NEWNET) != 0 && status.ok()) {
    status = SystemError("leave the pod's network namespace");
  }
  if (!status.ok()) return status;
  return made;
}

}  // namespace

NetnsSockets::~NetnsSockets() {
  *alive_ = false;
  {
    MutexLock lock(&mutex_);
    stop_ = true;
    jobs_.clear();
  }
  if (thread_.joinable()) thread_.join();
}

void NetnsSockets::Open(const std::string& netns_path, int family, Reply reply) {
  {
    MutexLock lock(&mutex_);
    jobs_.push_back({netns_path, family, std::move(reply)});
  }
  if (thread_.joinable()) return;
  // The process's signals are for its main thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { Work(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread_.native_handle(), "rk-netns");
}

void NetnsSockets::Work() {
  const UniqueFd home(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  while (true) {
    Job job;
    {
      MutexLock lock(&mutex_);
      mutex_.Await([this]()
                       ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stop_ || !jobs_.empty(); });
      if (stop_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    absl::StatusOr<UniqueFd> made =
        home.get() < 0 ? absl::UnavailableError("the daemon's own network namespace is not known")
                       : OpenIn(job.netns_path, job.family, home.get());
    loop_.Post([alive = alive_, reply = std::move(job.reply), made = std::move(made)]() mutable {
      if (*alive) reply(std::move(made));
    });
  }
}

}  // namespace rekindle::hooks
