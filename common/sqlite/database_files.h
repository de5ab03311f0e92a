#ifndef REKINDLE_COMMON_SQLITE_DATABASE_FILES_H_
#define REKINDLE_COMMON_SQLITE_DATABASE_FILES_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// The directory of a database and the files in it. Threads: any.
namespace rekindle {

// What `errno` says of what was attempted: kResourceExhausted for a full disk, a quota or a
// file-size limit, else kUnavailable.
absl::Status DiskError(absl::string_view attempted);

// Makes a directory's entries durable. Errors: as DiskError.
absl::Status SyncDirectory(const std::string& directory);
// Makes a file's content durable. Errors: as DiskError.
absl::Status SyncFile(const std::string& path);

// The right to use a directory, until it is destroyed; gone with the process, however that ends.
class DirectoryLock {
 public:
  struct Names {
    std::string file;   // of the lock, in the directory
    std::string what;   // for messages: "state directory"
    std::string owner;  // "daemon"
  };
  // Makes the directory (0700) when it is missing; its parent must exist.
  // Errors: kFailedPrecondition (somebody else has it), as DiskError.
  static absl::StatusOr<std::unique_ptr<DirectoryLock>> Take(const std::string& directory,
                                                             const Names& names);

  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  const int fd_;
};

// Makes the file, empty and durable, unless there is one; whatever made it, nobody but its owner
// may read or write it then. `path` is in `directory`. Returns its size.
// Errors: kUnavailable (not a regular file), as DiskError.
absl::StatusOr<int64_t> MakePrivateFile(const std::string& directory, const std::string& path);

}  // namespace rekindle

#endif  // REKINDLE_COMMON_SQLITE_DATABASE_FILES_H_
