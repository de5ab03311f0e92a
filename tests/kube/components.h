#ifndef REKINDLE_TEST_KUBE_COMPONENTS_H_
#define REKINDLE_TEST_KUBE_COMPONENTS_H_

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include <nlohmann/json.hpp>

#include "tests/bed/host.h"

namespace rekindle::kube {

enum class Component {
  kContainerd,
  kEtcd,
  kApiServer,
  kControllerManager,
  kScheduler,
  kKubelet,
};

// In the order in which they are started.
inline constexpr std::array<Component, 6> kComponents = {
    Component::kContainerd,        Component::kEtcd,      Component::kApiServer,
    Component::kControllerManager, Component::kScheduler, Component::kKubelet};

// "containerd", "etcd", "apiserver", "controller-manager", "scheduler", "kubelet".
absl::string_view Name(Component component);
// Knows "kube-" before a name as well.
std::optional<Component> ComponentOf(absl::string_view name);

// Ports on the cluster's own addresses; they need no choosing, since each cluster has a bridge.
inline constexpr int kApiPort = 443;  // on the first service address: what pods are told
inline constexpr int kEtcdPort = 2379;
inline constexpr int kEtcdPeerPort = 2380;
inline constexpr int kKubeletPort = 10250;
inline constexpr int kKubeletHealthPort = 10248;
inline constexpr int kControllerManagerPort = 10257;
inline constexpr int kSchedulerPort = 10259;

// What the command lines and configurations of one cluster are made from.
struct Layout {
  std::string dir;       // the bed's
  std::string programs;  // where Kubernetes's binaries are
  std::string node;      // the node's name
  std::string cgroup;    // "/rkbed-1a2b3c4d"
  bed::Network network;
  int max_pods = 250;
  bool restricted = false;                                          // no CAP_SYS_RESOURCE
  nlohmann::json kubelet_configuration = nlohmann::json::object();  // merged over ours (RFC 7386)
  std::vector<std::string> kubelet_flags;
  std::vector<std::string> feature_gates;  // switched on in API server and kubelet

  std::string File(absl::string_view name) const;  // below <dir>/kube
  std::string ServerUrl() const;
};

// The command line of a component other than containerd.
std::vector<std::string> CommandLine(Component component, const Layout& layout);

// The kubelet's configuration file, which is JSON.
nlohmann::json KubeletConfiguration(const Layout& layout);

// A kubeconfig with everything embedded; `certificate` and `key` in PEM, or a token.
nlohmann::json Kubeconfig(const std::string& server, const std::string& ca,
                          const std::string& certificate, const std::string& key,
                          const std::string& token = "");

}  // namespace rekindle::kube

#endif  // REKINDLE_TEST_KUBE_COMPONENTS_H_
