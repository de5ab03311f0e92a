#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/status_macros.h"
#include "common/client/config/kubeconfig.h"
#include "common/client/config/small_file.h"

namespace rekindle::client {
namespace {

std::string Get(const ConfigSources& sources, const std::string& name) {
  if (!sources.env) return "";
  return sources.env(name).value_or("");
}

absl::StatusOr<Kubeconfig> ReadKubeconfig(const std::string& path) {
  RK_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(path));
  return ParseKubeconfig(text, path);
}

absl::StatusOr<ClientConfig> FromFiles(const std::vector<std::string>& paths,
                                       const std::string& context) {
  std::vector<Kubeconfig> read;
  for (const std::string& path : paths) {
    absl::StatusOr<Kubeconfig> one = ReadKubeconfig(path);
    if (one.ok()) {
      read.push_back(*std::move(one));
    } else if (!absl::IsNotFound(one.status())) {
      return one.status();
    }
  }
  if (read.empty()) {
    return absl::NotFoundError(
        absl::StrCat("KUBECONFIG: none of its files exists: ", absl::StrJoin(paths, ", ")));
  }
  return ResolveContext(MergeKubeconfigs(read), context);
}

}  // namespace

std::optional<std::string> ProcessEnv(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

absl::StatusOr<ClientConfig> InCluster(const ConfigSources& sources) {
  const std::string host = Get(sources, "KUBERNETES_SERVICE_HOST");
  const std::string port = Get(sources, "KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return absl::NotFoundError(
        "not in a cluster: KUBERNETES_SERVICE_HOST or KUBERNETES_SERVICE_PORT is not set");
  }
  uint32_t number = 0;
  if (!absl::SimpleAtoi(port, &number) || number == 0 || number > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("KUBERNETES_SERVICE_PORT: \"", port, "\" is no port"));
  }
  ClientConfig out;
  out.source = "the pod's service account";
  out.cluster_name = "in-cluster";
  out.user_name = "service account";
  out.cluster.server = absl::StrContains(host, ':') && host[0] != '['
                           ? absl::StrCat("https://[", host, "]:", number)
                           : absl::StrCat("https://", host, ":", number);
  // Without it the system's authorities count.
  const std::string ca = sources.account_dir + "/ca.crt";
  if (FileExists(ca)) out.cluster.authority.path = ca;
  out.user.token_file = sources.account_dir + "/token";
  const absl::StatusOr<std::string> name_space = ReadSmallFile(sources.account_dir + "/namespace");
  out.name_space = name_space.ok() ? std::string(absl::StripAsciiWhitespace(*name_space)) : "";
  if (out.name_space.empty()) out.name_space = "default";
  return out;
}

absl::StatusOr<ClientConfig> LoadClientConfig(const ConfigSources& sources) {
  if (!sources.kubeconfig.empty()) {
    RK_ASSIGN_OR_RETURN(const Kubeconfig config, ReadKubeconfig(sources.kubeconfig));
    return ResolveContext(config, sources.context);
  }
  const std::string listed = Get(sources, "KUBECONFIG");
  const std::vector<std::string> paths = absl::StrSplit(listed, ':', absl::SkipEmpty());
  if (!paths.empty()) return FromFiles(paths, sources.context);
  absl::StatusOr<ClientConfig> pod = InCluster(sources);
  if (!absl::IsNotFound(pod.status())) return pod;
  const std::string home = Get(sources, "HOME");
  const std::string usual = home + "/.kube/config";
  if (home.empty() || !FileExists(usual)) {
    return absl::NotFoundError(absl::StrCat(
        "no access to an API server: --kubeconfig is not given, KUBECONFIG is not set, ",
        pod.status().message(), ", and ",
        home.empty() ? "HOME is not set" : usual + " does not exist"));
  }
  RK_ASSIGN_OR_RETURN(const Kubeconfig config, ReadKubeconfig(usual));
  return ResolveContext(config, sources.context);
}

}  // namespace rekindle::client
