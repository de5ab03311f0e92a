#include <thread>

#include "common/sqlite/sqlite_db.h"
#include "controller/apiserver/store/store_file.h"
#include "tests/controller/apiserver/store/store_testing.h"

namespace rekindle::apiserver {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StoreCompactionTest : public StoreFixture {
 protected:
  int64_t Count(const char* sql) {
    auto db = ConnectStore(StorePath(dir_ / "data"), Access::kRead);
    EXPECT_TRUE(db.ok());
    return db->QueryInt(sql).value_or(-1);
  }
  bool AwaitCompacted(Revision revision) {
    const absl::Time end = absl::Now() + kTestLimit;
    while (store_->compacted() < revision) {
      if (absl::Now() > end) return false;
      store_->Poke();
      std::this_thread::yield();
    }
    return true;
  }
};

TEST_F(StoreCompactionTest, ForgetsWhatNoSnapshotNeeds) {
  Open();
  ASSERT_TRUE(Put(Pod("a"), "1").ok());       // 2
  ASSERT_TRUE(Put(Pod("a"), "2", 2).ok());    // 3
  ASSERT_TRUE(Put(Pod("gone"), "1").ok());    // 4
  ASSERT_TRUE(Remove(Pod("gone"), 4).ok());   // 5
  ASSERT_TRUE(Put(Pod("a"), "3", 3).ok());    // 6
  ASSERT_TRUE(Put(Pod("later"), "1").ok());   // 7
  ASSERT_TRUE(Remove(Pod("later"), 7).ok());  // 8
  ASSERT_TRUE(store_->CompactTo(5).ok());
  EXPECT_EQ(store_->compacted(), 5);
  EXPECT_THAT(Listed({.resource = "pods", .revision = 5}), ElementsAre("ns/a=2"));
  EXPECT_THAT(Listed({.resource = "pods", .revision = 7}), ElementsAre("ns/a=3", "ns/later=1"));
  const auto old = store_->List({.resource = "pods", .revision = 4});
  EXPECT_EQ(old.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(old.status().message()), HasSubstr("compacted"));
  EXPECT_EQ(Count("SELECT count(*) FROM states"), 4);    // 3, 6, 7, 8
  EXPECT_EQ(Count("SELECT count(*) FROM replaced"), 2);  // 3 until 6, 7 until 8
  ASSERT_TRUE(store_->CompactTo(100).ok());
  EXPECT_EQ(store_->compacted(), 8);
  EXPECT_EQ(Count("SELECT count(*) FROM states"), 1);
  EXPECT_EQ(Count("SELECT count(*) FROM replaced"), 0);
  EXPECT_THAT(Listed({.resource = "pods"}), ElementsAre("ns/a=3"));
}

TEST_F(StoreCompactionTest, TheRevisionStaysWhenItsWriteIsForgotten) {
  Open();
  ASSERT_TRUE(Put(Pod("a"), "1").ok());
  ASSERT_TRUE(Remove(Pod("a"), 2).ok());
  ASSERT_TRUE(store_->CompactTo(3).ok());
  EXPECT_EQ(Count("SELECT count(*) FROM states"), 0);
  Open();
  EXPECT_EQ(store_->revision(), 3);
  EXPECT_EQ(*Put(Pod("b"), "1"), 4);
}

TEST_F(StoreCompactionTest, HistoryIsKeptForAWhile) {
  HandClock clock;
  Open({.keep_history = absl::Minutes(5), .compaction_step = 1, .monotonic = [&] {
          return clock.Now();
        }});
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Put(Pod(absl::StrCat("p", i)), "1").ok());  // 2..6
  clock.Advance(absl::Minutes(3));
  ASSERT_TRUE(Put(Pod("q"), "1").ok());  // 7
  clock.Advance(absl::Minutes(1));
  ASSERT_TRUE(Put(Pod("r"), "1").ok());  // 8
  EXPECT_EQ(store_->compacted(), 0);
  clock.Advance(absl::Minutes(4) + absl::Seconds(30));
  // The moment of a revision is known to the second, and taken to be the later one.
  EXPECT_TRUE(AwaitCompacted(6));
  EXPECT_LE(store_->compacted(), 7);
  store_->Poke();
  clock.Advance(absl::Minutes(6));
  EXPECT_TRUE(AwaitCompacted(8));
}

TEST_F(StoreCompactionTest, HistoryIsBoundedInNumber) {
  Open({.max_history = 100, .compaction_step = 10});
  Revision revision = 0;
  for (int i = 0; i < 1500; ++i) revision = *Put(Pod("a"), absl::StrCat(i), revision);
  EXPECT_TRUE(AwaitCompacted(revision - 110));
  EXPECT_LE(store_->compacted(), revision - 90);
  EXPECT_LE(Count("SELECT count(*) FROM states"), 112);
  EXPECT_THAT(Listed({.resource = "pods", .revision = revision - 90}), ElementsAre("ns/a=1409"));
}

TEST_F(StoreCompactionTest, CompactionGoesOnAfterARestart) {
  Open();
  Revision revision = 0;
  for (int i = 0; i < 20; ++i) revision = *Put(Pod("a"), "x", revision);
  ASSERT_TRUE(store_->CompactTo(10).ok());
  Open();
  EXPECT_EQ(store_->compacted(), 10);
  ASSERT_TRUE(store_->CompactTo(revision).ok());
  EXPECT_EQ(Count("SELECT count(*) FROM states"), 1);
  EXPECT_EQ(Count("SELECT count(*) FROM replaced"), 0);
}

}  // namespace
}  // namespace rekindle::apiserver
