#include "daemon/service/local_socket.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"

namespace rekindle::service {

namespace {

constexpr int kBacklog = 128;
constexpr size_t kMaxGroups = 65536;  // NGROUPS_MAX
// Of a group with all its members.
constexpr size_t kMostGroupBytes = 16 << 20;

absl::Status SystemError(absl::string_view what, absl::string_view path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

absl::StatusOr<sockaddr_un> Address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.front() != '/') {
    return absl::InvalidArgumentError("socket path: must be absolute");
  }
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("socket path: must be shorter than ",
                                                   sizeof(address.sun_path), " bytes: ", path));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

const sockaddr* Generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// Whether somebody listens at `path`; removes nothing.
absl::Status CheckStale(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : SystemError("cannot look at", path);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat("socket path: ", path, " exists and is not a socket"));
  }
  RK_ASSIGN_OR_RETURN(const sockaddr_un address, Address(path));
  // Non-blocking: a listener whose backlog is full must not hold the start up.
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return SystemError("cannot make a socket for", path);
  const int connected = connect(fd, Generic(address), sizeof(address));
  const int error = errno;
  close(fd);
  if (connected == 0 || error == EAGAIN || error == EINPROGRESS) {
    return absl::AlreadyExistsError(absl::StrCat("socket path: somebody listens on ", path));
  }
  return absl::OkStatus();
}

bool Contains(const std::vector<gid_t>& gids, gid_t gid) {
  return std::find(gids.begin(), gids.end(), gid) != gids.end();
}

// The supplementary groups that the peer had when it connected.
std::vector<gid_t> PeerGroups(int fd) {
  std::vector<gid_t> groups(64);
  while (true) {
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) {
      groups.resize(size / sizeof(gid_t));
      return groups;
    }
    if (errno != ERANGE || groups.size() >= kMaxGroups) return {};
    groups.resize(kMaxGroups);
  }
}

}  // namespace

absl::StatusOr<gid_t> FindGroup(const std::string& name) {
  std::vector<char> text(4096);
  group entry{};
  group* found = nullptr;
  int error = 0;
  while ((error = getgrnam_r(name.c_str(), &entry, text.data(), text.size(), &found)) == ERANGE ||
         error == EINTR) {
    if (text.size() >= kMostGroupBytes) break;
    if (error == ERANGE) text.resize(text.size() * 4);
  }
  if (found != nullptr) return found->gr_gid;
  // The values that may mean "there is none" (getgrnam(3)).
  if (error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM) {
    return absl::NotFoundError(absl::StrCat("there is no group \"", name, "\""));
  }
  return absl::UnavailableError(
      absl::StrCat("cannot look up group \"", name, "\": ", std::strerror(error)));
}

absl::StatusOr<gid_t> FindLocalGroup(const std::string& name) {
  constexpr char kFile[] = "/etc/group";
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(kFile, "re"), &std::fclose);
  if (file == nullptr && errno != ENOENT) {
    return absl::UnavailableError(absl::StrCat("cannot read ", kFile, ": ", std::strerror(errno)));
  }
  std::vector<char> text(4096);
  group entry{};
  group* found = nullptr;
  while (file != nullptr) {
    // After ERANGE the same line is read again.
    const int error = fgetgrent_r(file.get(), &entry, text.data(), text.size(), &found);
    if (error == ERANGE && text.size() < kMostGroupBytes) {
      text.resize(text.size() * 4);
      continue;
    }
    if (error != 0) break;
    if (name == entry.gr_name) return entry.gr_gid;
  }
  return absl::NotFoundError(absl::StrCat("there is no group \"", name, "\" in ", kFile));
}

absl::StatusOr<LocalSocket> LocalSocket::Listen(const std::string& path,
                                                const LocalAccess& access) {
  RK_RETURN_IF_ERROR(Address(path + ".new").status());
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failed);
  if (failed) {
    return absl::ErrnoToStatus(failed.value(), absl::StrCat("cannot make the directory of ", path));
  }
  const std::string lock_path = path + ".lock";
  const int lock = open(lock_path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) return SystemError("cannot open", lock_path);
  LocalSocket out(path, lock);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    return absl::AlreadyExistsError(absl::StrCat("socket path: another daemon holds ", lock_path));
  }
  RK_RETURN_IF_ERROR(CheckStale(path));
  RK_RETURN_IF_ERROR(out.Bind(access));
  return out;
}

absl::Status LocalSocket::Bind(const LocalAccess& access) {
  const std::string fresh = path_ + ".new";
  RK_ASSIGN_OR_RETURN(const sockaddr_un address, Address(fresh));
  unlink(fresh.c_str());  // of a start that was killed; the lock says that nobody uses it
  fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) return SystemError("cannot make a socket for", path_);
  // The mode of the descriptor becomes the file's, so that it never has a wider one.
  if (fchmod(fd_, 0600) != 0) return SystemError("cannot set the mode of", path_);
  if (bind(fd_, Generic(address), sizeof(address)) != 0) return SystemError("cannot bind", fresh);
  if (!access.gids.empty() && (chown(fresh.c_str(), static_cast<uid_t>(-1), access.gids[0]) != 0 ||
                               chmod(fresh.c_str(), 0660) != 0)) {
    return SystemError("cannot give the group its right to", fresh);
  }
  if (listen(fd_, kBacklog) != 0) return SystemError("cannot listen on", path_);
  struct stat info {};
  if (stat(fresh.c_str(), &info) != 0) return SystemError("cannot look at", fresh);
  if (rename(fresh.c_str(), path_.c_str()) != 0) return SystemError("cannot rename to", path_);
  device_ = info.st_dev;
  inode_ = info.st_ino;
  return absl::OkStatus();
}

LocalSocket::LocalSocket(LocalSocket&& other) noexcept
    : path_(std::move(other.path_)),
      lock_fd_(std::exchange(other.lock_fd_, -1)),
      fd_(std::exchange(other.fd_, -1)),
      device_(other.device_),
      inode_(std::exchange(other.inode_, 0)) {}

LocalSocket::~LocalSocket() {
  struct stat info {};
  if (inode_ != 0 && stat(path_.c_str(), &info) == 0 && info.st_ino == inode_ &&
      info.st_dev == device_) {
    unlink(path_.c_str());
  }
  if (fd_ >= 0) close(fd_);
  // The lock file stays: removing it would let two daemons lock two files of one name.
  if (lock_fd_ >= 0) close(lock_fd_);
}

int LocalSocket::ReleaseFd() { return std::exchange(fd_, -1); }

absl::Status CheckPeer(int fd, const LocalAccess& access) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return absl::PermissionDeniedError("the peer's credentials cannot be read");
  }
  if (peer.uid == 0 || peer.uid == geteuid()) return absl::OkStatus();
  if (std::find(access.uids.begin(), access.uids.end(), peer.uid) != access.uids.end()) {
    return absl::OkStatus();
  }
  if (!access.gids.empty()) {
    if (Contains(access.gids, peer.gid)) return absl::OkStatus();
    for (gid_t gid : PeerGroups(fd)) {
      if (Contains(access.gids, gid)) return absl::OkStatus();
    }
  }
  return absl::PermissionDeniedError(
      absl::StrCat("uid ", peer.uid, ", gid ", peer.gid, " may not use the local socket"));
}

}  // namespace rekindle::service
