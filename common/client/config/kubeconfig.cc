#include "common/client/config/kubeconfig.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/client/config/fields.h"
#include "common/json/tree.h"
#include "common/json/yaml.h"

namespace rekindle::client {
namespace {

constexpr absl::string_view kExecV1 = "client.authentication.k8s.io/v1";
constexpr absl::string_view kExecV1Beta1 = "client.authentication.k8s.io/v1beta1";
// Under this name a cluster holds what its exec plugins are to be told.
constexpr absl::string_view kExecExtension = "client.authentication.k8s.io/exec";

// The folder of `file`, with a slash at its end, or nothing.
std::string FolderOf(const std::string& file) {
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "" : file.substr(0, slash + 1);
}

// One file being read.
class Reader {
 public:
  explicit Reader(const std::string& file) : folder_(FolderOf(file)) {}

  absl::StatusOr<Kubeconfig> Read(const Json& tree) {
    Kubeconfig out;
    const Fields top(tree, "", mistake_);
    if (const std::string kind = top.Text("kind"); !kind.empty() && kind != "Config") {
      top.Mistake("kind", absl::StrCat("is \"", kind, "\", not \"Config\""));
    }
    out.current_context = top.Text("current-context");
    Named(top, "clusters", "cluster", [&](const std::string& name, const Fields& fields) {
      out.clusters.emplace(name, Cluster(fields));
    });
    Named(top, "users", "user", [&](const std::string& name, const Fields& fields) {
      out.users.emplace(name, User(name, fields));
    });
    Named(top, "contexts", "context", [&](const std::string& name, const Fields& fields) {
      out.contexts.emplace(name, Kubeconfig::Context{fields.Text("cluster"), fields.Text("user"),
                                                     fields.Text("namespace")});
    });
    if (!mistake_.ok()) return mistake_;
    return out;
  }

 private:
  // The entries {name: ..., MEMBER: {...}} of a list.
  template <typename Take>
  void Named(const Fields& top, const std::string& list, const std::string& member, Take take) {
    size_t index = 0;
    for (const Json& item : top.List(list)) {
      const std::string where = absl::StrCat(list, "[", index++, "]");
      const Fields entry(item, where, mistake_);
      const std::string name = entry.Required("name");
      take(name, Fields(entry.Tree(member), absl::StrCat(where, ".", member), mistake_));
    }
  }

  std::string Located(const std::string& path) const {
    return path.empty() || path[0] == '/' ? path : folder_ + path;
  }

  PemSource Pem(const Fields& fields, const std::string& name) const {
    return {fields.Base64(name + "-data"), Located(fields.Text(name))};
  }

  ClusterAccess Cluster(const Fields& fields) {
    ClusterAccess out;
    out.server = fields.Text("server");
    out.authority = Pem(fields, "certificate-authority");
    out.insecure_skip_verify = fields.Flag("insecure-skip-tls-verify");
    out.tls_server_name = fields.Text("tls-server-name");
    if (out.insecure_skip_verify && !out.authority.empty()) {
      fields.Mistake("insecure-skip-tls-verify", "makes no sense together with an authority");
    }
    if (!fields.Text("proxy-url").empty()) {
      fields.Mistake("proxy-url", "proxies are not supported", absl::StatusCode::kUnimplemented);
    }
    for (const Json& extension : fields.List("extensions")) {
      if (json::String(extension, "name") != kExecExtension) continue;
      if (const Json* inner = json::Find(extension, "extension")) {
        out.exec_config = json::Dump(*inner);
      }
    }
    return out;
  }

  UserAccess User(const std::string& name, const Fields& fields) {
    UserAccess out;
    out.token = fields.Text("token");
    out.token_file = Located(fields.Text("tokenFile"));
    out.certificate = Pem(fields, "client-certificate");
    out.key = Pem(fields, "client-key");
    out.username = fields.Text("username");
    out.password = fields.Text("password");
    if (out.certificate.empty() != out.key.empty()) {
      fields.Mistake(out.certificate.empty() ? "client-certificate" : "client-key",
                     "must be set: certificate and key belong together");
    }
    if (!fields.Tree("auth-provider").is_null()) {
      fields.Mistake("auth-provider", "is not supported; use an exec plugin",
                     absl::StatusCode::kUnimplemented);
    }
    if (!fields.Tree("exec").is_null()) out.exec = Exec(name, fields);
    out.as = fields.Text("as");
    out.as_uid = fields.Text("as-uid");
    for (const Json& group : fields.List("as-groups")) {
      if (!group.is_string()) fields.Mistake("as-groups", "must be a list of texts");
      if (group.is_string()) out.as_groups.push_back(group.get<std::string>());
    }
    Extra(fields, out);
    if (out.as.empty() && !(out.as_uid.empty() && out.as_groups.empty() && out.as_extra.empty())) {
      fields.Mistake("as", "must be set, since other as-... members are");
    }
    return out;
  }

  void Extra(const Fields& fields, UserAccess& out) {
    const Json& extra = fields.Tree("as-user-extra");
    if (extra.is_null()) return;
    if (!extra.is_object()) return fields.Mistake("as-user-extra", "must be a mapping");
    for (const auto& [key, values] : extra.items()) {
      if (!values.is_array()) return fields.Mistake("as-user-extra", "must hold lists of texts");
      for (const Json& value : values) {
        if (!value.is_string()) return fields.Mistake("as-user-extra", "must hold lists of texts");
        out.as_extra.emplace_back(key, value.get<std::string>());
      }
    }
  }

  ExecPlugin Exec(const std::string& user, const Fields& fields) {
    ExecPlugin out;
    const Fields exec(fields.Tree("exec"), fields.Path("exec"), mistake_);
    out.api_version = exec.Required("apiVersion");
    if (!out.api_version.empty() && out.api_version != kExecV1 && out.api_version != kExecV1Beta1) {
      exec.Mistake("apiVersion",
                   absl::StrCat("exec plugin: invalid apiVersion \"", out.api_version, "\""));
    }
    out.command = exec.Required("command");
    // Without a slash it is found by PATH.
    if (absl::StrContains(out.command, '/')) out.command = Located(out.command);
    for (const Json& arg : exec.List("args")) {
      if (!arg.is_string()) exec.Mistake("args", "must be a list of texts");
      if (arg.is_string()) out.args.push_back(arg.get<std::string>());
    }
    size_t index = 0;
    for (const Json& variable : exec.List("env")) {
      const Fields entry(variable, absl::StrCat(exec.Path("env"), "[", index++, "]"), mistake_);
      out.env.emplace_back(entry.Required("name"), entry.Text("value"));
    }
    out.interactive = InteractiveMode(user, exec, out.api_version);
    out.provide_cluster_info = exec.Flag("provideClusterInfo");
    out.install_hint = exec.Text("installHint");
    return out;
  }

  static ExecPlugin::Interactive InteractiveMode(const std::string& user, const Fields& exec,
                                                 const std::string& api_version) {
    const std::string mode = exec.Text("interactiveMode");
    if (mode == "Never") return ExecPlugin::Interactive::kNever;
    if (mode == "Always") return ExecPlugin::Interactive::kAlways;
    if (mode.empty() && api_version == kExecV1) {
      exec.Mistake("interactiveMode", absl::StrCat("interactiveMode must be specified for ", user,
                                                   " to use exec authentication plugin"));
    } else if (!mode.empty() && mode != "IfAvailable") {
      exec.Mistake("interactiveMode",
                   absl::StrCat("is \"", mode, "\"; allowed: Never, IfAvailable, Always"));
    }
    return ExecPlugin::Interactive::kIfAvailable;
  }

  const std::string folder_;
  absl::Status mistake_;
};

}  // namespace

absl::StatusOr<Kubeconfig> ParseKubeconfig(const std::string& text, const std::string& file) {
  absl::StatusOr<std::vector<Json>> documents = json::ReadYaml(text);
  if (!documents.ok()) return Annotate(documents.status(), file);
  if (documents->size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": holds more than one document"));
  }
  const Json tree = documents->empty() ? Json::object() : std::move(documents->front());
  absl::StatusOr<Kubeconfig> out = Reader(file).Read(tree);
  if (!out.ok()) return Annotate(out.status(), file);
  out->sources = file;
  return out;
}

Kubeconfig MergeKubeconfigs(const std::vector<Kubeconfig>& files) {
  Kubeconfig out;
  for (const Kubeconfig& file : files) {
    if (out.current_context.empty()) out.current_context = file.current_context;
    out.clusters.insert(file.clusters.begin(), file.clusters.end());
    out.users.insert(file.users.begin(), file.users.end());
    out.contexts.insert(file.contexts.begin(), file.contexts.end());
    absl::StrAppend(&out.sources, out.sources.empty() ? "" : ", ", file.sources);
  }
  return out;
}

absl::StatusOr<ClientConfig> ResolveContext(const Kubeconfig& config, absl::string_view context) {
  const std::string name(context.empty() ? absl::string_view(config.current_context) : context);
  if (name.empty()) {
    return absl::NotFoundError(
        absl::StrCat(config.sources, ": current-context: is not set, and no context was named"));
  }
  const auto missing = [&](absl::string_view where, const std::string& what) {
    return absl::NotFoundError(
        absl::StrCat(config.sources, ": ", where, ": there is no \"", what, "\""));
  };
  const auto found = config.contexts.find(name);
  if (found == config.contexts.end()) return missing("contexts", name);
  const Kubeconfig::Context& chosen = found->second;
  const auto cluster = config.clusters.find(chosen.cluster);
  if (cluster == config.clusters.end()) {
    return missing(absl::StrCat("contexts[", name, "].context.cluster"), chosen.cluster);
  }
  ClientConfig out;
  // A context without user is anonymous.
  if (!chosen.user.empty()) {
    const auto user = config.users.find(chosen.user);
    if (user == config.users.end()) {
      return missing(absl::StrCat("contexts[", name, "].context.user"), chosen.user);
    }
    out.user = user->second;
  }
  out.cluster = cluster->second;
  if (out.cluster.server.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(config.sources, ": clusters[", chosen.cluster,
                                                   "].cluster.server: must be set"));
  }
  out.source = absl::StrCat(config.sources, ", context \"", name, "\"");
  out.cluster_name = chosen.cluster;
  out.user_name = chosen.user;
  out.name_space = chosen.name_space.empty() ? "default" : chosen.name_space;
  return out;
}

}  // namespace rekindle::client
