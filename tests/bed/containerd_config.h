#ifndef REKINDLE_TEST_BED_CONTAINERD_CONFIG_H_
#define REKINDLE_TEST_BED_CONTAINERD_CONFIG_H_

#include <string>

#include "tests/bed/host.h"

namespace rekindle::bed {

struct ContainerdSettings {
  std::string dir;     // holds everything
  std::string socket;  // where containerd listens
  std::string snapshotter;
  std::string sandbox_image;
  std::string cni_plugins;
  bool restrict_oom_score_adj = false;
};

// A containerd 1.6/1.7 configuration (version 2) that keeps all its files below `dir`.
std::string ContainerdToml(const ContainerdSettings& settings);

// A bridge network on a bridge that is there already: without a gateway of its own and without
// masquerading the plugin changes neither sysctls nor firewall rules of the host. With
// `keep_services` pods get no address of the service subnet.
std::string CniConflist(const std::string& name, const std::string& bridge, const Network& network,
                        bool keep_services, const std::string& state_dir);

}  // namespace rekindle::bed

#endif  // REKINDLE_TEST_BED_CONTAINERD_CONFIG_H_
