#include "controller/apiserver/registry/job_queue.h"

#include <deque>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/sim_loop.h"

namespace rekindle::apiserver {
namespace {

using testing::ElementsAre;

// Work stands still until the test lets it go on.
class HeldBlocking final : public Blocking {
 public:
  void Run(Work work, Done done) override { held.emplace_back(std::move(work), std::move(done)); }
  void Finish() {
    auto [work, done] = std::move(held.front());
    held.pop_front();
    done(work());
  }
  std::deque<std::pair<Work, Done>> held;
};

class JobQueueTest : public testing::Test {
 protected:
  JobQueue::Job Job(const std::string& key) {
    return [this, key]() -> absl::StatusOr<absl::Duration> {
      ran.push_back(key);
      if (!status.ok()) return status;
      return wait;
    };
  }
  SimLoop loop;
  HeldBlocking blocking;
  std::vector<std::string> ran;
  std::vector<std::string> failed;
  absl::Status status;
  absl::Duration wait;
  bool nothing = false;
  JobQueue queue{loop, blocking, 2,
                 [this](const std::string& key) { return nothing ? nullptr : Job(key); },
                 [this](const std::string& key, const absl::Status&) { failed.push_back(key); }};
};

TEST_F(JobQueueTest, OneKeyRunsOnceAtATimeAndOnceMore) {
  queue.Add("a");
  queue.Add("a");
  queue.Add("a");
  ASSERT_EQ(blocking.held.size(), 1u);
  blocking.Finish();
  ASSERT_EQ(blocking.held.size(), 1u);
  blocking.Finish();
  EXPECT_THAT(ran, ElementsAre("a", "a"));
  EXPECT_TRUE(queue.idle());
}

TEST_F(JobQueueTest, NoMoreAtOnceThanAllowed) {
  for (const char* key : {"a", "b", "c"}) queue.Add(key);
  EXPECT_EQ(blocking.held.size(), 2u);
  EXPECT_FALSE(queue.idle());
  blocking.Finish();
  EXPECT_EQ(blocking.held.size(), 2u);
  blocking.Finish();
  blocking.Finish();
  EXPECT_THAT(ran, ElementsAre("a", "b", "c"));
}

TEST_F(JobQueueTest, WhatFailsIsTriedAgainLater) {
  status = absl::UnavailableError("no");
  queue.Add("a");
  blocking.Finish();
  EXPECT_THAT(failed, ElementsAre("a"));
  loop.Advance(absl::Milliseconds(49));
  EXPECT_TRUE(blocking.held.empty());
  loop.Advance(absl::Milliseconds(1));
  ASSERT_EQ(blocking.held.size(), 1u);
  blocking.Finish();
  loop.Advance(absl::Milliseconds(99));
  EXPECT_TRUE(blocking.held.empty());
  loop.Advance(absl::Milliseconds(1));
  ASSERT_EQ(blocking.held.size(), 1u);
  status = absl::OkStatus();
  blocking.Finish();
  loop.Advance(absl::Hours(1));
  EXPECT_TRUE(blocking.held.empty());
}

TEST_F(JobQueueTest, LooksAgainWhenItIsToldTo) {
  wait = absl::Seconds(15);
  queue.Add("a");
  blocking.Finish();
  loop.Advance(absl::Seconds(14));
  EXPECT_TRUE(blocking.held.empty());
  queue.Add("a");  // earlier than asked for
  ASSERT_EQ(blocking.held.size(), 1u);
  wait = absl::ZeroDuration();
  blocking.Finish();
  loop.Advance(absl::Seconds(60));
  EXPECT_TRUE(blocking.held.empty());
}

TEST_F(JobQueueTest, DelayedKeysWait) {
  queue.AddAfter("a", absl::Seconds(1));
  queue.AddAfter("a", absl::Seconds(5));
  EXPECT_TRUE(blocking.held.empty());
  loop.Advance(absl::Seconds(1));
  ASSERT_EQ(blocking.held.size(), 1u);
  blocking.Finish();
  loop.Advance(absl::Seconds(10));
  EXPECT_THAT(ran, ElementsAre("a"));
}

TEST_F(JobQueueTest, NothingToDoTakesNoTurn) {
  nothing = true;
  queue.Add("a");
  EXPECT_TRUE(blocking.held.empty());
  EXPECT_TRUE(queue.idle());
}

TEST(JobQueueEnd, LateResultsFindNobody) {
  SimLoop loop;
  HeldBlocking blocking;
  {
    JobQueue queue(
        loop, blocking, 1,
        [](const std::string&) {
          return []() -> absl::StatusOr<absl::Duration> { return absl::Seconds(1); };
        },
        nullptr);
    queue.Add("a");
  }
  blocking.Finish();
  loop.Advance(absl::Seconds(10));
  EXPECT_TRUE(blocking.held.empty());
}

}  // namespace
}  // namespace rekindle::apiserver
