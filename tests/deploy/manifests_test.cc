// deploy/kubernetes: what the DaemonSet may do is what is documented, and its parts fit together.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "daemon/config/command_line.h"

namespace rekindle {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr char kFolder[] = RK_SOURCE_DIR "/deploy/kubernetes/";

std::string FileText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}
YAML::Node Load(const std::string& name) { return YAML::LoadFile(kFolder + name); }

class ManifestsTest : public ::testing::Test {
 protected:
  const YAML::Node set_ = Load("daemonset.yaml");
  const YAML::Node pod_ = set_["spec"]["template"]["spec"];
  const YAML::Node container_ = pod_["containers"][0];

  std::string MountOf(const std::string& volume) const {
    for (const auto& mount : container_["volumeMounts"]) {
      if (mount["name"].as<std::string>() == volume) return mount["mountPath"].as<std::string>();
    }
    return "";
  }
};

TEST_F(ManifestsTest, HasNoWayToTheApi) {
  EXPECT_FALSE(pod_["automountServiceAccountToken"].as<bool>());
  const YAML::Node account = Load("serviceaccount.yaml");
  EXPECT_FALSE(account["automountServiceAccountToken"].as<bool>());
  EXPECT_EQ(account["metadata"]["name"].as<std::string>(),
            pod_["serviceAccountName"].as<std::string>());
  // No right for that account anywhere, and no token by another way.
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kFolder)) {
    if (entry.is_directory()) continue;
    const std::string text = FileText(entry.path());
    EXPECT_FALSE(absl::StrContains(text, "serviceAccountToken:")) << entry.path();
    if (!absl::StrContains(text, "RoleBinding")) continue;
    EXPECT_FALSE(absl::StrContains(text, "name: rekindled\n")) << entry.path();
  }
}

TEST_F(ManifestsTest, PowerIsLeast) {
  ASSERT_EQ(pod_["containers"].size(), 1U);
  const YAML::Node security = container_["securityContext"];
  EXPECT_THAT(security["capabilities"]["drop"].as<std::vector<std::string>>(), ElementsAre("ALL"));
  EXPECT_THAT(security["capabilities"]["add"].as<std::vector<std::string>>(),
              ElementsAre("SYS_ADMIN"));
  EXPECT_TRUE(security["readOnlyRootFilesystem"].as<bool>());
  EXPECT_FALSE(security["allowPrivilegeEscalation"].as<bool>());
  EXPECT_FALSE(security["privileged"]);
  EXPECT_EQ(pod_["securityContext"]["seccompProfile"]["type"].as<std::string>(), "RuntimeDefault");
  EXPECT_FALSE(pod_["hostPID"]);
  EXPECT_FALSE(pod_["hostIPC"]);
}

TEST_F(ManifestsTest, MountsAreThoseOfTheWork) {
  std::map<std::string, std::string> paths;  // of the node, by volume
  for (const auto& volume : pod_["volumes"]) {
    if (!volume["hostPath"]) continue;
    paths[volume["name"].as<std::string>()] = volume["hostPath"]["path"].as<std::string>();
  }
  std::set<std::string> nodes;
  for (const auto& [name, path] : paths) {
    nodes.insert(path);
    // The daemon, the runtime and the kubelet must mean the same files by the same paths.
    EXPECT_EQ(MountOf(name), path);
  }
  EXPECT_THAT(nodes, UnorderedElementsAre("/run/containerd", "/run/netns", "/run/rekindle",
                                          "/var/lib/kubelet/pods", "/var/lib/rekindle",
                                          "/var/log/containers", "/var/log/pods"));
  // Directories in which the node mounts things: without propagation the pod would hold them.
  for (const auto& mount : container_["volumeMounts"]) {
    const std::string path = mount["mountPath"].as<std::string>();
    const bool mounts_below =
        path == "/run/containerd" || path == "/run/netns" || path == "/var/lib/kubelet/pods";
    EXPECT_EQ(mount["mountPropagation"].as<std::string>("None"),
              mounts_below ? "HostToContainer" : "None")
        << path;
  }
}

TEST_F(ManifestsTest, ConfigurationIsValidAndFitsTheMounts) {
  config::Host host{.hostname = "n",
                    .version = "",
                    .read_file = [](const std::string& path) -> absl::StatusOr<std::string> {
                      EXPECT_EQ(path, "/etc/rekindle/rekindled.yaml");
                      return FileText(absl::StrCat(kFolder, "rekindled.yaml"));
                    }};
  std::vector<std::string> args = container_["args"].as<std::vector<std::string>>();
  ASSERT_THAT(args, ElementsAre("--node-name=$(NODE_NAME)"));
  EXPECT_EQ(container_["env"][0]["valueFrom"]["fieldRef"]["fieldPath"].as<std::string>(),
            "spec.nodeName");
  const auto line = config::ParseCommandLine({"--node-name=worker-1"}, host);
  ASSERT_TRUE(line.ok()) << line.status();
  const config::DaemonConfig& config = line->config;
  EXPECT_EQ(config.node_name, "worker-1");
  EXPECT_EQ(MountOf("config"), "/etc/rekindle");
  EXPECT_EQ(config.state_dir, MountOf("state"));
  EXPECT_EQ(config.socket, MountOf("socket") + "/rekindled.sock");
  for (const std::string& file : {config.tls_cert, config.tls_key, config.tls_client_ca}) {
    EXPECT_TRUE(absl::StartsWith(file, MountOf("tls") + "/")) << file;
  }
  EXPECT_EQ(config.runtime_endpoint,
            absl::StrCat("unix://", MountOf("runtime"), "/containerd.sock"));
  EXPECT_THAT(config.visible_paths, ElementsAre(MountOf("pods")));
  EXPECT_EQ(config.container_log_links, MountOf("container-logs"));
  const auto listen = config::ParseHostPort(config.listen);
  ASSERT_TRUE(listen.ok());
  EXPECT_EQ(listen->port, container_["ports"][0]["hostPort"].as<int>());
  // Without SYS_NICE the daemon would ask for it in vain.
  EXPECT_FALSE(config.realtime);
  // In the node's network metrics are for the node itself.
  EXPECT_TRUE(pod_["hostNetwork"].as<bool>());
  EXPECT_TRUE(config::IsLoopbackHost(config::ParseHostPort(config.http_listen)->host));
  // A container between stop and start is waited for.
  EXPECT_GT(absl::Seconds(pod_["terminationGracePeriodSeconds"].as<int>()),
            config.shutdown_grace * 2);
}

TEST_F(ManifestsTest, ProbesAskTheDaemonItself) {
  config::Host host{.hostname = "n",
                    .version = "",
                    .read_file = [](const std::string&) -> absl::StatusOr<std::string> {
                      return absl::NotFoundError("none");
                    }};
  const std::map<std::string, std::string> services = {
      {"startupProbe", "liveness"}, {"livenessProbe", "liveness"}, {"readinessProbe", ""}};
  for (const auto& [probe, service] : services) {
    auto command = container_[probe]["exec"]["command"].as<std::vector<std::string>>();
    ASSERT_EQ(command.size(), 2U) << probe;
    EXPECT_EQ(command[0], "/usr/bin/rekindled");
    const auto line = config::ParseCommandLine({command[1]}, host);
    ASSERT_TRUE(line.ok()) << line.status();
    EXPECT_EQ(line->action, config::Action::kCheckHealth) << probe;
    EXPECT_EQ(line->health_service, service) << probe;
    // The check itself ends before the probe does, so that its words are seen.
    EXPECT_GE(container_[probe]["timeoutSeconds"].as<int>(), 5) << probe;
  }
}

TEST_F(ManifestsTest, RunsEverywhereAndIsReplacedNodeByNode) {
  EXPECT_EQ(pod_["priorityClassName"].as<std::string>(), "system-node-critical");
  ASSERT_EQ(pod_["tolerations"].size(), 1U);
  EXPECT_EQ(pod_["tolerations"][0]["operator"].as<std::string>(), "Exists");
  EXPECT_FALSE(pod_["tolerations"][0]["key"]);
  EXPECT_EQ(set_["spec"]["updateStrategy"]["type"].as<std::string>(), "RollingUpdate");
  EXPECT_EQ(set_["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"].as<int>(), 1);
  EXPECT_TRUE(container_["resources"]["requests"]["memory"]);
  EXPECT_TRUE(container_["resources"]["limits"]["memory"]);
  EXPECT_FALSE(container_["resources"]["limits"]["cpu"]);
}

TEST_F(ManifestsTest, KustomizationHasEveryFileAndThisVersion) {
  const YAML::Node kustomization = Load("kustomization.yaml");
  std::set<std::string> listed;
  for (const auto& name : kustomization["resources"]) listed.insert(name.as<std::string>());
  const YAML::Node generator = kustomization["configMapGenerator"][0];
  EXPECT_EQ(generator["name"].as<std::string>(), "rekindled");
  for (const auto& name : generator["files"]) listed.insert(name.as<std::string>());
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string name = entry.path().filename();
    if (name == "kustomization.yaml" || !absl::EndsWith(name, ".yaml")) continue;
    EXPECT_TRUE(listed.contains(name)) << name;
  }
  const YAML::Node image = kustomization["images"][0];
  EXPECT_EQ(image["newTag"].as<std::string>(), RK_VERSION);
  EXPECT_EQ(container_["image"].as<std::string>(),
            absl::StrCat(image["name"].as<std::string>(), ":", RK_VERSION));
}

}  // namespace
}  // namespace rekindle
