// Bad input and bad circumstances on a real node: a clear error, and no container notices.
#include <grp.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include <sqlite3.h>

#include "tests/daemon/app/daemon_fixture.h"

namespace rekindle {
namespace {

using testing::HasSubstr;

class RefusalBedTest : public DaemonTest {
 protected:
  void ExpectUntouched(const bed::Pod& pod, const std::string& what) {
    EXPECT_EQ(Running(pod, "main"), std::vector<std::string>{pod.containers.at("main").id}) << what;
    EXPECT_EQ(Containers(pod, "main").size(), 1u) << what;
    EXPECT_EQ(Count(pod, "main", "start"), 1) << what;
    EXPECT_EQ(Count(pod, "main", "term"), 0) << what;
  }
};

// How every HTTP/2 client begins, with an empty SETTINGS frame behind it; the server says nothing
// before it.
constexpr absl::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);

// What a user is told who connects to the socket: a byte of the server's preface, nothing, or no
// connection at all.
enum class Met { kServed, kHungUp, kNoPermission, kOther };
Met Meet(const std::string& path, uid_t uid, const std::vector<gid_t>& groups) {
  const pid_t child = fork();
  if (child == 0) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    timeval patience{.tv_sec = 30, .tv_usec = 0};
    if (setgroups(groups.size(), groups.data()) != 0 || setgid(uid) != 0 || setuid(uid) != 0) {
      _exit(static_cast<int>(Met::kOther));
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      _exit(static_cast<int>(errno == EACCES ? Met::kNoPermission : Met::kOther));
    }
    // One that has been hung up on reads the end below.
    (void)!send(fd, kPreface.data(), kPreface.size(), MSG_NOSIGNAL);
    char byte = 0;
    const ssize_t got = read(fd, &byte, 1);
    const bool hung_up = got == 0 || (got < 0 && errno == ECONNRESET);
    _exit(static_cast<int>(got == 1 ? Met::kServed : hung_up ? Met::kHungUp : Met::kOther));
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return Met::kOther;
  return static_cast<Met>(WEXITSTATUS(status));
}

TEST_F(RefusalBedTest, TheSocketIsForRootAndItsGroup) {
  constexpr uid_t kUser = 54321;
  constexpr gid_t kFurther = 54322;
  // On Debian's every system; packages make one of their own.
  const group* own = getgrnam("daemon");
  ASSERT_NE(own, nullptr);
  const gid_t gid = own->gr_gid;
  const auto mode = [&] {
    struct stat info {};
    EXPECT_EQ(stat(daemon_->socket().c_str(), &info), 0);
    return std::make_pair(info.st_gid, info.st_mode & 07777);
  };
  if (getgrnam("rekindle") == nullptr) {  // the default
    EXPECT_EQ(mode(), std::make_pair(gid_t{0}, mode_t{0600}));
    EXPECT_EQ(Meet(daemon_->socket(), kUser, {gid}), Met::kNoPermission);
  }
  EXPECT_EQ(Meet(daemon_->socket(), 0, {}), Met::kServed);

  KillDaemon();
  StartDaemon({"--socket-group", "daemon", "--socket-admin-gids", absl::StrCat(kFurther)});
  EXPECT_EQ(mode(), std::make_pair(gid, mode_t{0660}));
  EXPECT_EQ(Meet(daemon_->socket(), kUser, {gid}), Met::kServed);
  EXPECT_EQ(Meet(daemon_->socket(), kUser, {kUser, gid, kFurther}), Met::kServed);
  EXPECT_EQ(Meet(daemon_->socket(), kUser, {}), Met::kNoPermission);
  EXPECT_EQ(Meet(daemon_->socket(), kUser, {kFurther}), Met::kNoPermission);
  // Through the mode and no member.
  ASSERT_EQ(chmod(daemon_->socket().c_str(), 0666), 0);
  EXPECT_EQ(Meet(daemon_->socket(), kUser, {}), Met::kHungUp);
  EXPECT_EQ(Meet(daemon_->socket(), kUser, {kFurther}), Met::kServed);

  KillDaemon();
  const auto refused = measure::Daemon::Start(bed_, {REKINDLED_PROGRAM, REKINDLE_PROGRAM},
                                              {"--socket-group", "no-such-group-here"});
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("socket_group: there is no group \"no-such-group-here\""));
}

TEST_F(RefusalBedTest, EveryRowOfBadInput) {
  bed::Pod& pod = RunPod("strict", {"main"});
  bed::Pod& other = RunPod("other", {"main"});
  struct Row {
    std::string name;
    std::function<void(pb::RestartContainersRequest&)> spoil;
    absl::StatusCode code;
    std::string text;
  };
  const std::string foreign = other.containers["main"].id;
  const Row rows[] = {
      {"unknown pod", [](auto& r) { r.mutable_pod()->set_name("nobody"); },
       absl::StatusCode::kNotFound, "nobody"},
      {"wrong UID", [](auto& r) { r.mutable_pod()->set_uid("0000"); },
       absl::StatusCode::kFailedPrecondition, "UID"},
      {"unknown container", [](auto& r) { r.mutable_containers(0)->set_name("nobody"); },
       absl::StatusCode::kNotFound, "it has: main"},
      {"container of another pod",
       [&](auto& r) { r.mutable_containers(0)->set_expected_container_id(foreign); },
       absl::StatusCode::kFailedPrecondition, "containers[0].expected_container_id"},
      {"empty list", [](auto& r) { r.clear_containers(); }, absl::StatusCode::kInvalidArgument,
       "containers"},
      {"duplicate names", [](auto& r) { *r.add_containers() = r.containers(0); },
       absl::StatusCode::kInvalidArgument, "containers[1].name"},
      {"negative grace", [](auto& r) { r.mutable_containers(0)->mutable_grace()->set_seconds(-3); },
       absl::StatusCode::kInvalidArgument, "containers[0].grace"},
      {"unknown method",
       [](auto& r) { r.mutable_containers(0)->set_method(static_cast<pb::Method>(77)); },
       absl::StatusCode::kInvalidArgument, "containers[0].method"},
      {"no request ID", [](auto& r) { r.clear_request_id(); }, absl::StatusCode::kInvalidArgument,
       "request_id"},
  };
  int number = 0;
  for (const Row& row : rows) {
    pb::RestartContainersRequest request = Request(pod, {"main"}, absl::StrCat("bad-", ++number));
    row.spoil(request);
    const auto answer = Restart(request);
    EXPECT_EQ(answer.status().code(), row.code) << row.name << ": " << answer.status();
    EXPECT_THAT(answer.status().message(), HasSubstr(row.text)) << row.name;
    ExpectUntouched(pod, row.name);
    ExpectUntouched(other, row.name);
  }
}

TEST_F(RefusalBedTest, AnOversizedMessage) {
  bed::Pod& pod = RunPod("big", {"main"});
  pb::RestartContainersRequest request = Request(pod, {"main"}, "big");
  request.mutable_containers(0)->add_env()->set_value(std::string(8 << 20, 'x'));
  EXPECT_EQ(Restart(request).status().code(), absl::StatusCode::kResourceExhausted);
  ExpectUntouched(pod, "oversized");
}

TEST_F(RefusalBedTest, AnExitedContainerWithAndWithoutForce) {
  bed::Pod& pod = RunPod("exited", {"main"});
  const std::string old_id = pod.containers["main"].id;
  ASSERT_TRUE(bed_->cri().StopContainer(old_id, 5).ok());
  const auto refused = Restart(Request(pod, {"main"}, "exited"));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition) << refused.status();
  EXPECT_TRUE(Running(pod, "main").empty());
  pb::RestartContainersRequest request = Request(pod, {"main"}, "forced");
  request.set_force(true);
  const auto forced = Restart(request);
  ASSERT_TRUE(forced.ok()) << forced.status();
  EXPECT_EQ(forced->at("main").phase(), pb::PHASE_DONE);
  EXPECT_EQ(Running(pod, "main").size(), 1u);
}

TEST_F(RefusalBedTest, AMountSourceThatIsGone) {
  const std::string extra = bed_->Volume("vanishing");
  bed::Pod& pod = RunPod("mount", {"main"}, [&](bed::PodSpec& spec) {
    spec.containers[0].mounts.push_back({"/extra", extra, false});
  });
  std::filesystem::remove_all(extra);
  const auto ended = Restart(Request(pod, {"main"}, "mount"));
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->at("main").phase(), pb::PHASE_FAILED);
  EXPECT_THAT(ended->at("main").message(), HasSubstr(extra));
  ExpectUntouched(pod, "mount");
  EXPECT_FALSE(std::filesystem::exists(extra)) << "nothing was made in its place";
}

TEST_F(RefusalBedTest, AnImageThatIsGone) {
  bed::Pod& pod = RunPod("image", {"main"}, [](bed::PodSpec& spec) {
    spec.containers[0].image = bed::kServerUserImage;
    spec.containers[0].args = {"wait"};
  });
  ASSERT_TRUE(bed_->cri().RemoveImage(bed::kServerUserImage).ok());
  const auto ended = Restart(Request(pod, {"main"}, "image"));
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->at("main").phase(), pb::PHASE_FAILED);
  EXPECT_THAT(ended->at("main").message(), HasSubstr("image"));
  EXPECT_EQ(Running(pod, "main"), std::vector<std::string>{pod.containers["main"].id});
}

TEST_F(RefusalBedTest, AJournalOfANewerVersion) {
  bed::Pod& pod = RunPod("newer", {"main"});
  KillDaemon();
  const std::string state = bed_->dir() + "/rekindled/state/journal.db";
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(state.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "PRAGMA user_version = 9999", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  auto process =
      bed::ChildProcess::Start({REKINDLED_PROGRAM, "--runtime-endpoint", bed_->endpoint(),
                                "--state-dir", bed_->dir() + "/rekindled/state", "--socket",
                                bed_->dir() + "/newer.sock", "--http-listen", "127.0.0.1:0"},
                               bed_->dir() + "/newer.log");
  ASSERT_TRUE(process.ok()) << process.status();
  const auto code = (*process)->WaitExit(absl::Seconds(30));
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_NE(*code, 0);
  EXPECT_THAT(bed::ReadFile(bed_->dir() + "/newer.log"), HasSubstr("9999"));
  ExpectUntouched(pod, "newer");
  std::filesystem::remove_all(bed_->dir() + "/rekindled/state");
}

TEST_F(RefusalBedTest, AFullDiskRefusesNewWorkAndRecoversByItself) {
  bed::Pod& pod = RunPod("disk", {"main"});
  KillDaemon();
  const std::string state = bed_->dir() + "/rekindled/state";
  std::filesystem::remove_all(state);
  std::filesystem::create_directories(state);
  ASSERT_EQ(mount("tmpfs", state.c_str(), "tmpfs", 0, "size=1m"), 0);
  StartDaemon();
  // Fill what is left.
  {
    std::string block(4096, 'x');
    FILE* file = fopen((state + "/ballast").c_str(), "w");
    ASSERT_NE(file, nullptr);
    setvbuf(file, nullptr, _IONBF, 0);
    while (fwrite(block.data(), 1, block.size(), file) == block.size()) {
    }
    fclose(file);
  }
  // More than the room that the journal has already taken on the disk.
  pb::RestartContainersRequest large = Request(pod, {"main"}, "disk");
  for (int i = 0; i < 6; ++i) {
    auto* env = large.mutable_containers(0)->add_env();
    env->set_name(absl::StrCat("LARGE", i));
    env->set_value(std::string(100'000, 'x'));
  }
  const auto refused = Restart(large);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted) << refused.status();
  EXPECT_THAT(refused.status().message(), HasSubstr("journal"));
  ExpectUntouched(pod, "full disk");
  std::filesystem::remove(state + "/ballast");
  const auto ended = Restart(Request(pod, {"main"}, "disk-2"));
  EXPECT_TRUE(ended.ok()) << ended.status();
  KillDaemon();
  EXPECT_EQ(umount2(state.c_str(), MNT_DETACH), 0);
  std::filesystem::remove_all(state);
}

TEST_F(RefusalBedTest, AReadOnlyStateDirectoryIsNamedAndNothingIsTouched) {
  bed::Pod& pod = RunPod("readonly", {"main"});
  KillDaemon();
  const std::string state = bed_->dir() + "/readonly-state";
  std::filesystem::create_directories(state);
  ASSERT_EQ(mount("tmpfs", state.c_str(), "tmpfs", MS_RDONLY, "size=1m"), 0);
  const std::string log = bed_->dir() + "/readonly.log";
  auto process = bed::ChildProcess::Start(
      {REKINDLED_PROGRAM, "--runtime-endpoint", bed_->endpoint(), "--state-dir", state, "--socket",
       bed_->dir() + "/readonly.sock", "--http-listen", "127.0.0.1:0"},
      log);
  ASSERT_TRUE(process.ok()) << process.status();
  const auto code = (*process)->WaitExit(absl::Seconds(30));
  EXPECT_TRUE(code.ok() && *code == 1) << code.status();
  EXPECT_THAT(bed::ReadFile(log), HasSubstr(state));
  ExpectUntouched(pod, "read-only");
  EXPECT_EQ(umount2(state.c_str(), MNT_DETACH), 0);
}

TEST_F(RefusalBedTest, WithoutARuntimeItSaysSoAndRecovers) {
  bed::Pod& pod = RunPod("away", {"main"});
  KillDaemon();
  ASSERT_TRUE(bed_->Stop(SIGTERM).ok());
  StartDaemon();
  grpc::ClientContext context;
  pb::NodeInfo info;
  ASSERT_TRUE(stub_->GetNodeInfo(&context, {}, &info).ok());
  EXPECT_FALSE(info.runtime_ready());
  EXPECT_FALSE(info.runtime_reason().empty());
  EXPECT_EQ(Restart(Request(pod, {"main"}, "away")).status().code(),
            absl::StatusCode::kUnavailable);
  ASSERT_TRUE(bed_->Start().ok());
  EXPECT_TRUE(bed::WaitUntil(
      [&] {
        grpc::ClientContext again;
        return stub_->GetNodeInfo(&again, {}, &info).ok() && info.runtime_ready();
      },
      absl::Seconds(30)))
      << info.runtime_reason();
  const auto ended = Restart(Request(pod, {"main"}, "back"));
  EXPECT_TRUE(ended.ok()) << ended.status();
}

}  // namespace
}  // namespace rekindle
