#include "controller/plan/recreate/field.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::plan {
namespace {

Json FieldPod() {
  return Json::parse(R"({
    "kind": "Pod",
    "metadata": {"name": "web-0", "namespace": "shop", "uid": "u-1",
      "labels": {"app": "web", "it's": "odd"},
      "annotations": {"note": "a b", "kubernetes.io/config.seen": "2026-01-01"}},
    "spec": {"nodeName": "n-1", "serviceAccountName": "web",
      "containers": [
        {"name": "app", "resources": {
          "limits": {"cpu": "250m", "memory": "100Mi", "hugepages-2Mi": "4Mi"},
          "requests": {"cpu": "100m"}}},
        {"name": "bare"}],
      "initContainers": [{"name": "side", "restartPolicy": "Always",
        "resources": {"limits": {"memory": "1Gi"}}}]},
    "status": {"hostIP": "10.0.0.1", "podIP": "10.1.0.1",
      "hostIPs": [{"ip": "10.0.0.1"}],
      "podIPs": [{"ip": "10.1.0.1"}, {"ip": "fd00::1"}]}})");
}

std::string Text(const FieldValue& field) {
  return field.value.value_or("unknown") + (field.may_change ? " (may change)" : "");
}

struct FieldCase {
  const char* path;
  const char* value;
};

TEST(FieldTest, FieldRef) {
  const FieldCase cases[] = {
      {"metadata.name", "web-0"},
      {"metadata.namespace", "shop"},
      {"metadata.uid", "u-1"},
      {"spec.nodeName", "n-1"},
      {"spec.serviceAccountName", "web"},
      {"status.hostIP", "10.0.0.1"},
      {"status.hostIPs", "10.0.0.1"},
      {"status.podIP", "10.1.0.1"},
      {"status.podIPs", "10.1.0.1,fd00::1"},
      {"metadata.labels['app']", "web (may change)"},
      {"metadata.labels['it's']", "odd (may change)"},
      {"metadata.labels['none']", " (may change)"},
      {"metadata.annotations['note']", "a b (may change)"},
      {"metadata.annotations['none']", " (may change)"},
      // The kubelet's own copy of the pod has another value.
      {"metadata.annotations['kubernetes.io/config.seen']", "unknown"},
      {"metadata.annotations['kubernetes.io/config.source']", "unknown"},
      // For volumes only.
      {"metadata.labels", "unknown"},
      {"metadata.labels['app'", "unknown"},
      {"metadata.labels[app]", "unknown"},
      {"status.phase", "unknown"},
      {"", "unknown"},
  };
  for (const FieldCase& c : cases)
    EXPECT_EQ(Text(ReadField(FieldPod(), c.path)), c.value) << c.path;
}

TEST(FieldTest, UidOfAStaticPodIsThatOfItsContainers) {
  Json pod = FieldPod();
  pod["metadata"]["annotations"]["kubernetes.io/config.mirror"] = "0badcafe";
  EXPECT_EQ(Text(ReadField(pod, "metadata.uid")), "0badcafe");
}

struct ResourceCase {
  const char* container;
  const char* ref;
  const char* value;
};

TEST(FieldTest, ResourceFieldRef) {
  const ResourceCase cases[] = {
      // cpu in thousandths, rounded up.
      {"app", R"({"resource": "limits.cpu"})", "1"},
      {"app", R"({"resource": "limits.cpu", "divisor": "1"})", "1"},
      {"app", R"({"resource": "limits.cpu", "divisor": "0"})", "1"},
      {"app", R"({"resource": "limits.cpu", "divisor": "1m"})", "250"},
      {"app", R"({"resource": "limits.cpu", "divisor": "100m"})", "3"},
      {"app", R"({"resource": "requests.cpu", "divisor": "1m"})", "100"},
      // The rest in units.
      {"app", R"({"resource": "limits.memory"})", "104857600"},
      {"app", R"({"resource": "limits.memory", "divisor": "1Mi"})", "100"},
      {"app", R"({"resource": "limits.memory", "divisor": "1M"})", "105"},
      {"app", R"({"resource": "limits.memory", "divisor": "1Gi"})", "1"},
      {"app", R"({"resource": "limits.hugepages-2Mi", "divisor": "1Mi"})", "4"},
      // Nothing given: no request is 0, no limit is the node's size.
      {"app", R"({"resource": "requests.memory"})", "0"},
      {"app", R"({"resource": "limits.ephemeral-storage"})", "unknown"},
      {"bare", R"({"resource": "limits.cpu"})", "unknown"},
      {"bare", R"({"resource": "requests.cpu"})", "0"},
      // Of another container, also a sidecar.
      {"bare", R"({"resource": "limits.memory", "containerName": "app"})", "104857600"},
      {"bare", R"({"resource": "limits.memory", "containerName": "side", "divisor": "1Mi"})",
       "1024"},
      {"bare", R"({"resource": "limits.memory", "containerName": "none"})", "unknown"},
      // What cannot be read.
      {"app", R"({"resource": "cpu"})", "unknown"},
      {"app", R"({"resource": "limits.cpu", "divisor": "one"})", "unknown"},
      {"app", R"({"resource": "limits.cpu", "divisor": "-1"})", "unknown"},
      {"app", R"({})", "unknown"},
  };
  for (const ResourceCase& c : cases) {
    EXPECT_EQ(Text(ReadResource(FieldPod(), {{"name", c.container}}, Json::parse(c.ref))), c.value)
        << c.container << " " << c.ref;
  }
}

TEST(FieldTest, ResourcesThatCanBeResized) {
  Json pod = FieldPod();
  const Json ref = {{"resource", "limits.cpu"}, {"divisor", "1m"}};
  const Json app = {{"name", "app"}};
  Json& in_force = pod["status"]["containerStatuses"][0];
  in_force = {{"name", "app"}, {"resources", {{"limits", {{"cpu", "0.25"}}}}}};
  EXPECT_EQ(Text(ReadResource(pod, app, ref)), "250 (may change)");
  in_force["resources"]["limits"]["cpu"] = "200m";  // still waits
  EXPECT_EQ(Text(ReadResource(pod, app, ref)), "unknown (may change)");
  in_force["resources"]["limits"].erase("cpu");
  EXPECT_EQ(Text(ReadResource(pod, app, ref)), "250");
}

}  // namespace
}  // namespace rekindle::plan
