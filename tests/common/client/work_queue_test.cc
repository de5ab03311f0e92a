#include "common/client/work_queue.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/sim_loop.h"

namespace rekindle::client {
namespace {

using ::testing::ElementsAre;

ObjectKey Key(const std::string& name) { return {"ns", name}; }

class WorkQueueTest : public ::testing::Test {
 protected:
  std::vector<std::string> TakeAll() {
    std::vector<std::string> out;
    while (auto key = queue_.Take()) out.push_back(key->name);
    return out;
  }
  // Advances until a key is due, and gives how long that took.
  absl::Duration UntilDue() {
    const absl::Duration start = loop_.Monotonic();
    EXPECT_TRUE(loop_.AdvanceUntil([&] { return queue_.due() > 0; }, absl::Hours(2)));
    return loop_.Monotonic() - start;
  }

  SimLoop loop_;
  WorkQueue queue_{loop_, {}, [] { return 0.0; }};
};

TEST_F(WorkQueueTest, AKeyIsThereOnceInTheOrderOfAdding) {
  for (const char* name : {"a", "b", "a", "c", "b"}) queue_.Add(Key(name));
  EXPECT_THAT(TakeAll(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(queue_.working(), 3U);
}

TEST_F(WorkQueueTest, AKeyThatIsBeingWorkedOnComesAgainAfterwards) {
  queue_.Add(Key("a"));
  ASSERT_TRUE(queue_.Take().has_value());
  queue_.Add(Key("a"));
  queue_.Add(Key("a"));
  EXPECT_FALSE(queue_.Take().has_value());
  queue_.Done(Key("a"));
  EXPECT_THAT(TakeAll(), ElementsAre("a"));
  queue_.Done(Key("a"));
  EXPECT_FALSE(queue_.Take().has_value());
}

TEST_F(WorkQueueTest, OfSeveralDelaysTheEarliestCounts) {
  queue_.AddAfter(Key("a"), absl::Seconds(10));
  queue_.AddAfter(Key("a"), absl::Seconds(3));
  queue_.AddAfter(Key("a"), absl::Seconds(20));
  EXPECT_EQ(queue_.waiting(), 1U);
  EXPECT_EQ(UntilDue(), absl::Seconds(3));
  EXPECT_THAT(TakeAll(), ElementsAre("a"));
  loop_.Advance(absl::Minutes(1));
  EXPECT_EQ(queue_.due(), 0U);
  // Adding it now makes a later moment pointless.
  queue_.Done(Key("a"));
  queue_.AddAfter(Key("a"), absl::Seconds(3));
  queue_.Add(Key("a"));
  EXPECT_EQ(queue_.waiting(), 0U);
}

TEST_F(WorkQueueTest, FailuresWaitLongerEachTime) {
  std::vector<absl::Duration> pauses;
  for (int i = 0; i < 20; ++i) {
    queue_.AddRateLimited(Key("a"));
    EXPECT_EQ(queue_.Failures(Key("a")), i + 1);
    pauses.push_back(UntilDue());
    (void)queue_.Take();
    queue_.Done(Key("a"));
  }
  EXPECT_EQ(pauses[0], absl::Milliseconds(5));
  EXPECT_EQ(pauses[1], absl::Milliseconds(10));
  EXPECT_EQ(pauses[10], absl::Milliseconds(5120));
  EXPECT_EQ(pauses[19], absl::Seconds(1000));
  queue_.Forget(Key("a"));
  queue_.AddRateLimited(Key("a"));
  EXPECT_EQ(UntilDue(), absl::Milliseconds(5));
}

TEST_F(WorkQueueTest, FailuresOfManyKeysAreSpreadOut) {
  for (int i = 0; i < 150; ++i) queue_.AddRateLimited(Key("k" + std::to_string(i)));
  loop_.Advance(absl::Milliseconds(20));
  EXPECT_NEAR(static_cast<double>(queue_.due()), 100, 2);
  loop_.Advance(absl::Seconds(2));
  EXPECT_NEAR(static_cast<double>(queue_.due()), 120, 2);
  loop_.Advance(absl::Seconds(4));
  EXPECT_EQ(queue_.due(), 150U);
}

TEST_F(WorkQueueTest, ReadinessIsToldOnce) {
  int told = 0;
  queue_.OnReady([&] { ++told; });
  queue_.Add(Key("a"));
  queue_.Add(Key("b"));
  EXPECT_EQ(told, 0);
  loop_.Settle();
  EXPECT_EQ(told, 1);
}

TEST_F(WorkQueueTest, ShutDownDropsWhatWaits) {
  queue_.Add(Key("a"));
  ASSERT_TRUE(queue_.Take().has_value());
  queue_.Add(Key("a"));
  queue_.Add(Key("b"));
  queue_.AddAfter(Key("c"), absl::Seconds(1));
  queue_.ShutDown();
  queue_.Done(Key("a"));
  queue_.Add(Key("d"));
  loop_.Advance(absl::Minutes(1));
  EXPECT_FALSE(queue_.Take().has_value());
  EXPECT_EQ(loop_.pending_timers(), 0U);
}

}  // namespace
}  // namespace rekindle::client
