#include "common/base/scheduling.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "gtest/gtest.h"

namespace rekindle {
namespace {

// Each in a process of its own: scheduling and limits are the process's.
class SchedulingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    sched_param parameters{};
    parameters.sched_priority = 1;
    const int before = sched_getscheduler(0);
    may_ = sched_setscheduler(0, SCHED_RR, &parameters) == 0;
    parameters.sched_priority = 0;
    if (may_) sched_setscheduler(0, before, &parameters);
  }

  bool may_ = false;
};

// What a process of its own does; it tells the outcome by its exit code.
[[noreturn]] void TellWhetherThreadsInheritIt() {
  const bool set = UseRealtimeScheduling(absl::Seconds(7)).ok();
  int policy = -1;
  std::thread([&policy] { policy = sched_getscheduler(0); }).join();
  rlimit limit{};
  getrlimit(RLIMIT_RTTIME, &limit);
  _exit(set && policy == SCHED_RR && limit.rlim_cur == 7'000'000 ? 0 : 1);
}

[[noreturn]] void NeverWait() {
  if (!UseRealtimeScheduling(absl::Seconds(1)).ok()) _exit(1);
  volatile unsigned turns = 0;
  while (true) turns = turns + 1;
}

[[noreturn]] void TellWhetherItIsRefused() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_RTPRIO, &none);
  if (geteuid() == 0 && seteuid(65534) != 0) _exit(2);
  rlimit before{};
  getrlimit(RLIMIT_RTTIME, &before);
  const absl::Status refused = UseRealtimeScheduling(absl::Seconds(1));
  rlimit after{};
  getrlimit(RLIMIT_RTTIME, &after);
  const bool unchanged = sched_getscheduler(0) == SCHED_OTHER && before.rlim_cur == after.rlim_cur;
  _exit(absl::IsPermissionDenied(refused) && unchanged ? 0 : 1);
}

TEST_F(SchedulingTest, LaterThreadsInheritIt) {
  if (!may_) GTEST_SKIP() << "this kernel or container gives no real-time priority";
  EXPECT_EXIT(TellWhetherThreadsInheritIt(), ::testing::ExitedWithCode(0), "");
}

TEST_F(SchedulingTest, AThreadThatNeverWaitsEndsTheProcess) {
  if (!may_) GTEST_SKIP() << "this kernel or container gives no real-time priority";
  EXPECT_EXIT(NeverWait(), ::testing::KilledBySignal(SIGXCPU), "");
}

TEST_F(SchedulingTest, RefusedWithoutTheRightAndNothingIsChanged) {
  EXPECT_EXIT(TellWhetherItIsRefused(), ::testing::ExitedWithCode(0), "");
}

TEST_F(SchedulingTest, ShortRunsAreRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(UseRealtimeScheduling(absl::Milliseconds(1))));
}

}  // namespace
}  // namespace rekindle
