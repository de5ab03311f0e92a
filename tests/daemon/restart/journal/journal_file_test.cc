#include "daemon/restart/journal/journal_file.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "daemon/restart/journal/journal_schema.h"
#include "daemon/restart/journal/record_codec.h"
#include "tests/daemon/restart/journal/journal_testing.h"

namespace rekindle::restart {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);  // 2027-01-15 08:00:00 UTC

EncodedRecord Encoded(const OperationRecord& record) { return {record.id(), EncodeRecord(record)}; }

absl::StatusOr<JournalFile::Opened> Open(const TempDir& dir) {
  return JournalFile::Open(dir / "state", "", kNow);
}

// A journal with `count` records, closed.
void Fill(const TempDir& dir, int count, size_t padding = 0) {
  auto opened = Open(dir);
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_TRUE(opened->file->Begin(true).ok());
  for (int i = 0; i < count; ++i) {
    OperationRecord record = SmallRecord(absl::StrCat("r", i));
    record.message = std::string(padding, 'x');
    ASSERT_TRUE(opened->file->Insert({Encoded(record)}).ok());
  }
  ASSERT_TRUE(opened->file->Commit().ok());
  ASSERT_TRUE(opened->file->Checkpoint().ok());
}

// Changes the closed journal behind the program's back.
void Tamper(const TempDir& dir, const std::string& sql) {
  auto db = SqliteDb::Open(dir / "state/journal.db", "");
  ASSERT_TRUE(db.ok()) << db.status();
  const absl::Status status = db->Exec(("PRAGMA locking_mode=EXCLUSIVE;" + sql).c_str());
  ASSERT_TRUE(status.ok()) << status;
}

std::vector<std::string> Ids(const JournalContents& contents) {
  std::vector<std::string> ids;
  for (const OperationRecord& record : contents.records) ids.push_back(record.id());
  return ids;
}

std::vector<std::string> Names(const TempDir& dir) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir / "state")) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

TEST(JournalFile, MakesDirectoryAndFilesForItsOwnerOnly) {
  const mode_t before = ::umask(0);
  TempDir dir;
  Fill(dir, 1);
  ::umask(before);
  EXPECT_EQ(ModeOf(dir / "state"), 0700u);
  EXPECT_EQ(ModeOf(dir / "state/journal.db"), 0600u);
  EXPECT_EQ(ModeOf(dir / "state/journal.db-wal"), 0600u);
  EXPECT_EQ(ModeOf(dir / "state/journal.lock"), 0600u);
}

TEST(JournalFile, TakesRightsOfOthersAway) {
  TempDir dir;
  Fill(dir, 1);
  ASSERT_EQ(::chmod((dir / "state/journal.db").c_str(), 0644), 0);
  ASSERT_TRUE(Open(dir).ok());
  EXPECT_EQ(ModeOf(dir / "state/journal.db"), 0600u);
}

TEST(JournalFile, MissingParentDirectoryIsUnavailable) {
  TempDir dir;
  const auto opened = JournalFile::Open(dir / "no/such", "", kNow);
  EXPECT_TRUE(absl::IsUnavailable(opened.status())) << opened.status();
}

TEST(JournalFile, RefusesWhatIsNotARegularFile) {
  TempDir dir;
  std::filesystem::create_directories(dir / "state");
  WriteFile(dir / "other", "precious");
  std::filesystem::create_symlink(dir / "other", dir / "state/journal.db");
  EXPECT_TRUE(absl::IsUnavailable(Open(dir).status()));
  EXPECT_EQ(ReadFile(dir / "other"), "precious");
}

TEST(JournalFile, GivesRecordsBackOldestFirst) {
  TempDir dir;
  Fill(dir, 3);
  auto opened = Open(dir);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_THAT(Ids(opened->contents), ElementsAre("r0/c", "r1/c", "r2/c"));
  EXPECT_THAT(opened->contents.quarantined, IsEmpty());
}

TEST(JournalFile, ReadsAWalThatWasNeverMoved) {
  TempDir dir;
  {
    auto opened = Open(dir);
    ASSERT_TRUE(opened.ok());
    ASSERT_TRUE(opened->file->Begin(false).ok());
    ASSERT_TRUE(opened->file->Insert({Encoded(FullRecord())}).ok());
    ASSERT_TRUE(opened->file->Commit().ok());
  }
  auto opened = Open(dir);
  ASSERT_TRUE(opened.ok());
  EXPECT_THAT(opened->contents.records, ElementsAre(FullRecord()));
}

TEST(JournalFile, SecondUserIsRefusedAndHarmsNothing) {
  TempDir dir;
  Fill(dir, 1);
  auto first = Open(dir);
  ASSERT_TRUE(first.ok());
  const auto second = Open(dir);
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()),
              AllOf(HasSubstr(dir / "state"), HasSubstr("in use by another daemon")));
  ASSERT_TRUE(first->file->Begin(true).ok());
  ASSERT_TRUE(first->file->Insert({Encoded(SmallRecord("later"))}).ok());
  EXPECT_TRUE(first->file->Commit().ok());
}

TEST(JournalFile, NewerVersionIsRefusedAndLeftAsItIs) {
  TempDir dir;
  Fill(dir, 2);
  Tamper(dir, "PRAGMA user_version=7");
  const std::string db = ReadFile(dir / "state/journal.db");
  const std::string wal = ReadFile(dir / "state/journal.db-wal");
  const auto opened = Open(dir);
  EXPECT_TRUE(absl::IsFailedPrecondition(opened.status())) << opened.status();
  EXPECT_THAT(std::string(opened.status().message()),
              AllOf(HasSubstr("version 7"), HasSubstr(absl::StrCat("than ", JournalVersion()))));
  EXPECT_EQ(ReadFile(dir / "state/journal.db"), db);
  EXPECT_EQ(ReadFile(dir / "state/journal.db-wal"), wal);
  EXPECT_THAT(Names(dir), SizeIs(3));
}

TEST(JournalFile, MigratesStepByStepOrNotAtAll) {
  TempDir dir;
  Fill(dir, 1);
  auto db = SqliteDb::Open(dir / "state/journal.db", "");
  ASSERT_TRUE(db.ok());
  std::vector<std::string> steps = JournalSchemaSteps();
  steps.emplace_back("ALTER TABLE operations ADD COLUMN extra INTEGER");
  steps.emplace_back("UPDATE operations SET extra = no_such_column");
  EXPECT_FALSE(MigrateJournal(*db, steps).ok());
  EXPECT_EQ(db->QueryInt("PRAGMA user_version").value(), JournalVersion());
  EXPECT_FALSE(db->QueryInt("SELECT extra FROM operations").ok());

  steps.back() = "UPDATE operations SET extra = 42";
  const absl::Status migrated = MigrateJournal(*db, steps);
  EXPECT_TRUE(migrated.ok()) << migrated;
  EXPECT_EQ(db->QueryInt("PRAGMA user_version").value(), JournalVersion() + 2);
  EXPECT_EQ(db->QueryInt("SELECT extra FROM operations").value(), 42);
  EXPECT_TRUE(absl::IsFailedPrecondition(MigrateJournal(*db, JournalSchemaSteps())));
}

TEST(JournalFile, DamagedRecordsAreSetAsideAndNamed) {
  struct Row {
    const char* name;
    std::string sql;
    const char* says;
  };
  OperationRecord bad_phase = SmallRecord("r1");
  bad_phase.phase = static_cast<Phase>(99);
  const auto replace = [](absl::string_view id, absl::string_view bytes) {
    std::string hex;
    for (unsigned char c : bytes) absl::StrAppend(&hex, absl::Hex(c, absl::kZeroPad2));
    return absl::StrCat("UPDATE operations SET record = x'", hex,
                        "', checksum = ", JournalChecksum(id, bytes), " WHERE id = 'r1/c'");
  };
  const Row rows[] = {
      {"bit flip",
       "UPDATE operations SET record = CAST(x'00' || substr(record, 2) AS BLOB) WHERE id = 'r1/c'",
       "checksum"},
      {"other key", "UPDATE operations SET id = 'r9/c' WHERE id = 'r1/c'", "checksum"},
      {"not a message", replace("r1/c", "\xff\xff"), "not an OperationRecord"},
      {"empty", replace("r1/c", ""), "request_id"},
      {"unknown phase", replace("r1/c", EncodeRecord(bad_phase)), "phase: 99"},
      {"another operation", replace("r1/c", EncodeRecord(SmallRecord("r5"))), "another operation"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    TempDir dir;
    Fill(dir, 3);
    Tamper(dir, row.sql);
    auto opened = Open(dir);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_THAT(Ids(opened->contents), ElementsAre("r0/c", "r2/c"));
    EXPECT_THAT(opened->contents.quarantined,
                ElementsAre(AllOf(HasSubstr("/c\""), HasSubstr(row.says))));
    opened->file.reset();
    // Named once; kept for inspection.
    auto again = Open(dir);
    ASSERT_TRUE(again.ok());
    EXPECT_THAT(again->contents.quarantined, IsEmpty());
    again->file.reset();
    auto db = SqliteDb::Open(dir / "state/journal.db", "");
    EXPECT_EQ(db->QueryInt("SELECT count(*) FROM quarantine").value(), 1);
  }
}

TEST(JournalFile, QuarantineIsBounded) {
  TempDir dir;
  Fill(dir, 250);
  Tamper(dir, "UPDATE operations SET checksum = checksum + 1");
  auto opened = Open(dir);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_THAT(opened->contents.quarantined, SizeIs(250));
  opened->file.reset();
  auto db = SqliteDb::Open(dir / "state/journal.db", "");
  EXPECT_EQ(db->QueryInt("SELECT count(*) FROM quarantine").value(), 100);
  EXPECT_EQ(db->QueryInt("SELECT count(*) FROM operations").value(), 0);
}

// Opens after damage to the file as a whole: it must be set aside, named, and the journal usable.
void ExpectSetAside(const TempDir& dir, size_t least_records) {
  auto opened = Open(dir);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_GE(opened->contents.records.size(), least_records);
  ASSERT_THAT(opened->contents.quarantined, ::testing::Not(IsEmpty()));
  EXPECT_THAT(opened->contents.quarantined.front(),
              AllOf(HasSubstr("damaged"), HasSubstr("journal.db.corrupt-20270115T080000Z")));
  EXPECT_THAT(Names(dir), ::testing::Contains("journal.db.corrupt-20270115T080000Z"));
  ASSERT_TRUE(opened->file->Begin(true).ok());
  ASSERT_TRUE(opened->file->Insert({Encoded(SmallRecord("fresh"))}).ok());
  ASSERT_TRUE(opened->file->Commit().ok());
  const size_t kept = opened->contents.records.size();
  opened->file.reset();
  auto again = Open(dir);
  ASSERT_TRUE(again.ok());
  EXPECT_THAT(again->contents.quarantined, IsEmpty());
  EXPECT_THAT(again->contents.records, SizeIs(kept + 1));
}

TEST(JournalFile, FileThatIsNoDatabaseIsSetAside) {
  TempDir dir;
  std::filesystem::create_directories(dir / "state");
  WriteFile(dir / "state/journal.db", std::string(8192, 'z'));
  ExpectSetAside(dir, 0);
  EXPECT_EQ(ReadFile(dir / "state/journal.db.corrupt-20270115T080000Z"), std::string(8192, 'z'));
}

TEST(JournalFile, SecondDamageInTheSameSecondGetsItsOwnName) {
  TempDir dir;
  for (int i = 0; i < 2; ++i) {
    std::filesystem::create_directories(dir / "state");
    WriteFile(dir / "state/journal.db", std::string(8192, static_cast<char>('a' + i)));
    ASSERT_TRUE(Open(dir).ok());
  }
  EXPECT_EQ(ReadFile(dir / "state/journal.db.corrupt-20270115T080000Z")[0], 'a');
  EXPECT_EQ(ReadFile(dir / "state/journal.db.corrupt-20270115T080000Z.2")[0], 'b');
}

TEST(JournalFile, TornFileIsSetAsideAtEveryLength) {
  TempDir original;
  Fill(original, 40, 500);
  const std::string whole = ReadFile(original / "state/journal.db");
  ASSERT_GT(whole.size(), 5u * 4096);
  for (const size_t size : {size_t{1}, size_t{99}, size_t{100}, size_t{4095}, size_t{4096},
                            size_t{8192}, whole.size() - 4096}) {
    SCOPED_TRACE(size);
    TempDir dir;
    std::filesystem::create_directories(dir / "state");
    WriteFile(dir / "state/journal.db", whole.substr(0, size));
    ExpectSetAside(dir, 0);
  }
}

TEST(JournalFile, ReadableRecordsOfADamagedFileAreSaved) {
  TempDir dir;
  Fill(dir, 40, 500);
  std::string bytes = ReadFile(dir / "state/journal.db");
  // One leaf of the table: filled with letters, it stands out.
  const size_t middle = bytes.find(std::string(500, 'x'), 4096 * 4);
  ASSERT_NE(middle, std::string::npos);
  bytes.replace(middle / 4096 * 4096, 4096, std::string(4096, '\x5a'));
  WriteFile(dir / "state/journal.db", bytes);
  ExpectSetAside(dir, 30);
}

TEST(JournalFile, EmptyFileIsAFreshJournal) {
  TempDir dir;
  std::filesystem::create_directories(dir / "state");
  WriteFile(dir / "state/journal.db", "");
  auto opened = Open(dir);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_THAT(opened->contents.quarantined, IsEmpty());
}

TEST(JournalFile, ForeignDatabaseIsSetAside) {
  TempDir dir;
  std::filesystem::create_directories(dir / "state");
  WriteFile(dir / "state/journal.db", "");
  Tamper(dir, "CREATE TABLE cats (name TEXT); PRAGMA user_version=3");
  ExpectSetAside(dir, 0);
}

TEST(JournalFile, ForeignTablesUnderOurNumberAreSetAside) {
  TempDir dir;
  Fill(dir, 2);
  Tamper(dir, "DROP TABLE operations; CREATE TABLE operations (what TEXT)");
  ExpectSetAside(dir, 0);
}

TEST(JournalFile, GarbageInTheWalIsIgnored) {
  TempDir dir;
  Fill(dir, 2);
  WriteFile(dir / "state/journal.db-wal", std::string(10000, 'w'));
  auto opened = Open(dir);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_THAT(Ids(opened->contents), ElementsAre("r0/c", "r1/c"));
}

}  // namespace
}  // namespace rekindle::restart
