#include "common/api/pod_record.h"

#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/container_hash.h"

namespace rekindle::api {
namespace {

Json SamplePod() {
  return Json::parse(
      R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-2","uid":"2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d",
    "resourceVersion":"812","creationTimestamp":"2030-01-02T03:00:00Z",
    "labels":{"app":"web","zone":"eu","controller-revision-hash":"web-755649cb8b","lifecycle.apps.kruise.io/state":"Normal",
      "statefulset.kubernetes.io/pod-name":"web-2","apps.kruise.io/specified-delete":"false"},
    "annotations":{"controller.kubernetes.io/pod-deletion-cost":"-5","cfg":"blue","other":"x",
      "apps.kruise.io/runtime-containers-meta":"{\"containers\":[{\"name\":\"log\",\"containerID\":\"c://2\",\"restartCount\":0,\"hashes\":{\"plainHash\":5}}]}"},
    "finalizers":["f/one"],
    "ownerReferences":[{"kind":"StatefulSet","name":"web","uid":"u1","controller":true}]},
   "spec":{"nodeName":"n1","terminationGracePeriodSeconds":45,"readinessGates":[{"conditionType":"InPlaceUpdateReady"}],
    "volumes":[{"name":"data","persistentVolumeClaim":{"claimName":"data-web-2"}},{"name":"x","persistentVolumeClaim":{"claimName":"other"}}],
    "containers":[{"name":"web","image":"shop/web:2.4","env":[
       {"name":"CFG","valueFrom":{"fieldRef":{"fieldPath":"metadata.annotations['cfg']"}}},
       {"name":"ZONE","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels['zone']"}}},
       {"name":"SIDECARSET_VERSION","valueFrom":{"fieldRef":{"fieldPath":"metadata.annotations['v']"}}},
       {"name":"KRUISE_CONTAINER_BARRIER","valueFrom":{"configMapKeyRef":{"name":"web-2-barrier","key":"p_-3"}}}],
       "resources":{"limits":{"cpu":"500m"}},"resizePolicy":[{"resourceName":"cpu","restartPolicy":"RestartContainer"}]},
      {"name":"log","image":"ops/log:1","env":[{"name":"KRUISE_CONTAINER_BARRIER","value":"x"}]}]},
   "status":{"phase":"Running","conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2030-01-02T03:04:05Z"},
      {"type":"ContainersReady","status":"True"},{"type":"InPlaceUpdateReady","status":"False","reason":"StartInPlaceUpdate"},
      {"type":"KruisePodReady","status":"False","message":"[{\"userAgent\":\"Lifecycle\",\"key\":\"preUpdateHook\"}]"}],
    "containerStatuses":[{"name":"log","image":"ops/log:1","imageID":"sha256:l","containerID":"c://2","ready":true,"restartCount":4,"state":{"running":{}}},
      {"name":"web","image":"shop/web:2.4","imageID":"sha256:w","ready":false,"restartCount":1,"state":{"waiting":{"reason":"ErrImagePull"}},
       "resources":{"limits":{"cpu":"500m"}}}]}})");
}

TEST(PodRecord, KeepsEverythingThatPlansNeed) {
  PodParser parser;
  const auto record = parser.Parse(SamplePod());
  ASSERT_TRUE(record.ok()) << record.status();
  const PodRecord& p = *record;
  EXPECT_EQ(p.name, "web-2");
  EXPECT_EQ(p.owner_uid.view(), "u1");
  EXPECT_EQ(p.revision.view(), "web-755649cb8b");
  EXPECT_EQ(p.lifecycle, Lifecycle::kNormal);
  EXPECT_TRUE(p.specified_delete);
  EXPECT_TRUE(p.name_label_ok);
  EXPECT_EQ(p.deletion_cost, -5);
  EXPECT_EQ(p.ready, Tri::kTrue);
  EXPECT_EQ(p.in_place_ready, Tri::kFalse);
  EXPECT_TRUE(p.in_place_noise);
  EXPECT_TRUE(p.marked_pre_update);
  EXPECT_FALSE(p.marked_pre_delete);
  EXPECT_EQ(p.max_restarts, 4);
  EXPECT_EQ(p.Label("app"), "web");
  EXPECT_TRUE(p.HasFinalizer("f/one"));
  EXPECT_EQ(p.annotations->Get("cfg"), "blue");
  EXPECT_FALSE(p.annotations->Has("other"));
  ASSERT_EQ(p.shape->containers.size(), 2U);
  const ContainerShape& web = p.shape->containers[0];
  EXPECT_EQ(web.refs.size(), 2U);
  EXPECT_EQ(web.priority, -3);
  EXPECT_TRUE(web.restart_on_cpu);
  EXPECT_EQ(web.resources.requests.at("cpu"), *Quantity::Parse("500m"));
  EXPECT_EQ(web.plain_hash, 760054243U);
  EXPECT_EQ(p.shape->containers[1].priority, std::nullopt);  // no config-map reference
  EXPECT_EQ(p.shape->claim_volumes, std::vector<std::string>{"data"});
  EXPECT_TRUE(p.shape->gate_in_place);
  EXPECT_EQ(p.shape->grace_seconds, 45);
  EXPECT_EQ(p.statuses[0].waiting.view(), "ErrImagePull");
  EXPECT_EQ(p.statuses[1].id, Fingerprint("c://2"));
  EXPECT_TRUE(p.meta_present);
  EXPECT_EQ(p.statuses[0].meta_id, 0U);
  EXPECT_EQ(p.statuses[1].meta_id, Fingerprint("c://2"));
  EXPECT_EQ(p.statuses[1].meta_plain, 5U);
}

TEST(PodRecord, DeletionCostTextsOfCloneSet16) {
  PodParser parser;
  const std::pair<const char*, int32_t> cases[] = {{"010", 0}, {"+5", 0}, {"-5", -5},
                                                   {"7", 7},   {"0", 0},  {"007", 0},
                                                   {"x", 0},   {"", 0},   {"99999999999", 0}};
  for (const auto& [text, cost] : cases) {
    Json pod = SamplePod();
    pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] = text;
    EXPECT_EQ(parser.Parse(pod)->deletion_cost, cost) << text;
  }
}

TEST(PodRecord, BrokenBookkeepingDoesNotFailThePod) {
  PodParser parser;
  Json pod = SamplePod();
  pod["metadata"]["annotations"]["apps.kruise.io/inplace-update-state"] = "{";
  pod["metadata"]["annotations"]["inplace-update-state"] = R"({"revision":"old"})";
  auto record = parser.Parse(pod);
  ASSERT_TRUE(record.ok());
  EXPECT_TRUE(record->book->state_invalid);  // the new key wins
  pod["metadata"]["annotations"].erase("apps.kruise.io/inplace-update-state");
  EXPECT_EQ(parser.Parse(pod)->book->progress->revision.view(), "old");
  pod["metadata"]["annotations"]["apps.kruise.io/inplace-update-grace"] = "";
  EXPECT_FALSE(parser.Parse(pod)->book->grace != nullptr);
  EXPECT_FALSE(parser.Parse(Json::object()).ok());
  EXPECT_FALSE(parser.Parse(Json::parse(R"({"metadata":{"name":"x"}})")).ok());
}

TEST(PodRecord, PodsOfOneTemplateShareTheirShape) {
  PodParser parser;
  Json a = SamplePod();
  Json b = a;
  b["metadata"]["name"] = "web-3";
  b["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] = "data-web-3";
  EXPECT_EQ(parser.Parse(a)->shape, parser.Parse(b)->shape);
  // What the API server adds to every pod under a name of its own.
  for (Json* pod : {&a, &b}) {
    const std::string token = pod == &a ? "kube-api-access-7xk2p" : "kube-api-access-q9mzt";
    (*pod)["spec"]["volumes"].push_back({{"name", token}, {"projected", Json::object()}});
    (*pod)["spec"]["containers"][0]["volumeMounts"] =
        Json::array({{{"name", token}, {"mountPath", "/var/run/secrets"}}});
  }
  EXPECT_EQ(parser.Parse(a)->shape, parser.Parse(b)->shape);
  b["spec"]["containers"][0]["image"] = "shop/web:2.5";
  EXPECT_NE(parser.Parse(a)->shape, parser.Parse(b)->shape);
}

TEST(PodRecord, ContainersMayComeFromAnotherTree) {
  PodParser parser;
  Json pod = SamplePod();
  pod["spec"]["initContainers"] = Json::array({{{"name", "i"}, {"restartPolicy", "Always"}}});
  pod["status"]["initContainerStatuses"] = Json::array({{{"name", "i"}, {"restartCount", 6}}});
  const auto containers = ContainersOf(pod);
  ASSERT_TRUE(containers.ok()) << containers.status();
  Json rest = pod;
  rest["spec"].erase("containers");
  rest["spec"].erase("initContainers");
  EXPECT_EQ(parser.Parse(rest).status().message(), "spec.containers: missing or not a list");
  const auto whole = parser.Parse(pod);
  const auto apart = parser.Parse(rest, *containers);
  ASSERT_TRUE(whole.ok() && apart.ok()) << whole.status() << apart.status();
  EXPECT_EQ(apart->shape, whole->shape);
  EXPECT_EQ(apart->max_sidecar_restarts, 6);
  EXPECT_EQ(apart->statuses[1].id, whole->statuses[1].id);
  rest.erase("spec");
  EXPECT_EQ(parser.Parse(rest, *containers).status().message(), "spec: missing");
  for (size_t i = 0; i < kMaxContainers; ++i) {
    pod["spec"]["containers"].push_back({{"name", absl::StrCat("c", i)}});
  }
  EXPECT_EQ(ContainersOf(pod).status().code(), absl::StatusCode::kInvalidArgument);
}

// An older node daemon's hash counts as the newer one where it is that of the container as it is.
TEST(PodRecord, TheOlderPlainHashIsUnderstood) {
  PodParser parser;
  Json pod = SamplePod();
  pod["spec"]["containers"][1]["volumeMounts"] =
      Json::array({{{"name", "t"}, {"mountPath", "/var/run/secrets"}}});
  const auto with_hash = [&](uint32_t hash) {
    pod["metadata"]["annotations"]["apps.kruise.io/runtime-containers-meta"] = Json{
        {"containers", Json::array({{{"name", "log"},
                                     {"containerID", "c://2"},
                                     {"hashes", {{"plainHash", hash}}}}})}}.dump();
    return parser.Parse(pod)->statuses[1].meta_plain;
  };
  const uint32_t plain = parser.Parse(pod)->shape->containers[1].plain_hash;
  const uint32_t old = OldPlainHash(pod["spec"]["containers"][1]);
  ASSERT_NE(plain, old);
  EXPECT_EQ(with_hash(plain), plain);
  EXPECT_EQ(with_hash(old), plain);
  EXPECT_EQ(with_hash(77), 77U);
}

TEST(PodRecord, AtMostOneKibibyteInTheMiddleOfAnUpdateOfThreeContainers) {
  PodParser parser;
  Json pod = SamplePod();
  pod["metadata"]["name"] = "a-rather-long-workload-name-x7k2p";
  Json statuses = Json::array();
  Json containers = Json::array();
  std::string last;
  std::string meta;
  for (int i = 0; i < 3; ++i) {
    const std::string name = absl::StrCat("container-", i);
    containers.push_back({{"name", name}, {"image", "registry.example/team/app:1.2.3"}});
    statuses.push_back({{"name", name},
                        {"image", "registry.example/team/app:1.2.3"},
                        {"imageID", "registry.example/team/app@sha256:" + std::string(64, 'a')},
                        {"containerID", "containerd://" + std::string(64, 'b')},
                        {"ready", true}});
    absl::StrAppend(&last, last.empty() ? "" : ",", "\"", name,
                    "\":{\"imageID\":\"registry.example/team/app@sha256:", std::string(64, 'a'),
                    "\"}");
    absl::StrAppend(&meta, meta.empty() ? "" : ",", "{\"name\":\"", name,
                    "\",\"containerID\":\"containerd://", std::string(64, 'b'),
                    "\",\"hashes\":{\"plainHash\":1,\"extractedEnvFromMetadataHash\":2}}");
  }
  pod["spec"]["containers"] = containers;
  pod["status"]["containerStatuses"] = statuses;
  pod["metadata"]["annotations"]["apps.kruise.io/runtime-containers-meta"] =
      absl::StrCat("{\"containers\":[", meta, "]}");
  pod["metadata"]["annotations"]["apps.kruise.io/inplace-update-state"] = absl::StrCat(
      R"({"revision":"web-755649cb8b","updateTimestamp":"2026-03-04T05:06:07Z","lastContainerStatuses":{)",
      last,
      R"(},"updateImages":true,"containerBatchesRecord":[{"timestamp":"2026-03-04T05:06:07Z","containers":["container-0","container-1","container-2"]}]})");
  const auto record = parser.Parse(pod);
  ASSERT_TRUE(record.ok());
  EXPECT_LE(record->MemoryBytes(), 1024U);
  EXPECT_GT(record->MemoryBytes(), sizeof(PodRecord));
}

TEST(Progress, ExpandsToTheStateItCameFromAndDropsForeignNames) {
  PodParser parser;
  const auto record = parser.Parse(SamplePod());
  InPlaceState state;
  state.revision = "r";
  state.update_time = absl::FromUnixSeconds(1000);
  state.last_image_ids = {{"web", Text("id")}};
  state.next_images = {{"log", "ops/log:2"}};
  state.next_metadata["web"].labels.Set("zone", "us");
  state.must_be_ready = {"log", "web"};
  state.batches = {{absl::FromUnixSeconds(1000), {"web"}}};
  state.last_container_ids = {{"web", "ab12"}};
  state.next_restarts = {"log"};
  state.images = true;
  EXPECT_EQ(ExpandState(CompactState(state, *record->shape), *record->shape), state);
  state.next_images = {{"gone", "x"}};
  state.next_metadata = {{"gone", {}}};
  state.next_restarts.clear();
  EXPECT_FALSE(CompactState(state, *record->shape).HasNext());
  state.last_image_ids = {{"gone", Text("x")}};
  EXPECT_TRUE(CompactState(state, *record->shape).recorded_gone);
}

TEST(Qos, ClassesOfThePodSpec) {
  const auto qos = [](const char* text) { return QosOf(Json::parse(text)); };
  EXPECT_EQ(qos(R"({"containers":[{"name":"a"}]})"), Qos::kBestEffort);
  EXPECT_EQ(qos(R"({"containers":[{"resources":{"limits":{"cpu":"1","memory":"1Gi"}}}]})"),
            Qos::kGuaranteed);
  EXPECT_EQ(qos(R"({"containers":[{"resources":{"limits":{"cpu":"1","memory":"1Gi"},
                    "requests":{"cpu":"500m","memory":"1Gi"}}}]})"),
            Qos::kBurstable);
  EXPECT_EQ(
      qos(R"({"containers":[{"resources":{"limits":{"cpu":"1","memory":"1Gi"}}},{"name":"b"}]})"),
      Qos::kBurstable);
}

}  // namespace
}  // namespace rekindle::api
