#include "common/client/config/exec_credential.h"

#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/base/run_program.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"

namespace rekindle::client {
namespace {

// A person may have to type something.
constexpr absl::Duration kPluginLimit = absl::Minutes(1);
constexpr size_t kMostOutput = 1 << 20;

absl::Status Wrong(absl::string_view what) { return absl::InvalidArgumentError(what); }

}  // namespace

std::string ExecInfo(const ClientConfig& config, const std::string& authority, bool interactive) {
  const ExecPlugin& plugin = *config.user.exec;
  Json spec = {{"interactive", interactive}};
  if (plugin.provide_cluster_info) {
    Json cluster = {{"server", config.cluster.server}};
    if (!config.cluster.tls_server_name.empty()) {
      cluster["tls-server-name"] = config.cluster.tls_server_name;
    }
    if (config.cluster.insecure_skip_verify) cluster["insecure-skip-tls-verify"] = true;
    if (!authority.empty()) cluster["certificate-authority-data"] = absl::Base64Escape(authority);
    if (!config.cluster.exec_config.empty()) {
      absl::StatusOr<Json> inner = json::Parse(config.cluster.exec_config);
      if (inner.ok()) cluster["config"] = *std::move(inner);
    }
    spec["cluster"] = std::move(cluster);
  }
  return json::Dump(
      {{"kind", "ExecCredential"}, {"apiVersion", plugin.api_version}, {"spec", std::move(spec)}});
}

absl::StatusOr<ExecCredential> ParseExecCredential(absl::string_view text,
                                                   const std::string& api_version) {
  absl::StatusOr<Json> tree = json::Parse(text);
  if (!tree.ok()) return Wrong(absl::StrCat("exec plugin: ", tree.status().message()));
  if (const absl::string_view kind = json::String(*tree, "kind"); kind != "ExecCredential") {
    return Wrong(absl::StrCat("exec plugin: kind is \"", kind, "\", not \"ExecCredential\""));
  }
  if (const absl::string_view version = json::String(*tree, "apiVersion"); version != api_version) {
    return Wrong(absl::StrCat("exec plugin is configured to use API version ", api_version,
                              ", plugin returned version ", version));
  }
  const Json* status = json::Find(*tree, "status");
  if (status == nullptr || !status->is_object()) {
    return Wrong("exec plugin didn't return a status field");
  }
  ExecCredential out;
  out.token = std::string(json::String(*status, "token"));
  out.certificate = std::string(json::String(*status, "clientCertificateData"));
  out.key = std::string(json::String(*status, "clientKeyData"));
  if (out.certificate.empty() != out.key.empty()) {
    return Wrong("exec plugin returned only certificate or key, not both");
  }
  if (out.token.empty() && out.certificate.empty()) {
    return Wrong("exec plugin didn't return a token or cert/key pair");
  }
  if (json::Find(*status, "expirationTimestamp") != nullptr) {
    const absl::string_view stamp = json::String(*status, "expirationTimestamp");
    const std::optional<absl::Time> expires = api::ParseTime(stamp);
    if (!expires.has_value()) {
      return Wrong(
          absl::StrCat("exec plugin: status.expirationTimestamp: \"", stamp, "\" is no time"));
    }
    out.expires = *expires;
  }
  return out;
}

absl::StatusOr<ExecCredential> RunExecPlugin(const ClientConfig& config,
                                             const std::string& authority, bool terminal,
                                             const std::atomic<bool>& interrupted) {
  const ExecPlugin& plugin = *config.user.exec;
  using Mode = ExecPlugin::Interactive;
  if (plugin.interactive == Mode::kAlways && !terminal) {
    return absl::FailedPreconditionError(
        absl::StrCat("exec: ", plugin.command, ": needs a terminal (interactiveMode Always), and ",
                     "standard input is none"));
  }
  const bool interactive = terminal && plugin.interactive != Mode::kNever;
  RunProgramOptions options = {.env = plugin.env,
                               .own_input = interactive,
                               .errors_pass = true,
                               .max_output_bytes = kMostOutput};
  options.env.emplace_back("KUBERNETES_EXEC_INFO", ExecInfo(config, authority, interactive));
  std::vector<std::string> argv = {plugin.command};
  argv.insert(argv.end(), plugin.args.begin(), plugin.args.end());
  const absl::StatusOr<std::string> said = RunProgram(argv, kPluginLimit, interrupted, options);
  if (!said.ok()) {
    const bool hint = absl::IsNotFound(said.status()) && !plugin.install_hint.empty();
    return absl::Status(said.status().code(),
                        absl::StrCat("exec: ", said.status().message(), hint ? "\n" : "",
                                     hint ? plugin.install_hint : ""));
  }
  return ParseExecCredential(*said, plugin.api_version);
}

}  // namespace rekindle::client
