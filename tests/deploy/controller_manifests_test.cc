// deploy/kubernetes: what the controller may do is on the list below, and its parts fit together.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "common/json/diff.h"
#include "common/json/yaml.h"
#include "controller/app/command_line.h"
#include "controller/app/controllers.h"
#include "controller/runtime/manager.h"

namespace rekindle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kFolder[] = RK_SOURCE_DIR "/deploy/kubernetes/";
constexpr char kAccount[] = "rekindle-controller";
constexpr char kNamespace[] = "rekindle-system";

using Strings = std::vector<std::string>;

std::string Text(const YAML::Node& node) { return node ? node.as<std::string>() : ""; }
Strings List(const YAML::Node& node) { return node ? node.as<Strings>() : Strings(); }

// Everything in the folder that is an object.
std::vector<YAML::Node> Objects() {
  std::vector<YAML::Node> out;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".yaml") continue;
    for (const YAML::Node& document : YAML::LoadAllFromFile(entry.path())) {
      if (document.IsMap() && document["kind"]) out.push_back(document);
    }
  }
  return out;
}

// The same as trees.
std::vector<Json> Trees() {
  std::vector<Json> out;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".yaml") continue;
    std::ifstream file(entry.path());
    const auto documents = json::ReadYaml({std::istreambuf_iterator<char>(file), {}});
    EXPECT_TRUE(documents.ok()) << entry.path() << documents.status();
    if (!documents.ok()) continue;
    for (const Json& document : *documents) {
      if (document.is_object() && document.contains("kind")) out.push_back(document);
    }
  }
  return out;
}

YAML::Node Find(const std::string& kind, const std::string& name) {
  for (const YAML::Node& object : Objects()) {
    if (Text(object["kind"]) == kind && Text(object["metadata"]["name"]) == name) return object;
  }
  ADD_FAILURE() << "no " << kind << " " << name;
  return {};
}

// "cluster: GROUP/RESOURCE VERB" or "rekindle-system: ...", with " [NAME ...]" where it is for
// these names only; one for each verb of each resource.
std::set<std::string> RightsOf(const YAML::Node& role) {
  std::set<std::string> out;
  const std::string where = Text(role["kind"]) == "ClusterRole" ? "cluster" : kNamespace;
  for (const auto& rule : role["rules"]) {
    const Strings names = List(rule["resourceNames"]);
    const std::string only =
        names.empty() ? "" : absl::StrCat(" [", absl::StrJoin(names, " "), "]");
    for (const std::string& url : List(rule["nonResourceURLs"])) {
      for (const std::string& verb : List(rule["verbs"])) {
        out.insert(absl::StrCat(where, ": ", url, " ", verb));
      }
    }
    for (const std::string& group : List(rule["apiGroups"])) {
      for (const std::string& resource : List(rule["resources"])) {
        for (const std::string& verb : List(rule["verbs"])) {
          out.insert(absl::StrCat(where, ": ", group, "/", resource, " ", verb, only));
        }
      }
    }
  }
  return out;
}

// What the bindings give to the controller's account. A binding of a ClusterRole in one namespace
// gives its rights there.
std::set<std::string> Rights() {
  std::set<std::string> out;
  for (const YAML::Node& binding : Objects()) {
    if (!absl::EndsWith(Text(binding["kind"]), "RoleBinding")) continue;
    for (const auto& subject : binding["subjects"]) {
      EXPECT_EQ(Text(subject["kind"]), "ServiceAccount") << "a user or group is not ours to bind";
      EXPECT_EQ(Text(subject["name"]), kAccount);
      EXPECT_EQ(Text(subject["namespace"]), kNamespace);
    }
    const YAML::Node role =
        Find(Text(binding["roleRef"]["kind"]), Text(binding["roleRef"]["name"]));
    EXPECT_EQ(Text(binding["kind"]), Text(role["kind"]) + "Binding");
    for (const std::string& right : RightsOf(role)) out.insert(right);
  }
  return out;
}

// Those whose versions differ.
std::string OurDefinitions() {
  return "[clonesets.apps.kruise.io statefulsets.apps.kruise.io "
         "containerrecreaterequests.apps.kruise.io]";
}

// A right that is added to the manifests has to be added here as well, and explained in
// deploy/README.md.
const std::set<std::string>& Allowed() {
  static const auto* const kAllowed = new std::set<std::string>{
      "cluster: /pods get",
      "cluster: /pods list",
      "cluster: /pods watch",
      "cluster: /pods/status patch",
      "cluster: apps.kruise.io/containerrecreaterequests get",
      "cluster: apps.kruise.io/containerrecreaterequests list",
      "cluster: apps.kruise.io/containerrecreaterequests watch",
      "cluster: apps.kruise.io/containerrecreaterequests patch",
      "cluster: apps.kruise.io/containerrecreaterequests delete",
      "cluster: apps.kruise.io/containerrecreaterequests/status patch",
      "cluster: policy/poddisruptionbudgets list",
      "cluster: policy/poddisruptionbudgets watch",
      "cluster: /events create",
      "cluster: /events patch",
      // Of the webhooks.
      "cluster: /nodes get",
      "cluster: apps.kruise.io/statefulsets get",
      "cluster: admissionregistration.k8s.io/mutatingwebhookconfigurations get [rekindle]",
      "cluster: admissionregistration.k8s.io/mutatingwebhookconfigurations patch [rekindle]",
      "cluster: admissionregistration.k8s.io/validatingwebhookconfigurations get [rekindle]",
      "cluster: admissionregistration.k8s.io/validatingwebhookconfigurations patch [rekindle]",
      "cluster: apiextensions.k8s.io/customresourcedefinitions get " + OurDefinitions(),
      "cluster: apiextensions.k8s.io/customresourcedefinitions patch " + OurDefinitions(),
      "rekindle-system: /secrets create",
      "rekindle-system: /secrets get [rekindle-webhook-tls]",
      "rekindle-system: /secrets update [rekindle-webhook-tls]",
      "rekindle-system: coordination.k8s.io/leases create",
      "rekindle-system: coordination.k8s.io/leases get [rekindle-controller]",
      "rekindle-system: coordination.k8s.io/leases update [rekindle-controller]",
  };
  return *kAllowed;
}

// Empty when `role` gives no way to Secrets that are not named, and to nothing by a wildcard.
std::string WhatIsTooMuch(const YAML::Node& role) {
  for (const std::string& right : RightsOf(role)) {
    if (absl::StrContains(right, "*")) return right;
    if (!absl::StrContains(right, "/secrets ")) continue;
    // A Secret is read by its name, in our own namespace; the right to make one has no name.
    const bool one = absl::StartsWith(right, absl::StrCat(kNamespace, ": ")) &&
                     (absl::StrContains(right, " create") || absl::StrContains(right, "["));
    const bool all = absl::StrContains(right, " list") || absl::StrContains(right, " watch") ||
                     absl::StrContains(right, " deletecollection");
    if (!one || all) return right;
  }
  return "";
}

TEST(ControllerRightsTest, AreThoseOnTheList) {
  EXPECT_THAT(Rights(), ::testing::ContainerEq(Allowed()));
}

TEST(ControllerRightsTest, NoSecretIsListedOrWatchedAnywhere) {
  for (const YAML::Node& object : Objects()) {
    if (!absl::EndsWith(Text(object["kind"]), "Role")) continue;
    EXPECT_EQ(WhatIsTooMuch(object), "") << Text(object["metadata"]["name"]);
    // Rights that come from labels of others cannot be seen here.
    EXPECT_FALSE(object["aggregationRule"]) << Text(object["metadata"]["name"]);
  }
}

// The two tests above would see it.
TEST(ControllerRightsTest, TooMuchIsNoticed) {
  const auto role = [](const std::string& kind, const std::string& rule) {
    return YAML::Load(absl::StrCat("{kind: ", kind, ", rules: [", rule, "]}"));
  };
  const std::string secrets = "apiGroups: [''], resources: [secrets]";
  for (const std::string& rule : {
           absl::StrCat("{", secrets, ", verbs: [list]}"),
           absl::StrCat("{", secrets, ", verbs: [get]}"),
           absl::StrCat("{", secrets, ", verbs: [watch], resourceNames: [mine]}"),
           std::string("{apiGroups: [''], resources: ['*'], verbs: [get]}"),
           std::string("{apiGroups: ['*'], resources: [pods], verbs: [get]}"),
           std::string("{apiGroups: [''], resources: [pods], verbs: ['*']}"),
       }) {
    EXPECT_NE(WhatIsTooMuch(role("Role", rule)), "") << rule;
    EXPECT_NE(WhatIsTooMuch(role("ClusterRole", rule)), "") << rule;
    for (const std::string& right : RightsOf(role("ClusterRole", rule))) {
      EXPECT_FALSE(Allowed().contains(right)) << right;
    }
  }
  const std::string named = absl::StrCat("{", secrets, ", verbs: [get], resourceNames: [mine]}");
  EXPECT_EQ(WhatIsTooMuch(role("Role", named)), "");
  EXPECT_NE(WhatIsTooMuch(role("ClusterRole", named)), "");
}

class ControllerManifestsTest : public ::testing::Test {
 protected:
  const YAML::Node deployment_ = Find("Deployment", kAccount);
  const YAML::Node pod_ = deployment_["spec"]["template"]["spec"];
  const YAML::Node container_ = pod_["containers"][0];
};

TEST_F(ControllerManifestsTest, FlagsAreValidAndFitTheMounts) {
  const auto line = ParseControllerCommandLine(List(container_["args"]), "1");
  ASSERT_TRUE(line.ok()) << line.status();
  const RunOptions& run = line->run;
  EXPECT_EQ(line->action, ControllerCommandLine::Action::kServe);
  EXPECT_FALSE(run.embedded);
  EXPECT_TRUE(run.leader_elect);
  // The service account says the namespace; the rights are bound to this name.
  EXPECT_EQ(run.name_space + run.lease_name_space, "");
  EXPECT_EQ(run.lease_name, kAccount);
  EXPECT_EQ(run.controllers, AvailableControllers(/*embedded=*/false));
  EXPECT_EQ(run.metrics.host, "");
  const std::string tls = Text(container_["volumeMounts"][0]["mountPath"]) + "/";
  EXPECT_EQ(run.tls_cert, tls + "tls.crt");
  EXPECT_EQ(run.tls_key, tls + "tls.key");
  EXPECT_EQ(run.tls_ca, tls + "ca.crt");
  ASSERT_EQ(container_["ports"][0]["containerPort"].as<int>(), run.metrics.port);
  ASSERT_EQ(container_["ports"][1]["containerPort"].as<int>(), run.webhooks.port);
  const YAML::Node service = Find("Service", kAccount);
  EXPECT_EQ(service["spec"]["ports"][0]["targetPort"].as<int>(), run.webhooks.port);
  EXPECT_FALSE(service["spec"]["publishNotReadyAddresses"]);
  const YAML::Node notes = deployment_["spec"]["template"]["metadata"]["annotations"];
  EXPECT_EQ(Text(notes["prometheus.io/port"]), absl::StrCat(run.metrics.port));
  // An orderly end is waited for.
  const Manager::Options limits;
  EXPECT_GT(absl::Seconds(pod_["terminationGracePeriodSeconds"].as<int>()),
            run.webhook_linger +
                (limits.stop_controllers + limits.flush_events + limits.release_lease) * 2);
}

// deploy/kubernetes/all-pods, as kustomize applies it.
TEST_F(ControllerManifestsTest, AllPodsOpensTheFeatureGateAndTheSelector) {
  const YAML::Node component = YAML::LoadFile(absl::StrCat(kFolder, "all-pods/kustomization.yaml"));
  EXPECT_EQ(Text(component["kind"]), "Component");
  ASSERT_EQ(component["patches"].size(), 2U);
  std::map<std::string, Json> after;
  for (const auto& entry : component["patches"]) {
    const std::string kind = Text(entry["target"]["kind"]);
    // A document is an object, and a patch is a list.
    const auto patch = json::ReadYaml(absl::StrCat("patch:\n", Text(entry["patch"])));
    ASSERT_TRUE(patch.ok()) << patch.status();
    for (const Json& object : Trees()) {
      if (object["kind"] != kind || object["metadata"]["name"] != Text(entry["target"]["name"])) {
        continue;
      }
      const auto patched = json::ApplyJsonPatch(object, patch->at(0)["patch"]);
      ASSERT_TRUE(patched.ok()) << kind << ": " << patched.status();
      after[kind] = *patched;
    }
    ASSERT_TRUE(after.contains(kind)) << kind;
  }
  const auto args = after["Deployment"]["spec"]["template"]["spec"]["containers"][0]["args"]
                        .get<std::vector<std::string>>();
  const auto line = ParseControllerCommandLine(args, "1");
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_TRUE(line->run.gates.ready_gate_for_all);
  const Json& webhook = after["MutatingWebhookConfiguration"]["webhooks"].back();
  EXPECT_EQ(webhook["name"], "mpod.kb.io");
  EXPECT_FALSE(webhook.contains("objectSelector"));
  EXPECT_TRUE(webhook.contains("namespaceSelector"));
  EXPECT_EQ(webhook["failurePolicy"], "Ignore");
}

TEST_F(ControllerManifestsTest, PowerIsLeast) {
  ASSERT_EQ(pod_["containers"].size(), 1U);
  const YAML::Node security = container_["securityContext"];
  EXPECT_THAT(List(security["capabilities"]["drop"]), ElementsAre("ALL"));
  EXPECT_FALSE(security["capabilities"]["add"]);
  EXPECT_TRUE(security["readOnlyRootFilesystem"].as<bool>());
  EXPECT_FALSE(security["allowPrivilegeEscalation"].as<bool>());
  EXPECT_FALSE(security["privileged"]);
  EXPECT_TRUE(pod_["securityContext"]["runAsNonRoot"].as<bool>());
  EXPECT_EQ(pod_["securityContext"]["runAsUser"].as<int>(), 65532);
  EXPECT_EQ(Text(pod_["securityContext"]["seccompProfile"]["type"]), "RuntimeDefault");
  for (const char* host : {"hostPID", "hostIPC", "hostNetwork"}) EXPECT_FALSE(pod_[host]) << host;
  for (const auto& volume : pod_["volumes"]) EXPECT_FALSE(volume["hostPath"]);
  // Readable for the group that the pod is in, and for nobody else.
  EXPECT_EQ(pod_["volumes"][0]["secret"]["defaultMode"].as<std::string>(), "0440");
  EXPECT_EQ(pod_["securityContext"]["fsGroup"].as<int>(), 65532);
  EXPECT_EQ(Text(pod_["serviceAccountName"]), kAccount);
  Find("ServiceAccount", kAccount);
}

TEST_F(ControllerManifestsTest, SurvivesTheLossOfANode) {
  EXPECT_EQ(deployment_["spec"]["replicas"].as<int>(), 2);
  const YAML::Node apart =
      pod_["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0];
  const YAML::Node labels = deployment_["spec"]["template"]["metadata"]["labels"];
  const YAML::Node budget = Find("PodDisruptionBudget", kAccount);
  EXPECT_EQ(budget["spec"]["maxUnavailable"].as<int>(), 1);
  for (const YAML::Node& selector :
       {deployment_["spec"]["selector"]["matchLabels"], budget["spec"]["selector"]["matchLabels"],
        apart["podAffinityTerm"]["labelSelector"]["matchLabels"]}) {
    ASSERT_TRUE(selector.IsMap());
    for (const auto& entry : selector) {
      EXPECT_EQ(Text(labels[Text(entry.first)]), Text(entry.second));
    }
  }
  EXPECT_EQ(Text(apart["podAffinityTerm"]["topologyKey"]), "kubernetes.io/hostname");
  EXPECT_TRUE(container_["resources"]["requests"]["cpu"]);
  EXPECT_TRUE(container_["resources"]["requests"]["memory"]);
  EXPECT_TRUE(container_["resources"]["limits"]["memory"]);
  EXPECT_FALSE(container_["resources"]["limits"]["cpu"]);
}

TEST_F(ControllerManifestsTest, ProbesAskWhatIsServed) {
  EXPECT_EQ(Text(container_["livenessProbe"]["httpGet"]["path"]), "/healthz");
  EXPECT_EQ(Text(container_["readinessProbe"]["httpGet"]["path"]), "/readyz/webhooks");
  for (const char* probe : {"livenessProbe", "readinessProbe"}) {
    EXPECT_EQ(Text(container_[probe]["httpGet"]["port"]), Text(container_["ports"][0]["name"]));
  }
}

TEST_F(ControllerManifestsTest, KustomizationHasThisVersionAndTheKinds) {
  const YAML::Node kustomization = YAML::LoadFile(absl::StrCat(kFolder, "kustomization.yaml"));
  EXPECT_THAT(List(kustomization["resources"]), ::testing::Contains("../crds"));
  bool found = false;
  for (const auto& image : kustomization["images"]) {
    EXPECT_EQ(Text(image["newTag"]), RK_VERSION);
    found |= Text(container_["image"]) == absl::StrCat(Text(image["name"]), ":", RK_VERSION);
  }
  EXPECT_TRUE(found) << Text(container_["image"]);
  const std::string crds = RK_SOURCE_DIR "/deploy/crds/";
  const Strings listed = List(YAML::LoadFile(crds + "kustomization.yaml")["resources"]);
  for (const auto& entry : std::filesystem::directory_iterator(crds)) {
    const std::string name = entry.path().filename();
    if (name == "kustomization.yaml") continue;
    EXPECT_THAT(listed, ::testing::Contains(name));
  }
}

}  // namespace
}  // namespace rekindle
