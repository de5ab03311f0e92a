#include "common/sqlite/sqlite_db.h"

#include <errno.h>
#include <string.h>

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"

namespace rekindle {
namespace {

absl::StatusCode CodeOf(int code, int system_error) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:     // our SQL is fixed: it fails to compile only on a foreign schema
    case SQLITE_MISMATCH:  // likewise
    case SQLITE_SCHEMA:
    case SQLITE_TOOBIG:
      return absl::StatusCode::kDataLoss;
    case SQLITE_CONSTRAINT:
      return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY
                 ? absl::StatusCode::kAlreadyExists
                 : absl::StatusCode::kDataLoss;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::StatusCode::kFailedPrecondition;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      if (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG) {
        return absl::StatusCode::kResourceExhausted;
      }
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

}  // namespace

absl::Status SqliteError(sqlite3* db, int code, absl::string_view attempted) {
  // SQLite does not record the system's error of a failed COMMIT, so errno goes first; callers
  // clear it beforehand.
  int system_error = errno;
  if (system_error == 0 && db != nullptr) system_error = sqlite3_system_errno(db);
  std::string message = absl::StrCat(attempted, ": ", sqlite3_errstr(code));
  if (db != nullptr && sqlite3_errcode(db) == (code & 0xff)) {
    absl::StrAppend(&message, " (", sqlite3_errmsg(db), ")");
  }
  const int base = code & 0xff;
  if ((base == SQLITE_IOERR || base == SQLITE_CANTOPEN) && system_error != 0) {
    absl::StrAppend(&message, ": ", strerror(system_error));
  }
  return absl::Status(CodeOf(code, system_error), message);
}

absl::StatusOr<SqliteStatement> SqliteStatement::Prepare(sqlite3* db, absl::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) return SqliteError(db, sqlite3_extended_errcode(db), "prepare");
  SqliteStatement statement;
  statement.statement_.reset(raw);
  return statement;
}

void SqliteStatement::BindText(int index, absl::string_view text) {
  // A null pointer would bind NULL instead of an empty text.
  sqlite3_bind_text(statement_.get(), index, text.data() == nullptr ? "" : text.data(),
                    static_cast<int>(text.size()), SQLITE_STATIC);
}

void SqliteStatement::BindBlob(int index, absl::string_view bytes) {
  // A null pointer would bind NULL instead of an empty blob.
  sqlite3_bind_blob(statement_.get(), index, bytes.data() == nullptr ? "" : bytes.data(),
                    static_cast<int>(bytes.size()), SQLITE_STATIC);
}

void SqliteStatement::BindInt(int index, int64_t value) {
  sqlite3_bind_int64(statement_.get(), index, value);
}

absl::StatusOr<bool> SqliteStatement::Step() {
  errno = 0;
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3* db = sqlite3_db_handle(statement_.get());
  return SqliteError(db, sqlite3_extended_errcode(db), sqlite3_sql(statement_.get()));
}

absl::Status SqliteStatement::Run() {
  absl::Status status;
  while (true) {
    absl::StatusOr<bool> row = Step();
    if (row.ok() && *row) continue;
    status = row.status();
    break;
  }
  Reset();
  return status;
}

void SqliteStatement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::string SqliteStatement::ColumnBytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (data == nullptr || size <= 0) return {};
  return std::string(static_cast<const char*>(data), static_cast<size_t>(size));
}

absl::StatusOr<SqliteDb> SqliteDb::Open(const std::string& path, const std::string& vfs) {
  sqlite3* raw = nullptr;
  errno = 0;
  const int code = sqlite3_open_v2(
      path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      vfs.empty() ? nullptr : vfs.c_str());
  SqliteDb db;
  db.db_.reset(raw);
  if (code != SQLITE_OK) return SqliteError(raw, code, absl::StrCat("open ", path));
  // A connection that only looks (and refuses) must leave every byte as it was.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  int persist = 1;
  sqlite3_file_control(raw, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
  return db;
}

absl::Status SqliteDb::Exec(const char* sql) {
  errno = 0;
  if (sqlite3_exec(get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return absl::OkStatus();
  return SqliteError(get(), sqlite3_extended_errcode(get()), sql);
}

absl::StatusOr<int64_t> SqliteDb::QueryInt(const char* sql) {
  RK_ASSIGN_OR_RETURN(SqliteStatement statement, SqliteStatement::Prepare(get(), sql));
  RK_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.ColumnInt(0) : 0;
}

absl::StatusOr<std::string> SqliteDb::QueryText(const char* sql) {
  RK_ASSIGN_OR_RETURN(SqliteStatement statement, SqliteStatement::Prepare(get(), sql));
  RK_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.ColumnBytes(0) : std::string();
}

}  // namespace rekindle
