#include "common/base/asio_loop.h"

#include <atomic>
#include <vector>

#include "gtest/gtest.h"

#include "common/base/sync.h"

namespace rekindle {
namespace {

TEST(AsioLoop, RunsPostedTasksInOrderOnItsOwnThread) {
  AsioLoop loop("test");
  std::vector<int> seen;
  Latch done;
  for (int i = 0; i < 100; ++i) {
    loop.Post([&seen, &loop, i] {
      EXPECT_TRUE(loop.InLoop());
      seen.push_back(i);
    });
  }
  loop.Post([&done] { done.Open(); });
  ASSERT_TRUE(done.WaitFor(absl::Seconds(10)));
  ASSERT_EQ(seen.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[i], i);
  EXPECT_FALSE(loop.InLoop());
}

TEST(AsioLoop, RunsTimersInOrderOfTheirDueTime) {
  AsioLoop loop("test");
  std::vector<int> seen;
  Latch done;
  loop.RunAfter(absl::Milliseconds(30), [&] {
    seen.push_back(2);
    done.Open();
  });
  loop.RunAfter(absl::Milliseconds(1), [&] { seen.push_back(1); });
  ASSERT_TRUE(done.WaitFor(absl::Seconds(10)));
  EXPECT_EQ(seen, (std::vector<int>{1, 2}));
}

TEST(AsioLoop, CancelledTimersNeverRun) {
  AsioLoop loop("test");
  std::atomic<bool> ran = false;
  const Loop::TimerId timer = loop.RunAfter(absl::Milliseconds(50), [&] { ran = true; });
  EXPECT_TRUE(loop.Cancel(timer));
  EXPECT_FALSE(loop.Cancel(timer)) << "a second cancel finds nothing";
  Latch later;
  loop.RunAfter(absl::Milliseconds(120), [&] { later.Open(); });
  ASSERT_TRUE(later.WaitFor(absl::Seconds(10)));
  EXPECT_FALSE(ran);
}

TEST(AsioLoop, StopDropsWhatIsPending) {
  std::atomic<bool> ran = false;
  {
    AsioLoop loop("test");
    loop.RunAfter(absl::Hours(1), [&] { ran = true; });
    loop.Stop();
    loop.Stop();
  }
  EXPECT_FALSE(ran);
}

TEST(ScopedTimer, CancelsOnDestruction) {
  AsioLoop loop("test");
  std::atomic<bool> ran = false;
  Latch done;
  loop.Post([&] {
    {
      ScopedTimer timer;
      timer.Set(loop, absl::Milliseconds(5), [&] { ran = true; });
      EXPECT_TRUE(timer.pending());
    }
    loop.RunAfter(absl::Milliseconds(60), [&] { done.Open(); });
  });
  ASSERT_TRUE(done.WaitFor(absl::Seconds(10)));
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace rekindle
