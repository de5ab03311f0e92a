#include "common/api/kinds/pod_rules.h"

#include "tests/common/api/kinds/admission_fixture.h"

namespace rekindle::api {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::StartsWith;

class PodTest : public AdmissionTest {
 protected:
  static Json Pod(const Json& spec) {
    return {{"apiVersion", "v1"},
            {"kind", "Pod"},
            {"metadata", {{"name", "p"}, {"namespace", "ns"}}},
            {"spec", spec}};
  }
};

// Spec kubernetes-api 10.4 and 2.8.
TEST_F(PodTest, Defaults) {
  const Result got = Write(Pod(J(R"({"nodeName":null,"containers":[
      {"name":"a","image":"x","ports":[{"containerPort":80}],
       "resources":{"limits":{"cpu":"0.1234","memory":"1.0001Ki"},"requests":{"cpu":"1n"}},
       "livenessProbe":{"httpGet":{"port":8080}}},
      {"name":"b","image":"reg:5000/x/y:1.2","terminationMessagePolicy":"FallbackToLogsOnError",
       "env":[{"name":"E","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]},
      {"name":"c","image":"x:latest"},{"name":"d","image":"x@sha256:aa"}],
      "volumes":[{"name":"v"},{"name":"s","secret":{"secretName":"t"}},
                 {"name":"h","hostPath":{"path":"/p"}}]})")));
  ASSERT_EQ(got.code(), 200) << got.status;
  const Json& spec = got.object["spec"];
  EXPECT_EQ(spec["restartPolicy"], "Always");
  EXPECT_EQ(spec["dnsPolicy"], "ClusterFirst");
  EXPECT_EQ(spec["terminationGracePeriodSeconds"], 30);
  EXPECT_EQ(spec["schedulerName"], "default-scheduler");
  EXPECT_EQ(spec["securityContext"], Json::object());
  EXPECT_EQ(spec["enableServiceLinks"], true);
  EXPECT_FALSE(spec.contains("nodeName"));
  const Json& a = spec["containers"][0];
  EXPECT_EQ(a["imagePullPolicy"], "Always");
  EXPECT_EQ(spec["containers"][1]["imagePullPolicy"], "IfNotPresent");
  EXPECT_EQ(spec["containers"][2]["imagePullPolicy"], "Always");
  EXPECT_EQ(spec["containers"][3]["imagePullPolicy"], "IfNotPresent");
  EXPECT_EQ(a["terminationMessagePath"], "/dev/termination-log");
  EXPECT_EQ(a["terminationMessagePolicy"], "File");
  EXPECT_EQ(spec["containers"][1]["terminationMessagePolicy"], "FallbackToLogsOnError");
  EXPECT_EQ(a["ports"][0]["protocol"], "TCP");
  EXPECT_EQ(a["resources"], J(R"({"limits":{"cpu":"124m","memory":"1024103m"},
                                  "requests":{"cpu":"1m","memory":"1024103m"}})"));
  EXPECT_EQ(a["livenessProbe"],
            J(R"({"httpGet":{"port":8080,"path":"/","scheme":"HTTP"},"timeoutSeconds":1,
                  "periodSeconds":10,"successThreshold":1,"failureThreshold":3})"));
  EXPECT_EQ(spec["containers"][1]["env"][0]["valueFrom"]["fieldRef"]["apiVersion"], "v1");
  EXPECT_EQ(spec["containers"][1]["resources"], Json::object());
  EXPECT_EQ(spec["volumes"][0]["emptyDir"], Json::object());
  EXPECT_EQ(spec["volumes"][1]["secret"]["defaultMode"], 420);
  EXPECT_EQ(spec["volumes"][2]["hostPath"]["type"], "");
  // Written twice is written once.
  const Result again = Write(got.object);
  EXPECT_EQ(again.object, got.object);
}

TEST_F(PodTest, HostNetworkFillsHostPorts) {
  const Result got = Write(Pod(J(R"({"hostNetwork":true,"containers":[
      {"name":"a","image":"x","ports":[{"containerPort":80}]}]})")));
  EXPECT_EQ(got.object["spec"]["containers"][0]["ports"][0]["hostPort"], 80);
}

TEST_F(PodTest, Rules) {
  const struct {
    const char* spec;
    const char* want;
  } cases[] = {
      {R"({})", "spec.containers: Required value"},
      {R"({"containers":[]})", "spec.containers: Required value"},
      {R"({"containers":[{"image":"x"}]})", "spec.containers[0].name: Required value"},
      {R"({"containers":[{"name":"a"}]})", "spec.containers[0].image: Required value"},
      {R"({"containers":[{"name":"A","image":"x"}]})",
       R"(spec.containers[0].name: Invalid value: "A": a lowercase RFC 1123 label)"},
      {R"({"containers":[{"name":"a","image":" x"}]})",
       R"(spec.containers[0].image: Invalid value: " x": must not have leading)"},
      {R"({"containers":[{"name":"a","image":"x"},{"name":"a","image":"y"}]})",
       R"(spec.containers[1].name: Duplicate value: "a")"},
      {R"({"containers":[{"name":"a","image":"x"}],"initContainers":[{"name":"a","image":"y"}]})",
       R"(spec.initContainers[0].name: Duplicate value: "a")"},
      {R"({"containers":[{"name":"a","image":"x"}],"restartPolicy":"Sometimes"})",
       R"(spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always")"},
      {R"({"containers":[{"name":"a","image":"x","imagePullPolicy":"Now"}]})",
       "spec.containers[0].imagePullPolicy: Unsupported value"},
      {R"({"containers":[{"name":"a","image":"x","ports":[{"containerPort":70000}]}]})",
       "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and "
       "65535, inclusive"},
      {R"({"containers":[{"name":"a","image":"x","ports":[{"name":"p","containerPort":1},
                                                            {"name":"p","containerPort":2}]}]})",
       R"(spec.containers[0].ports[1].name: Duplicate value: "p")"},
      {R"({"containers":[{"name":"a","image":"x","ports":[{"containerPort":1,"hostPort":9}]},
                           {"name":"b","image":"x","ports":[{"containerPort":1,"hostPort":9}]}]})",
       "spec.containers[1].ports[0].hostPort: Duplicate value"},
      {R"({"containers":[{"name":"a","image":"x","env":[{"name":"1x"}]}]})",
       R"(spec.containers[0].env[0].name: Invalid value: "1x")"},
      {R"({"containers":[{"name":"a","image":"x","env":[{"name":"E","value":"v",
           "valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]}]})",
       "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when"},
      {R"({"containers":[{"name":"a","image":"x","env":[{"name":"E","valueFrom":{}}]}]})",
       "spec.containers[0].env[0].valueFrom: Invalid value: \"\": must specify one of"},
      {R"({"containers":[{"name":"a","image":"x","volumeMounts":[{"name":"v","mountPath":"/x"}]}]})",
       R"(spec.containers[0].volumeMounts[0].name: Not found: "v")"},
      {R"({"volumes":[{"name":"v"}],"containers":[{"name":"a","image":"x","volumeMounts":[
           {"name":"v","mountPath":"/x"},{"name":"v","mountPath":"/x"}]}]})",
       R"(spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/x": must be unique)"},
      {R"({"volumes":[{"name":"v"},{"name":"v"}],"containers":[{"name":"a","image":"x"}]})",
       R"(spec.volumes[1].name: Duplicate value: "v")"},
      {R"({"volumes":[{"name":"v","emptyDir":{},"hostPath":{"path":"/"}}],
           "containers":[{"name":"a","image":"x"}]})",
       "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"},
      {R"({"containers":[{"name":"a","image":"x","resources":{"limits":{"cpu":"1"},
           "requests":{"cpu":"2"}}}]})",
       R"(spec.containers[0].resources.requests: Invalid value: "2": must be less than or )"
       R"(equal to cpu limit of 1)"},
      {R"({"containers":[{"name":"a","image":"x","resources":{"limits":{"cpu":"-1"}}}]})",
       "spec.containers[0].resources.limits[cpu]: Invalid value: \"-1\": must be greater than"},
      {R"({"containers":[{"name":"a","image":"x","livenessProbe":{}}]})",
       "spec.containers[0].livenessProbe: Required value: must specify a handler type"},
      {R"({"containers":[{"name":"a","image":"x","livenessProbe":{"exec":{"command":["x"]},
           "successThreshold":2}}]})",
       "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"},
      {R"({"containers":[{"name":"a","image":"x","lifecycle":{"preStop":{"exec":{"command":["x"]},
           "httpGet":{"port":1}}}}]})",
       "spec.containers[0].lifecycle.preStop.httpGet: Forbidden: may not specify more than 1"},
      {R"({"containers":[{"name":"a","image":"x","restartPolicy":"Always"}]})",
       "spec.containers[0].restartPolicy: Forbidden"},
      {R"({"containers":[{"name":"a","image":"x"}],
           "initContainers":[{"name":"i","image":"x","lifecycle":{}}]})",
       "spec.initContainers[0].lifecycle: Forbidden"},
      {R"({"containers":[{"name":"a","image":"x"}],"terminationGracePeriodSeconds":-1})",
       "spec.terminationGracePeriodSeconds: Invalid value: -1"},
      {R"({"containers":[{"name":"a","image":"x"}],"activeDeadlineSeconds":0})",
       "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"},
      {R"({"containers":[{"name":"a","image":"x"}],"dnsPolicy":"None"})",
       "spec.dnsConfig.nameservers: Required value"},
      {R"({"containers":[{"name":"a","image":"x"}],"tolerations":[{"operator":"Equal"}]})",
       "spec.tolerations[0].operator: Invalid value"},
      {R"({"containers":[{"name":"a","image":"x"}],"tolerations":[
           {"key":"a","effect":"NoSchedule","tolerationSeconds":3}]})",
       "spec.tolerations[0].effect: Invalid value"},
      {R"({"containers":[{"name":"a","image":"x"}],"topologySpreadConstraints":[
           {"maxSkew":1,"topologyKey":"z","whenUnsatisfiable":"DoNotSchedule",
            "labelSelector":{"matchExpressions":[{"key":"a","operator":"Odd"}]}}]})",
       "spec.topologySpreadConstraints[0].labelSelector.matchExpressions[0].operator: Invalid"},
  };
  for (const auto& c : cases) {
    const Result got = Write(Pod(J(c.spec)));
    EXPECT_EQ(got.code(), 422) << c.spec;
    EXPECT_THAT(got.causes(), Contains(StartsWith(c.want))) << c.spec;
  }
}

// Spec kubernetes-api 9.5.
TEST_F(PodTest, WhatMayChange) {
  const Json old = Write(Pod(J(R"({"containers":[{"name":"a","image":"x:1"}],
      "initContainers":[{"name":"i","image":"y:1"}],"activeDeadlineSeconds":20,
      "tolerations":[{"key":"k","operator":"Exists"}]})")))
                       .object;
  const auto change = [&](const char* pointer, const Json& value) {
    Json now = old;
    now[Json::json_pointer(pointer)] = value;
    return Write(now, &old).fields();
  };
  using testing::IsEmpty;
  EXPECT_THAT(change("/spec/containers/0/image", "x:2"), IsEmpty());
  EXPECT_THAT(change("/spec/initContainers/0/image", "y:2"), IsEmpty());
  EXPECT_THAT(change("/spec/activeDeadlineSeconds", 10), IsEmpty());
  EXPECT_THAT(change("/metadata/labels", Json{{"a", "b"}}), IsEmpty());
  EXPECT_THAT(change("/spec/tolerations/1", Json{{"key", "l"}, {"operator", "Exists"}}), IsEmpty());
  EXPECT_THAT(change("/spec/activeDeadlineSeconds", 30), ElementsAre("spec.activeDeadlineSeconds"));
  EXPECT_THAT(change("/spec/tolerations", Json::array()), ElementsAre("spec"));
  EXPECT_THAT(change("/spec/containers/0/name", "b"), ElementsAre("spec"));
  EXPECT_THAT(change("/spec/containers/0/env", Json::parse(R"([{"name":"A"}])")),
              ElementsAre("spec"));
  EXPECT_THAT(change("/spec/nodeName", "n"), ElementsAre("spec"));  // the binding's business
  EXPECT_THAT(change("/spec/hostNetwork", true), ElementsAre("spec"));
  EXPECT_THAT(change("/spec/containers/0/resources", Json::parse(R"({"limits":{"cpu":"1"}})")),
              ElementsAre("spec"));
  FieldErrors errors;
  Json resized = old;
  resized["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "1";
  CheckPodUpdate(resized, old, /*resize=*/true, errors);
  EXPECT_TRUE(errors.empty()) << errors.Text();
}

}  // namespace
}  // namespace rekindle::api
