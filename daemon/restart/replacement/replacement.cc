#include "daemon/restart/replacement/replacement.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

#include "common/base/status_macros.h"
#include "daemon/cri/utf8.h"
#include "daemon/cri/verbose_info.h"
#include "daemon/restart/replacement/env_overrides.h"
#include "daemon/restart/replacement/log_path.h"
#include "daemon/restart/replacement/resources_in_force.h"

namespace rekindle::restart {
namespace {

using ::runtime::v1::ContainerConfig;
using ::runtime::v1::ContainerStatusResponse;
using ::runtime::v1::NamespaceMode;
using ::runtime::v1::PodSandboxMetadata;
using ::runtime::v1::PodSandboxStatusResponse;

constexpr char kContainerNameLabel[] = "io.kubernetes.container.name";
constexpr char kPodUidLabel[] = "io.kubernetes.pod.uid";
constexpr char kRestartCount[] = "io.kubernetes.container.restartCount";
constexpr char kTerminationMessagePath[] = "io.kubernetes.container.terminationMessagePath";

template <typename... Args>
absl::Status Refuse(const Args&... args) {
  return absl::FailedPreconditionError(absl::StrCat(args...));
}

// Parses the verbose document of a reply. Whatever is wrong with it, the container cannot be
// rebuilt from it, so every error becomes kFailedPrecondition.
template <typename Reply, typename Parse>
auto InfoOf(const Reply& reply, absl::string_view what, Parse parse)
    -> decltype(parse(std::string_view())) {
  const auto it = reply.info().find("info");
  if (it == reply.info().end()) {
    return Refuse("the runtime gave no verbose info of the ", what);
  }
  auto info = parse(std::string_view(it->second));
  if (!info.ok()) return Refuse("verbose info of the ", what, ": ", info.status().message());
  return info;
}

// The sandbox must be the container's own, whole and alive. A create whose sandbox_config lacks
// its metadata ends the containerd process (1.3), and wrong metadata evades the lock on the
// container's name (1.4 rule 3): so what was stored is compared with what the sandbox says it is.
absl::Status CheckSandbox(const PodSandboxStatusResponse& reply, const cri::SandboxInfo& info,
                          const cri::ContainerInfo& container) {
  const auto& status = reply.status();
  if (status.id().empty()) return Refuse("sandbox status: id is missing");
  if (container.sandbox_id != status.id()) {
    return Refuse("the container belongs to sandbox ", container.sandbox_id, ", not to ",
                  status.id());
  }
  const PodSandboxMetadata& stored = info.config.metadata();
  const PodSandboxMetadata& actual = status.metadata();
  if (stored.name().empty() || stored.uid().empty() || stored.namespace_().empty()) {
    return Refuse("sandbox config.metadata: name, uid or namespace is missing");
  }
  if (stored.name() != actual.name() || stored.uid() != actual.uid() ||
      stored.namespace_() != actual.namespace_() || stored.attempt() != actual.attempt()) {
    return Refuse("sandbox config.metadata says ", stored.namespace_(), "/", stored.name(), " (",
                  stored.uid(), ", attempt ", stored.attempt(), "), its status says ",
                  actual.namespace_(), "/", actual.name(), " (", actual.uid(), ", attempt ",
                  actual.attempt(), ")");
  }
  if (status.state() != ::runtime::v1::SANDBOX_READY) {
    return Refuse("sandbox ", status.id(), " is not ready; nothing can be started in it");
  }
  return absl::OkStatus();
}

absl::Status CheckContainer(const ReplacementInput& input, const cri::ContainerInfo& info,
                            const PodSandboxMetadata& pod) {
  const auto& status = input.container->status();
  const auto& config = info.config;
  if (info.removing) return Refuse("container ", status.id(), " is being removed");
  if (config.metadata().name().empty()) return Refuse("config.metadata.name: missing");
  if (config.metadata().name() != status.metadata().name() ||
      config.metadata().attempt() != status.metadata().attempt()) {
    return Refuse("config.metadata says ", config.metadata().name(), " attempt ",
                  config.metadata().attempt(), ", the status says ", status.metadata().name(),
                  " attempt ", status.metadata().attempt());
  }
  if (input.attempt <= config.metadata().attempt()) {
    return Refuse("attempt ", input.attempt, " of the replacement must be above ",
                  config.metadata().attempt(), " of the container it replaces");
  }
  if (config.image().image().empty()) return Refuse("config.image.image: missing");
  const auto uid = config.labels().find(kPodUidLabel);
  if (uid != config.labels().end() && uid->second != pod.uid()) {
    return Refuse("config.labels[\"", kPodUidLabel, "\"] is ", uid->second,
                  ", the sandbox is of pod ", pod.uid());
  }
  // The ID of the target may be stale, and containers that join another one's process namespace
  // (debugging aids) die with it: only who made the pair can tell what is wanted.
  const auto& options = config.linux().security_context().namespace_options();
  if (options.pid() == NamespaceMode::TARGET) {
    return Refuse("config.linux.security_context.namespace_options: the process namespace is that ",
                  "of container ", options.target_id(), "; such a container is not replaced");
  }
  return absl::OkStatus();
}

// Text that passed a runtime as JSON has U+FFFD where bytes were not UTF-8; they are lost.
bool Lossy(absl::string_view text) { return absl::StrContains(text, cri::kReplacementCharacter); }

absl::Status CheckText(const ContainerConfig& config) {
  for (const auto& env : config.envs()) {
    if (Lossy(env.key()) || Lossy(env.value())) {
      return Refuse("config.envs: the value of ", env.key(),
                    " holds bytes that are not UTF-8, which the runtime does not give back; set or "
                    "unset the variable in the request");
    }
  }
  for (const auto* list : {&config.command(), &config.args()}) {
    if (std::any_of(list->begin(), list->end(), Lossy)) {
      return Refuse(list == &config.command() ? "config.command" : "config.args",
                    ": holds bytes that are not UTF-8, which the runtime does not give back");
    }
  }
  return absl::OkStatus();
}

// Attempt, restart count and log number move together (1.12 rule 3, pitfall 10). The annotation is
// a kubelet's: it is kept true wherever it is, and added where the labels say that a kubelet would
// read it; containers of other clients get no annotation which they did not have.
void RaiseAttempt(uint32_t attempt, ContainerConfig& config) {
  const uint32_t old = config.metadata().attempt();
  config.mutable_metadata()->set_attempt(attempt);
  if (config.annotations().contains(kRestartCount) ||
      config.labels().contains(kContainerNameLabel)) {
    (*config.mutable_annotations())[kRestartCount] = absl::StrCat(attempt);
  }
  if (!config.log_path().empty()) config.set_log_path(NextLogPath(config.log_path(), old, attempt));
}

// FNV-1a, 32 bits: a name that is the same each time it is asked for, not a secret.
uint32_t Fnv1a(absl::string_view text) {
  uint32_t hash = 2166136261u;
  for (const char c : text) {
    hash ^= static_cast<uint8_t>(c);
    hash *= 16777619u;
  }
  return hash;
}

// Points the mount of the termination message at a file of its own (2.10); returns that file, or
// nothing when there is no such mount. Of several mounts on the path the last one is in effect.
std::string FreshTerminationFile(const PodSandboxMetadata& pod, ContainerConfig& config) {
  const auto path = config.annotations().find(kTerminationMessagePath);
  if (path == config.annotations().end() || path->second.empty()) return "";
  auto& mounts = *config.mutable_mounts();
  const auto mount = std::find_if(mounts.rbegin(), mounts.rend(), [&](const auto& m) {
    return m.container_path() == path->second && !m.host_path().empty();
  });
  if (mount == mounts.rend()) return "";
  const std::string& old = mount->host_path();
  const std::string folder = old.substr(0, old.rfind('/') + 1);
  const std::string seed =
      absl::StrCat(pod.uid(), "/", config.metadata().name(), "/", config.metadata().attempt());
  uint32_t name = Fnv1a(seed);
  if (absl::StrCat(folder, absl::StrFormat("%08x", name)) == old) ++name;
  mount->set_host_path(absl::StrCat(folder, absl::StrFormat("%08x", name)));
  return mount->host_path();
}

// Sources that the runtime would make up (mounts) or stumble over late (devices) when missing.
std::vector<std::string> SourcesOf(const ContainerConfig& config, const std::string& except) {
  std::vector<std::string> sources;
  const auto add = [&](const std::string& path) {
    if (path.empty() || path == except) return;
    if (std::find(sources.begin(), sources.end(), path) == sources.end()) sources.push_back(path);
  };
  for (const auto& mount : config.mounts()) add(mount.host_path());
  for (const auto& device : config.devices()) add(device.host_path());
  return sources;
}

}  // namespace

absl::StatusOr<Replacement> BuildReplacement(const ReplacementInput& input) {
  if (input.container == nullptr || input.sandbox == nullptr) {
    return Refuse("the status of the container or of its sandbox is missing");
  }
  RK_ASSIGN_OR_RETURN(cri::ContainerInfo container,
                      InfoOf(*input.container, "container", cri::ParseContainerInfo));
  RK_ASSIGN_OR_RETURN(cri::SandboxInfo sandbox,
                      InfoOf(*input.sandbox, "sandbox", cri::ParseSandboxInfo));
  RK_RETURN_IF_ERROR(CheckSandbox(*input.sandbox, sandbox, container));
  const PodSandboxMetadata& pod = sandbox.config.metadata();
  RK_RETURN_IF_ERROR(CheckContainer(input, container, pod));

  Replacement out;
  ContainerConfig& config = *out.request.mutable_config();
  config = std::move(container.config);
  RK_RETURN_IF_ERROR(ApplyResourcesInForce(container.runtime_spec, config));
  RK_RETURN_IF_ERROR(ApplyEnvOverrides(input.env, input.unset_env, container.runtime_spec, config));
  RK_RETURN_IF_ERROR(CheckText(config));
  RaiseAttempt(input.attempt, config);
  for (const auto& [key, value] : input.annotations) (*config.mutable_annotations())[key] = value;
  out.termination_file = FreshTerminationFile(pod, config);
  out.mount_sources = SourcesOf(config, out.termination_file);
  out.log_path = AbsoluteLogPath(sandbox.config.log_directory(), config.log_path());
  out.image = config.image().image();
  out.request.set_pod_sandbox_id(input.sandbox->status().id());
  *out.request.mutable_sandbox_config() = std::move(sandbox.config);
  return out;
}

}  // namespace rekindle::restart
