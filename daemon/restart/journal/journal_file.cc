#include "daemon/restart/journal/journal_file.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "daemon/restart/journal/journal_schema.h"
#include "daemon/restart/journal/record_codec.h"

namespace rekindle::restart {
namespace {

// The WAL is cut back to this size when it is started over.
constexpr char kConnectionSetup[] =
    "PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;"
    "PRAGMA journal_size_limit=16777216";

// The WAL has this size from the start where the disk has plenty of room (JournalFile::ReserveWal):
// what it holds before it is moved into the database (SqliteJournal::Options::pressing_pages), and
// a little more.
constexpr int64_t kReservedWal = 4 * 1024 * 1024;
constexpr uint64_t kPlentyOfRoom = 64 * 1024 * 1024;

// Damaged records kept for inspection; older ones give way.
constexpr char kTrimQuarantine[] =
    "DELETE FROM quarantine WHERE seq <= (SELECT max(seq) FROM quarantine) - 100";

// An ID as it may appear in a log line.
std::string Quoted(absl::string_view id) {
  constexpr size_t kMost = 200;
  return absl::StrCat("\"", absl::CHexEscape(id.substr(0, kMost)), id.size() > kMost ? "..." : "",
                      "\"");
}

struct Row {
  int64_t seq = 0;
  std::string id;
  std::string bytes;
  absl::StatusOr<OperationRecord> record = absl::UnknownError("not read");
};

// Columns: seq, id, record, checksum.
Row ReadRow(const SqliteStatement& statement) {
  Row row;
  row.seq = statement.ColumnInt(0);
  row.id = statement.ColumnBytes(1);
  row.bytes = statement.ColumnBytes(2);
  if (statement.ColumnType(1) != SQLITE_TEXT || statement.ColumnType(2) != SQLITE_BLOB ||
      statement.ColumnType(3) != SQLITE_INTEGER) {
    row.record = absl::DataLossError("columns of the wrong type");
  } else if (statement.ColumnInt(3) != JournalChecksum(row.id, row.bytes)) {
    row.record = absl::DataLossError("checksum does not match");
  } else {
    row.record = DecodeRecord(row.bytes);
    if (row.record.ok() && row.record->id() != row.id) {
      row.record = absl::DataLossError(
          absl::StrCat("holds the record of another operation, ", Quoted(row.record->id())));
    }
  }
  return row;
}

// Outside Open a damaged database is one more reason why nothing can be stored.
absl::Status ForCaller(absl::Status status) {
  if (!absl::IsDataLoss(status)) return status;
  return absl::UnavailableError(absl::StrCat("journal damaged: ", status.message()));
}

}  // namespace

JournalFile::~JournalFile() = default;

absl::StatusOr<JournalFile::Opened> JournalFile::Open(const std::string& directory,
                                                      const std::string& vfs, absl::Time now) {
  Opened opened;
  opened.file.reset(new JournalFile(directory, vfs));
  JournalFile& file = *opened.file;
  RK_ASSIGN_OR_RETURN(file.lock_, DirectoryLock::Take(directory, {.file = "journal.lock",
                                                                  .what = "state directory",
                                                                  .owner = "daemon"}));
  RK_RETURN_IF_ERROR(file.CreateEmpty());
  absl::Status status = file.Attach(now, opened.contents);
  if (absl::IsDataLoss(status)) {
    opened.contents = JournalContents();
    const std::vector<EncodedRecord> saved = file.Salvage();
    RK_RETURN_IF_ERROR(file.SetAside(now, status.message(), opened.contents));
    RK_RETURN_IF_ERROR(file.CreateEmpty());
    status = file.Attach(now, opened.contents);
    if (status.ok()) status = file.Restore(saved);
    if (status.ok()) status = file.Load(now, opened.contents);
  }
  RK_RETURN_IF_ERROR(ForCaller(std::move(status)));
  // On a full disk this fails; the records can be read all the same, and the first write that finds
  // room goes through.
  (void)file.Checkpoint();
  file.ReserveWal();
  return opened;
}

absl::Status JournalFile::CreateEmpty() {
  // Records hold environment variables: nobody else's business.
  RK_ASSIGN_OR_RETURN(const int64_t size, MakePrivateFile(directory_, path()));
  // SQLite takes a file shorter than its smallest page for an empty one.
  torn_ = size > 0 && size < 512;
  return absl::OkStatus();
}

absl::Status JournalFile::Attach(absl::Time now, JournalContents& contents) {
  RK_ASSIGN_OR_RETURN(db_, SqliteDb::Open(path(), vfs_));
  if (torn_) return absl::DataLossError("the file is cut off");
  // Exclusive before the first access: the WAL's index then lives in this process's memory and
  // nobody else can get at the file.
  RK_RETURN_IF_ERROR(db_.Exec("PRAGMA locking_mode=EXCLUSIVE"));
  RK_ASSIGN_OR_RETURN(const int64_t version, db_.QueryInt("PRAGMA user_version"));
  if (version <= JournalVersion()) {
    RK_ASSIGN_OR_RETURN(const std::string verdict, db_.QueryText("PRAGMA integrity_check(1)"));
    if (verdict != "ok") return absl::DataLossError(verdict);
    RK_ASSIGN_OR_RETURN(const std::string mode, db_.QueryText("PRAGMA journal_mode=WAL"));
    if (mode != "wal") {
      return absl::UnavailableError(absl::StrCat(path(), ": cannot use a WAL (", mode, ")"));
    }
  }
  RK_RETURN_IF_ERROR(MigrateJournal(db_, JournalSchemaSteps()));
  RK_RETURN_IF_ERROR(db_.Exec(kConnectionSetup));
  full_ = false;
  // Replaces SQLite's own checkpoints, which would stall a commit.
  sqlite3_wal_hook(
      db_.get(),
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &wal_pages_);
  wal_pages_ = 1;  // what is in the WAL now is not known

  const std::pair<SqliteStatement*, const char*> statements[] = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&insert_, "INSERT INTO operations (id, record, checksum) VALUES (?1, ?2, ?3)"},
      {&replace_, "UPDATE operations SET record = ?2, checksum = ?3 WHERE id = ?1"},
      {&delete_, "DELETE FROM operations WHERE id = ?1"},
      {&savepoint_, "SAVEPOINT append"},
      {&release_, "RELEASE append"},
      {&rollback_to_, "ROLLBACK TO append"},
  };
  for (const auto& [statement, sql] : statements) {
    RK_ASSIGN_OR_RETURN(*statement, SqliteStatement::Prepare(db_.get(), sql));
  }
  return Load(now, contents);
}

absl::Status JournalFile::Load(absl::Time now, JournalContents& contents) {
  contents.records.clear();
  std::vector<Row> damaged;
  {
    RK_ASSIGN_OR_RETURN(
        SqliteStatement all,
        SqliteStatement::Prepare(db_.get(),
                                 "SELECT seq, id, record, checksum FROM operations ORDER BY seq"));
    while (true) {
      RK_ASSIGN_OR_RETURN(const bool more, all.Step());
      if (!more) break;
      Row row = ReadRow(all);
      if (row.record.ok()) {
        contents.records.push_back(*std::move(row.record));
      } else {
        damaged.push_back(std::move(row));
      }
    }
  }
  if (damaged.empty()) return absl::OkStatus();

  RK_ASSIGN_OR_RETURN(
      SqliteStatement copy,
      SqliteStatement::Prepare(db_.get(),
                               "INSERT INTO quarantine (id, record, checksum, reason, found_ns) "
                               "SELECT id, record, checksum, ?2, ?3 FROM operations "
                               "WHERE seq = ?1"));
  RK_ASSIGN_OR_RETURN(SqliteStatement drop,
                      SqliteStatement::Prepare(db_.get(), "DELETE FROM operations WHERE seq = ?1"));
  absl::Status moved = Begin(true);
  for (const Row& row : damaged) {
    contents.quarantined.push_back(
        absl::StrCat("operation ", Quoted(row.id), ": ", row.record.status().message()));
    if (!moved.ok()) continue;
    copy.BindInt(1, row.seq);
    copy.BindText(2, row.record.status().message());
    copy.BindInt(3, absl::ToUnixNanos(now));
    moved = copy.Run();
    drop.BindInt(1, row.seq);
    if (moved.ok()) moved = drop.Run();
  }
  if (moved.ok()) moved = db_.Exec(kTrimQuarantine);
  if (moved.ok()) moved = Commit();
  if (!moved.ok()) {
    Rollback();
    // They stay where they are and are found again next time.
    contents.quarantined.push_back(
        absl::StrCat("damaged operations could not be moved to quarantine: ", moved.message()));
  }
  return absl::OkStatus();
}

std::vector<EncodedRecord> JournalFile::Salvage() {
  std::map<int64_t, EncodedRecord> found;
  // From either end, so that one bad page in the middle hides as little as possible.
  for (const char* order : {"ASC", "DESC"}) {
    absl::StatusOr<SqliteStatement> rows = SqliteStatement::Prepare(
        db_.get(),
        absl::StrCat("SELECT seq, id, record, checksum FROM operations ORDER BY seq ", order));
    while (rows.ok()) {
      absl::StatusOr<bool> more = rows->Step();
      if (!more.ok() || !*more) break;
      Row row = ReadRow(*rows);
      // A damaged tree can lead in a circle.
      if (row.record.ok() && !found.try_emplace(row.seq, EncodedRecord{row.id, row.bytes}).second) {
        break;
      }
    }
  }
  std::vector<EncodedRecord> records;
  for (auto& [seq, record] : found) records.push_back(std::move(record));
  return records;
}

absl::Status JournalFile::SetAside(absl::Time now, absl::string_view reason,
                                   JournalContents& contents) {
  for (SqliteStatement* statement :
       {&begin_, &commit_, &insert_, &replace_, &delete_, &savepoint_, &release_, &rollback_to_}) {
    *statement = SqliteStatement();
  }
  db_ = SqliteDb();
  const std::string stem = absl::StrCat(
      path(), ".corrupt-", absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone()));
  std::string aside = stem;
  for (int n = 2; ::access(aside.c_str(), F_OK) == 0; ++n) aside = absl::StrCat(stem, ".", n);
  if (::rename(path().c_str(), aside.c_str()) != 0) {
    return DiskError(absl::StrCat("set ", path(), " aside"));
  }
  // Under the name that SQLite looks for, so that the pair can still be opened for inspection.
  if (::rename((path() + "-wal").c_str(), (aside + "-wal").c_str()) != 0 && errno != ENOENT) {
    return DiskError(absl::StrCat("set ", path(), "-wal aside"));
  }
  RK_RETURN_IF_ERROR(SyncDirectory(directory_));
  contents.quarantined.push_back(
      absl::StrCat("journal.db: damaged (", absl::CHexEscape(reason), "); set aside as ", aside));
  return absl::OkStatus();
}

absl::Status JournalFile::Restore(const std::vector<EncodedRecord>& records) {
  if (records.empty()) return absl::OkStatus();
  absl::Status status = Begin(true);
  for (const EncodedRecord& record : records) {
    if (!status.ok()) break;
    status = Insert({record});
    if (absl::IsAlreadyExists(status)) status = absl::OkStatus();
  }
  if (status.ok()) status = Commit();
  if (!status.ok()) Rollback();
  return Annotate(status, "save the readable records of the damaged journal");
}

absl::Status JournalFile::Synchronous(bool full) {
  if (full == full_) return absl::OkStatus();
  RK_RETURN_IF_ERROR(db_.Exec(full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
  full_ = full;
  return absl::OkStatus();
}

absl::Status JournalFile::Begin(bool durable) {
  RK_RETURN_IF_ERROR(ForCaller(Synchronous(durable)));
  return ForCaller(begin_.Run());
}

absl::Status JournalFile::Commit() {
  const absl::Status status = commit_.Run();
  if (!status.ok() && sqlite3_extended_errcode(db_.get()) == SQLITE_IOERR_FSYNC) {
    needs_checkpoint_ = true;
  }
  return ForCaller(status);
}

sqlite3_file* JournalFile::WalFile() {
  sqlite3_file* wal = nullptr;
  const int code = sqlite3_file_control(db_.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
  return code == SQLITE_OK && wal != nullptr && wal->pMethods != nullptr ? wal : nullptr;
}

void JournalFile::ReserveWal() {
  struct statvfs room {};
  if (::statvfs(directory_.c_str(), &room) != 0) return;
  if (static_cast<uint64_t>(room.f_bavail) * room.f_frsize < kPlentyOfRoom) return;
  sqlite3_file* wal = WalFile();
  sqlite3_int64 size = 0;
  if (wal == nullptr || wal->pMethods->xFileSize(wal, &size) != SQLITE_OK) return;
  static constexpr std::array<char, 64 * 1024> kZeros{};
  while (size < kReservedWal) {
    const int count = static_cast<int>(std::min<int64_t>(kZeros.size(), kReservedWal - size));
    if (wal->pMethods->xWrite(wal, kZeros.data(), count, size) != SQLITE_OK) return;
    size += count;
  }
  (void)wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
}

absl::Status JournalFile::Sync() {
  errno = 0;
  sqlite3_file* wal = WalFile();
  const int code = wal == nullptr
                       ? SQLITE_MISUSE
                       : wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
  if (code == SQLITE_OK) return absl::OkStatus();
  needs_checkpoint_ = true;
  return ForCaller(SqliteError(nullptr, code, "sync"));
}

void JournalFile::Rollback() {
  // Some errors have rolled back already.
  if (sqlite3_get_autocommit(db_.get()) == 0) (void)db_.Exec("ROLLBACK");
}

absl::Status JournalFile::Insert(const std::vector<EncodedRecord>& records) {
  RK_RETURN_IF_ERROR(ForCaller(savepoint_.Run()));
  for (const EncodedRecord& record : records) {
    insert_.BindText(1, record.id);
    insert_.BindBlob(2, record.bytes);
    insert_.BindInt(3, JournalChecksum(record.id, record.bytes));
    const absl::Status status = insert_.Run();
    if (status.ok()) continue;
    if (!absl::IsAlreadyExists(status)) return ForCaller(status);
    RK_RETURN_IF_ERROR(ForCaller(rollback_to_.Run()));
    RK_RETURN_IF_ERROR(ForCaller(release_.Run()));
    return absl::AlreadyExistsError(
        absl::StrCat("operation ", Quoted(record.id), " is in the journal already"));
  }
  return ForCaller(release_.Run());
}

absl::Status JournalFile::Replace(const EncodedRecord& record) {
  replace_.BindText(1, record.id);
  replace_.BindBlob(2, record.bytes);
  replace_.BindInt(3, JournalChecksum(record.id, record.bytes));
  RK_RETURN_IF_ERROR(ForCaller(replace_.Run()));
  if (sqlite3_changes(db_.get()) == 0) {
    return absl::NotFoundError(
        absl::StrCat("operation ", Quoted(record.id), " is not in the journal"));
  }
  return absl::OkStatus();
}

absl::Status JournalFile::Delete(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    delete_.BindText(1, id);
    RK_RETURN_IF_ERROR(ForCaller(delete_.Run()));
  }
  return absl::OkStatus();
}

absl::Status JournalFile::Checkpoint() {
  errno = 0;
  int in_wal = 0;
  int moved = 0;
  const int code =
      sqlite3_wal_checkpoint_v2(db_.get(), "main", SQLITE_CHECKPOINT_RESTART, &in_wal, &moved);
  if (code != SQLITE_OK) {
    return ForCaller(SqliteError(db_.get(), sqlite3_extended_errcode(db_.get()), "checkpoint"));
  }
  // The first commit into a WAL that was started over writes and syncs its header. This one is made
  // now, so that no operation pays for it.
  RK_RETURN_IF_ERROR(Begin(false));
  absl::Status status =
      ForCaller(db_.Exec(absl::StrCat("PRAGMA user_version=", JournalVersion()).c_str()));
  if (status.ok()) status = Commit();
  if (!status.ok()) {
    Rollback();
    return status;
  }
  needs_checkpoint_ = false;
  wal_pages_ = 0;
  return absl::OkStatus();
}

}  // namespace rekindle::restart
