#include "common/base/run_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle {
namespace {

using ::testing::HasSubstr;

class RunProgramTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::string> Shell(const std::string& script,
                                    absl::Duration limit = absl::Seconds(20)) {
    return RunProgram({"sh", "-c", script}, limit, interrupted_);
  }
  std::atomic<bool> interrupted_{false};
};

TEST_F(RunProgramTest, GivesTheOutputWholeAndKeepsErrorsApart) {
  EXPECT_EQ(*Shell("echo out; echo err >&2"), "out\n");
  // More than fits into a pipe, on both.
  const auto much = Shell("head -c 300000 /dev/zero >&2; head -c 200000 /dev/zero");
  ASSERT_TRUE(much.ok()) << much.status();
  EXPECT_EQ(much->size(), 200000u);
}

TEST_F(RunProgramTest, AddsToTheEnvironment) {
  setenv("RK_KEPT", "kept", 1);
  setenv("RK_CHANGED", "old", 1);
  const auto said = RunProgram({"sh", "-c", "echo $RK_KEPT $RK_CHANGED $RK_NEW"}, absl::Seconds(20),
                               interrupted_, {.env = {{"RK_CHANGED", "new"}, {"RK_NEW", "a b"}}});
  EXPECT_EQ(*said, "kept new a b\n");
}

TEST_F(RunProgramTest, OutputIsBounded) {
  const auto said = RunProgram({"sh", "-c", "head -c 5000 /dev/zero"}, absl::Seconds(20),
                               interrupted_, {.max_output_bytes = 4000});
  EXPECT_TRUE(absl::IsResourceExhausted(said.status())) << said.status();
}

TEST_F(RunProgramTest, HasNoInput) { EXPECT_EQ(*Shell("cat"), ""); }

TEST_F(RunProgramTest, SaysHowItFailed) {
  EXPECT_TRUE(absl::IsNotFound(
      RunProgram({"rekindle-no-such-program"}, absl::Seconds(5), interrupted_).status()));
  const auto failed = Shell("echo because >&2; exit 4");
  EXPECT_TRUE(absl::IsAborted(failed.status()));
  EXPECT_THAT(failed.status().message(), HasSubstr("because"));
}

TEST_F(RunProgramTest, IsKilledAtItsLimitAndWhenInterrupted) {
  EXPECT_TRUE(
      absl::IsDeadlineExceeded(Shell("exec tail -f /dev/null", absl::Milliseconds(100)).status()));
  interrupted_.store(true);
  EXPECT_TRUE(absl::IsCancelled(Shell("exec tail -f /dev/null").status()));
}

}  // namespace
}  // namespace rekindle
