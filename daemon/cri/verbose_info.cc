#include "daemon/cri/verbose_info.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "daemon/cri/go_json.h"
#include "daemon/cri/utf8.h"

namespace rekindle::cri {
namespace {

using nlohmann::json;
using ::runtime::v1::ContainerConfig;
using ::runtime::v1::NamespaceMode;

std::string StringOr(const json* value, const std::string& fallback) {
  const auto* text = value == nullptr ? nullptr : value->get_ptr<const json::string_t*>();
  return text == nullptr ? fallback : *text;
}

absl::StatusOr<std::int64_t> Pid(const json& document) {
  const json* pid = Member(document, "pid");
  if (pid == nullptr) return 0;
  return ToInt64(*pid, "pid");
}

absl::Status ReadConfig(const json& document, google::protobuf::Message& config) {
  const json* value = Member(document, "config");
  if (value == nullptr) return absl::InvalidArgumentError("config: missing");
  return FromGoJson(*value, "config", config);
}

// The environment of the process, one "key=value" each.
absl::flat_hash_set<std::string> ProcessEnv(const json& spec) {
  absl::flat_hash_set<std::string> entries;
  const json* process = Member(spec, "process");
  const json* env = process == nullptr ? nullptr : Member(*process, "env");
  if (env == nullptr || !env->is_array()) return entries;
  for (const json& entry : *env) {
    if (const auto* text = entry.get_ptr<const json::string_t*>()) entries.insert(*text);
  }
  return entries;
}

// Strict: only what an encoder writes. Absl's decoder also takes text without padding, which
// would let ordinary words pass for base64.
std::optional<std::string> FromBase64(const std::string& text) {
  std::string bytes;
  if (text.size() % 4 != 0 || !absl::Base64Unescape(text, &bytes)) return std::nullopt;
  if (absl::Base64Escape(bytes) != text) return std::nullopt;
  return bytes;
}

// Which of two readings of the values agrees with the environment of the process.
struct EnvEvidence {
  bool plain = false;
  bool base64 = false;
};

EnvEvidence WeighEnv(const ContainerConfig& config,
                     const absl::flat_hash_set<std::string>& process) {
  // Of a key given twice the last one counts for the process.
  absl::flat_hash_map<std::string, const std::string*> values;
  for (const auto& env : config.envs()) values[env.key()] = &env.value();
  EnvEvidence evidence;
  for (const auto& [key, value] : values) {
    if (value->empty()) continue;  // reads the same either way
    const bool plain = process.contains(absl::StrCat(key, "=", *value));
    // The spec is JSON: bytes which are not UTF-8 went through Go's replacement.
    const auto bytes = FromBase64(*value);
    const bool base64 =
        bytes.has_value() && process.contains(absl::StrCat(key, "=", ReplaceInvalidUtf8(*bytes)));
    if (plain && !base64) evidence.plain = true;
    if (base64 && !plain) evidence.base64 = true;
  }
  return evidence;
}

// Rule 5 of 1.11. A document is written by one encoder, so the decision is one for all values:
// a single password that happens to look like base64 must not be taken apart.
absl::Status DecodeEnv(const json& spec, ContainerConfig& config) {
  const EnvEvidence evidence = WeighEnv(config, ProcessEnv(spec));
  if (!evidence.base64) return absl::OkStatus();
  if (evidence.plain) {
    return absl::InvalidArgumentError(
        "config.envs: some values agree with runtimeSpec.process.env as they are and some as "
        "base64; cannot tell which they are");
  }
  for (int i = 0; i < config.envs_size(); ++i) {
    auto& env = *config.mutable_envs(i);
    auto bytes = FromBase64(env.value());
    if (!bytes.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "config.envs[", i, "].value: is not base64, but other values of the document are"));
    }
    env.set_value(*std::move(bytes));
  }
  return absl::OkStatus();
}

std::string NetworkNamespaceOf(const json& document) {
  const json* spec = Member(document, "runtimeSpec");
  const json* os = spec == nullptr ? nullptr : Member(*spec, "linux");
  const json* list = os == nullptr ? nullptr : Member(*os, "namespaces");
  if (list == nullptr || !list->is_array()) return "";
  for (const json& ns : *list) {
    if (StringOr(Member(ns, "type"), "") == "network") return StringOr(Member(ns, "path"), "");
  }
  return "";
}

}  // namespace

absl::StatusOr<ContainerInfo> ParseContainerInfo(std::string_view text) {
  RK_ASSIGN_OR_RETURN(json document, ParseJsonObject({text.data(), text.size()}));
  ContainerInfo info;
  RK_RETURN_IF_ERROR(ReadConfig(document, info.config));
  info.sandbox_id = StringOr(Member(document, "sandboxID"), "");
  RK_ASSIGN_OR_RETURN(info.pid, Pid(document));
  const json* removing = Member(document, "removing");
  info.removing = removing != nullptr && *removing == true;
  if (auto spec = document.find("runtimeSpec"); spec != document.end()) {
    info.runtime_spec = std::move(*spec);
  }
  RK_RETURN_IF_ERROR(DecodeEnv(info.runtime_spec, info.config));
  return info;
}

absl::StatusOr<SandboxInfo> ParseSandboxInfo(std::string_view text) {
  RK_ASSIGN_OR_RETURN(const json document, ParseJsonObject({text.data(), text.size()}));
  SandboxInfo info;
  RK_RETURN_IF_ERROR(ReadConfig(document, info.config));
  RK_ASSIGN_OR_RETURN(info.pid, Pid(document));
  // An empty path means the host's network to callers, who may send requests there. So it is
  // never what remains when something could not be found.
  const auto& options = info.config.linux().security_context().namespace_options();
  if (options.network() == NamespaceMode::NODE) return info;
  info.netns_path = NetworkNamespaceOf(document);
  if (info.netns_path.empty() && info.pid > 0) {
    info.netns_path = absl::StrCat("/proc/", info.pid, "/ns/net");
  }
  if (info.netns_path.empty()) {
    return absl::InvalidArgumentError(
        "runtimeSpec.linux.namespaces: no path of the network namespace, and no pid");
  }
  return info;
}

}  // namespace rekindle::cri
