#include "common/client/config/kubeconfig.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/temp_dir.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::client {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kWhole[] = R"(
apiVersion: v1
kind: Config
current-context: dev
preferences: {}
clusters:
- name: c1
  cluster:
    server: https://h:6443
    certificate-authority-data: Q0E=
    tls-server-name: api.internal
    extensions:
    - name: client.authentication.k8s.io/exec
      extension: {audience: foo}
- name: c2
  cluster: {server: "https://[::1]:6443", insecure-skip-tls-verify: true}
users:
- name: token
  user: {token: 12345}
- name: files
  user:
    client-certificate: pki/c.pem
    client-key: /abs/k.pem
    tokenFile: tok
- name: plugin
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: bin/get-token
      args: [--a, b]
      env:
      - {name: X, value: "1"}
      interactiveMode: Never
      provideClusterInfo: true
      installHint: install it
- name: as
  user:
    username: u
    password: p
    as: alice
    as-groups: [g1, g2]
    as-user-extra: {scopes: [x, y]}
contexts:
- name: dev
  context: {cluster: c1, user: token, namespace: team}
- name: files
  context: {cluster: c2, user: files}
- name: plugin
  context: {cluster: c1, user: plugin}
- name: as
  context: {cluster: c1, user: as}
- name: nobody
  context: {cluster: c2}
)";

TEST(Kubeconfig, Contexts) {
  const auto config = ParseKubeconfig(kWhole, "/home/u/.kube/config");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto dev = ResolveContext(*config, "");
  ASSERT_TRUE(dev.ok()) << dev.status();
  EXPECT_EQ(dev->cluster.server, "https://h:6443");
  EXPECT_EQ(dev->cluster.authority.data, "CA");
  EXPECT_EQ(dev->cluster.tls_server_name, "api.internal");
  EXPECT_EQ(dev->cluster.exec_config, R"({"audience":"foo"})");
  EXPECT_EQ(dev->user.token, "12345");
  EXPECT_EQ(dev->name_space, "team");

  const auto files = ResolveContext(*config, "files");
  EXPECT_EQ(files->user.certificate.path, "/home/u/.kube/pki/c.pem");
  EXPECT_EQ(files->user.key.path, "/abs/k.pem");
  EXPECT_EQ(files->user.token_file, "/home/u/.kube/tok");
  EXPECT_TRUE(files->cluster.insecure_skip_verify);
  EXPECT_EQ(files->name_space, "default");

  const auto plugin = ResolveContext(*config, "plugin");
  ASSERT_TRUE(plugin->user.exec.has_value());
  EXPECT_EQ(plugin->user.exec->command, "/home/u/.kube/bin/get-token");
  EXPECT_EQ(plugin->user.exec->args.size(), 2U);
  EXPECT_EQ(plugin->user.exec->interactive, ExecPlugin::Interactive::kNever);

  const auto as = ResolveContext(*config, "as");
  EXPECT_EQ(as->user.as, "alice");
  EXPECT_EQ(as->user.as_groups.size(), 2U);
  EXPECT_EQ(as->user.as_extra.size(), 2U);
  EXPECT_TRUE(ResolveContext(*config, "nobody").ok());
}

TEST(Kubeconfig, MistakesNameFileAndField) {
  const struct {
    const char* text;
    const char* want;
  } kRows[] = {
      {"clusters: 3", "F: clusters: must be a list"},
      {"kind: Pod", "F: kind: is \"Pod\""},
      {"clusters: [{cluster: {server: x}}]", "F: clusters[0].name: must be set"},
      {"clusters: [x]", "F: clusters[0]: must be a mapping"},
      {"clusters: [{name: a, cluster: {server: [1]}}]",
       "F: clusters[0].cluster.server: must be text"},
      {"clusters: [{name: a, cluster: {certificate-authority-data: '%'}}]",
       "F: clusters[0].cluster.certificate-authority-data: is not base64"},
      {"clusters: [{name: a, cluster: {insecure-skip-tls-verify: true, certificate-authority: x}}]",
       "F: clusters[0].cluster.insecure-skip-tls-verify: makes no sense"},
      {"clusters: [{name: a, cluster: {insecure-skip-tls-verify: 'yes'}}]",
       "F: clusters[0].cluster.insecure-skip-tls-verify: must be true or false"},
      {"clusters: [{name: a, cluster: {proxy-url: 'http://p'}}]",
       "F: clusters[0].cluster.proxy-url: proxies are not supported"},
      {"users: [{name: a}, {name: b, user: {client-key: k}}]",
       "F: users[1].user.client-certificate: must be set"},
      {"users: [{name: a, user: {auth-provider: {name: gcp}}}]", "F: users[0].user.auth-provider:"},
      {"users: [{name: a, user: {as-groups: [g]}}]", "F: users[0].user.as: must be set"},
      {"users: [{name: a, user: {as: x, as-user-extra: {k: v}}}]",
       "F: users[0].user.as-user-extra:"},
      {"users: [{name: a, user: {exec: {command: c}}}]",
       "F: users[0].user.exec.apiVersion: must be"},
      {"users: [{name: a, user: {exec: {apiVersion: client.authentication.k8s.io/v1alpha1, "
       "command: c}}}]",
       "exec plugin: invalid apiVersion"},
      {"users: [{name: a, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: "
       "c}}}]",
       "interactiveMode must be specified for a to use exec authentication plugin"},
      {"users: [{name: a, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: "
       "c, "
       "env: [{value: v}]}}}]",
       "F: users[0].user.exec.env[0].name: must be set"},
      {"a: [", "F: line"},
      {"a: 1\n---\nb: 2", "F: holds more than one document"},
  };
  for (const auto& row : kRows) {
    const absl::Status status = ParseKubeconfig(row.text, "F").status();
    EXPECT_FALSE(status.ok()) << row.text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.want)) << row.text;
  }
  EXPECT_TRUE(ParseKubeconfig("", "F").ok());
}

TEST(Kubeconfig, WhatIsNotThereIsNamed) {
  const auto config = ParseKubeconfig(
      "clusters: [{name: c, cluster: {}}]\n"
      "contexts: [{name: a, context: {cluster: x, user: y}}, {name: b, context: {cluster: c, user: "
      "y}}, "
      "{name: d, context: {cluster: c}}]",
      "F");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(std::string(ResolveContext(*config, "").status().message()),
              HasSubstr("current-context"));
  EXPECT_THAT(std::string(ResolveContext(*config, "z").status().message()), HasSubstr("\"z\""));
  EXPECT_THAT(std::string(ResolveContext(*config, "a").status().message()),
              HasSubstr("contexts[a].context.cluster: there is no \"x\""));
  EXPECT_THAT(std::string(ResolveContext(*config, "b").status().message()),
              HasSubstr("contexts[b].context.user: there is no \"y\""));
  EXPECT_THAT(std::string(ResolveContext(*config, "d").status().message()),
              HasSubstr("clusters[c].cluster.server"));
}

class LoadConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sources_.env = [this](const std::string& name) -> std::optional<std::string> {
      const auto it = env_.find(name);
      if (it == env_.end()) return std::nullopt;
      return it->second;
    };
    sources_.account_dir = dir_ / "account";
  }
  std::string File(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(dir_ / name).parent_path());
    WriteFile(dir_ / name, text);
    return dir_ / name;
  }
  static std::string Minimal(const std::string& server, const std::string& context = "x") {
    return "current-context: " + context + "\nclusters: [{name: c, cluster: {server: '" + server +
           "'}}]\ncontexts: [{name: x, context: {cluster: c}}]\n";
  }

  TempDir dir_;
  std::map<std::string, std::string> env_;
  ConfigSources sources_;
};

TEST_F(LoadConfigTest, TheFirstPlaceCounts) {
  EXPECT_TRUE(absl::IsNotFound(LoadClientConfig(sources_).status()));
  env_["HOME"] = dir_.path();
  File(".kube/config", Minimal("https://home"));
  EXPECT_EQ(LoadClientConfig(sources_)->cluster.server, "https://home");
  env_["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
  env_["KUBERNETES_SERVICE_PORT"] = "443";
  EXPECT_EQ(LoadClientConfig(sources_)->cluster.server, "https://10.0.0.1:443");
  env_["KUBECONFIG"] = File("env", Minimal("https://env"));
  EXPECT_EQ(LoadClientConfig(sources_)->cluster.server, "https://env");
  sources_.kubeconfig = File("flag", Minimal("https://flag"));
  EXPECT_EQ(LoadClientConfig(sources_)->cluster.server, "https://flag");
  sources_.kubeconfig = dir_ / "absent";
  const absl::Status absent = LoadClientConfig(sources_).status();
  EXPECT_TRUE(absl::IsNotFound(absent));
  EXPECT_THAT(std::string(absent.message()), HasSubstr(dir_ / "absent"));
}

TEST_F(LoadConfigTest, FilesOfTheEnvironmentAreMerged) {
  const std::string a = File("a/config", "contexts: [{name: x, context: {cluster: c}}]");
  const std::string b =
      File("b/config",
           "current-context: x\ncontexts: [{name: x, context: {cluster: other}}]\n"
           "clusters: [{name: c, cluster: {server: 'https://b', certificate-authority: ca.pem}}]");
  env_["KUBECONFIG"] = a + ":" + (dir_ / "absent") + "::" + b;
  const auto config = LoadClientConfig(sources_);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->cluster.server, "https://b");
  EXPECT_EQ(config->cluster.authority.path, dir_ / "b/ca.pem");
  env_["KUBECONFIG"] = dir_ / "absent";
  EXPECT_TRUE(absl::IsNotFound(LoadClientConfig(sources_).status()));
}

TEST_F(LoadConfigTest, InAPod) {
  EXPECT_TRUE(absl::IsNotFound(InCluster(sources_).status()));
  env_["KUBERNETES_SERVICE_HOST"] = "fd00::1";
  env_["KUBERNETES_SERVICE_PORT"] = "http";
  EXPECT_THAT(std::string(InCluster(sources_).status().message()),
              StartsWith("KUBERNETES_SERVICE_PORT"));
  env_["KUBERNETES_SERVICE_PORT"] = "6443";
  auto config = InCluster(sources_);
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->cluster.server, "https://[fd00::1]:6443");
  EXPECT_EQ(config->cluster.authority.path, "");
  EXPECT_EQ(config->name_space, "default");
  File("account/ca.crt", "x");
  File("account/namespace", "team\n");
  config = InCluster(sources_);
  EXPECT_EQ(config->cluster.authority.path, dir_ / "account/ca.crt");
  EXPECT_EQ(config->user.token_file, dir_ / "account/token");
  EXPECT_EQ(config->name_space, "team");
}

}  // namespace
}  // namespace rekindle::client
