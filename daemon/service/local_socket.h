#ifndef REKINDLE_DAEMON_SERVICE_LOCAL_SOCKET_H_
#define REKINDLE_DAEMON_SERVICE_LOCAL_SOCKET_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rekindle::service {

// Who may use the local socket beside root and the daemon's own user.
struct LocalAccess {
  std::vector<uid_t> uids = {};
  // Members, by primary or supplementary group. The socket file belongs to the first one and is
  // writable by it (mode 0660); without any, the mode is 0600.
  std::vector<gid_t> gids = {};
};

// The ID of the group of that name. Errors: kNotFound: the system has none; kUnavailable: its
// database cannot be read. Blocks as long as that takes. Threads: any.
absl::StatusOr<gid_t> FindGroup(const std::string& name);

// The same among the groups of this machine's own file, where packages make theirs. The whole
// database (nsswitch.conf) brings modules along that stay in memory, a third of a MiB here.
absl::StatusOr<gid_t> FindLocalGroup(const std::string& name);

// A bound, listening, non-blocking Unix stream socket and its file.
// Threads: owned by one thread.
class LocalSocket {
 public:
  // Makes the parent directory (0755) if need be, takes `<path>.lock` so that two daemons never
  // share a path, replaces a stale socket file and listens. The file appears under its name only
  // once its mode and group are right.
  // Errors: kAlreadyExists (a live daemon listens there), kFailedPrecondition (something that is
  // not a socket is there), kInvalidArgument (path too long), else as the system gave it.
  static absl::StatusOr<LocalSocket> Listen(const std::string& path, const LocalAccess& access);

  LocalSocket(LocalSocket&& other) noexcept;
  LocalSocket& operator=(LocalSocket&&) = delete;
  // Closes; removes the file if it is still this socket's.
  ~LocalSocket();

  int fd() const { return fd_; }
  const std::string& path() const { return path_; }

  // Gives the descriptor away; the file and the lock stay this object's.
  int ReleaseFd();

 private:
  LocalSocket(std::string path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}
  absl::Status Bind(const LocalAccess& access);

  std::string path_;
  int lock_fd_ = -1;
  int fd_ = -1;
  dev_t device_ = 0;
  ino_t inode_ = 0;  // 0: no file of ours is there
};

// OK when the peer of a connected Unix socket is root, has the daemon's own uid, or is let in by
// `access`. kPermissionDenied names its uid and gid. Threads: any.
absl::Status CheckPeer(int fd, const LocalAccess& access);

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_LOCAL_SOCKET_H_
