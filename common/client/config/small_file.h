#ifndef REKINDLE_COMMON_CLIENT_CONFIG_SMALL_FILE_H_
#define REKINDLE_COMMON_CLIENT_CONFIG_SMALL_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace rekindle::client {

// Reads a regular file of at most 1 MiB. Errors: kNotFound, kPermissionDenied or another code of
// the system's error, kInvalidArgument when it is no such file; the message names the path.
// Threads: any. A blocking read.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path);

bool FileExists(const std::string& path);

// What tells one version of a file from another without reading it. Files are replaced by renames
// of links as well (projected volumes), so the path is looked up each time.
struct FileStamp {
  int64_t mtime_ns = 0;
  uint64_t inode = 0;
  int64_t size = -1;  // -1: there is none
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
FileStamp StampOf(const std::string& path);

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_CONFIG_SMALL_FILE_H_
