// What a real kube-apiserver writes in protobuf and in JSON is the same object for our decoder.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>

#include "controller/apiserver/surface/protobuf.h"
#include "tests/conformance/control_plane.h"

namespace rekindle::conformance {
namespace {

using nlohmann::json;

// Where `decoded` differs from `wanted`. Texts that are empty and nulls are left out by the
// decoder.
std::string Difference(const json& wanted, const json& decoded, const std::string& path) {
  if (wanted.is_object() && decoded.is_object()) {
    for (const auto& [key, value] : wanted.items()) {
      const std::string below = absl::StrCat(path, ".", key);
      if (!decoded.contains(key)) {
        if (value.is_null() || (value.is_string() && value.get<std::string>().empty())) continue;
        // Objects inside of others do not say their kind in protobuf.
        if (absl::EndsWith(path, "volumeClaimTemplates[0]") &&
            (key == "apiVersion" || key == "kind")) {
          continue;
        }
        return absl::StrCat(below, ": missing, wanted ", value.dump());
      }
      if (std::string found = Difference(value, decoded[key], below); !found.empty()) return found;
    }
    for (const auto& [key, value] : decoded.items()) {
      if (!wanted.contains(key)) return absl::StrCat(path, ".", key, ": too much: ", value.dump());
    }
    return "";
  }
  if (wanted.is_array() && decoded.is_array() && wanted.size() == decoded.size()) {
    for (size_t i = 0; i < wanted.size(); ++i) {
      std::string found = Difference(wanted[i], decoded[i], absl::StrCat(path, "[", i, "]"));
      if (!found.empty()) return found;
    }
    return "";
  }
  return wanted == decoded ? ""
                           : absl::StrCat(path, ": ", decoded.dump(), ", wanted ", wanted.dump());
}

constexpr char kPod[] = R"({"metadata":{"name":"a","labels":{"x":"y","e":""},
  "annotations":{"a":"b"},"finalizers":["x.y/z"],"ownerReferences":[{"apiVersion":"v1","kind":"Node",
    "name":"n","uid":"u","controller":false,"blockOwnerDeletion":true}]},
  "spec":{"nodeName":"n1","hostname":"h","subdomain":"s","hostNetwork":true,"hostPID":false,
    "shareProcessNamespace":false,"automountServiceAccountToken":false,"serviceAccountName":"robot",
    "terminationGracePeriodSeconds":0,"activeDeadlineSeconds":9,"priority":0,
    "setHostnameAsFQDN":false,"nodeSelector":{"k":"v"},
    "imagePullSecrets":[{"name":"p"}],"hostAliases":[{"ip":"1.2.3.4","hostnames":["a","b"]}],
    "readinessGates":[{"conditionType":"x.y/g"}],"dnsPolicy":"None",
    "dnsConfig":{"nameservers":["1.1.1.1"],"searches":["s"],"options":[{"name":"ndots","value":"2"},{"name":"x"}]},
    "securityContext":{"runAsUser":0,"runAsGroup":5,"runAsNonRoot":false,"fsGroup":0,
      "supplementalGroups":[1,70000],"fsGroupChangePolicy":"Always","sysctls":[{"name":"net.ipv4.ip_local_port_range","value":"1 2"}],
      "seLinuxOptions":{"level":"s0"},"seccompProfile":{"type":"Localhost","localhostProfile":"f"},
      "windowsOptions":{"runAsUserName":"w"}},
    "tolerations":[{"key":"t","operator":"Exists","effect":"NoExecute","tolerationSeconds":0},{"operator":"Exists"}],
    "affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[
        {"matchExpressions":[{"key":"k","operator":"In","values":["a","b"]}],"matchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]}]},
      "preferredDuringSchedulingIgnoredDuringExecution":[{"weight":3,"preference":{"matchExpressions":[{"key":"k","operator":"Exists"}]}}]},
      "podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"a":"b"}},"namespaces":["x"],"topologyKey":"z"}]},
      "podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"podAffinityTerm":{"topologyKey":"z",
        "labelSelector":{"matchExpressions":[{"key":"a","operator":"DoesNotExist"}]}}}]}},
    "topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"z","whenUnsatisfiable":"DoNotSchedule","labelSelector":{}}],
    "volumes":[{"name":"v1","emptyDir":{"medium":"Memory","sizeLimit":"1Gi"}},{"name":"v2","hostPath":{"path":"/p","type":""}},
      {"name":"v3","configMap":{"name":"m","items":[{"key":"k","path":"p","mode":0}],"optional":false}},
      {"name":"v4","secret":{"secretName":"s","defaultMode":256}},
      {"name":"v5","downwardAPI":{"items":[{"path":"l","fieldRef":{"fieldPath":"metadata.labels"}}]}},
      {"name":"v6","projected":{"sources":[{"secret":{"name":"s"}},{"configMap":{"name":"m","optional":true}},
        {"serviceAccountToken":{"path":"t","audience":"a"}},
        {"downwardAPI":{"items":[{"path":"c","resourceFieldRef":{"containerName":"c","resource":"limits.cpu","divisor":"1m"}}]}}]}},
      {"name":"v7","persistentVolumeClaim":{"claimName":"c","readOnly":true}},{"name":"v8","nfs":{"server":"s","path":"/p"}}],
    "initContainers":[{"name":"i","image":"i:1"}],
    "containers":[{"name":"c","image":"i:1","command":["s",""],"args":["a"],"workingDir":"/w","tty":true,"stdin":true,
      "ports":[{"name":"web","containerPort":80,"hostPort":80,"protocol":"UDP"}],
      "envFrom":[{"prefix":"P","configMapRef":{"name":"m","optional":true}},{"secretRef":{"name":"s"}}],
      "env":[{"name":"A","value":"1"},{"name":"E","value":""},{"name":"F","valueFrom":{"fieldRef":{"fieldPath":"status.podIP"}}},
        {"name":"R","valueFrom":{"resourceFieldRef":{"resource":"limits.cpu"}}},
        {"name":"C","valueFrom":{"configMapKeyRef":{"name":"m","key":"k","optional":false}}},
        {"name":"S","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}],
      "resources":{"limits":{"cpu":"1","memory":"1Gi","example.io/x":"2"},"requests":{"cpu":"100m","memory":"1Gi","example.io/x":"2"}},
      "volumeMounts":[{"name":"v1","mountPath":"/v","subPath":"s","readOnly":true,"mountPropagation":"None"}],
      "livenessProbe":{"exec":{"command":["x"]},"initialDelaySeconds":3},
      "readinessProbe":{"httpGet":{"path":"/r","port":"web","httpHeaders":[{"name":"H","value":"v"}]},"successThreshold":2},
      "startupProbe":{"tcpSocket":{"port":81}},
      "lifecycle":{"postStart":{"exec":{"command":["p"]}},"preStop":{"httpGet":{"port":80}}},
      "securityContext":{"privileged":false,"allowPrivilegeEscalation":true,"readOnlyRootFilesystem":false,"procMount":"Default",
        "capabilities":{"add":["NET_ADMIN"],"drop":["ALL"]}}}]}})";

struct Row {
  const char* collection;
  const char* object;
  const char* status;  // merge patch of the status; null: none
};

constexpr Row kRows[] = {
    {"/api/v1/namespaces/default/pods", kPod,
     R"({"status":{"phase":"Running","podIP":"1.2.3.4","podIPs":[{"ip":"1.2.3.4"}],"hostIP":"9.9.9.9","startTime":"2030-01-02T03:04:05Z",
       "message":"m","reason":"r","conditions":[{"type":"Ready","status":"True","lastProbeTime":null,"lastTransitionTime":"2030-01-02T03:04:05Z"}],
       "initContainerStatuses":[{"name":"i","image":"i","imageID":"","ready":true,"restartCount":0,"state":{"terminated":{"exitCode":0,
         "reason":"Completed","startedAt":"2030-01-02T03:04:05Z","finishedAt":"2030-01-02T03:04:06Z","containerID":"c://1"}}}],
       "containerStatuses":[{"name":"c","image":"i","imageID":"id","containerID":"c://2","ready":false,"started":false,"restartCount":3,
         "state":{"waiting":{"reason":"CrashLoopBackOff","message":"m"}},"lastState":{"terminated":{"exitCode":1,"signal":9,
           "startedAt":null,"finishedAt":null}}}]}})"},
    {"/api/v1/namespaces/default/configmaps",
     R"({"metadata":{"name":"a"},"data":{"k":"v","e":""},"binaryData":{"b":"AP8="},"immutable":false})",
     nullptr},
    {"/api/v1/namespaces/default/secrets",
     R"({"metadata":{"name":"a"},"data":{"k":"AP8=","e":""},"type":"x/y"})", nullptr},
    {"/api/v1/namespaces/default/serviceaccounts",
     R"({"metadata":{"name":"a"},"secrets":[{"name":"s"}],"imagePullSecrets":[{"name":"p"}],"automountServiceAccountToken":false})",
     nullptr},
    {"/api/v1/namespaces/default/services",
     R"({"metadata":{"name":"a"},"spec":{"selector":{"a":"b"},"externalIPs":["1.2.3.4"],"sessionAffinity":"ClientIP",
       "publishNotReadyAddresses":true,"ports":[{"name":"x","port":80,"targetPort":"web","appProtocol":"h"},{"name":"y","port":81,"targetPort":8080}]}})",
     nullptr},
    {"/api/v1/namespaces/default/persistentvolumeclaims",
     R"({"metadata":{"name":"a"},"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"","volumeMode":"Block",
       "resources":{"requests":{"storage":"1Gi"}},"selector":{"matchLabels":{"a":"b"}}}})",
     nullptr},
    {"/api/v1/namespaces/default/podtemplates",
     R"({"metadata":{"name":"a"},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}})",
     nullptr},
    {"/api/v1/namespaces/default/events",
     R"({"metadata":{"name":"a"},"involvedObject":{"kind":"Pod","namespace":"default","name":"p","uid":"u","apiVersion":"v1",
       "resourceVersion":"5","fieldPath":"f"},"reason":"r","message":"m","source":{"component":"c","host":"h"},"count":2,"type":"Normal",
       "firstTimestamp":"2030-01-02T03:04:05Z","lastTimestamp":"2030-01-02T03:04:06Z","eventTime":"2030-01-02T03:04:05.000006Z",
       "action":"a","reportingComponent":"x.y/c","reportingInstance":"i","series":{"count":2,"lastObservedTime":"2030-01-02T03:04:05.500000Z"}})",
     nullptr},
    {"/api/v1/nodes",
     R"({"metadata":{"name":"a"},"spec":{"podCIDR":"10.0.0.0/24","providerID":"p","unschedulable":true,
       "taints":[{"key":"k","value":"v","effect":"NoSchedule"}]}})",
     R"({"status":{"capacity":{"cpu":"4"},"allocatable":{"cpu":"3900m"},"addresses":[{"type":"InternalIP","address":"1.2.3.4"}],
       "conditions":[{"type":"Ready","status":"True","reason":"r","message":"m","lastHeartbeatTime":"2030-01-02T03:04:05Z"}],
       "nodeInfo":{"machineID":"m","kubeletVersion":"v1"},"images":[{"names":["a"],"sizeBytes":70000000000}],
       "daemonEndpoints":{"kubeletEndpoint":{"Port":10250}}}})"},
    {"/api/v1/namespaces", R"({"metadata":{"name":"proto"}})", nullptr},
    {"/apis/apps/v1/namespaces/default/statefulsets",
     R"({"metadata":{"name":"a"},"spec":{"replicas":0,"serviceName":"s","selector":{"matchLabels":{"a":"b"}},"podManagementPolicy":"Parallel",
       "updateStrategy":{"rollingUpdate":{"partition":0}},"revisionHistoryLimit":0,
       "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}},
       "volumeClaimTemplates":[{"metadata":{"name":"v"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}]}})",
     R"({"status":{"replicas":0,"observedGeneration":1,"collisionCount":0,"currentRevision":"r",
       "conditions":[{"type":"X","status":"True","lastTransitionTime":null}]}})"},
    {"/apis/apps/v1/namespaces/default/controllerrevisions",
     R"({"metadata":{"name":"a"},"data":{"spec":{"template":{"$patch":"replace","a":[1,null,"x"]}}},"revision":0})",
     nullptr},
    {"/apis/coordination.k8s.io/v1/namespaces/default/leases",
     R"({"metadata":{"name":"a"},"spec":{"holderIdentity":"","leaseDurationSeconds":15,"leaseTransitions":0,
       "acquireTime":"2030-01-02T03:04:05.000006Z","renewTime":"2030-01-02T03:04:05.000000Z"}})",
     nullptr},
};

TEST(ProtobufOfARealServer, IsTheSameAsItsJson) {
  const auto plane = ControlPlane::Start();
  ASSERT_TRUE(plane.ok()) << plane.status();
  Http http((*plane)->endpoint());
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.collection);
    const json object = json::parse(row.object);
    const std::string path =
        absl::StrCat(row.collection, "/", object["metadata"]["name"].get<std::string>());
    auto answer = http.Call({.method = "POST",
                             .path = row.collection,
                             .headers = {{"Content-Type", "application/json"}},
                             .body = row.object});
    ASSERT_TRUE(answer.ok() && answer->status == 201) << answer->body;
    if (row.status != nullptr) {
      answer = http.Call({.method = "PATCH",
                          .path = path + "/status",
                          .headers = {{"Content-Type", "application/merge-patch+json"}},
                          .body = row.status});
      ASSERT_TRUE(answer.ok() && answer->status == 200) << answer->body;
    }
    const auto plain = http.Call({.path = path});
    const auto proto =
        http.Call({.path = path, .headers = {{"Accept", "application/vnd.kubernetes.protobuf"}}});
    ASSERT_TRUE(plain.ok() && proto.ok() && proto->status == 200);
    const auto decoded = apiserver::DecodeProtobuf(proto->body);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(Difference(plain->tree, *decoded, ""), "");
  }
}

}  // namespace
}  // namespace rekindle::conformance
