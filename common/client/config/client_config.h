#ifndef REKINDLE_COMMON_CLIENT_CONFIG_CLIENT_CONFIG_H_
#define REKINDLE_COMMON_CLIENT_CONFIG_CLIENT_CONFIG_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rekindle::client {

// A PEM text that is given in place or by the path of a file. Data wins (spec kubernetes-api 11.3).
struct PemSource {
  std::string data;
  std::string path;
  bool empty() const { return data.empty() && path.empty(); }
};

// A program that prints credentials (spec kubernetes-api 11.5).
struct ExecPlugin {
  enum class Interactive { kNever, kIfAvailable, kAlways };
  std::string api_version;
  std::string command;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;
  Interactive interactive = Interactive::kIfAvailable;
  bool provide_cluster_info = false;
  std::string install_hint;
};

struct ClusterAccess {
  std::string server;   // "https://host:port/prefix"
  PemSource authority;  // empty: the system's
  bool insecure_skip_verify = false;
  std::string tls_server_name;
  std::string exec_config;  // JSON of the extension for exec plugins; empty: none
};

struct UserAccess {
  std::string token;
  std::string token_file;  // wins over `token`
  PemSource certificate;
  PemSource key;
  std::string username;
  std::string password;
  std::optional<ExecPlugin> exec;
  std::string as;  // impersonation
  std::string as_uid;
  std::vector<std::string> as_groups;
  std::vector<std::pair<std::string, std::string>> as_extra;  // one entry for each value
};

// Where an API server is and as whom it is spoken to: one context of a kubeconfig, or what a pod is
// given. All paths are absolute, or relative to the working directory.
struct ClientConfig {
  std::string source;  // "~/.kube/config, context \"dev\"", for messages
  std::string cluster_name;
  std::string user_name;
  std::string name_space;  // where to look when none is named; "default" if nothing is said
  ClusterAccess cluster;
  UserAccess user;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_CONFIG_CLIENT_CONFIG_H_
