#ifndef REKINDLE_TESTS_CONTROLLER_NODES_RUNTIME_PODS_H_
#define REKINDLE_TESTS_CONTROLLER_NODES_RUNTIME_PODS_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "rekindle/node/v1/node.pb.h"

namespace rekindle::nodes {

inline constexpr absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

// Pods as a daemon tells of them.
inline node::v1::Pod RuntimePod(const std::string& ns, const std::string& name,
                                const std::string& sandbox = "s0", int64_t created = 1000) {
  node::v1::Pod pod;
  pod.mutable_ref()->set_namespace_(ns);
  pod.mutable_ref()->set_name(name);
  pod.mutable_ref()->set_uid("uid-of-" + name);
  pod.set_sandbox_id(sandbox);
  pod.set_ready(true);
  pod.set_ip("10.1.0.7");
  pod.mutable_created()->set_seconds(created);
  pod.set_owner(node::v1::POD_OWNER_RUNTIME_CLIENT);
  return pod;
}

inline node::v1::Container& AddContainer(node::v1::Pod& pod, const std::string& name,
                                         uint32_t attempt = 0, bool running = true) {
  node::v1::Container& container = *pod.add_containers();
  container.set_name(name);
  container.set_id(absl::StrCat(name, "-", attempt));
  container.set_attempt(attempt);
  container.set_image("registry.test/" + name + ":1");
  container.set_image_id("sha256:" + name);
  container.set_state(running ? node::v1::CONTAINER_STATE_RUNNING
                              : node::v1::CONTAINER_STATE_EXITED);
  container.mutable_created()->set_seconds(1001 + attempt);
  container.mutable_started()->set_seconds(1002 + attempt);
  if (!running) container.mutable_finished()->set_seconds(1003 + attempt);
  return container;
}

inline node::v1::NodeInfo RuntimeInfo(const std::string& node) {
  node::v1::NodeInfo info;
  info.set_node_name(node);
  info.set_daemon_version("1.2.3");
  info.set_runtime_name("containerd");
  info.set_runtime_version("1.6.20");
  info.set_runtime_ready(true);
  node::v1::Machine& machine = *info.mutable_machine();
  machine.set_host_name(node + ".example");
  machine.set_operating_system("linux");
  machine.set_architecture("amd64");
  machine.set_kernel_version("6.1");
  machine.set_os_image("Debian");
  machine.add_addresses("192.168.1.5");
  machine.set_processors(4);
  machine.set_memory_bytes(uint64_t{2} << 30);
  return info;
}

}  // namespace rekindle::nodes

#endif  // REKINDLE_TESTS_CONTROLLER_NODES_RUNTIME_PODS_H_
