#include "controller/apiserver/rest/roles.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::apiserver {
namespace {

constexpr absl::string_view kOwnNode = "{node}";

std::vector<Role> MakeRoles() {
  const std::vector<std::string> all = {"*"};
  const std::vector<std::string> read = {"get", "list", "watch"};
  const std::vector<std::string> change = {"get", "create", "update", "patch"};
  std::vector<Role> roles;
  roles.push_back(
      {"admin",
       std::string(kAdminGroup),
       {{.verbs = all, .groups = all, .resources = all}, {.verbs = all, .paths = all}}});
  roles.push_back(
      {"read-only",
       std::string(kReadOnlyGroup),
       {{.verbs = read, .groups = all, .resources = all, .but_core = true},
        {.verbs = read,
         .groups = {""},
         // All of the core group but secrets, and nothing that reaches into a container.
         .resources = {"bindings",
                       "configmaps",
                       "endpoints",
                       "events",
                       "limitranges",
                       "namespaces",
                       "namespaces/status",
                       "nodes",
                       "nodes/status",
                       "persistentvolumeclaims",
                       "persistentvolumeclaims/status",
                       "persistentvolumes",
                       "persistentvolumes/status",
                       "pods",
                       "pods/log",
                       "pods/status",
                       "podtemplates",
                       "replicationcontrollers",
                       "replicationcontrollers/scale",
                       "replicationcontrollers/status",
                       "resourcequotas",
                       "serviceaccounts",
                       "services",
                       "services/status"}},
        {.verbs = {"get"}, .paths = all}}});
  roles.push_back(
      {"node",
       std::string(kNodesGroup),
       {{.verbs = read, .groups = {""}, .resources = {"pods", "nodes", "services", "namespaces"}},
        {.verbs = {"update", "patch"},
         .groups = {""},
         .resources = {"nodes", "nodes/status"},
         .names = {std::string(kOwnNode)}},
        {.verbs = {"get", "update", "patch"},
         .groups = {"coordination.k8s.io"},
         .resources = {"leases"},
         .names = {std::string(kOwnNode)},
         .name_spaces = {"kube-node-lease"}},
        {.verbs = {"create"},
         .groups = {"coordination.k8s.io"},
         .resources = {"leases"},
         .name_spaces = {"kube-node-lease"}},
        {.verbs = {"create", "patch"}, .groups = {"", "events.k8s.io"}, .resources = {"events"}}}});
  roles.push_back({"user",
                   std::string(kAuthenticatedGroup),
                   {{.verbs = {"create"},
                     .groups = {"authorization.k8s.io"},
                     .resources = {"selfsubjectaccessreviews", "selfsubjectrulesreviews"}},
                    {.verbs = {"create"},
                     .groups = {"authentication.k8s.io"},
                     .resources = {"selfsubjectreviews"}},
                    {.verbs = {"get"},
                     .paths = {"/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"}}}});
  const std::vector<RoleRule> open = {
      {.verbs = {"get"}, .paths = {"/version", "/healthz", "/livez", "/readyz"}}};
  roles.push_back({"anybody", std::string(kAuthenticatedGroup), open});
  roles.push_back({"anybody", std::string(kUnauthenticatedGroup), open});
  return roles;
}

bool Has(const std::vector<std::string>& list, absl::string_view value) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& entry) {
    return entry == "*" || entry == value ||
           (entry.size() > 1 && entry.back() == '*' &&
            absl::StartsWith(value, absl::string_view(entry).substr(0, entry.size() - 1)));
  });
}

bool HasExactly(const std::vector<std::string>& list, absl::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

std::string NodeOf(const User& user) {
  absl::string_view name = user.name;
  return absl::ConsumePrefix(&name, kNodeUserPrefix) ? std::string(name) : std::string();
}

std::vector<std::string> NamesOf(const RoleRule& rule, const User& user) {
  std::vector<std::string> names = rule.names;
  for (std::string& name : names) {
    if (name == kOwnNode) name = NodeOf(user);
  }
  return names;
}

std::string ResourceText(const Attributes& wanted) {
  return wanted.subresource.empty() ? wanted.resource
                                    : absl::StrCat(wanted.resource, "/", wanted.subresource);
}

bool Allows(const RoleRule& rule, const User& user, const Attributes& wanted) {
  if (!Has(rule.verbs, wanted.verb)) return false;
  if (!wanted.path.empty()) return Has(rule.paths, wanted.path);
  const bool in_group = Has(rule.groups, wanted.group) && !(rule.but_core && wanted.group.empty());
  // No prefixes here: "*" or the very name.
  const bool in_resource =
      HasExactly(rule.resources, "*") || HasExactly(rule.resources, ResourceText(wanted));
  if (!in_group || !in_resource) return false;
  if (!rule.name_spaces.empty() && !HasExactly(rule.name_spaces, wanted.name_space)) return false;
  if (rule.names.empty()) return true;
  return !wanted.name.empty() && HasExactly(NamesOf(rule, user), wanted.name);
}

Attributes AttributesOf(const Json& spec) {
  Attributes out;
  if (const Json* path = json::Find(spec, "nonResourceAttributes")) {
    out.verb = std::string(json::String(*path, "verb"));
    out.path = std::string(json::String(*path, "path"));
    if (out.path.empty()) out.path = "/";
    return out;
  }
  const Json* resource = json::Find(spec, "resourceAttributes");
  if (resource == nullptr) return out;
  out.verb = std::string(json::String(*resource, "verb"));
  out.group = std::string(json::String(*resource, "group"));
  out.resource = std::string(json::String(*resource, "resource"));
  out.subresource = std::string(json::String(*resource, "subresource"));
  out.name_space = std::string(json::String(*resource, "namespace"));
  out.name = std::string(json::String(*resource, "name"));
  return out;
}

}  // namespace

const std::vector<Role>& Roles() {
  static const auto* roles = new std::vector<Role>(MakeRoles());
  return *roles;
}

std::optional<std::string> AllowedBy(const User& user, const Attributes& wanted) {
  for (const Role& role : Roles()) {
    if (!HasExactly(user.groups, role.group)) continue;
    for (const RoleRule& rule : role.rules) {
      if (Allows(rule, user, wanted)) return role.name;
    }
  }
  return std::nullopt;
}

api::ApiError ForbiddenFor(const User& user, const Attributes& wanted) {
  if (!wanted.path.empty()) {
    return api::Forbidden({}, absl::StrCat("User \"", user.name, "\" cannot ", wanted.verb,
                                           " path \"", wanted.path, "\""));
  }
  const std::string where = wanted.name_space.empty()
                                ? std::string("at the cluster scope")
                                : absl::StrCat("in the namespace \"", wanted.name_space, "\"");
  const api::Subject subject{wanted.group, wanted.resource, "", wanted.name};
  return api::Forbidden(subject, absl::StrCat("User \"", user.name, "\" cannot ", wanted.verb,
                                              " resource \"", ResourceText(wanted),
                                              "\" in API group \"", wanted.group, "\" ", where));
}

Json AccessReviewStatus(const User& user, const Json& spec) {
  const Attributes wanted = AttributesOf(spec);
  Json status = {{"allowed", false}};
  // As a question "*" means everything at once, which is what "*" in a rule allows.
  if (const std::optional<std::string> role = AllowedBy(user, wanted)) {
    status["allowed"] = true;
    status["reason"] = absl::StrCat("allowed by the role \"", *role, "\"");
  }
  return status;
}

Json RulesReviewStatus(const User& user, const Catalog& catalog, absl::string_view name_space) {
  std::set<std::string> named_groups;
  for (const ServedKind& kind : catalog.kinds()) {
    if (!kind.info->group.empty()) named_groups.insert(kind.info->group);
  }
  Json resources = Json::array();
  Json paths = Json::array();
  for (const Role& role : Roles()) {
    if (!HasExactly(user.groups, role.group)) continue;
    for (const RoleRule& rule : role.rules) {
      if (!rule.paths.empty()) {
        paths.push_back({{"verbs", rule.verbs}, {"nonResourceURLs", rule.paths}});
        continue;
      }
      if (!rule.name_spaces.empty() && !HasExactly(rule.name_spaces, name_space)) continue;
      Json groups = rule.groups;
      if (rule.but_core) groups = named_groups;
      Json one = {{"verbs", rule.verbs}, {"apiGroups", groups}, {"resources", rule.resources}};
      if (!rule.names.empty()) one["resourceNames"] = NamesOf(rule, user);
      resources.push_back(std::move(one));
    }
  }
  return {{"resourceRules", resources}, {"nonResourceRules", paths}, {"incomplete", false}};
}

}  // namespace rekindle::apiserver
