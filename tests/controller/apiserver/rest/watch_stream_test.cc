#include "controller/apiserver/rest/watch_stream.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>

#include "tests/controller/apiserver/rest/rest_fakes.h"

namespace rekindle::apiserver {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class WatchStreamTest : public ::testing::Test {
 protected:
  std::unique_ptr<WatchStream> Make(const WatchStream::Limits& limits) {
    WatchPlan plan;
    plan.catalog = registry_.catalog();
    plan.call.kind = plan.catalog->FindResource("", "v1", "pods");
    return std::make_unique<WatchStream>(std::move(plan), lines_, limits, [this] { ++wakes_; });
  }
  static std::vector<WatchEvent> One(size_t bytes = 0) {
    return {FakeRegistry::Event("ADDED", "p", bytes)};
  }

  FakeRegistry registry_;
  FakeSurface surface_;
  EventLines lines_{surface_};
  std::atomic<int> wakes_{0};
};

TEST_F(WatchStreamTest, WakesOnceUntilNothingIsLeft) {
  auto stream = Make({});
  EXPECT_TRUE(stream->OnEvents(One()));
  EXPECT_TRUE(stream->OnEvents(One()));
  EXPECT_EQ(wakes_, 1);
  EXPECT_THAT(stream->Take(1).bytes, HasSubstr("ADDED"));  // at least one line
  EXPECT_FALSE(stream->Take(1000).bytes.empty());
  EXPECT_TRUE(stream->OnEvents(One()));
  EXPECT_EQ(wakes_, 1);  // Take has not come to the end yet
  EXPECT_FALSE(stream->Take(1000).bytes.empty());
  EXPECT_TRUE(stream->Take(1000).bytes.empty());
  EXPECT_TRUE(stream->OnEvents(One()));
  EXPECT_EQ(wakes_, 2);
}

TEST_F(WatchStreamTest, BeyondTheLimitItEndsWith410) {
  auto stream = Make({.bytes = 1000});
  EXPECT_TRUE(stream->OnEvents(One(2000)));  // one event always fits
  EXPECT_FALSE(stream->OnEvents(One()));
  EXPECT_FALSE(stream->OnEvents(One()));
  const auto batch = stream->Take(1 << 20);
  EXPECT_THAT(batch.bytes, HasSubstr("\"code\":410"));
  EXPECT_THAT(batch.bytes, Not(HasSubstr("ADDED")));
  EXPECT_TRUE(batch.end);
}

TEST_F(WatchStreamTest, TheBeginningWaitsForRoom) {
  auto stream = Make({.bytes = 1000, .beginning = absl::Seconds(30)});
  Latch full;
  std::thread beginner([&] {
    stream->Beginning();
    EXPECT_TRUE(stream->OnEvents(One(800)));
    full.Open();
    EXPECT_TRUE(stream->OnEvents(One(800)));
    stream->Begun();
  });
  full.Wait();
  EXPECT_FALSE(stream->Take(1).bytes.empty());
  beginner.join();
  EXPECT_FALSE(stream->Take(1).bytes.empty());
  stream->Finish();
  EXPECT_TRUE(stream->Take(1).end);
}

TEST_F(WatchStreamTest, ButNotForEver) {
  auto stream = Make({.bytes = 1000, .beginning = absl::Milliseconds(20)});
  stream->Beginning();
  EXPECT_TRUE(stream->OnEvents(One(800)));
  EXPECT_FALSE(stream->OnEvents(One(800)));
}

TEST_F(WatchStreamTest, AbandonedNobodyWaits) {
  auto stream = Make({.bytes = 1000});
  Latch full;
  std::thread beginner([&] {
    stream->Beginning();
    EXPECT_TRUE(stream->OnEvents(One(800)));
    full.Open();
    EXPECT_FALSE(stream->OnEvents(One(800)));
  });
  full.Wait();
  stream->Abandon();
  beginner.join();
}

}  // namespace
}  // namespace rekindle::apiserver
