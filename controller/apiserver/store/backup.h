#ifndef REKINDLE_CONTROLLER_APISERVER_STORE_BACKUP_H_
#define REKINDLE_CONTROLLER_APISERVER_STORE_BACKUP_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

#include "controller/apiserver/store/store.h"

namespace rekindle::apiserver {

struct BackupSummary {
  Revision revision = 0;
  int64_t objects = 0;
  int64_t bytes = 0;  // of the file
};

// Writes all of a store, as it is at one moment, to `file` (0600), which must not exist. A server
// may go on using the store, in this process or another; nobody waits. The file appears under its
// name once it is whole and durable. Errors: kNotFound (no store), kAlreadyExists, kDataLoss
// (damaged, or not a store), kFailedPrecondition (a newer version), kResourceExhausted,
// kUnavailable. Blocks. Threads: any.
absl::StatusOr<BackupSummary> BackupStore(const std::string& directory, const std::string& file);

// Puts the objects of a backup into `directory` in place of what is there, which is kept as
// store.db.before-restore. No server may use the directory. Revisions go on well above those of
// the backup and of what was there, and nothing from before can be watched: clients list anew, and
// none mistakes a revision that was given out after the backup was made. Errors: as BackupStore;
// kFailedPrecondition too when a server uses the directory.
absl::StatusOr<BackupSummary> RestoreStore(const std::string& file, const std::string& directory);

// By how much a restore raises the revision.
inline constexpr Revision kRestoreLeap = 1'000'000'000;

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_STORE_BACKUP_H_
