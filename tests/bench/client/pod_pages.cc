#include "tests/bench/client/pod_pages.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::bench {
namespace {

constexpr int64_t kPodsOfNode = 100;
constexpr int64_t kPodsOfWorkload = 1000;

// Differs for each pair of numbers, and looks like a digest.
std::string Hex(int64_t a, int64_t b, size_t length) {
  std::string out;
  uint64_t state = static_cast<uint64_t>(a) * 0x9E3779B97F4A7C15ULL + static_cast<uint64_t>(b);
  while (out.size() < length) {
    state ^= state >> 31;
    state *= 0xD6E8FEB86659FD93ULL;
    absl::StrAppend(&out, absl::StrFormat("%016x", state));
  }
  out.resize(length);
  return out;
}

std::string Uid(int64_t index, int64_t kind) {
  const std::string hex = Hex(index, kind, 32);
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

Json Probe(const std::string& path) {
  return {{"httpGet", {{"path", path}, {"port", 8080}, {"scheme", "HTTP"}}},
          {"initialDelaySeconds", 5},
          {"timeoutSeconds", 1},
          {"periodSeconds", 10},
          {"successThreshold", 1},
          {"failureThreshold", 3}};
}

Json Container(const std::string& name, const std::string& image, const std::string& token) {
  return {
      {"name", name},
      {"image", image},
      {"args", {"--config=/etc/app/config.yaml", "--log-level=info"}},
      {"env",
       {{{"name", "POD_NAME"},
         {"valueFrom", {{"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", "metadata.name"}}}}}},
        {{"name", "APP"},
         {"valueFrom",
          {{"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", "metadata.labels['app']"}}}}}},
        {{"name", "GOMAXPROCS"}, {"value", "2"}}}},
      {"resources",
       {{"limits", {{"cpu", "2"}, {"memory", "1Gi"}}},
        {"requests", {{"cpu", "500m"}, {"memory", "512Mi"}}}}},
      {"ports", Json::array({{{"name", "http"}, {"containerPort", 8080}, {"protocol", "TCP"}}})},
      {"volumeMounts",
       {{{"name", "config"}, {"mountPath", "/etc/app"}},
        {{"name", token},
         {"readOnly", true},
         {"mountPath", "/var/run/secrets/kubernetes.io/serviceaccount"}}}},
      {"livenessProbe", Probe("/healthz")},
      {"readinessProbe", Probe("/readyz")},
      {"terminationMessagePath", "/dev/termination-log"},
      {"terminationMessagePolicy", "File"},
      {"imagePullPolicy", "IfNotPresent"},
      {"securityContext", {{"allowPrivilegeEscalation", false}, {"runAsNonRoot", true}}}};
}

Json Status(const std::string& name, const std::string& image, int64_t index, int64_t kind) {
  return {{"name", name},
          {"state", {{"running", {{"startedAt", "2027-01-15T08:00:05Z"}}}}},
          {"lastState", Json::object()},
          {"ready", true},
          {"restartCount", 0},
          {"image", image},
          {"imageID", absl::StrCat("registry.example.com/app@sha256:", Hex(kind, 7, 64))},
          {"containerID", absl::StrCat("containerd://", Hex(index, kind, 64))},
          {"started", true}};
}

Json Condition(const std::string& type) {
  return {{"type", type},
          {"status", "True"},
          {"lastProbeTime", nullptr},
          {"lastTransitionTime", "2027-01-15T08:00:10Z"}};
}

Json ManagedFields() {
  Json fields = Json::object();
  for (const char* name :
       {"f:containers", "f:volumes", "f:restartPolicy", "f:dnsPolicy", "f:schedulerName",
        "f:securityContext", "f:terminationGracePeriodSeconds"}) {
    fields["f:spec"][name] = {{".", Json::object()},
                              {"k:{\"name\":\"app\"}",
                               {{"f:image", Json::object()}, {"f:env", {{".", Json::object()}}}}}};
  }
  Json status = fields;
  return Json::array({{{"manager", "rekindle-controller"},
                       {"operation", "Update"},
                       {"apiVersion", "v1"},
                       {"time", "2027-01-15T08:00:00Z"},
                       {"fieldsType", "FieldsV1"},
                       {"fieldsV1", fields}},
                      {{"manager", "kubelet"},
                       {"operation", "Update"},
                       {"apiVersion", "v1"},
                       {"time", "2027-01-15T08:00:10Z"},
                       {"fieldsType", "FieldsV1"},
                       {"fieldsV1", status}}});
}

Json Pod(int64_t index, int64_t resource_version) {
  const int64_t workload = index / kPodsOfWorkload;
  const std::string set = absl::StrCat("service-", workload);
  const std::string suffix = Hex(index, 1, 5);
  const std::string token = absl::StrCat("kube-api-access-", suffix);
  const std::string node = absl::StrFormat("node-%04d.example.internal", index / kPodsOfNode);
  const std::string image = absl::StrCat("registry.example.com/app:v", workload % 7);
  const std::string proxy = "registry.example.com/proxy:v3";
  return {
      {"metadata",
       {{"name", absl::StrCat(set, "-", suffix, "-", index)},
        {"generateName", set + "-"},
        {"namespace", absl::StrCat("team-", workload % 20)},
        {"uid", Uid(index, 2)},
        {"resourceVersion", absl::StrCat(resource_version)},
        {"creationTimestamp", "2027-01-15T08:00:00Z"},
        {"labels",
         {{"app", set},
          {"team", absl::StrCat("team-", workload % 20)},
          {"controller-revision-hash", absl::StrCat(set, "-", Hex(workload, 3, 10))},
          {"apps.kruise.io/cloneset-instance-id", suffix}}},
        {"annotations", {{"prometheus.io/scrape", "true"}, {"prometheus.io/port", "8080"}}},
        {"ownerReferences", Json::array({{{"apiVersion", "apps.kruise.io/v1alpha1"},
                                          {"kind", "CloneSet"},
                                          {"name", set},
                                          {"uid", Uid(workload, 4)},
                                          {"controller", true},
                                          {"blockOwnerDeletion", true}}})},
        {"managedFields", ManagedFields()}}},
      {"spec",
       {{"volumes",
         {{{"name", "config"}, {"configMap", {{"name", set}, {"defaultMode", 420}}}},
          {{"name", token},
           {"projected",
            {{"sources",
              {{{"serviceAccountToken", {{"expirationSeconds", 3607}, {"path", "token"}}}},
               {{"configMap",
                 {{"name", "kube-root-ca.crt"},
                  {"items", Json::array({{{"key", "ca.crt"}, {"path", "ca.crt"}}})}}}}}},
             {"defaultMode", 420}}}}}},
        {"containers", {Container("app", image, token), Container("proxy", proxy, token)}},
        {"restartPolicy", "Always"},
        {"terminationGracePeriodSeconds", 30},
        {"dnsPolicy", "ClusterFirst"},
        {"serviceAccountName", "default"},
        {"serviceAccount", "default"},
        {"nodeName", node},
        {"securityContext", Json::object()},
        {"schedulerName", "default-scheduler"},
        {"tolerations",
         {{{"key", "node.kubernetes.io/not-ready"},
           {"operator", "Exists"},
           {"effect", "NoExecute"},
           {"tolerationSeconds", 300}},
          {{"key", "node.kubernetes.io/unreachable"},
           {"operator", "Exists"},
           {"effect", "NoExecute"},
           {"tolerationSeconds", 300}}}},
        {"priority", 0},
        {"readinessGates", Json::array({Json{{"conditionType", "InPlaceUpdateReady"}}})},
        {"enableServiceLinks", true},
        {"preemptionPolicy", "PreemptLowerPriority"}}},
      {"status",
       {{"phase", "Running"},
        {"conditions",
         {Condition("Initialized"), Condition("InPlaceUpdateReady"), Condition("Ready"),
          Condition("ContainersReady"), Condition("PodScheduled")}},
        {"hostIP", "10.0.0.1"},
        {"podIP",
         absl::StrCat("10.", index / 65536 % 256, ".", index / 256 % 256, ".", index % 256)},
        {"startTime", "2027-01-15T08:00:00Z"},
        {"containerStatuses", {Status("app", image, index, 5), Status("proxy", proxy, index, 6)}},
        {"qosClass", "Burstable"}}}};
}

}  // namespace

std::string RealisticPod(int64_t index, int64_t resource_version) {
  return json::Dump(Pod(index, resource_version));
}

std::string PodPage(int64_t first, int64_t count, bool more) {
  std::string out =
      R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"900000000")";
  if (more) absl::StrAppend(&out, R"(,"continue":")", first + count, R"(")");
  absl::StrAppend(&out, R"(},"items":[)");
  for (int64_t i = 0; i < count; ++i) {
    absl::StrAppend(&out, i == 0 ? "" : ",", RealisticPod(first + i, 1'000'000 + first + i));
  }
  absl::StrAppend(&out, "]}\n");
  return out;
}

}  // namespace rekindle::bench
