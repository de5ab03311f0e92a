#include "daemon/service/local_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include <gtest/gtest.h>

#include "tests/fakes/temp_dir.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::service {
namespace {

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0 ? info.st_mode : 0;
}

TEST(LocalSocket, MakesDirectoryAndFileWithNarrowMode) {
  TempDir dir;
  const std::string path = dir / "a/b/node.sock";
  auto socket = LocalSocket::Listen(path, {});
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_EQ(ModeOf(path), S_IFSOCK | 0600);
}

TEST(LocalSocket, GroupMayWriteWhenThereIsOne) {
  TempDir dir;
  const std::string path = dir / "node.sock";
  auto socket = LocalSocket::Listen(path, {.gids = {getgid()}});
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_EQ(ModeOf(path), S_IFSOCK | 0660);
}

TEST(LocalSocket, TheFileBelongsToTheFirstGroup) {
  if (geteuid() != 0) GTEST_SKIP() << "giving a file to another group needs root";
  TempDir dir;
  const std::string path = dir / "node.sock";
  auto socket = LocalSocket::Listen(path, {.gids = {54322, 54323}});
  ASSERT_TRUE(socket.ok()) << socket.status();
  struct stat info {};
  ASSERT_EQ(lstat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_gid, 54322U);
  EXPECT_EQ(info.st_mode, S_IFSOCK | 0660U);
}

TEST(FindGroup, AmongTheMachinesOwn) {
  const auto root = FindLocalGroup("root");
  ASSERT_TRUE(root.ok()) << root.status();
  EXPECT_EQ(*root, 0U);
  // Further down.
  EXPECT_TRUE(FindLocalGroup("nogroup").ok());
  const auto none = FindLocalGroup("no-such-group-here");
  EXPECT_TRUE(absl::IsNotFound(none.status())) << none.status();
  EXPECT_FALSE(FindLocalGroup("").ok());
}

TEST(FindGroup, ByItsName) {
  const auto root = FindGroup("root");
  ASSERT_TRUE(root.ok()) << root.status();
  EXPECT_EQ(*root, 0U);
  const auto none = FindGroup("no-such-group-here");
  EXPECT_EQ(none.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(none.status().message(), "there is no group \"no-such-group-here\"");
  EXPECT_FALSE(FindGroup("").ok());
}

TEST(LocalSocket, ReplacesAStaleFile) {
  TempDir dir;
  const std::string path = dir / "node.sock";
  // As a killed daemon leaves it: a bound file that nobody listens on.
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  close(fd);
  EXPECT_TRUE(LocalSocket::Listen(path, {}).ok());
}

TEST(LocalSocket, RefusesWhereSomebodyListensOrSomethingElseIs) {
  TempDir dir;
  auto first = LocalSocket::Listen(dir / "node.sock", {});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(LocalSocket::Listen(dir / "node.sock", {}).status().code(),
            absl::StatusCode::kAlreadyExists);
  // A foreign listener without our lock.
  std::filesystem::rename(dir / "node.sock", dir / "other.sock");
  EXPECT_EQ(LocalSocket::Listen(dir / "other.sock", {}).status().code(),
            absl::StatusCode::kAlreadyExists);
  WriteFile(dir / "file", "text");
  EXPECT_EQ(LocalSocket::Listen(dir / "file", {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(LocalSocket::Listen("relative.sock", {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(LocalSocket::Listen("/" + std::string(200, 'x'), {}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(LocalSocket, RemovesItsOwnFileOnly) {
  TempDir dir;
  const std::string path = dir / "node.sock";
  {
    auto socket = LocalSocket::Listen(path, {});
    ASSERT_TRUE(socket.ok());
  }
  EXPECT_EQ(ModeOf(path), 0);
  {
    auto socket = LocalSocket::Listen(path, {});
    ASSERT_TRUE(socket.ok());
    std::filesystem::remove(path);
    WriteFile(path, "somebody else's");
  }
  EXPECT_TRUE(S_ISREG(ModeOf(path)));
}

// Credentials are taken when a socket pair is made, so a child under another uid makes the pair.
absl::Status PeerOf(uid_t uid, gid_t gid, const LocalAccess& access) {
  int channel[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, channel) != 0) return absl::InternalError("socketpair");
  const pid_t child = fork();
  if (child == 0) {
    int pair[2];
    char byte = 0;
    iovec data{.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    if (setgid(gid) != 0 || setuid(uid) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
      _exit(1);
    }
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &pair[0], sizeof(int));
    _exit(sendmsg(channel[1], &message, 0) == 1 ? 0 : 1);
  }
  close(channel[1]);
  char byte = 0;
  iovec data{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (recvmsg(channel[0], &message, 0) != 1) return absl::InternalError("no socket came");
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
  const absl::Status status = CheckPeer(fd, access);
  close(fd);
  close(channel[0]);
  return status;
}

TEST(CheckPeer, OwnUserIsLetIn) { EXPECT_TRUE(PeerOf(geteuid(), getegid(), {}).ok()); }

TEST(CheckPeer, OthersOnlyWhenNamed) {
  if (geteuid() != 0) GTEST_SKIP() << "taking another uid needs root";
  constexpr uid_t kUid = 54321;
  constexpr gid_t kGid = 54322;
  EXPECT_EQ(PeerOf(kUid, kGid, {}).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(PeerOf(kUid, kGid, {.uids = {1}, .gids = {2}}).code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(PeerOf(kUid, kGid, {.uids = {kUid}}).ok());
  EXPECT_TRUE(PeerOf(kUid, kGid, {.gids = {kGid}}).ok());
}

}  // namespace
}  // namespace rekindle::service
