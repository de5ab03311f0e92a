#ifndef REKINDLE_COMMON_CLIENT_CONFIG_KUBECONFIG_H_
#define REKINDLE_COMMON_CLIENT_CONFIG_KUBECONFIG_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/client/config/client_config.h"

namespace rekindle::client {

// A kubeconfig file, or several merged (spec kubernetes-api 11.4).
struct Kubeconfig {
  struct Context {
    std::string cluster;
    std::string user;
    std::string name_space;
  };
  std::string current_context;
  std::map<std::string, ClusterAccess> clusters;
  std::map<std::string, UserAccess> users;
  std::map<std::string, Context> contexts;
  std::string sources;  // the files it comes from, for messages
};

// Reads a kubeconfig's text. `file` is its path: relative paths inside are relative to its folder.
// Nothing but `text` is read. Members that are unknown here are ignored, as every client does.
// Errors: kInvalidArgument naming file and field ("FILE: users[2].user.exec.command: ..."),
// kUnimplemented for a proxy-url and for auth-provider.
// Pure; never throws. Fuzzed by tests/fuzz/kubeconfig_fuzz.cc. Threads: any.
absl::StatusOr<Kubeconfig> ParseKubeconfig(const std::string& text, const std::string& file);

// What the first file says about a name wins.
Kubeconfig MergeKubeconfigs(const std::vector<Kubeconfig>& files);

// The access of `context`; empty: the current one. Errors: kNotFound naming what is not there.
absl::StatusOr<ClientConfig> ResolveContext(const Kubeconfig& config, absl::string_view context);

// What decides where a client's configuration comes from.
struct ConfigSources {
  std::string kubeconfig;  // --kubeconfig; empty: not given
  std::string context;     // --context; empty: the current one
  // The environment; KUBECONFIG, HOME and the variables of a pod are asked for.
  std::function<std::optional<std::string>(const std::string&)> env;
  std::string account_dir = "/var/run/secrets/kubernetes.io/serviceaccount";
};

// The process's own environment, for ConfigSources.
std::optional<std::string> ProcessEnv(const std::string& name);

// The first of: the file of --kubeconfig; the files of KUBECONFIG, merged (those that do not exist
// are left out); the pod's service account; $HOME/.kube/config. Errors: kNotFound when there is
// none of them, saying where was looked; those of ParseKubeconfig, ResolveContext and InCluster;
// kPermissionDenied and others naming the file that cannot be read.
// Threads: any. Blocking reads of small local files.
absl::StatusOr<ClientConfig> LoadClientConfig(const ConfigSources& sources);

// A pod's access (spec kubernetes-api 11.1). Errors: kNotFound outside of a cluster: one of the
// variables KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT is not set; kInvalidArgument for a
// port that is none. The files are read later, and again as they change.
absl::StatusOr<ClientConfig> InCluster(const ConfigSources& sources);

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_CONFIG_KUBECONFIG_H_
