#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "common/sqlite/sqlite_db.h"
#include "controller/apiserver/store/store_file.h"
#include "tests/controller/apiserver/store/store_testing.h"

namespace rekindle::apiserver {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StoreTest : public StoreFixture {};

TEST_F(StoreTest, AnEmptyStoreHasARevisionThatIsNotZero) {
  Open();
  EXPECT_EQ(store_->revision(), 1);
  auto page = store_->List({.resource = "pods"});
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->revision, 1);
  EXPECT_THAT(page->objects, IsEmpty());
  EXPECT_FALSE(page->more);
}

TEST_F(StoreTest, EveryWriteHasTheNextRevision) {
  Open();
  EXPECT_EQ(*Put(Pod("a"), "1"), 2);
  EXPECT_EQ(*Put(Pod("b"), "2"), 3);
  EXPECT_EQ(*Put(Pod("a"), "3", 2), 4);
  EXPECT_EQ(*Remove(Pod("b"), 3), 5);
  EXPECT_EQ(store_->revision(), 5);
  auto a = store_->Get(Pod("a"));
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(a->revision, 4);
  EXPECT_EQ(*a->text, "3");
  EXPECT_EQ(store_->Get(Pod("b")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store_->Get(Pod("a", "other")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(StoreTest, AWriteNamesTheRevisionThatItReplaces) {
  Open();
  ASSERT_TRUE(Put(Pod("a"), "1").ok());
  ASSERT_TRUE(Put(Pod("a"), "2", 2).ok());
  EXPECT_EQ(Put(Pod("a"), "x").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Put(Pod("a"), "x", 2).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Put(Pod("a"), "x", 99).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Put(Pod("b"), "x", 2).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Remove(Pod("b"), 2).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Remove(Pod("a"), 2).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Remove(Pod("b"), 0).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Text(Pod("a")), "2");
  EXPECT_EQ(store_->revision(), 3);  // what was refused used no revision
  EXPECT_EQ(store_->stats().refused, 7);
}

TEST_F(StoreTest, RefusesWhatIsNoWrite) {
  Open({.max_value_bytes = 100});
  EXPECT_EQ(store_->Commit({}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Put({"", "ns", "a"}, "x").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Put(Pod(""), "x").status().code(), absl::StatusCode::kInvalidArgument);
  const auto large = Put(Pod("a"), std::string(101, 'x'));
  EXPECT_EQ(large.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(large.status().message()), HasSubstr("101 bytes"));
  EXPECT_TRUE(Put(Pod("a"), std::string(100, 'x')).ok());
}

TEST_F(StoreTest, ACommitIsDoneWhollyOrNotAtAll) {
  Open();
  ASSERT_TRUE(Put(Pod("a"), "1").ok());
  const auto failed = store_->Commit({{Pod("b"), 0, "1", std::nullopt},
                                      {Pod("a"), 2, "2", std::nullopt},
                                      {Pod("a"), 2, "3", std::nullopt}});
  EXPECT_EQ(failed.status().code(), absl::StatusCode::kAborted);
  EXPECT_THAT(Listed({.resource = "pods"}), ElementsAre("ns/a=1"));
  const auto done = store_->Commit({{Pod("b"), 0, "1", std::nullopt},
                                    {Pod("a"), 2, "2", std::nullopt},
                                    {Pod("a"), 4, std::nullopt, std::nullopt},
                                    {Pod("a"), 0, "again", std::nullopt}});
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_THAT(*done, ElementsAre(3, 4, 5, 6));
  EXPECT_THAT(Listed({.resource = "pods"}), ElementsAre("ns/a=again", "ns/b=1"));
}

TEST_F(StoreTest, ListsInTheOrderOfNamespaceAndName) {
  Open();
  for (const auto& [ns, name] : std::vector<std::pair<std::string, std::string>>{
           {"b", "x"}, {"a", "z"}, {"a-1", "y"}, {"a", "b"}, {"", "cluster"}, {"c", "a"}}) {
    ASSERT_TRUE(Put(Pod(name, ns), "1").ok());
  }
  ASSERT_TRUE(Put({"pods.metrics.k8s.io", "a", "other"}, "1").ok());
  EXPECT_THAT(Listed({.resource = "pods"}),
              ElementsAre("/cluster=1", "a/b=1", "a/z=1", "a-1/y=1", "b/x=1", "c/a=1"));
  EXPECT_THAT(Listed({.resource = "pods", .name_space = "a"}), ElementsAre("a/b=1", "a/z=1"));
  EXPECT_THAT(Listed({.resource = "pods", .name_space = "a-1"}), ElementsAre("a-1/y=1"));
  EXPECT_THAT(Listed({.resource = "pods", .name_space = "nobody"}), IsEmpty());
}

TEST_F(StoreTest, PagesAreOfOneSnapshot) {
  Open();
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(Put(Pod(absl::StrCat("p", i)), "old").ok());
  auto first = store_->List({.resource = "pods", .limit = 3});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->objects.size(), 3);
  EXPECT_TRUE(first->more);
  EXPECT_EQ(first->remaining, 4);
  EXPECT_EQ(first->revision, 8);
  // Everything that can happen to an object of a later page, and a new one.
  ASSERT_TRUE(Put(Pod("p4"), "new", 6).ok());
  ASSERT_TRUE(Remove(Pod("p5"), 7).ok());
  ASSERT_TRUE(Put(Pod("p5"), "again").ok());
  ASSERT_TRUE(Remove(Pod("p6"), 8).ok());
  ASSERT_TRUE(Put(Pod("p3-new"), "1").ok());
  ListQuery next{.resource = "pods",
                 .after_name_space = "ns",
                 .after_name = first->objects.back().key.name,
                 .limit = 3,
                 .revision = first->revision};
  auto second = store_->List(next);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->revision, 8);
  EXPECT_TRUE(second->more);
  EXPECT_EQ(second->remaining, 1);
  EXPECT_THAT(Listed(next), ElementsAre("ns/p3=old", "ns/p4=old", "ns/p5=old"));
  next.after_name = "p5";
  auto third = store_->List(next);
  ASSERT_TRUE(third.ok());
  EXPECT_FALSE(third->more);
  EXPECT_EQ(third->remaining, 0);
  EXPECT_EQ(third->objects.at(0).revision, 8);
  EXPECT_THAT(Listed(next), ElementsAre("ns/p6=old"));
  EXPECT_THAT(Listed({.resource = "pods", .after_name_space = "ns", .after_name = "p2"}),
              ElementsAre("ns/p3=old", "ns/p3-new=1", "ns/p4=new", "ns/p5=again"));
}

TEST_F(StoreTest, AnExactPageHasNoFollower) {
  Open();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Put(Pod(absl::StrCat("p", i)), "1").ok());
  auto page = store_->List({.resource = "pods", .limit = 4});
  ASSERT_TRUE(page.ok());
  EXPECT_FALSE(page->more);
}

TEST_F(StoreTest, TheFutureCannotBeListed) {
  Open();
  const auto page = store_->List({.resource = "pods", .revision = 2});
  EXPECT_EQ(page.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(page.status().message()), HasSubstr("future"));
}

TEST_F(StoreTest, ForEachVisitsTheSnapshotThatItBeganWith) {
  Open();
  for (int i = 0; i < 700; ++i) {
    ASSERT_TRUE(Put(Pod(absl::StrCat("p", 1000 + i)), "old").ok());
  }
  int visited = 0;
  const auto revision = store_->ForEach({.resource = "pods"}, [&](const StoredObject& object) {
    if (visited == 0) {
      EXPECT_TRUE(Put(Pod("p1699"), "new", 701).ok());
      EXPECT_TRUE(Put(Pod("p2"), "new").ok());
      EXPECT_TRUE(store_->CompactTo(store_->revision()).ok());
    }
    EXPECT_EQ(*object.text, "old");
    ++visited;
    return true;
  });
  ASSERT_TRUE(revision.ok()) << revision.status();
  EXPECT_EQ(*revision, 701);
  EXPECT_EQ(visited, 700);
  visited = 0;
  ASSERT_TRUE(
      store_->ForEach({.resource = "pods"}, [&](const auto&) { return ++visited < 5; }).ok());
  EXPECT_EQ(visited, 5);
  visited = 0;
  ASSERT_TRUE(
      store_
          ->ForEach({.resource = "pods", .limit = 300}, [&](const auto&) { return ++visited > 0; })
          .ok());
  EXPECT_EQ(visited, 300);
}

TEST_F(StoreTest, KeepsLargeAndOddTexts) {
  Open();
  std::string large(10 * 1024 * 1024, 'x');
  for (size_t i = 0; i < large.size(); i += 7) large[i] = static_cast<char>(i);
  ASSERT_TRUE(Put(Pod("large"), large).ok());
  ASSERT_TRUE(Put(Pod("empty"), "").ok());
  ASSERT_TRUE(Put(Pod("zeros"), std::string("a\0b", 3)).ok());
  Open();
  EXPECT_EQ(Text(Pod("large")), large);
  EXPECT_EQ(Text(Pod("empty")), "");
  EXPECT_EQ(Text(Pod("zeros")), std::string("a\0b", 3));
}

TEST_F(StoreTest, EverythingIsThereAfterOpeningAgain) {
  Open();
  ASSERT_TRUE(Put(Pod("a"), "1").ok());
  ASSERT_TRUE(Put(Pod("a"), "2", 2).ok());
  ASSERT_TRUE(Put(Pod("b"), "1").ok());
  ASSERT_TRUE(Remove(Pod("b"), 4).ok());
  Open();
  EXPECT_EQ(store_->revision(), 5);
  EXPECT_THAT(Listed({.resource = "pods"}), ElementsAre("ns/a=2"));
  EXPECT_THAT(Listed({.resource = "pods", .revision = 2}), ElementsAre("ns/a=1"));
  EXPECT_THAT(Listed({.resource = "pods", .revision = 4}), ElementsAre("ns/a=2", "ns/b=1"));
  EXPECT_EQ(*Put(Pod("c"), "1"), 6);
}

TEST_F(StoreTest, ManyWritersShareSyncs) {
  Open();
  constexpr int kThreads = 16;
  constexpr int kWrites = 60;
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Revision revision = 0;
      for (int i = 0; i < kWrites; ++i) {
        const auto done = Put(Pod(absl::StrCat("t", t)), absl::StrCat(i), revision);
        if (!done.ok() || *done <= revision) ++failed;
        revision = done.value_or(0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(store_->revision(), 1 + kThreads * kWrites);
  const auto stats = store_->stats();
  EXPECT_EQ(stats.commits, kThreads * kWrites);
  EXPECT_LT(stats.transactions, stats.commits);
  for (int t = 0; t < kThreads; ++t) {
    EXPECT_EQ(Text(Pod(absl::StrCat("t", t))), absl::StrCat(kWrites - 1));
  }
}

TEST_F(StoreTest, OneOfManyWinsARace) {
  Open();
  ASSERT_TRUE(Put(Pod("a"), "0").ok());
  std::atomic<int> won{0};
  std::atomic<int> lost{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const auto done = Put(Pod("a"), absl::StrCat(t), 2);
      if (done.ok()) ++won;
      if (absl::IsAborted(done.status())) ++lost;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 7);
}

TEST_F(StoreTest, OneServerForOneDirectory) {
  Open();
  SqliteStore::Options options;
  options.directory = dir_ / "data";
  const auto second = SqliteStore::Open(options);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("in use"));
}

TEST_F(StoreTest, ClosedItAnswersNothing) {
  Open();
  ASSERT_TRUE(Put(Pod("a"), "1").ok());
  store_->Close();
  store_->Close();
  EXPECT_EQ(Put(Pod("b"), "1").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store_->Get(Pod("a")).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store_->CompactTo(2).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store_->revision(), 2);
}

TEST_F(StoreTest, FilesBelongToTheServerAlone) {
  Open();
  ASSERT_TRUE(Put({"secrets", "ns", "s"}, "1").ok());
  for (const char* name : {"data", "data/store.db", "data/store.db-wal", "data/store.lock"}) {
    struct stat info {};
    ASSERT_EQ(::stat((dir_ / name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 077, 0) << name;
  }
}

TEST_F(StoreTest, ForeignAndNewerFilesAreLeftAlone) {
  Open();
  ASSERT_TRUE(Put(Pod("a"), "1").ok());
  store_.reset();
  const std::string path = StorePath(dir_ / "data");
  {
    auto db = SqliteDb::Open(path, "");
    ASSERT_TRUE(db.ok());
    ASSERT_TRUE(db->Exec("PRAGMA user_version=99").ok());
  }
  SqliteStore::Options options;
  options.directory = dir_ / "data";
  auto newer = SqliteStore::Open(options);
  EXPECT_EQ(newer.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(newer.status().message()), HasSubstr("version 99 is newer"));
  {
    auto db = SqliteDb::Open(path, "");
    ASSERT_TRUE(db.ok());
    ASSERT_TRUE(db->Exec("PRAGMA user_version=1; PRAGMA application_id=7").ok());
  }
  auto foreign = SqliteStore::Open(options);
  EXPECT_EQ(foreign.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(foreign.status().message()), HasSubstr("restore a backup"));
  std::ofstream(path, std::ios::trunc) << std::string(10'000, 'x');
  EXPECT_EQ(SqliteStore::Open(options).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(StoreTest, ReadersDoNotWaitForAWriter) {
  Open();
  ASSERT_TRUE(Put(Pod("a"), "1").ok());
  // Another process that is in the middle of a write.
  auto other = ConnectStore(StorePath(dir_ / "data"), Access::kWrite);
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE(other->Exec("BEGIN IMMEDIATE").ok());
  EXPECT_EQ(Text(Pod("a")), "1");
  EXPECT_THAT(Listed({.resource = "pods"}), ElementsAre("ns/a=1"));
  ASSERT_TRUE(other->Exec("ROLLBACK").ok());
}

}  // namespace
}  // namespace rekindle::apiserver
