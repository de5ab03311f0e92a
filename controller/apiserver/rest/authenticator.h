#ifndef REKINDLE_CONTROLLER_APISERVER_REST_AUTHENTICATOR_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_AUTHENTICATOR_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/base/sync.h"
#include "controller/apiserver/registry/registry.h"
#include "controller/apiserver/rest/http_types.h"

namespace rekindle::apiserver {

// Bearer tokens by the hash of the token, so that a look-up tells nothing by the time it takes.
using TokenTable = std::map<std::string, User>;

// Reads a token file: a line for each token, `token,user,uid,"group1,group2"`; the groups may be
// left out; empty lines and those that begin with # are comments. Errors: kInvalidArgument with the
// line's number, never with a token. Pure.
absl::StatusOr<TokenTable> ParseTokens(const std::string& text);

// The hash that names a token in a TokenTable.
std::string TokenHash(absl::string_view token);

// A file of tokens, read again when it changes. While it cannot be read the last good one stays in
// force. Threads: thread-safe.
class TokenFile {
 public:
  // Errors: those of ParseTokens; kNotFound, kPermissionDenied; kFailedPrecondition when others
  // than its owner can read it.
  static absl::StatusOr<std::unique_ptr<TokenFile>> Open(const std::string& path);

  // Null: nobody has this token.
  std::shared_ptr<const User> Find(absl::string_view token);

 private:
  explicit TokenFile(std::string path) : path_(std::move(path)) {}
  absl::Status Refresh() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  Mutex mutex_;
  int64_t stamp_ ABSL_GUARDED_BY(mutex_) = -1;
  std::shared_ptr<const TokenTable> table_ ABSL_GUARDED_BY(mutex_);
};

// Finds out who asks: client certificate, then bearer token; without either the anonymous user.
// Groups "system:authenticated" and "system:unauthenticated" are added. Admins may ask in the name
// of somebody else (Impersonate-User, Impersonate-Group). Errors, with an ApiError: 401 for
// credentials that are wrong, 403 for an impersonation that is not allowed.
// Threads: thread-safe. `tokens` may be null.
absl::StatusOr<User> Authenticate(const HttpRequest& request, TokenFile* tokens);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_AUTHENTICATOR_H_
