#include "controller/admission/targets.h"

#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/registry.h"
#include "common/json/tree.h"

namespace rekindle::admission {
namespace {

bool NamesOurService(const Json& client_config, const Registration& registration) {
  return json::String(client_config, {"service", "namespace"}) == registration.name_space &&
         json::String(client_config, {"service", "name"}) == registration.service;
}

// Adds what puts `bundle` into the client configuration at `path` unless it is there.
void Trust(const Json& client_config, const std::string& path, const std::string& bundle,
           Json& patch) {
  const std::string wanted = absl::Base64Escape(bundle);
  if (json::String(client_config, "caBundle") == wanted) return;
  patch.push_back({{"op", "add"}, {"path", path + "/caBundle"}, {"value", wanted}});
}

Json Test(const std::string& path, const Json& value) {
  return {{"op", "test"}, {"path", path}, {"value", value}};
}

TargetPlan PlanWebhooks(const Target& target, const Registration& registration,
                        const std::string& bundle, const Json& object) {
  TargetPlan plan{.patch = Json::array()};
  std::set<std::string> missing;
  for (const Webhook& webhook : Webhooks()) {
    if (webhook.phase == target.phase && !webhook.pods) missing.emplace(webhook.name);
  }
  const Json* list = json::Find(object, "webhooks");
  for (size_t i = 0; list != nullptr && list->is_array() && i < list->size(); ++i) {
    const Json& one = (*list)[i];
    const Json* config = json::Find(one, "clientConfig");
    const std::string name(json::String(one, "name"));
    if (config == nullptr || !NamesOurService(*config, registration)) continue;
    missing.erase(name);
    const std::string path = absl::StrCat("/webhooks/", i);
    Json change = Json::array();
    Trust(*config, path + "/clientConfig", bundle, change);
    if (change.empty()) continue;
    plan.patch.push_back(Test(path + "/name", name));
    plan.patch.push_back(Test(path + "/clientConfig/service/name", registration.service));
    plan.patch.push_back(change[0]);
  }
  if (!missing.empty()) {
    plan.problems.push_back(absl::StrCat("has no webhook of service ", registration.name_space, "/",
                                         registration.service, " named ",
                                         absl::StrJoin(missing, ", ")));
  }
  return plan;
}

TargetPlan PlanDefinition(const Registration& registration, const std::string& bundle,
                          const Json& object) {
  TargetPlan plan{.patch = Json::array()};
  const Json* config = json::Find(object, {"spec", "conversion", "webhook", "clientConfig"});
  if (json::String(object, {"spec", "conversion", "strategy"}) != "Webhook" || config == nullptr ||
      !NamesOurService(*config, registration)) {
    plan.problems.push_back(absl::StrCat("is not converted by service ", registration.name_space,
                                         "/", registration.service,
                                         "; only its stored version can be used"));
    return plan;
  }
  const std::string path = "/spec/conversion/webhook/clientConfig";
  Json change = Json::array();
  Trust(*config, path, bundle, change);
  if (change.empty()) return plan;
  plan.patch.push_back(Test(path + "/service/name", registration.service));
  plan.patch.push_back(change[0]);
  return plan;
}

}  // namespace

std::vector<std::string> ServerNames(const Registration& registration) {
  const std::string name = absl::StrCat(registration.service, ".", registration.name_space, ".svc");
  return {name, absl::StrCat(registration.service, ".", registration.name_space),
          absl::StrCat(name, ".cluster.local")};
}

std::vector<Target> Targets(const Registration& registration) {
  std::vector<Target> out;
  const auto add = [&](Target::Kind kind, client::ApiResource resource, const std::string& name,
                       Phase phase) {
    out.push_back({kind, {std::move(resource), {"", name}, ""}, phase});
  };
  const std::string group = "admissionregistration.k8s.io";
  add(Target::Kind::kWebhooks,
      {group, "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", false},
      registration.configuration, Phase::kMutate);
  add(Target::Kind::kWebhooks,
      {group, "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", false},
      registration.configuration, Phase::kValidate);
  for (const api::KindInfo& kind : api::Kinds().kinds()) {
    if (kind.group != api::kKruiseGroup || !kind.storage || !kind.convert) continue;
    add(Target::Kind::kDefinition,
        {"apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition",
         false},
        absl::StrCat(kind.plural, ".", kind.group), Phase::kMutate);
  }
  return out;
}

TargetPlan PlanTarget(const Target& target, const Registration& registration,
                      const std::string& bundle, const Json& object) {
  return target.kind == Target::Kind::kWebhooks ? PlanWebhooks(target, registration, bundle, object)
                                                : PlanDefinition(registration, bundle, object);
}

}  // namespace rekindle::admission
