#include "tests/kube/components.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::kube {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

Layout At() {
  Layout layout;
  layout.dir = "/bed";
  layout.programs = "/programs";
  layout.node = "node-1";
  layout.cgroup = "/rkbed-1";
  layout.network = bed::NetworkOf("10.200.4.1");
  return layout;
}

TEST(NetworkOfTest, KeepsTheUpperQuarterForServices) {
  bed::Network network = bed::NetworkOf("10.200.4.1");
  EXPECT_EQ(network.subnet, "10.200.4.0/22");
  EXPECT_EQ(network.last_pod, "10.200.6.255");
  EXPECT_EQ(network.service_subnet, "10.200.7.0/24");
  EXPECT_EQ(network.first_service, "10.200.7.1");
  EXPECT_EQ(bed::NetworkOf("nonsense").gateway, "");
}

TEST(ComponentTest, NamesLeadThereAndBack) {
  for (Component component : kComponents) {
    EXPECT_EQ(ComponentOf(Name(component)), component);
  }
  EXPECT_EQ(ComponentOf("kube-apiserver"), Component::kApiServer);
  EXPECT_EQ(ComponentOf("kubelet"), Component::kKubelet);
  EXPECT_EQ(ComponentOf("proxy"), std::nullopt);
}

TEST(CommandLineTest, NothingListensBeyondTheClustersOwnAddresses) {
  const Layout at = At();
  EXPECT_THAT(CommandLine(Component::kApiServer, at), Contains("--bind-address=10.200.7.1"));
  EXPECT_THAT(CommandLine(Component::kApiServer, at), Contains("--authorization-mode=Node,RBAC"));
  for (Component component : {Component::kControllerManager, Component::kScheduler}) {
    EXPECT_THAT(CommandLine(component, at), Contains("--bind-address=10.200.4.1"));
    EXPECT_THAT(CommandLine(component, at), Contains("--port=0"));
  }
  for (const std::string& word : CommandLine(Component::kEtcd, at)) {
    EXPECT_THAT(word, Not(HasSubstr("0.0.0.0")));
  }
  const json kubelet = KubeletConfiguration(at);
  EXPECT_EQ(kubelet["address"], "10.200.4.1");
  EXPECT_EQ(kubelet["healthzBindAddress"], "10.200.4.1");
  EXPECT_EQ(kubelet["authentication"]["anonymous"]["enabled"], false);
}

TEST(KubeletConfigurationTest, CallerHasTheLastWord) {
  Layout at = At();
  at.kubelet_configuration = {{"cpuManagerPolicy", "static"},
                              {"authorization", {{"mode", "AlwaysAllow"}}},
                              {"maxPods", nullptr}};
  const json merged = KubeletConfiguration(at);
  EXPECT_EQ(merged["cpuManagerPolicy"], "static");
  EXPECT_EQ(merged["authorization"]["mode"], "AlwaysAllow");
  EXPECT_FALSE(merged.contains("maxPods"));
  EXPECT_EQ(merged["clusterDNS"], json::array({"10.200.7.1"}));
  EXPECT_FALSE(merged.contains("oomScoreAdj"));
  at.restricted = true;
  EXPECT_EQ(KubeletConfiguration(at)["oomScoreAdj"], 0);
}

TEST(KubeconfigTest, EmbedsCredentials) {
  const json file = Kubeconfig("https://10.200.7.1:443", "ca", "certificate", "key");
  EXPECT_EQ(file["clusters"][0]["cluster"]["certificate-authority-data"], "Y2E=");
  EXPECT_EQ(file["users"][0]["user"]["client-key-data"], "a2V5");
  const json by_token = Kubeconfig("https://10.200.7.1:443", "ca", "", "", "secret");
  EXPECT_EQ(by_token["users"][0]["user"], (json{{"token", "secret"}}));
}

}  // namespace
}  // namespace rekindle::kube
