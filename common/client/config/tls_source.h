#ifndef REKINDLE_COMMON_CLIENT_CONFIG_TLS_SOURCE_H_
#define REKINDLE_COMMON_CLIENT_CONFIG_TLS_SOURCE_H_

#include <array>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/client/config/client_config.h"
#include "common/client/config/small_file.h"
#include "common/client/http/transport.h"

namespace rekindle::client {

// Checks that both are PEM and belong together. Errors: kInvalidArgument. Threads: any.
absl::Status CheckKeyPair(const std::string& certificate, const std::string& key);
// Checks that `text` holds a certificate in PEM. Errors: kInvalidArgument.
absl::Status CheckAuthority(const std::string& text);

// Authority, certificate and key of a configuration, followed as their files change. While they
// cannot be read, or do not fit each other, the last good set stays in force.
// Threads: thread-compatible. Blocking reads of small local files.
class TlsSource {
 public:
  // Errors: naming the file or field; that of an authority begins with "unable to read
  // certificate-authority".
  static absl::StatusOr<std::unique_ptr<TlsSource>> Open(const ClientConfig& config);

  // Looks whether a file has changed. True when another set is in force than before.
  bool Refresh();
  const std::shared_ptr<const TlsIdentity>& identity() const { return identity_; }
  // Why the files as they are cannot be used; OK when they are in force.
  const absl::Status& last_error() const { return last_error_; }

 private:
  explicit TlsSource(const ClientConfig& config) : config_(config) {}
  std::array<FileStamp, 3> Stamps() const;
  absl::StatusOr<TlsIdentity> Read() const;

  const ClientConfig config_;
  std::array<FileStamp, 3> stamps_;
  std::shared_ptr<const TlsIdentity> identity_;
  absl::Status last_error_;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_CONFIG_TLS_SOURCE_H_
