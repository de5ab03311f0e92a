#ifndef REKINDLE_COMMON_SQLITE_SQLITE_DB_H_
#define REKINDLE_COMMON_SQLITE_SQLITE_DB_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include <sqlite3.h>

namespace rekindle {

// What an SQLite result code asks the caller to do, as a status:
//   full disk, quota, file-size limit          kResourceExhausted
//   damaged file, not a database, wrong schema kDataLoss
//   unique key taken                           kAlreadyExists
//   locked by somebody else                    kFailedPrecondition
//   anything else (I/O, read-only, memory)     kUnavailable
// `db` may be null; errno must be 0 or that of the failure. Threads: as the connection.
absl::Status SqliteError(sqlite3* db, int code, absl::string_view attempted);

// One prepared statement. Parameters count from 1, columns from 0.
// Threads: as its connection.
class SqliteStatement {
 public:
  SqliteStatement() = default;

  // Errors: see SqliteError.
  static absl::StatusOr<SqliteStatement> Prepare(sqlite3* db, absl::string_view sql);

  // The bytes must live until the next Reset.
  void BindText(int index, absl::string_view text);
  void BindBlob(int index, absl::string_view bytes);
  void BindInt(int index, int64_t value);

  // True: there is a row to read.
  absl::StatusOr<bool> Step();

  // Runs a statement without rows to its end and resets it.
  absl::Status Run();

  void Reset();

  int ColumnType(int column) const { return sqlite3_column_type(statement_.get(), column); }
  int64_t ColumnInt(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  // Text or blob as it is.
  std::string ColumnBytes(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// One connection. Closing it changes nothing in the file (no checkpoint, the WAL stays).
// Threads: one at a time.
class SqliteDb {
 public:
  // Opens an existing file for reading and writing. `vfs` names the file layer; empty: the default.
  static absl::StatusOr<SqliteDb> Open(const std::string& path, const std::string& vfs);

  SqliteDb() = default;
  SqliteDb(SqliteDb&&) = default;
  SqliteDb& operator=(SqliteDb&&) = default;

  absl::Status Exec(const char* sql);

  // First column of the first row.
  absl::StatusOr<int64_t> QueryInt(const char* sql);
  absl::StatusOr<std::string> QueryText(const char* sql);

  sqlite3* get() const { return db_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace rekindle

#endif  // REKINDLE_COMMON_SQLITE_SQLITE_DB_H_
