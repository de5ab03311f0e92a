#include "daemon/restart/replacement/env_overrides.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "common/base/status_macros.h"
#include "daemon/cri/go_json.h"

namespace rekindle::restart {
namespace {

using ::runtime::v1::ContainerConfig;

constexpr absl::string_view kNul("\0", 1);

absl::Status CheckName(absl::string_view list, const std::string& name) {
  if (name.empty() || absl::StrContains(name, "=") || absl::StrContains(name, kNul)) {
    return absl::InvalidArgumentError(
        absl::StrCat(list, ": \"", name, "\" is not the name of a variable"));
  }
  return absl::OkStatus();
}

absl::Status CheckOverrides(const std::vector<std::pair<std::string, std::string>>& set,
                            const std::vector<std::string>& unset) {
  absl::flat_hash_set<absl::string_view> names;
  for (const auto& [name, value] : set) {
    RK_RETURN_IF_ERROR(CheckName("env", name));
    if (absl::StrContains(value, kNul)) {
      return absl::InvalidArgumentError(absl::StrCat("env: the value of ", name, " holds NUL"));
    }
    if (!names.insert(name).second) {
      return absl::InvalidArgumentError(absl::StrCat("env: ", name, " is set twice"));
    }
  }
  for (const auto& name : unset) {
    RK_RETURN_IF_ERROR(CheckName("unset_env", name));
    if (names.contains(name)) {
      return absl::InvalidArgumentError(absl::StrCat("unset_env: ", name, " is also set"));
    }
  }
  return absl::OkStatus();
}

bool InConfig(const ContainerConfig& config, const std::string& name) {
  return std::any_of(config.envs().begin(), config.envs().end(),
                     [&](const auto& env) { return env.key() == name; });
}

bool InProcess(const nlohmann::json& spec, const std::string& name) {
  const auto* process = cri::Member(spec, "process");
  const auto* env = process == nullptr ? nullptr : cri::Member(*process, "env");
  if (env == nullptr || !env->is_array()) return false;
  return std::any_of(env->begin(), env->end(), [&](const nlohmann::json& entry) {
    const auto* text = entry.get_ptr<const nlohmann::json::string_t*>();
    return text != nullptr && absl::StartsWith(*text, absl::StrCat(name, "="));
  });
}

}  // namespace

absl::Status ApplyEnvOverrides(const std::vector<std::pair<std::string, std::string>>& set,
                               const std::vector<std::string>& unset,
                               const nlohmann::json& runtime_spec, ContainerConfig& config) {
  RK_RETURN_IF_ERROR(CheckOverrides(set, unset));
  for (const auto& name : unset) {
    if (!InConfig(config, name) && InProcess(runtime_spec, name)) {
      return absl::FailedPreconditionError(
          absl::StrCat("unset_env: ", name,
                       " comes from the image or the runtime and cannot be unset, only set"));
    }
  }
  const absl::flat_hash_set<std::string> gone(unset.begin(), unset.end());
  absl::flat_hash_map<absl::string_view, const std::string*> pending;
  for (const auto& [name, value] : set) pending[name] = &value;

  absl::flat_hash_set<std::string> done;
  ContainerConfig result;
  for (auto& env : *config.mutable_envs()) {
    const auto found = pending.find(env.key());
    if (gone.contains(env.key())) continue;
    if (found == pending.end()) {
      *result.add_envs() = std::move(env);
    } else if (done.insert(env.key()).second) {
      *result.add_envs() = std::move(env);
      result.mutable_envs()->rbegin()->set_value(*found->second);
    }
  }
  for (const auto& [name, value] : set) {
    if (done.contains(name)) continue;
    auto& env = *result.add_envs();
    env.set_key(name);
    env.set_value(value);
  }
  config.mutable_envs()->Swap(result.mutable_envs());
  return absl::OkStatus();
}

}  // namespace rekindle::restart
