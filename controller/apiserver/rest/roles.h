#ifndef REKINDLE_CONTROLLER_APISERVER_REST_ROLES_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_ROLES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/api/status.h"
#include "common/json/json_fwd.h"
#include "controller/apiserver/catalog/catalog.h"
#include "controller/apiserver/registry/registry.h"

namespace rekindle::apiserver {

// What a request wants to do, in the words of the API: a resource, or a path that is none.
struct Attributes {
  std::string verb;  // get, list, watch, create, update, patch, delete, deletecollection
  std::string group;
  std::string resource;
  std::string subresource;
  std::string name_space;
  std::string name;
  std::string path;  // when not empty, none of the above but the verb
};

// A part of a role. Lists hold "*" for everything. `names` empty: all; "{node}" in it stands for
// the node whose user asks.
struct RoleRule {
  std::vector<std::string> verbs;
  std::vector<std::string> groups;
  std::vector<std::string> resources;  // "pods", "pods/status", "*"
  std::vector<std::string> names;
  std::vector<std::string> name_spaces;  // empty: all, and objects that are in none
  std::vector<std::string> paths;        // "/api/*": of what is no resource
  bool but_core = false;                 // `groups` is "*" without the core group
};

struct Role {
  std::string name;
  std::string group;  // of users: who has it
  std::vector<RoleRule> rules;
};

// The roles that there are (docs/embedded.md):
//   admin      system:masters               everything
//   read-only  rekindle:read-only           get, list and watch of everything but secrets
//   node       system:nodes                 reads pods, nodes and services; its own node and lease
//   user       system:authenticated         discovery, and what it may do itself
//   anybody    system:unauthenticated too   version and health
const std::vector<Role>& Roles();

inline constexpr absl::string_view kAdminGroup = "system:masters";
inline constexpr absl::string_view kReadOnlyGroup = "rekindle:read-only";
inline constexpr absl::string_view kNodesGroup = "system:nodes";
inline constexpr absl::string_view kAuthenticatedGroup = "system:authenticated";
inline constexpr absl::string_view kUnauthenticatedGroup = "system:unauthenticated";
inline constexpr absl::string_view kAnonymousUser = "system:anonymous";
inline constexpr absl::string_view kNodeUserPrefix = "system:node:";

// The role that allows it; nullopt: it is forbidden. Pure.
std::optional<std::string> AllowedBy(const User& user, const Attributes& wanted);

// The 403 of something that is not allowed (spec kubernetes-api 4.2).
api::ApiError ForbiddenFor(const User& user, const Attributes& wanted);

// status of a SelfSubjectAccessReview with this spec (10.3).
Json AccessReviewStatus(const User& user, const Json& spec);
// status of a SelfSubjectRulesReview for a namespace. `catalog` names the groups that there are.
Json RulesReviewStatus(const User& user, const Catalog& catalog, absl::string_view name_space);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_ROLES_H_
