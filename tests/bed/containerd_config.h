#ifndef REKINDLE_TEST_BED_CONTAINERD_CONFIG_H_
#define REKINDLE_TEST_BED_CONTAINERD_CONFIG_H_

#include <string>

namespace rekindle::bed {

struct ContainerdSettings {
  std::string dir;  // holds everything, the socket included
  std::string snapshotter;
  std::string sandbox_image;
  std::string cni_plugins;
  bool restrict_oom_score_adj = false;
};

// A containerd 1.6/1.7 configuration (version 2) that keeps all its files below `dir`.
std::string ContainerdToml(const ContainerdSettings& settings);

// A bridge network on a bridge that is there already: without a gateway of its own and without
// masquerading the plugin changes neither sysctls nor firewall rules of the host.
std::string CniConflist(const std::string& name, const std::string& bridge,
                        const std::string& subnet, const std::string& gateway,
                        const std::string& state_dir);

}  // namespace rekindle::bed

#endif  // REKINDLE_TEST_BED_CONTAINERD_CONFIG_H_
