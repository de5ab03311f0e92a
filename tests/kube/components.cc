#include "tests/kube/components.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "tests/bed/node_mounts.h"

namespace rekindle::kube {
namespace {

using nlohmann::json;

constexpr std::pair<Component, absl::string_view> kNames[] = {
    {Component::kContainerd, "containerd"}, {Component::kEtcd, "etcd"},
    {Component::kApiServer, "apiserver"},   {Component::kControllerManager, "controller-manager"},
    {Component::kScheduler, "scheduler"},   {Component::kKubelet, "kubelet"}};

std::string Flag(absl::string_view name, absl::string_view value) {
  return absl::StrCat("--", name, "=", value);
}

std::string Url(absl::string_view scheme, const std::string& ip, int port) {
  return absl::StrCat(scheme, "://", ip, ":", port);
}

std::vector<std::string> Etcd(const Layout& at) {
  const std::string client = Url("https", at.network.gateway, kEtcdPort);
  const std::string peer = Url("http", at.network.gateway, kEtcdPeerPort);
  return {"etcd", Flag("name", "etcd"), Flag("data-dir", at.File("etcd")),
          Flag("listen-client-urls", client), Flag("advertise-client-urls", client),
          Flag("listen-peer-urls", peer), Flag("initial-advertise-peer-urls", peer),
          Flag("initial-cluster", "etcd=" + peer), Flag("cert-file", at.File("server.crt")),
          Flag("key-file", at.File("server.key")), "--client-cert-auth",
          Flag("trusted-ca-file", at.File("ca.crt")),
          // Its data need not outlive the machine, and its disk may be busy with something else.
          "--unsafe-no-fsync", Flag("heartbeat-interval", "500"), Flag("election-timeout", "5000")};
}

std::vector<std::string> ApiServer(const Layout& at) {
  const std::string& ip = at.network.first_service;
  std::vector<std::string> words = {
      at.programs + "/kube-apiserver",
      Flag("etcd-servers", Url("https", at.network.gateway, kEtcdPort)),
      Flag("etcd-cafile", at.File("ca.crt")),
      Flag("etcd-certfile", at.File("apiserver-client.crt")),
      Flag("etcd-keyfile", at.File("apiserver-client.key")), Flag("bind-address", ip),
      Flag("advertise-address", ip), Flag("secure-port", absl::StrCat(kApiPort)),
      Flag("tls-cert-file", at.File("server.crt")),
      Flag("tls-private-key-file", at.File("server.key")),
      Flag("client-ca-file", at.File("ca.crt")),
      Flag("kubelet-client-certificate", at.File("apiserver-client.crt")),
      Flag("kubelet-client-key", at.File("apiserver-client.key")),
      Flag("kubelet-certificate-authority", at.File("ca.crt")),
      // Nobody resolves the node's name.
      Flag("kubelet-preferred-address-types", "InternalIP"),
      Flag("authorization-mode", "Node,RBAC"), Flag("enable-admission-plugins", "NodeRestriction"),
      Flag("service-account-issuer", "https://kubernetes.default.svc"),
      Flag("service-account-key-file", at.File("accounts.crt")),
      Flag("service-account-signing-key-file", at.File("accounts.key")),
      Flag("service-cluster-ip-range", at.network.service_subnet),
      // Webhooks are services, whose addresses nobody forwards: it calls their pods.
      Flag("enable-aggregator-routing", "true"), Flag("allow-privileged", "true")};
  if (!at.feature_gates.empty()) {
    words.push_back(
        Flag("feature-gates", absl::StrCat(absl::StrJoin(at.feature_gates, "=true,"), "=true")));
  }
  return words;
}

std::vector<std::string> Served(const Layout& at, int port, absl::string_view kubeconfig) {
  return {Flag("kubeconfig", at.File(kubeconfig)),
          Flag("authentication-kubeconfig", at.File(kubeconfig)),
          Flag("authorization-kubeconfig", at.File(kubeconfig)),
          Flag("leader-elect", "false"),
          Flag("port", "0"),
          Flag("bind-address", at.network.gateway),
          Flag("secure-port", absl::StrCat(port)),
          Flag("tls-cert-file", at.File("server.crt")),
          Flag("tls-private-key-file", at.File("server.key"))};
}

std::vector<std::string> ControllerManager(const Layout& at) {
  std::vector<std::string> words = {
      at.programs + "/kube-controller-manager", Flag("root-ca-file", at.File("ca.crt")),
      Flag("service-account-private-key-file", at.File("accounts.key")),
      Flag("use-service-account-credentials", "true"),
      Flag("cluster-signing-cert-file", at.File("ca.crt")),
      Flag("cluster-signing-key-file", at.File("ca.key")),
      // A kubelet whose node has addresses for pods reports itself ready as soon as it is, and
      // otherwise with its next report, ten seconds later. containerd has its own configuration.
      "--allocate-node-cidrs", Flag("cluster-cidr", at.network.node_pods),
      Flag("node-cidr-mask-size", "23"),
      Flag("service-cluster-ip-range", at.network.service_subnet),
      // It would make its default on the machine.
      Flag("flex-volume-plugin-dir", at.File("plugins"))};
  for (std::string& word : Served(at, kControllerManagerPort, "controller-manager.conf")) {
    words.push_back(std::move(word));
  }
  return words;
}

std::vector<std::string> Scheduler(const Layout& at) {
  std::vector<std::string> words = {at.programs + "/kube-scheduler"};
  for (std::string& word : Served(at, kSchedulerPort, "scheduler.conf")) {
    words.push_back(std::move(word));
  }
  return words;
}

std::vector<std::string> Kubelet(const Layout& at) {
  std::vector<std::string> words = {
      at.programs + "/kubelet", Flag("config", at.File("kubelet.json")),
      Flag("kubeconfig", at.File("kubelet.conf")), Flag("hostname-override", at.node),
      Flag("node-ip", at.network.gateway), Flag("container-runtime", "remote"),
      // As in production, and the bed's own in the node's mount namespace.
      Flag("container-runtime-endpoint", "unix:///run/containerd/containerd.sock"),
      Flag("root-dir", "/var/lib/kubelet"), Flag("cert-dir", "/var/lib/kubelet/pki")};
  words.insert(words.end(), at.kubelet_flags.begin(), at.kubelet_flags.end());
  return words;
}

}  // namespace

absl::string_view Name(Component component) {
  for (const auto& [value, name] : kNames) {
    if (value == component) return name;
  }
  return "";
}

std::optional<Component> ComponentOf(absl::string_view name) {
  absl::ConsumePrefix(&name, "kube-");
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
  }
  return std::nullopt;
}

std::string Layout::File(absl::string_view name) const { return absl::StrCat(dir, "/kube/", name); }

std::string Layout::ServerUrl() const { return Url("https", network.first_service, kApiPort); }

std::vector<std::string> CommandLine(Component component, const Layout& layout) {
  switch (component) {
    case Component::kContainerd:
      return {};
    case Component::kEtcd:
      return Etcd(layout);
    case Component::kApiServer:
      return ApiServer(layout);
    case Component::kControllerManager:
      return ControllerManager(layout);
    case Component::kScheduler:
      return Scheduler(layout);
    case Component::kKubelet:
      return Kubelet(layout);
  }
  return {};
}

json KubeletConfiguration(const Layout& at) {
  json configuration = {
      {"kind", "KubeletConfiguration"},
      {"apiVersion", "kubelet.config.k8s.io/v1beta1"},
      {"address", at.network.gateway},
      {"port", kKubeletPort},
      {"healthzBindAddress", at.network.gateway},
      {"healthzPort", kKubeletHealthPort},
      {"authentication",
       {{"anonymous", {{"enabled", false}}},
        {"webhook", {{"enabled", true}}},
        {"x509", {{"clientCAFile", at.File("ca.crt")}}}}},
      {"authorization", {{"mode", "Webhook"}}},
      {"tlsCertFile", at.File("server.crt")},
      {"tlsPrivateKeyFile", at.File("server.key")},
      {"cgroupDriver", "cgroupfs"},
      {"cgroupRoot", at.cgroup},
      {"staticPodPath", at.File("static-pods")},
      {"volumePluginDir", at.File("plugins")},
      {"resolvConf", at.File("resolv.conf")},
      {"clusterDomain", "cluster.local"},
      // Nobody answers there, but a kubelet without an address complains about each pod.
      {"clusterDNS", json::array({at.network.first_service})},
      {"maxPods", at.max_pods},
      // The defaults since 1.27. With those before, 5 and 10, a status of a pod waits for half a
      // minute when three containers a second are restarted: the API shows what was long ago.
      {"kubeAPIQPS", 50},
      {"kubeAPIBurst", 100},
      // The host's disk, memory and swap are not the cluster's to judge.
      {"failSwapOn", false},
      {"imageGCHighThresholdPercent", 100},
      {"evictionHard",
       {{"memory.available", "0%"},
        {"nodefs.available", "0%"},
        {"nodefs.inodesFree", "0%"},
        {"imagefs.available", "0%"}}},
      // Its chains would be in the machine's firewall.
      {"makeIPTablesUtilChains", false}};
  for (const std::string& gate : at.feature_gates) configuration["featureGates"][gate] = true;
  // It may not lower its own; cgroups it may make, since they have a root of their own.
  if (at.restricted) configuration["oomScoreAdj"] = 0;
  configuration.merge_patch(at.kubelet_configuration);
  return configuration;
}

json Kubeconfig(const std::string& server, const std::string& ca, const std::string& certificate,
                const std::string& key, const std::string& token) {
  json user = json::object();
  if (!token.empty()) {
    user["token"] = token;
  } else {
    user["client-certificate-data"] = absl::Base64Escape(certificate);
    user["client-key-data"] = absl::Base64Escape(key);
  }
  json cluster = {{"server", server}, {"certificate-authority-data", absl::Base64Escape(ca)}};
  json context = {{"cluster", "bed"}, {"user", "user"}, {"namespace", "default"}};
  return {{"apiVersion", "v1"},
          {"kind", "Config"},
          {"clusters", json::array({{{"name", "bed"}, {"cluster", cluster}}})},
          {"users", json::array({{{"name", "user"}, {"user", user}}})},
          {"contexts", json::array({{{"name", "bed"}, {"context", context}}})},
          {"current-context", "bed"}};
}

}  // namespace rekindle::kube
