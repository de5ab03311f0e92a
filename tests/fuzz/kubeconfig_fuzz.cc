// Kubeconfig files and what exec plugins print: no crash, no exception, errors of the promised
// kinds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "common/client/config/exec_credential.h"
#include "common/client/config/kubeconfig.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto config = rekindle::client::ParseKubeconfig(text, "/dir/file");
  if (config.ok()) {
    for (const auto& [name, context] : config->contexts) {
      const auto resolved = rekindle::client::ResolveContext(*config, name);
      // What was accepted has a server, and paths that do not depend on the working directory.
      if (resolved.ok() && resolved->cluster.server.empty()) std::abort();
      if (resolved.ok() && !resolved->user.token_file.empty() &&
          resolved->user.token_file[0] != '/') {
        std::abort();
      }
    }
  } else if (!absl::IsInvalidArgument(config.status()) && !absl::IsUnimplemented(config.status())) {
    std::abort();
  }
  const auto credential =
      rekindle::client::ParseExecCredential(text, "client.authentication.k8s.io/v1");
  if (credential.ok()) {
    if (credential->token.empty() && credential->certificate.empty()) std::abort();
    if (credential->certificate.empty() != credential->key.empty()) std::abort();
  } else if (!absl::IsInvalidArgument(credential.status())) {
    std::abort();
  }
  return 0;
}
