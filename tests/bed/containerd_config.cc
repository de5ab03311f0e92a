#include "tests/bed/containerd_config.h"

#include "absl/strings/str_replace.h"
#include <nlohmann/json.hpp>

namespace rekindle::bed {
namespace {

constexpr char kToml[] = R"(version = 2
root = "@DIR@/root"
state = "@DIR@/state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]

[grpc]
  address = "@SOCKET@"

[plugins."io.containerd.internal.v1.opt"]
  path = "@DIR@/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "@PAUSE@"
  disable_apparmor = true
  restrict_oom_score_adj = @RESTRICT@
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "@CNI@"
    conf_dir = "@DIR@/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "@SNAPSHOTTER@"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "@DIR@/runc"
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "@DIR@/registries"
)";

}  // namespace

std::string ContainerdToml(const ContainerdSettings& settings) {
  return absl::StrReplaceAll(kToml,
                             {{"@DIR@", settings.dir},
                              {"@SOCKET@", settings.socket},
                              {"@PAUSE@", settings.sandbox_image},
                              {"@CNI@", settings.cni_plugins},
                              {"@SNAPSHOTTER@", settings.snapshotter},
                              {"@RESTRICT@", settings.restrict_oom_score_adj ? "true" : "false"}});
}

std::string CniConflist(const std::string& name, const std::string& bridge, const Network& network,
                        bool keep_services, const std::string& state_dir) {
  nlohmann::json range = {{"subnet", network.subnet}, {"gateway", network.gateway}};
  if (keep_services) range["rangeEnd"] = network.last_pod;
  nlohmann::json ipam = {{"type", "host-local"},
                         {"dataDir", state_dir},
                         {"ranges", nlohmann::json::array({nlohmann::json::array({range})})},
                         {"routes", {{{"dst", "0.0.0.0/0"}}}}};
  nlohmann::json plugin = {{"type", "bridge"}, {"bridge", bridge}, {"isGateway", false},
                           {"ipMasq", false},  {"mtu", 1400},      {"ipam", ipam}};
  nlohmann::json list = {
      {"cniVersion", "0.4.0"}, {"name", name}, {"plugins", nlohmann::json::array({plugin})}};
  return list.dump(2);
}

}  // namespace rekindle::bed
