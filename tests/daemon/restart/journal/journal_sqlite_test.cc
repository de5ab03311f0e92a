#include "daemon/restart/journal/journal_sqlite.h"

#include <signal.h>
#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/restart/journal/journal_testing.h"
#include "tests/fakes/fault_vfs.h"

namespace rekindle::restart {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// What SmallRecord(request) becomes after `steps` updates. Every one differs: replacing a record by
// the same bytes writes nothing.
OperationRecord Changed(const std::string& request, int steps) {
  OperationRecord record = SmallRecord(request);
  record.phase = Phase::kStopping;
  record.message = absl::StrCat("step ", steps);
  return record;
}

class SqliteJournalTest : public ::testing::Test {
 protected:
  ~SqliteJournalTest() override {
    Close();
    loop_.Stop();
  }

  void Open(SqliteJournal::Options options = {}) {
    options.directory = dir_ / "state";
    options.vfs = vfs_.name();
    auto opened = SqliteJournal::Open(loop_, options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    journal_ = std::move(opened->journal);
    contents_ = std::move(opened->contents);
    call_ = std::make_unique<JournalCaller>(loop_, *journal_);
  }

  void Close() {
    if (!journal_) return;
    std::promise<void> closed;
    loop_.Post([&] {
      journal_.reset();
      closed.set_value();
    });
    closed.get_future().wait();
  }

  void Reopen() {
    Close();
    Open();
  }

  std::vector<std::string> Stored() {
    Reopen();
    std::vector<std::string> ids;
    for (const OperationRecord& record : contents_.records) ids.push_back(record.id());
    return ids;
  }

  TempDir dir_;
  FaultVfs vfs_{"rk-fault"};
  AsioLoop loop_{"test"};
  std::unique_ptr<SqliteJournal> journal_;
  std::unique_ptr<JournalCaller> call_;
  JournalContents contents_;
};

TEST_F(SqliteJournalTest, StoresReplacesAndRemoves) {
  Open();
  EXPECT_THAT(contents_.records, IsEmpty());
  ASSERT_TRUE(call_->Append({SmallRecord("a"), SmallRecord("b")}).ok());
  OperationRecord changed = SmallRecord("a");
  changed.phase = Phase::kStopping;
  changed.message = "stops";
  ASSERT_TRUE(call_->Update(changed).ok());
  Reopen();
  EXPECT_THAT(contents_.records, ElementsAre(changed, SmallRecord("b")));
  ASSERT_TRUE(call_->Remove({"a/c", "never/was"}).ok());
  EXPECT_THAT(Stored(), ElementsAre("b/c"));
}

TEST_F(SqliteJournalTest, AppendIsAllOrNone) {
  Open();
  ASSERT_TRUE(call_->Append({SmallRecord("a")}).ok());
  const absl::Status status = call_->Append({SmallRecord("b"), SmallRecord("a"), SmallRecord("d")});
  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"a/c\""));
  EXPECT_TRUE(absl::IsAlreadyExists(call_->Append({SmallRecord("e"), SmallRecord("e")})));
  EXPECT_THAT(Stored(), ElementsAre("a/c"));
}

TEST_F(SqliteJournalTest, UpdateOfAnUnknownOperationIsNotFound) {
  Open();
  const absl::Status status = call_->Update(SmallRecord("a"));
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(Stored(), IsEmpty());
}

TEST_F(SqliteJournalTest, LongAndEmptyAppendsWork) {
  Open();
  OperationRecord large = SmallRecord("large");
  large.message = std::string(3 << 20, 'm');
  ASSERT_TRUE(call_->Append({large}).ok());
  ASSERT_TRUE(call_->Append({}).ok());
  Reopen();
  EXPECT_THAT(contents_.records, ElementsAre(large));
}

TEST_F(SqliteJournalTest, AppendCostsOneSyncUpdateAndRemoveNone) {
  Open();
  for (int i = 0; i < 20; ++i) {
    const int before = vfs_.syncs;
    ASSERT_TRUE(call_->Append({SmallRecord(absl::StrCat("r", i))}).ok());
    for (int j = 0; j < 5; ++j) {
      ASSERT_TRUE(call_->Update(Changed(absl::StrCat("r", i), j)).ok());
      EXPECT_EQ(vfs_.syncs - before, 1) << i << ": before the first later reply, and no more";
    }
    ASSERT_TRUE(call_->Remove({absl::StrCat("r", i / 2, "/c")}).ok());
    EXPECT_EQ(vfs_.syncs - before, 1) << i;
  }
}

TEST_F(SqliteJournalTest, AppendIsAnsweredBeforeItsSyncAndNothingElseIs) {
  Open();
  vfs_.hold_syncs = true;
  ASSERT_TRUE(call_->Append({SmallRecord("a")}).ok());
  std::promise<absl::Status> updated;
  loop_.Post([&] {
    journal_->Update(Changed("a", 1), [&](absl::Status status) { updated.set_value(status); });
  });
  std::future<absl::Status> reply = updated.get_future();
  // It cannot come while the sync is held; a reply that came all the same would be seen here or
  // below.
  while (vfs_.syncs == 0) std::this_thread::yield();
  EXPECT_EQ(reply.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  vfs_.hold_syncs = false;
  vfs_.hold_syncs.notify_all();
  EXPECT_TRUE(reply.get().ok());
}

TEST_F(SqliteJournalTest, AppendCostsOneSyncAfterACheckpointToo) {
  SqliteJournal::Options options;
  options.max_pages = 1;  // a checkpoint after every commit
  Open(options);
  ASSERT_TRUE(call_->Append({SmallRecord("a")}).ok());
  Close();  // waits for the checkpoint
  Open();
  const int before = vfs_.syncs;
  ASSERT_TRUE(call_->Append({SmallRecord("b")}).ok());
  ASSERT_TRUE(call_->Update(SmallRecord("b")).ok());
  EXPECT_EQ(vfs_.syncs - before, 1);
}

TEST_F(SqliteJournalTest, CallsThatWaitTogetherShareOneSync) {
  Open();
  constexpr int kCalls = 100;
  const int before = vfs_.syncs;
  vfs_.hold_syncs = true;
  std::promise<void> replied;
  std::vector<int> order;
  loop_.Post([&] {
    for (int i = 0; i <= kCalls; ++i) {
      journal_->Append({SmallRecord(absl::StrCat("r", i))}, [&, i](absl::Status status) {
        EXPECT_TRUE(status.ok()) << status;
        order.push_back(i);
        if (i == kCalls) replied.set_value();
      });
    }
    // All are queued now, whatever the writer has taken already.
    vfs_.hold_syncs = false;
    vfs_.hold_syncs.notify_all();
  });
  replied.get_future().wait();
  ASSERT_TRUE(call_->Update(SmallRecord("r0")).ok());
  EXPECT_LE(vfs_.syncs - before, 2);
  ASSERT_THAT(order, SizeIs(kCalls + 1));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(SqliteJournalTest, RepliesComeInTheOrderOfTheCallsWhateverTheyAre) {
  Open();
  std::promise<void> replied;
  std::vector<std::string> order;
  loop_.Post([&] {
    const auto note = [&](std::string text) {
      return [&, text](absl::Status status) {
        order.push_back(absl::StrCat(text, status.ok() ? "" : " failed"));
      };
    };
    journal_->Update(SmallRecord("a"), note("update a"));
    journal_->Append({SmallRecord("a")}, note("append a"));
    journal_->Update(SmallRecord("a"), note("update a again"));
    journal_->Append({SmallRecord("a")}, note("append a again"));
    journal_->Remove({"a/c"}, note("remove a"));
    journal_->Append({SmallRecord("a")}, [&](absl::Status status) {
      EXPECT_TRUE(status.ok());
      replied.set_value();
    });
    EXPECT_THAT(order, IsEmpty()) << "replied inline";
  });
  replied.get_future().wait();
  EXPECT_THAT(order, ElementsAre("update a failed", "append a", "update a again",
                                 "append a again failed", "remove a"));
}

TEST_F(SqliteJournalTest, FullDiskStoresNothingAndHealsByItself) {
  Open();
  ASSERT_TRUE(call_->Append({SmallRecord("a")}).ok());
  vfs_.write_error = SQLITE_FULL;
  EXPECT_TRUE(absl::IsResourceExhausted(call_->Append({SmallRecord("b")})));
  EXPECT_TRUE(absl::IsResourceExhausted(call_->Update(Changed("a", 1))));
  EXPECT_TRUE(absl::IsResourceExhausted(call_->Remove({"a/c"})));
  EXPECT_EQ(journal_->stats().failures, 3u);
  vfs_.write_error = SQLITE_OK;
  ASSERT_TRUE(call_->Append({SmallRecord("d")}).ok());
  EXPECT_THAT(Stored(), ElementsAre("a/c", "d/c"));
}

TEST_F(SqliteJournalTest, WriteErrorIsUnavailableAndHealsByItself) {
  Open();
  for (const int error : {SQLITE_IOERR_WRITE, SQLITE_READONLY}) {
    vfs_.write_error = error;
    const absl::Status status = call_->Append({SmallRecord("b")});
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    vfs_.write_error = SQLITE_OK;
  }
  ASSERT_TRUE(call_->Append({SmallRecord("d")}).ok());
  EXPECT_THAT(Stored(), ElementsAre("d/c"));
}

TEST_F(SqliteJournalTest, FullDiskWhenOpeningStillReads) {
  Open();
  ASSERT_TRUE(call_->Append({SmallRecord("a")}).ok());
  Close();
  vfs_.write_error = SQLITE_FULL;
  Open();
  EXPECT_THAT(contents_.records, SizeIs(1));
  EXPECT_TRUE(absl::IsResourceExhausted(call_->Append({SmallRecord("b")})));
  vfs_.write_error = SQLITE_OK;
  EXPECT_TRUE(call_->Append({SmallRecord("b")}).ok());
}

TEST_F(SqliteJournalTest, LimitOfTheFileSizeIsResourceExhausted) {
  Open();
  ASSERT_TRUE(call_->Append({SmallRecord("a")}).ok());
  OperationRecord large = SmallRecord("large");
  large.message = std::string(1 << 20, 'm');
  const auto before = ::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  rlimit small = old;
  small.rlim_cur = 256 << 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status refused = call_->Append({large});
  const absl::Status fits = call_->Append({SmallRecord("b")});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  ::signal(SIGXFSZ, before);
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_TRUE(fits.ok()) << fits;
  EXPECT_TRUE(call_->Append({large}).ok());
  EXPECT_THAT(Stored(), ElementsAre("a/c", "b/c", "large/c"));
}

// What a sync that failed left on disk is unknown: nothing goes on before all of it is stored.
TEST_F(SqliteJournalTest, AfterAFailedSyncNothingSucceedsBeforeAllIsStored) {
  Open();
  ASSERT_TRUE(call_->Append({SmallRecord("a")}).ok());
  ASSERT_TRUE(call_->Update(Changed("a", 1)).ok());
  vfs_.failing_syncs = 1000;
  ASSERT_TRUE(call_->Append({SmallRecord("b")}).ok());
  const absl::Status status = call_->Update(Changed("b", 1));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(absl::IsUnavailable(call_->Append({SmallRecord("b2")})));
  vfs_.failing_syncs = 0;
  ASSERT_TRUE(call_->Append({SmallRecord("d")}).ok());
  // What a killed process would leave behind.
  TempDir copy;
  std::filesystem::copy(dir_ / "state", copy / "state");
  auto file = JournalFile::Open(copy / "state", "", absl::UnixEpoch());
  ASSERT_TRUE(file.ok()) << file.status();
  std::vector<std::string> ids;
  for (const OperationRecord& record : file->contents.records) ids.push_back(record.id());
  EXPECT_THAT(ids, ElementsAre("a/c", "b/c", "d/c"));
}

TEST_F(SqliteJournalTest, OneFailedSyncIsMadeGoodByACheckpoint) {
  Open();
  ASSERT_TRUE(call_->Append({SmallRecord("a")}).ok());
  ASSERT_TRUE(call_->Update(Changed("a", 1)).ok());
  const uint64_t before = journal_->stats().checkpoints;
  vfs_.failing_syncs = 1;
  EXPECT_TRUE(call_->Append({SmallRecord("b")}).ok());
  EXPECT_TRUE(call_->Update(Changed("b", 1)).ok());
  EXPECT_GT(journal_->stats().checkpoints, before);
  EXPECT_THAT(Stored(), ElementsAre("a/c", "b/c"));
}

TEST_F(SqliteJournalTest, WalStaysBounded) {
  SqliteJournal::Options options;
  options.max_pages = 64;
  Open(options);
  ASSERT_TRUE(call_->Append({SmallRecord("a")}).ok());
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(call_->Update(Changed("a", i)).ok());
  EXPECT_GT(journal_->stats().checkpoints, 10u);
  Close();
  // What it gets at the start; without bound it would be several times as long.
  EXPECT_LE(std::filesystem::file_size(dir_ / "state/journal.db-wal"), 4u << 20);
  EXPECT_LT(std::filesystem::file_size(dir_ / "state/journal.db"), 64u * 4096);
}

TEST_F(SqliteJournalTest, CheckpointsWhenIdle) {
  SqliteJournal::Options options;
  options.busy_pages = 1;
  options.short_idle = absl::Milliseconds(1);
  Open(options);
  ASSERT_TRUE(call_->Append({SmallRecord("a")}).ok());
  const absl::Time give_up = absl::Now() + absl::Seconds(20);
  while (journal_->stats().checkpoints == 0 && absl::Now() < give_up) std::this_thread::yield();
  EXPECT_EQ(journal_->stats().checkpoints, 1u);
}

TEST_F(SqliteJournalTest, DestructionWritesWhatWasAskedAndDropsReplies) {
  Open();
  std::promise<void> destroyed;
  bool replied = false;
  loop_.Post([&] {
    for (int i = 0; i < 50; ++i) {
      journal_->Append({SmallRecord(absl::StrCat("r", i))}, [&](absl::Status) { replied = true; });
    }
    journal_.reset();
    loop_.Post([&] { destroyed.set_value(); });
  });
  destroyed.get_future().wait();
  EXPECT_FALSE(replied);
  EXPECT_THAT(Stored(), SizeIs(50));
}

TEST_F(SqliteJournalTest, AReplyMayDestroyTheJournal) {
  Open();
  std::promise<void> destroyed;
  loop_.Post([&] {
    journal_->Append({SmallRecord("a")}, [&](absl::Status) {
      journal_.reset();
      destroyed.set_value();
    });
  });
  destroyed.get_future().wait();
  EXPECT_THAT(Stored(), ElementsAre("a/c"));
}

}  // namespace
}  // namespace rekindle::restart
