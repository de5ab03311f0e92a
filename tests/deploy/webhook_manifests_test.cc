// deploy/kubernetes: webhooks, their service and their rights are those that the program knows.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "common/api/kinds/registry.h"
#include "controller/admission/admission_server.h"
#include "controller/admission/webhooks.h"

namespace rekindle::admission {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr char kFolder[] = RK_SOURCE_DIR "/deploy/";
const Registration kRegistration = {.name_space = "rekindle-system"};

std::vector<YAML::Node> LoadAll(const std::string& name) {
  return YAML::LoadAllFromFile(absl::StrCat(kFolder, name));
}
std::string Text(const YAML::Node& node) { return node.as<std::string>(); }
std::vector<std::string> Texts(const YAML::Node& node) {
  return node ? node.as<std::vector<std::string>>() : std::vector<std::string>();
}

// A requirement of a selector as one line: "key operator values".
std::vector<std::string> Requirements(const YAML::Node& selector) {
  std::vector<std::string> out;
  EXPECT_FALSE(selector["matchLabels"]);
  for (const YAML::Node& one : selector["matchExpressions"]) {
    out.push_back(absl::StrCat(Text(one["key"]), " ", Text(one["operator"]), " ",
                               absl::StrJoin(Texts(one["values"]), " ")));
  }
  return out;
}

// Creations of pods alone, and of few; whatever goes wrong there holds none of them up.
void ExpectNoPodWaits(const YAML::Node& webhook) {
  EXPECT_EQ(Text(webhook["failurePolicy"]), "Ignore");
  EXPECT_LE(webhook["timeoutSeconds"].as<int>(), 2);
  const YAML::Node rule = webhook["rules"][0];
  EXPECT_THAT(Texts(rule["apiGroups"]), ElementsAre(""));
  EXPECT_THAT(Texts(rule["apiVersions"]), ElementsAre("v1"));
  EXPECT_THAT(Texts(rule["operations"]), ElementsAre("CREATE"));
  EXPECT_THAT(Texts(rule["resources"]), ElementsAre("pods"));
  EXPECT_EQ(Text(rule["scope"]), "Namespaced");
  EXPECT_THAT(Requirements(webhook["objectSelector"]),
              UnorderedElementsAre("controller-revision-hash Exists ",
                                   "pod-template-generation DoesNotExist "));
  EXPECT_THAT(Requirements(webhook["namespaceSelector"]),
              ElementsAre("kubernetes.io/metadata.name NotIn kube-system rekindle-system"));
  // Its own namespace has the label also where Kubernetes does not set it.
  EXPECT_EQ(Text(LoadAll("kubernetes/namespace.yaml")
                     .at(0)["metadata"]["labels"]["kubernetes.io/metadata.name"]),
            kRegistration.name_space);
}

TEST(WebhookManifestsTest, ConfigurationsAreTheTable) {
  std::set<std::string> seen;
  for (const YAML::Node& configuration : LoadAll("kubernetes/webhooks.yaml")) {
    const bool mutating = Text(configuration["kind"]) == "MutatingWebhookConfiguration";
    EXPECT_EQ(Text(configuration["metadata"]["name"]), kRegistration.configuration);
    for (const YAML::Node& webhook : configuration["webhooks"]) {
      const YAML::Node service = webhook["clientConfig"]["service"];
      const Webhook* known = FindWebhook(Text(service["path"]));
      ASSERT_NE(known, nullptr) << Text(service["path"]);
      SCOPED_TRACE(std::string(known->name));
      seen.insert(Text(webhook["name"]));
      EXPECT_EQ(Text(webhook["name"]), known->name);
      EXPECT_EQ(mutating, known->phase == Phase::kMutate);
      EXPECT_EQ(Text(service["name"]), kRegistration.service);
      EXPECT_EQ(Text(service["namespace"]), kRegistration.name_space);
      EXPECT_FALSE(webhook["clientConfig"]["caBundle"]);
      EXPECT_EQ(Text(webhook["sideEffects"]), "None");
      EXPECT_THAT(Texts(webhook["admissionReviewVersions"]), ElementsAre("v1", "v1beta1"));
      EXPECT_LE(webhook["timeoutSeconds"].as<int>(), 5);
      ASSERT_EQ(webhook["rules"].size(), 1U);
      if (known->pods) {
        ExpectNoPodWaits(webhook);
        continue;
      }
      // Never anything but our own group.
      const YAML::Node rule = webhook["rules"][0];
      EXPECT_THAT(Texts(rule["apiGroups"]), ElementsAre("apps.kruise.io"));
      EXPECT_THAT(Texts(rule["apiVersions"]), UnorderedElementsAre("v1alpha1", "v1beta1"));
      EXPECT_THAT(Texts(rule["resources"]), ElementsAre(std::string(known->plural)));
      const std::vector<std::string> operations =
          known->deletes ? std::vector<std::string>{"CREATE", "UPDATE", "DELETE"}
                         : std::vector<std::string>{"CREATE", "UPDATE"};
      EXPECT_EQ(Texts(rule["operations"]), operations);
      const api::KindInfo* kind =
          api::Kinds().FindResource("apps.kruise.io", "v1beta1", std::string(known->plural));
      ASSERT_NE(kind, nullptr);
      EXPECT_EQ(Text(rule["scope"]), kind->namespaced ? "Namespaced" : "Cluster");
      EXPECT_EQ(Text(webhook["failurePolicy"]), "Fail");
    }
  }
  EXPECT_EQ(seen.size(), Webhooks().size());
}

TEST(WebhookManifestsTest, TheServiceLeadsToTheServer) {
  const YAML::Node service = LoadAll("kubernetes/webhook-service.yaml").at(0);
  EXPECT_EQ(Text(service["metadata"]["name"]), kRegistration.service);
  EXPECT_EQ(Text(service["metadata"]["namespace"]), kRegistration.name_space);
  ASSERT_EQ(service["spec"]["ports"].size(), 1U);
  EXPECT_EQ(service["spec"]["ports"][0]["port"].as<int>(), 443);
  EXPECT_EQ(service["spec"]["ports"][0]["targetPort"].as<int>(), AdmissionServer::Options().port);
}

TEST(WebhookManifestsTest, DefinitionsAreConvertedByIt) {
  for (const Target& target : Targets(kRegistration)) {
    if (target.kind != Target::Kind::kDefinition) continue;
    const std::string& name = target.ref.key.name;
    const std::string file =
        absl::StrCat("crds/apps.kruise.io_", name.substr(0, name.find('.')), ".yaml");
    const YAML::Node conversion = LoadAll(file).at(0)["spec"]["conversion"];
    EXPECT_EQ(Text(conversion["strategy"]), "Webhook") << file;
    const YAML::Node service = conversion["webhook"]["clientConfig"]["service"];
    EXPECT_EQ(Text(service["name"]), kRegistration.service);
    EXPECT_EQ(Text(service["namespace"]), kRegistration.name_space);
    EXPECT_EQ(Text(service["path"]), kConvertPath);
  }
}

// A right as one line: "group/resource[names]: verbs".
std::set<std::string> RightsOf(const YAML::Node& role) {
  std::set<std::string> out;
  for (const YAML::Node& rule : role["rules"]) {
    EXPECT_FALSE(rule["nonResourceURLs"]);
    for (const std::string& group : Texts(rule["apiGroups"])) {
      for (const std::string& resource : Texts(rule["resources"])) {
        out.insert(absl::StrCat(group, "/", resource, "[",
                                absl::StrJoin(Texts(rule["resourceNames"]), " "),
                                "]: ", absl::StrJoin(Texts(rule["verbs"]), " ")));
      }
    }
  }
  return out;
}

// This test fails when a right is added: it is meant to.
TEST(WebhookManifestsTest, RightsAreLeast) {
  std::map<std::string, YAML::Node> parts;
  for (const YAML::Node& part : LoadAll("kubernetes/webhook-rbac.yaml")) {
    parts[Text(part["kind"])] = part;
  }
  ASSERT_EQ(parts.size(), 4U);
  EXPECT_THAT(
      RightsOf(parts["Role"]),
      UnorderedElementsAre("/secrets[rekindle-webhook-tls]: get update", "/secrets[]: create"));
  const std::string definitions =
      "[clonesets.apps.kruise.io statefulsets.apps.kruise.io "
      "containerrecreaterequests.apps.kruise.io]: get patch";
  EXPECT_THAT(
      RightsOf(parts["ClusterRole"]),
      UnorderedElementsAre(
          "/pods[]: get", "/nodes[]: get", "apps.kruise.io/statefulsets[]: get",
          "admissionregistration.k8s.io/mutatingwebhookconfigurations[rekindle]: get patch",
          "admissionregistration.k8s.io/validatingwebhookconfigurations[rekindle]: get patch",
          "apiextensions.k8s.io/customresourcedefinitions" + definitions));
  EXPECT_EQ(Text(parts["Role"]["metadata"]["namespace"]), kRegistration.name_space);
  for (const char* kind : {"Role", "ClusterRole"}) {
    const YAML::Node binding = parts[absl::StrCat(kind, "Binding")];
    EXPECT_EQ(Text(binding["roleRef"]["kind"]), kind);
    EXPECT_EQ(Text(binding["roleRef"]["name"]), Text(parts[kind]["metadata"]["name"]));
    ASSERT_EQ(binding["subjects"].size(), 1U);
    EXPECT_EQ(Text(binding["subjects"][0]["kind"]), "ServiceAccount");
    EXPECT_EQ(Text(binding["subjects"][0]["name"]), "rekindle-controller");
    EXPECT_EQ(Text(binding["subjects"][0]["namespace"]), kRegistration.name_space);
  }
  // What the keeper is given names of is what it may touch.
  for (const Target& target : Targets(kRegistration)) {
    bool may = false;
    for (const std::string& right : RightsOf(parts["ClusterRole"])) {
      may = may || (right.find(target.ref.resource.plural) != std::string::npos &&
                    right.find(target.ref.key.name) != std::string::npos);
    }
    EXPECT_TRUE(may) << target.ref.key.name;
  }
}

}  // namespace
}  // namespace rekindle::admission
