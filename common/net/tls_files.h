#ifndef REKINDLE_COMMON_NET_TLS_FILES_H_
#define REKINDLE_COMMON_NET_TLS_FILES_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/base/sync.h"

namespace rekindle::net {

// PEM files of one end of mutual TLS.
struct TlsPaths {
  std::string certificate;  // own certificate first, then intermediates
  std::string key;
  std::string ca;  // who may have signed the other side
};

// What the files held when they were last found to be consistent.
struct TlsMaterial {
  std::string certificate_pem;
  std::string key_pem;
  std::string ca_pem;
  absl::Time not_after;  // of the own certificate
};

// Reads the three files and checks that they parse and that the key fits the certificate.
// Errors: kInvalidArgument, kNotFound or kPermissionDenied, naming the path. An own certificate
// that has expired is no error here: the other side refuses it.
// Threads: any. Blocking reads of small local files.
absl::StatusOr<TlsMaterial> LoadTlsMaterial(const TlsPaths& paths);

// The files of TlsPaths, followed as they change. While they are unreadable or do not fit each
// other (somebody is replacing them one by one), the last good set stays in force.
// Threads: thread-safe.
class TlsFiles {
 public:
  // Errors: as LoadTlsMaterial.
  static absl::StatusOr<std::shared_ptr<TlsFiles>> Open(const TlsPaths& paths);

  // Looks whether a file has changed (three stat calls) and takes the new set if it is good.
  // Returns what is in force. Never null.
  std::shared_ptr<const TlsMaterial> Refresh();

  // Why the files as they are now cannot be used; OK when they are in force.
  absl::Status last_error() const;

 private:
  // What tells one version of a file from another without reading it.
  struct Stamp {
    int64_t mtime_ns = 0;
    uint64_t inode = 0;
    int64_t size = -1;
    bool operator==(const Stamp&) const = default;
  };
  using Stamps = std::array<Stamp, 3>;

  TlsFiles(const TlsPaths& paths, const Stamps& stamps, TlsMaterial material);
  static Stamps ReadStamps(const TlsPaths& paths);

  const TlsPaths paths_;
  mutable Mutex mutex_;
  Stamps stamps_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const TlsMaterial> material_ ABSL_GUARDED_BY(mutex_);
  absl::Status last_error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rekindle::net

#endif  // REKINDLE_COMMON_NET_TLS_FILES_H_
