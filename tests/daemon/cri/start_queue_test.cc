#include "daemon/cri/start_queue.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/fakes/sim_loop.h"

namespace rekindle::cri {
namespace {

class StartQueueTest : public testing::Test {
 protected:
  StartQueue::Go Note(std::string name) {
    return [this, name](absl::Status turn) {
      log_.push_back(turn.ok() ? name : name + ":" + absl::StatusCodeToString(turn.code()));
    };
  }

  SimLoop loop_;
  StartQueue queue_{loop_, 2, absl::Minutes(2)};
  std::vector<std::string> log_;
};

TEST_F(StartQueueTest, LetsTheLimitThroughAndStartsBeforeCreates) {
  queue_.Enter(StartQueue::Turn::kCreate, Note("c1"));
  queue_.Enter(StartQueue::Turn::kCreate, Note("c2"));
  queue_.Enter(StartQueue::Turn::kCreate, Note("c3"));
  queue_.Enter(StartQueue::Turn::kStart, Note("s1"));
  queue_.Enter(StartQueue::Turn::kStart, Note("s2"));
  EXPECT_EQ(log_, (std::vector<std::string>{"c1", "c2"}));
  EXPECT_EQ(queue_.waiting(), 3u);
  queue_.Release();
  queue_.Release();
  queue_.Release();
  EXPECT_EQ(log_, (std::vector<std::string>{"c1", "c2", "s1", "s2", "c3"}));
  EXPECT_EQ(queue_.in_flight(), 2);
  EXPECT_EQ(loop_.pending_timers(), 0u);
}

TEST_F(StartQueueTest, AWaitHasAnEnd) {
  for (const char* name : {"a", "b", "c"}) queue_.Enter(StartQueue::Turn::kStart, Note(name));
  loop_.Advance(absl::Seconds(119));
  EXPECT_EQ(log_, (std::vector<std::string>{"a", "b"}));
  loop_.Advance(absl::Seconds(2));
  EXPECT_EQ(log_, (std::vector<std::string>{"a", "b", "c:UNAVAILABLE"}));
  EXPECT_EQ(queue_.waiting(), 0u);
  queue_.Release();
  EXPECT_EQ(queue_.in_flight(), 1);
}

TEST_F(StartQueueTest, ALimitBelowOneIsOne) {
  StartQueue narrow(loop_, 0, absl::Minutes(2));
  narrow.Enter(StartQueue::Turn::kStart, Note("only"));
  EXPECT_EQ(log_, (std::vector<std::string>{"only"}));
}

TEST(StartQueueDestructorTest, LeavesNoTimerBehind) {
  SimLoop loop;
  {
    StartQueue queue(loop, 1, absl::Minutes(2));
    queue.Enter(StartQueue::Turn::kStart, [](absl::Status) {});
    queue.Enter(StartQueue::Turn::kCreate, [](absl::Status) { FAIL(); });
  }
  EXPECT_EQ(loop.pending_timers(), 0u);
}

}  // namespace
}  // namespace rekindle::cri
