#include "controller/apiserver/store/store_file.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"

namespace rekindle::apiserver {
namespace {

// `states` has one row for each write, by its revision; `objects` says which of them is an object's
// present one, `replaced` which were and until when, so that a list of the past is one walk in the
// order of the keys. The text comes last in a row: a scan then does not read it.
constexpr char kSchema[] = R"(
  CREATE TABLE states (
    revision INTEGER PRIMARY KEY,
    resource TEXT NOT NULL,
    name_space TEXT NOT NULL,
    name TEXT NOT NULL,
    previous INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    text BLOB NOT NULL) STRICT;
  CREATE TABLE objects (
    resource TEXT NOT NULL,
    name_space TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (resource, name_space, name)) STRICT, WITHOUT ROWID;
  CREATE TABLE replaced (
    resource TEXT NOT NULL,
    name_space TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (resource, name_space, name, revision)) STRICT, WITHOUT ROWID;
  CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    floor INTEGER NOT NULL,
    compacted INTEGER NOT NULL) STRICT;
  INSERT INTO meta VALUES (1, 1, 0);
)";

// Another process that makes a backup may hold a lock for a moment.
constexpr int kBusyMilliseconds = 5000;
// Pages (4 KiB) that a connection keeps.
constexpr char kWriterSetup[] =
    "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;"
    "PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864";
constexpr char kReaderSetup[] =
    "PRAGMA query_only=ON; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;"
    "PRAGMA cache_size=-8192";

absl::Status MakeTables(SqliteDb& db) {
  RK_RETURN_IF_ERROR(db.Exec("BEGIN IMMEDIATE"));
  absl::Status status = db.Exec(kSchema);
  if (status.ok()) {
    status = db.Exec(absl::StrCat("PRAGMA application_id=", kStoreApplicationId,
                                  "; PRAGMA user_version=", kStoreVersion, "; COMMIT")
                         .c_str());
  }
  if (!status.ok() && sqlite3_get_autocommit(db.get()) == 0) (void)db.Exec("ROLLBACK");
  return status;
}

absl::StatusOr<bool> IsEmpty(SqliteDb& db) {
  RK_ASSIGN_OR_RETURN(const int64_t version, db.QueryInt("PRAGMA user_version"));
  RK_ASSIGN_OR_RETURN(const int64_t tables, db.QueryInt("SELECT count(*) FROM sqlite_master"));
  return version == 0 && tables == 0;
}

}  // namespace

std::string StorePath(const std::string& directory) { return directory + "/store.db"; }

absl::Status ForStoreCaller(absl::Status status) {
  if (absl::IsFailedPrecondition(status)) return absl::UnavailableError(status.message());
  if (absl::IsDataLoss(status) || absl::IsAlreadyExists(status)) {
    return absl::InternalError(absl::StrCat("store damaged: ", status.message()));
  }
  return status;
}

absl::StatusOr<std::unique_ptr<DirectoryLock>> LockStore(const std::string& directory) {
  return DirectoryLock::Take(directory,
                             {.file = "store.lock", .what = "data directory", .owner = "server"});
}

absl::Status CheckStoreFile(SqliteDb& db) {
  RK_ASSIGN_OR_RETURN(const int64_t application, db.QueryInt("PRAGMA application_id"));
  RK_ASSIGN_OR_RETURN(const int64_t version, db.QueryInt("PRAGMA user_version"));
  if (application != kStoreApplicationId) {
    return absl::DataLossError("a database, but not a store of the API server (application_id)");
  }
  if (version > kStoreVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("store version ", version, " is newer than ", kStoreVersion,
                     ", the newest that this program reads; it was left as it is"));
  }
  if (version < 1) {
    return absl::DataLossError(absl::StrCat("store version ", version, " does not exist"));
  }
  return absl::OkStatus();
}

absl::StatusOr<SqliteDb> ConnectStore(const std::string& path, Access access) {
  RK_ASSIGN_OR_RETURN(SqliteDb db, SqliteDb::Open(path, ""));
  sqlite3_busy_timeout(db.get(), kBusyMilliseconds);
  RK_RETURN_IF_ERROR(db.Exec(access == Access::kWrite ? kWriterSetup : kReaderSetup));
  return db;
}

absl::Status PrepareStore(const std::string& directory) {
  const std::string path = StorePath(directory);
  // Secrets are in it.
  RK_RETURN_IF_ERROR(MakePrivateFile(directory, path).status());
  RK_ASSIGN_OR_RETURN(SqliteDb db, ConnectStore(path, Access::kWrite));
  absl::Status status = [&]() -> absl::Status {
    RK_ASSIGN_OR_RETURN(const bool empty, IsEmpty(db));
    if (!empty) RK_RETURN_IF_ERROR(CheckStoreFile(db));
    RK_ASSIGN_OR_RETURN(const std::string mode, db.QueryText("PRAGMA journal_mode=WAL"));
    if (mode != "wal") return absl::UnavailableError(absl::StrCat("cannot use a WAL (", mode, ")"));
    return empty ? MakeTables(db) : absl::OkStatus();
  }();
  if (absl::IsDataLoss(status)) {
    return absl::DataLossError(absl::StrCat(path, " cannot be used: ", status.message(),
                                            "; restore a backup or move the file away"));
  }
  return Annotate(status, path);
}

absl::StatusOr<Marks> ReadMarks(SqliteStatement& statement) {
  RK_ASSIGN_OR_RETURN(const bool row, statement.Step());
  const Marks marks{row ? statement.ColumnInt(0) : 0, row ? statement.ColumnInt(1) : 0};
  statement.Reset();
  if (!row) return absl::DataLossError("the table meta is empty");
  return marks;
}

}  // namespace rekindle::apiserver
