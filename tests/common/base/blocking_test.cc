#include "common/base/blocking.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "common/base/asio_loop.h"
#include "common/base/sync.h"

namespace rekindle {
namespace {

TEST(BlockingPool, WorkRunsElsewhereAndItsResultOnTheLoop) {
  AsioLoop loop("loop");
  BlockingPool pool(loop, 2, "files");
  Latch done;
  std::atomic<bool> work_in_loop{true}, done_in_loop{false};
  absl::Status result;
  loop.Post([&] {
    pool.Run(
        [&] {
          work_in_loop = loop.InLoop();
          return absl::NotFoundError("gone");
        },
        [&](absl::Status status) {
          done_in_loop = loop.InLoop();
          result = std::move(status);
          done.Open();
        });
  });
  ASSERT_TRUE(done.WaitFor(absl::Seconds(10)));
  EXPECT_FALSE(work_in_loop);
  EXPECT_TRUE(done_in_loop);
  EXPECT_TRUE(absl::IsNotFound(result));
}

TEST(BlockingPool, OneThatHangsLeavesTheOthersWorking) {
  AsioLoop loop("loop");
  Latch release, done;
  BlockingPool pool(loop, 2, "files");
  loop.Post([&] {
    pool.Run(
        [&] {
          release.Wait();
          return absl::OkStatus();
        },
        [](const absl::Status&) {});
    pool.Run([] { return absl::OkStatus(); }, [&](const absl::Status&) { done.Open(); });
  });
  EXPECT_TRUE(done.WaitFor(absl::Seconds(10)));
  release.Open();
}

}  // namespace
}  // namespace rekindle
