// What the programs may do on the machine.
#include <grp.h>

#include "tests/bare_metal/bare_metal_fixture.h"

namespace rekindle::bare_metal {

// As the systemd units start them: the socket belongs to a group, and the controller is a user of
// its own with no capability and that group.
TEST_F(BareMetalTest, AControllerThatIsNobodyButAMemberOfTheSocketsGroup) {
  constexpr uid_t kUser = 54321;
  // On Debian's every system; a package makes "rekindle".
  const group* own = getgrnam("daemon");
  ASSERT_NE(own, nullptr);
  const gid_t gid = own->gr_gid;
  KillDaemon();
  requests_.reset();
  api_.reset();
  controller_.reset();
  StartDaemon({"--node-name", "node-a", "--socket-group", "daemon"});
  ASSERT_NE(daemon_, nullptr);
  auto started = ControllerProcess::Start(
      {.program = REKINDLE_CONTROLLER_PROGRAM,
       .dir = bed_->dir() + "/unprivileged",
       .daemon = daemon_->socket(),
       .user = ControllerProcess::Options::User{.uid = kUser, .group = gid}});
  ASSERT_TRUE(started.ok()) << started.status();
  controller_ = *std::move(started);
  const std::string status =
      bed::ReadFile(absl::StrCat("/proc/", controller_->process().pid(), "/status"));
  EXPECT_THAT(status, testing::HasSubstr(absl::StrCat("\nUid:\t", kUser, "\t", kUser)));
  EXPECT_THAT(status, testing::HasSubstr(absl::StrCat("\nGroups:\t", gid)));
  EXPECT_THAT(status, testing::HasSubstr("\nCapEff:\t0000000000000000"));
  Connect();
  bed::Pod& pod = RunShown("member", {"a"});
  Create("go", pod, {"a"});
  ExpectSuccess("go", {"a"});
  ExpectStarts(pod, "a", 2);
  // The others have the usual ones.
  requests_.reset();
  api_.reset();
  controller_.reset();
  KillDaemon();
}

}  // namespace rekindle::bare_metal
