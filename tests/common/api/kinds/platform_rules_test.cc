#include "common/api/kinds/admission.h"
#include "tests/common/api/kinds/admission_fixture.h"

namespace rekindle::api {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::StartsWith;

class PlatformTest : public AdmissionTest {
 protected:
  Json Object(const char* version, const char* kind, const char* rest) {
    Json out = J(rest);
    out["apiVersion"] = version;
    out["kind"] = kind;
    out["metadata"]["name"] = "a";
    if (Kinds().Find(version, kind)->namespaced) out["metadata"]["namespace"] = "ns";
    return out;
  }
};

TEST_F(PlatformTest, ConfigMapsAndSecrets) {
  EXPECT_EQ(
      Write(Object("v1", "ConfigMap", R"({"data":{"a.b":"x"},"binaryData":{"c":"AA=="}})")).code(),
      200);
  EXPECT_THAT(Write(Object("v1", "ConfigMap", R"({"data":{"a b":"x"}})")).causes(),
              ElementsAre(StartsWith("data[a b]: Invalid value: \"a b\": a valid config key")));
  EXPECT_THAT(
      Write(Object("v1", "ConfigMap", R"({"data":{"a":"x"},"binaryData":{"a":"AA=="}})")).causes(),
      ElementsAre("binaryData[a]: Invalid value: \"a\": duplicate of key present in data"));
  Json big = Object("v1", "ConfigMap", "{}");
  big["data"]["k"] = std::string((1 << 20) + 1, 'x');
  EXPECT_THAT(Write(big).causes(), ElementsAre(": Too long: must have at most 1048576 bytes"));

  const Result secret = Write(Object("v1", "Secret", R"({"stringData":{"p":"hello"}})"));
  ASSERT_EQ(secret.code(), 200);
  EXPECT_EQ(secret.object["type"], "Opaque");
  EXPECT_EQ(secret.object["data"]["p"], "aGVsbG8=");
  EXPECT_FALSE(secret.object.contains("stringData"));
  Json other = secret.object;
  other["type"] = "kubernetes.io/tls";
  EXPECT_THAT(Write(other, &secret.object).fields(), ElementsAre("type"));

  Json fixed = Object("v1", "ConfigMap", R"({"data":{"a":"x"},"immutable":true})");
  Json changed = fixed;
  changed["data"]["a"] = "y";
  changed.erase("immutable");
  EXPECT_THAT(Write(changed, &fixed).fields(), ElementsAre("immutable", "data"));
  changed = fixed;
  changed["metadata"]["labels"]["a"] = "b";
  EXPECT_EQ(Write(changed, &fixed).code(), 200);
}

TEST_F(PlatformTest, Services) {
  const Result got =
      Write(Object("v1", "Service", R"({"spec":{"ports":[{"port":80}],"selector":{"a":"b"},
                                        "sessionAffinity":"ClientIP"}})"));
  ASSERT_EQ(got.code(), 200) << got.status;
  const Json& spec = got.object["spec"];
  EXPECT_EQ(spec["type"], "ClusterIP");
  EXPECT_EQ(spec["ports"][0], J(R"({"port":80,"targetPort":80,"protocol":"TCP"})"));
  EXPECT_EQ(spec["internalTrafficPolicy"], "Cluster");
  EXPECT_EQ(spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"], 10800);
  EXPECT_THAT(Write(Object("v1", "Service", R"({"spec":{}})")).fields(), ElementsAre("spec.ports"));
  EXPECT_EQ(Write(Object("v1", "Service", R"({"spec":{"clusterIP":"None"}})")).code(), 200);
  EXPECT_THAT(Write(Object("v1", "Service", R"({"spec":{"type":"ExternalName"}})")).fields(),
              ElementsAre("spec.externalName"));
  EXPECT_THAT(
      Write(Object("v1", "Service", R"({"spec":{"ports":[{"port":80},{"port":0}]}})")).fields(),
      testing::UnorderedElementsAre("spec.ports[1].port", "spec.ports[0].name",
                                    "spec.ports[1].name"));
  Json moved = got.object;
  Json old = got.object;
  old["spec"]["clusterIP"] = "10.0.0.1";
  moved["spec"]["clusterIP"] = "10.0.0.2";
  EXPECT_THAT(Write(moved, &old).fields(), ElementsAre("spec.clusterIP"));
}

TEST_F(PlatformTest, NodesClaimsNamespaces) {
  EXPECT_THAT(Write(Object("v1", "Node", R"({"spec":{"taints":[
      {"key":"a","effect":"NoSchedule"},{"key":"a","effect":"NoSchedule"},
      {"key":"b","effect":"Sometimes"}]}})"))
                  .fields(),
              ElementsAre("spec.taints[2].effect", "spec.taints[1]"));
  const Result claim = Write(Object("v1", "PersistentVolumeClaim", R"({"spec":{
      "accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1024Mi"}}}})"));
  ASSERT_EQ(claim.code(), 200) << claim.status;
  EXPECT_EQ(claim.object["spec"]["volumeMode"], "Filesystem");
  EXPECT_EQ(claim.object["spec"]["resources"]["requests"]["storage"], "1Gi");
  EXPECT_EQ(claim.object["status"]["phase"], "Pending");
  EXPECT_THAT(
      Write(Object("v1", "PersistentVolumeClaim", R"({"spec":{"accessModes":["Odd"]}})")).fields(),
      ElementsAre("spec.accessModes", "spec.resources[storage]"));
  Json bigger = claim.object;
  bigger["spec"]["resources"]["requests"]["storage"] = "2Gi";
  EXPECT_EQ(Write(bigger, &claim.object).code(), 200);
  bigger["spec"]["accessModes"] = {"ReadWriteMany"};
  EXPECT_THAT(Write(bigger, &claim.object).fields(), ElementsAre("spec"));

  const Result name_space = Write(Object("v1", "Namespace", "{}"));
  ASSERT_EQ(name_space.code(), 200);
  EXPECT_EQ(name_space.object["metadata"]["labels"]["kubernetes.io/metadata.name"], "a");
  EXPECT_EQ(name_space.object["spec"]["finalizers"], Json{"kubernetes"});
  EXPECT_EQ(name_space.object["status"]["phase"], "Active");
}

TEST_F(PlatformTest, EventsAndLeases) {
  // Spec kubernetes-api 10.1.
  EXPECT_EQ(
      Write(Object("v1", "Event", R"({"involvedObject":{"namespace":"ns","name":"x"}})")).code(),
      200);
  EXPECT_THAT(Write(Object("v1", "Event", R"({"involvedObject":{"namespace":"other"}})")).causes(),
              ElementsAre("involvedObject.namespace: Invalid value: \"other\": does not match "
                          "event.namespace"));
  // 10.2 and scenario 50.
  const char* lease = "coordination.k8s.io/v1";
  EXPECT_EQ(Write(Object(lease, "Lease", R"({"spec":{"leaseDurationSeconds":15,
      "renewTime":"2030-01-02T03:04:05.000000Z"}})"))
                .code(),
            200);
  EXPECT_THAT(Write(Object(lease, "Lease", R"({"spec":{"leaseDurationSeconds":0}})")).causes(),
              ElementsAre("spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"));
  EXPECT_THAT(Write(Object(lease, "Lease", R"({"spec":{"leaseTransitions":-1}})")).fields(),
              ElementsAre("spec.leaseTransitions"));
  const Result coarse =
      Write(Object(lease, "Lease", R"({"spec":{"renewTime":"2030-01-02T03:04:05Z"}})"));
  EXPECT_EQ(coarse.code(), 400);  // 2.7
  EXPECT_THAT(coarse.message(), testing::HasSubstr("field Lease.spec.renewTime"));
}

TEST_F(PlatformTest, DisruptionBudgets) {
  const char* version = "policy/v1";
  const auto fields = [&](const char* spec) {
    return Write(Object(version, "PodDisruptionBudget", spec)).fields();
  };
  using testing::IsEmpty;
  EXPECT_THAT(fields(R"({"spec":{"minAvailable":1,"selector":{"matchLabels":{"a":"b"}}}})"),
              IsEmpty());
  EXPECT_THAT(fields(R"({"spec":{"maxUnavailable":"50%"}})"), IsEmpty());
  EXPECT_THAT(fields(R"({"spec":{"minAvailable":1,"maxUnavailable":1}})"), ElementsAre("spec"));
  EXPECT_THAT(fields(R"({"spec":{"minAvailable":-1}})"), ElementsAre("spec.minAvailable"));
  EXPECT_THAT(fields(R"({"spec":{"minAvailable":"101%"}})"), ElementsAre("spec.minAvailable"));
  EXPECT_THAT(fields(R"({"spec":{"maxUnavailable":"some"}})"), ElementsAre("spec.maxUnavailable"));
}

// Spec statefulset 20.1.
TEST_F(PlatformTest, NativeStatefulSets) {
  Json set = Object("apps/v1", "StatefulSet", R"({"spec":{"selector":{"matchLabels":{"a":"b"}},
      "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[
        {"name":"x","image":"i:1","volumeMounts":[{"name":"data","mountPath":"/d"}]}]}},
      "volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{"accessModes":["ReadWriteOnce"],
        "resources":{"requests":{"storage":"1Gi"}}}}]}})");
  const Result got = Write(set);
  ASSERT_EQ(got.code(), 200) << got.status;
  const Json& spec = got.object["spec"];
  EXPECT_EQ(spec["replicas"], 1);
  EXPECT_EQ(spec["revisionHistoryLimit"], 10);
  EXPECT_EQ(spec["podManagementPolicy"], "OrderedReady");
  EXPECT_EQ(spec["updateStrategy"],
            J(R"({"type":"RollingUpdate","rollingUpdate":{"partition":0}})"));
  EXPECT_EQ(spec["persistentVolumeClaimRetentionPolicy"],
            J(R"({"whenDeleted":"Retain","whenScaled":"Retain"})"));
  EXPECT_EQ(spec["template"]["spec"]["restartPolicy"], "Always");
  EXPECT_EQ(spec["template"]["spec"]["containers"][0]["imagePullPolicy"], "IfNotPresent");
  EXPECT_EQ(spec["volumeClaimTemplates"][0]["kind"], "PersistentVolumeClaim");

  const auto bad = [&](const char* pointer, const Json& value) {
    Json now = set;
    now[Json::json_pointer(pointer)] = value;
    return Write(now).fields();
  };
  EXPECT_THAT(bad("/spec/replicas", -1), ElementsAre("spec.replicas"));
  EXPECT_THAT(bad("/spec/selector", Json::object()), Contains("spec.selector"));
  EXPECT_THAT(bad("/spec/selector/matchLabels/a", "c"),
              ElementsAre("spec.template.metadata.labels"));
  EXPECT_THAT(bad("/spec/template/spec/restartPolicy", "Never"),
              ElementsAre("spec.template.spec.restartPolicy"));
  EXPECT_THAT(bad("/spec/template/spec/activeDeadlineSeconds", 5),
              ElementsAre("spec.template.spec.activeDeadlineSeconds"));
  EXPECT_THAT(bad("/spec/podManagementPolicy", "Odd"), ElementsAre("spec.podManagementPolicy"));
  EXPECT_THAT(bad("/spec/updateStrategy", J(R"({"type":"OnDelete","rollingUpdate":{}})")),
              ElementsAre("spec.updateStrategy.rollingUpdate"));
  EXPECT_THAT(bad("/spec/updateStrategy", J(R"({"rollingUpdate":{"partition":-1}})")),
              ElementsAre("spec.updateStrategy.rollingUpdate.partition"));
  EXPECT_THAT(bad("/spec/updateStrategy", J(R"({"rollingUpdate":{"maxUnavailable":"0%"}})")),
              ElementsAre("spec.updateStrategy.rollingUpdate.maxUnavailable"));
  EXPECT_THAT(bad("/spec/minReadySeconds", -1), ElementsAre("spec.minReadySeconds"));
  EXPECT_THAT(bad("/spec/ordinals", J(R"({"start":-1})")), ElementsAre("spec.ordinals.start"));
  EXPECT_THAT(bad("/spec/persistentVolumeClaimRetentionPolicy", J(R"({"whenScaled":"Odd"})")),
              ElementsAre("spec.persistentVolumeClaimRetentionPolicy.whenScaled"));
  EXPECT_THAT(bad("/status", J(R"({"replicas":1,"readyReplicas":2})")),
              ElementsAre("status.readyReplicas"));

  const auto change = [&](const char* pointer, const Json& value) {
    Json now = got.object;
    now[Json::json_pointer(pointer)] = value;
    return Write(now, &got.object).fields();
  };
  using testing::IsEmpty;
  EXPECT_THAT(change("/spec/replicas", 5), IsEmpty());
  EXPECT_THAT(change("/spec/template/spec/containers/0/image", "i:2"), IsEmpty());
  EXPECT_THAT(change("/spec/serviceName", "s"), ElementsAre("spec"));
  EXPECT_THAT(change("/spec/podManagementPolicy", "Parallel"), ElementsAre("spec"));
}

TEST_F(PlatformTest, ControllerRevisions) {
  const Json revision = Object("apps/v1", "ControllerRevision", R"({"revision":1,"data":{"a":1}})");
  EXPECT_EQ(Write(revision).code(), 200);
  Json changed = revision;
  changed["data"]["a"] = 2;
  EXPECT_THAT(Write(changed, &revision).fields(), ElementsAre("data"));
  changed = revision;
  changed["revision"] = 7;
  EXPECT_EQ(Write(changed, &revision).code(), 200);
  EXPECT_THAT(Write(Object("apps/v1", "ControllerRevision", R"({"revision":-1})")).fields(),
              ElementsAre("revision", "data"));
}

}  // namespace
}  // namespace rekindle::api
