#ifndef REKINDLE_CONTROLLER_APISERVER_STORE_STORE_FILE_H_
#define REKINDLE_CONTROLLER_APISERVER_STORE_STORE_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/sqlite/database_files.h"
#include "common/sqlite/sqlite_db.h"
#include "controller/apiserver/store/store.h"

namespace rekindle::apiserver {

// The files of a store (docs/formats/store.md):
//
//   <directory>/             0700, made when missing
//     store.lock             held (flock) while a server uses the directory
//     store.db, -wal, -shm   0600; SQLite, WAL
inline constexpr int64_t kStoreApplicationId = 0x524b5354;  // "RKST"
inline constexpr int64_t kStoreVersion = 1;

std::string StorePath(const std::string& directory);

// The right to write to the directory. Errors: as DirectoryLock::Take.
absl::StatusOr<std::unique_ptr<DirectoryLock>> LockStore(const std::string& directory);

// Makes an empty store unless there is one, brings it to kStoreVersion, and switches it to a WAL.
// The directory's lock must be held. Errors: kFailedPrecondition (of a newer version; left as it
// is), kDataLoss (damaged, or another kind of file), kResourceExhausted, kUnavailable.
absl::Status PrepareStore(const std::string& directory);

// A connection to a prepared store. A reader cannot change anything. Errors: as SqliteError.
enum class Access { kRead, kWrite };
absl::StatusOr<SqliteDb> ConnectStore(const std::string& path, Access access);

// Whether the file that `db` has open is a store of a version that is known. Errors: as
// PrepareStore, except kFailedPrecondition only for a newer version.
absl::Status CheckStoreFile(SqliteDb& db);

// The newest revision and the one up to which history was compacted, in the current transaction.
struct Marks {
  Revision newest = 0;
  Revision compacted = 0;
};
absl::StatusOr<Marks> ReadMarks(SqliteStatement& statement);
inline constexpr char kMarksSql[] =
    "SELECT max(floor, ifnull((SELECT max(revision) FROM states), 0)), compacted FROM meta";

// Errors of the file as callers of a store get them: kResourceExhausted stays, a locked file is
// kUnavailable, a damaged one kInternal.
absl::Status ForStoreCaller(absl::Status status);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_STORE_STORE_FILE_H_
