#ifndef REKINDLE_COMMON_CLIENT_CONFIG_EXEC_CREDENTIAL_H_
#define REKINDLE_COMMON_CLIENT_CONFIG_EXEC_CREDENTIAL_H_

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/client/config/client_config.h"

namespace rekindle::client {

// What an exec plugin printed (spec kubernetes-api 11.5).
struct ExecCredential {
  std::string token;
  std::string certificate;  // PEM; set together with the key
  std::string key;
  absl::Time expires = absl::InfiniteFuture();
};

// What the plugin is told in KUBERNETES_EXEC_INFO. `authority` is the cluster's, in PEM.
std::string ExecInfo(const ClientConfig& config, const std::string& authority, bool interactive);

// Reads what the plugin wrote. Errors: kInvalidArgument with the texts that the specification has
// for a wrong version, a missing status and a certificate without key.
// Pure; fuzzed by tests/fuzz/kubeconfig_fuzz.cc.
absl::StatusOr<ExecCredential> ParseExecCredential(absl::string_view text,
                                                   const std::string& api_version);

// Runs the plugin of `config.user` and reads what it says; blocks until it ends, a minute at most.
// `terminal`: this program's standard input is a person's. Errors: those of RunProgram, put behind
// "exec: ", with the install hint where the program does not exist; those of ParseExecCredential;
// kFailedPrecondition when the plugin needs a terminal and there is none.
absl::StatusOr<ExecCredential> RunExecPlugin(const ClientConfig& config,
                                             const std::string& authority, bool terminal,
                                             const std::atomic<bool>& interrupted);

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_CONFIG_EXEC_CREDENTIAL_H_
