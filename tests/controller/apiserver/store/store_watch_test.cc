#include <thread>

#include "tests/controller/apiserver/store/store_testing.h"

namespace rekindle::apiserver {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StoreWatchTest : public StoreFixture {
 protected:
  static void ExpectNoGap(const std::vector<std::shared_ptr<const Change>>& changes, Revision first,
                          size_t count) {
    ASSERT_EQ(changes.size(), count);
    for (size_t i = 0; i < count; ++i) {
      ASSERT_EQ(changes[i]->revision, first + static_cast<Revision>(i));
    }
  }
};

TEST_F(StoreWatchTest, SeesEveryChangeInOrder) {
  Open();
  auto watch = Watch(0);
  ASSERT_TRUE(Put(Pod("a"), "1").ok());
  ASSERT_TRUE(Put(Pod("a"), "2", 2).ok());
  ASSERT_TRUE(Remove(Pod("a"), 3, "last").ok());
  ASSERT_TRUE(Put(Pod("b"), "1").ok());
  ASSERT_TRUE(Remove(Pod("b"), 5).ok());
  EXPECT_THAT(watch->Lines(5),
              ElementsAre("+2 ns/a 1", "~3 ns/a 2", "-4 ns/a last", "+5 ns/b 1", "-6 ns/b 1"));
  const auto changes = watch->Changes(5);
  EXPECT_EQ(changes[0]->before, nullptr);
  EXPECT_EQ(*changes[1]->before, "1");
  EXPECT_EQ(*changes[2]->before, "2");
}

TEST_F(StoreWatchTest, OnlyOfItsResourceAndNamespace) {
  Open();
  auto all = Watch(0);
  auto one = Watch(0, "b");
  auto nodes = Watch(0, "", "nodes");
  ASSERT_TRUE(Put(Pod("x", "a"), "1").ok());
  ASSERT_TRUE(Put(Pod("x", "b"), "1").ok());
  ASSERT_TRUE(Put({"nodes", "", "n"}, "1").ok());
  EXPECT_THAT(all->Lines(2), ElementsAre("+2 a/x 1", "+3 b/x 1"));
  EXPECT_THAT(one->Lines(1), ElementsAre("+3 b/x 1"));
  EXPECT_THAT(nodes->Lines(1), ElementsAre("+4 /n 1"));
}

TEST_F(StoreWatchTest, BeginsInThePast) {
  Open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Put(Pod(absl::StrCat("p", i)), "1").ok());
  ExpectNoGap(Watch(1)->Changes(10), 2, 10);
  ExpectNoGap(Watch(6)->Changes(5), 7, 5);
  auto now = Watch(11);
  ASSERT_TRUE(Put(Pod("q"), "1").ok());
  ExpectNoGap(now->Changes(1), 12, 1);
}

TEST_F(StoreWatchTest, ReadsFromTheDiskWhatIsNotInMemory) {
  Open({.recent_changes = 8});
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(Put(Pod(absl::StrCat("p", i)), "1").ok());
  ASSERT_TRUE(Put(Pod("p0"), "2", 2).ok());
  ASSERT_TRUE(Remove(Pod("p1"), 3).ok());
  auto watch = Watch(1);
  const auto changes = watch->Changes(3002);
  ExpectNoGap(changes, 2, 3002);
  EXPECT_EQ(changes[3000]->type, Change::Type::kModified);
  EXPECT_EQ(*changes[3000]->before, "1");
  EXPECT_EQ(changes[3001]->type, Change::Type::kDeleted);
  // Opened again nothing is in memory.
  Open();
  ExpectNoGap(Watch(2000)->Changes(1003), 2001, 1003);
}

TEST_F(StoreWatchTest, NeitherLossNorRepetitionWhileWritesGoOn) {
  Open({.recent_changes = 64});
  std::thread writer([&] {
    for (int i = 0; i < 1500; ++i) ASSERT_TRUE(Put(Pod(absl::StrCat("p", i)), "1").ok());
  });
  std::vector<std::pair<Revision, std::shared_ptr<Recorder>>> watches;
  while (store_->revision() < 1400) {
    const Revision after = 1 + static_cast<Revision>(watches.size() * 97) % store_->revision();
    if (watches.size() < 60) watches.emplace_back(after, Watch(after));
    std::this_thread::yield();
  }
  writer.join();
  for (const auto& [after, watch] : watches) {
    const size_t count = static_cast<size_t>(1501 - after);
    ExpectNoGap(watch->Changes(count), after + 1, count);
  }
}

TEST_F(StoreWatchTest, ASlowWatcherHoldsUpNobodyAndMissesNothing) {
  Open({.watch_threads = 2, .recent_changes = 16});
  auto slow = Watch(0);  // on the first thread
  auto quick = Watch(0);
  slow->Hold(true);
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(Put(Pod(absl::StrCat("p", i)), "1").ok());
  ExpectNoGap(quick->Changes(500), 2, 500);
  EXPECT_EQ(slow->Lines(0).size(), 0);
  slow->Hold(false);
  ExpectNoGap(slow->Changes(500), 2, 500);
}

TEST_F(StoreWatchTest, TheFutureAndTheForgottenCannotBeWatched) {
  Open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Put(Pod(absl::StrCat("p", i)), "1").ok());
  auto recorder = std::make_shared<Recorder>();
  EXPECT_EQ(store_->Watch("pods", "", 12, recorder).status().code(), absl::StatusCode::kOutOfRange);
  ASSERT_TRUE(store_->CompactTo(6).ok());
  EXPECT_EQ(store_->Watch("pods", "", 5, recorder).status().code(), absl::StatusCode::kOutOfRange);
  ExpectNoGap(Watch(6)->Changes(5), 7, 5);
}

TEST_F(StoreWatchTest, WhoIsTooFarBehindIsTold) {
  Open({.watch_threads = 1, .recent_changes = 4});
  auto slow = Watch(0);
  slow->Hold(true);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Put(Pod(absl::StrCat("p", i)), "1").ok());
  ASSERT_TRUE(store_->CompactTo(45).ok());
  slow->Hold(false);
  const auto end = slow->End();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->code(), absl::StatusCode::kOutOfRange);
}

TEST_F(StoreWatchTest, ProgressIsToldSometimesAndAtLast) {
  HandClock clock;
  Open({.progress_every = absl::Seconds(1), .monotonic = [&] { return clock.Now(); }});
  auto watch = Watch(0, "", "nodes");
  auto own = Watch(0);
  ASSERT_TRUE(Put(Pod("a"), "1").ok());
  ASSERT_TRUE(Put(Pod("b"), "1").ok());
  own->Changes(2);
  EXPECT_THAT(watch->Progress(0), IsEmpty());  // too early
  clock.Advance(absl::Seconds(2));
  store_->Poke();
  EXPECT_THAT(watch->Progress(1), ElementsAre(3));
  EXPECT_THAT(own->Progress(1), ElementsAre(3));
  EXPECT_THAT(watch->Changes(0), IsEmpty());
  // Nothing new, nothing told.
  clock.Advance(absl::Seconds(2));
  store_->Poke();
  ASSERT_TRUE(Put(Pod("c"), "1").ok());
  EXPECT_THAT(watch->Progress(2), ElementsAre(3, 4));
}

TEST_F(StoreWatchTest, EndsWithTheHandleAndLetsGoOfTheSink) {
  Open();
  auto recorder = std::make_shared<Recorder>();
  auto handle = store_->Watch("pods", "", 0, recorder);
  ASSERT_TRUE(handle.ok());
  ASSERT_TRUE(Put(Pod("a"), "1").ok());
  recorder->Changes(1);
  handle->reset();
  auto other = Watch(0);
  ASSERT_TRUE(Put(Pod("b"), "1").ok());
  other->Changes(1);
  const std::weak_ptr<Recorder> sink = recorder;
  EXPECT_EQ(recorder->Changes(1).size(), 1);
  recorder.reset();
  const absl::Time end = absl::Now() + kTestLimit;
  while (!sink.expired() && absl::Now() < end) std::this_thread::yield();
  EXPECT_TRUE(sink.expired());
  EXPECT_EQ(store_->stats().watchers, 1);
}

TEST_F(StoreWatchTest, ClosingEndsTheWatches) {
  Open();
  auto watch = Watch(0);
  ASSERT_TRUE(Put(Pod("a"), "1").ok());
  store_->Close();
  const auto end = watch->End();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->code(), absl::StatusCode::kUnavailable);
  store_.reset();
  handles_.clear();  // after the store: nothing happens
}

}  // namespace
}  // namespace rekindle::apiserver
