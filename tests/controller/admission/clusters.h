#ifndef REKINDLE_TESTS_CONTROLLER_ADMISSION_CLUSTERS_H_
#define REKINDLE_TESTS_CONTROLLER_ADMISSION_CLUSTERS_H_

#include <set>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/json_fwd.h"
#include "common/json/tree.h"
#include "controller/admission/targets.h"
#include "controller/admission/webhooks.h"
#include "tests/fakes/fake_api.h"

namespace rekindle::admission {

inline const Registration kRegistration = {.name_space = "rekindle-system"};

inline const std::string kSecrets = "/api/v1/secrets";
inline const std::string kMutating =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
inline const std::string kValidating =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
inline const std::string kDefinitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

// As deploy/kubernetes has it.
inline Json WebhookConfiguration(Phase phase) {
  Json out = {{"kind", phase == Phase::kMutate ? "MutatingWebhookConfiguration"
                                               : "ValidatingWebhookConfiguration"},
              {"metadata", {{"name", "rekindle"}}},
              {"webhooks", Json::array()}};
  for (const Webhook& webhook : Webhooks()) {
    if (webhook.phase != phase) continue;
    out["webhooks"].push_back({{"name", webhook.name},
                               {"clientConfig",
                                {{"service",
                                  {{"name", "rekindle-controller"},
                                   {"namespace", "rekindle-system"},
                                   {"path", webhook.path}}}}}});
  }
  return out;
}

inline Json Definition(const std::string& plural) {
  return {{"kind", "CustomResourceDefinition"},
          {"metadata", {{"name", plural + ".apps.kruise.io"}}},
          {"spec",
           {{"conversion",
             {{"strategy", "Webhook"},
              {"webhook",
               {{"clientConfig",
                 {{"service",
                   {{"name", "rekindle-controller"},
                    {"namespace", "rekindle-system"},
                    {"path", "/convert"}}}}}}}}}}}};
}

// Everything that is installed, without bundles.
inline void InstallManifests(FakeApi& api) {
  api.Put(kMutating, WebhookConfiguration(Phase::kMutate));
  api.Put(kValidating, WebhookConfiguration(Phase::kValidate));
  for (const char* plural : {"clonesets", "statefulsets", "containerrecreaterequests"}) {
    api.Put(kDefinitions, Definition(plural));
  }
}

// The bundles that those who call trust now; one when all are the same, "" among them where there
// is none.
inline std::set<std::string> TrustedBundles(const FakeApi& api) {
  std::set<std::string> out;
  const auto add = [&](const Json& config) {
    std::string text;
    absl::Base64Unescape(json::String(config, "caBundle"), &text);
    out.insert(text);
  };
  for (const std::string& collection : {kMutating, kValidating}) {
    const std::optional<Json> found = api.Find(collection, "", "rekindle");
    if (!found.has_value()) continue;
    for (const Json& webhook : (*found)["webhooks"]) add(webhook["clientConfig"]);
  }
  for (const char* plural : {"clonesets", "statefulsets", "containerrecreaterequests"}) {
    const std::optional<Json> found =
        api.Find(kDefinitions, "", absl::StrCat(plural, ".apps.kruise.io"));
    if (found.has_value()) add((*found)["spec"]["conversion"]["webhook"]["clientConfig"]);
  }
  return out;
}

}  // namespace rekindle::admission

#endif  // REKINDLE_TESTS_CONTROLLER_ADMISSION_CLUSTERS_H_
