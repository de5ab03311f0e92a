#include "common/client/decoders.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/container_hash.h"
#include "common/json/tree.h"

namespace rekindle::client {
namespace {

Json FullPod() {
  return *json::Parse(
      R"({"metadata":{"name":"web-0","namespace":"ns","uid":"u","resourceVersion":"7",
    "creationTimestamp":"2027-01-15T08:00:00Z","generateName":"web-",
    "labels":{"app":"web","controller-revision-hash":"web-abc"},
    "annotations":{"a":"b"},"finalizers":["x/y"],
    "ownerReferences":[{"apiVersion":"apps/v1","kind":"X","name":"web","uid":"o","controller":true}],
    "managedFields":[{"manager":"m","fieldsV1":{"f:a":{}}}]},
    "spec":{"nodeName":"n1","restartPolicy":"Always","terminationGracePeriodSeconds":10,
      "tolerations":[{"key":"k"}],"affinity":{"nodeAffinity":{}},"schedulerName":"s",
      "readinessGates":[{"conditionType":"InPlaceUpdateReady"}],
      "volumes":[{"name":"data","persistentVolumeClaim":{"claimName":"data-web-0"}},
                 {"name":"kube-api-access","projected":{"sources":[]}}],
      "initContainers":[{"name":"i","image":"b","restartPolicy":"Always"}],
      "containers":[{"name":"main","image":"img:1","resources":{"limits":{"cpu":"1"}},
        "env":[{"name":"L","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels['app']"}}}]}]},
    "status":{"phase":"Running","podIP":"10.0.0.1","qosClass":"Burstable",
      "conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2027-01-15T08:00:10Z",
                     "lastProbeTime":null}],
      "initContainerStatuses":[{"name":"i","restartCount":2,"state":{"running":{}}}],
      "containerStatuses":[{"name":"main","image":"img:1","imageID":"sha","containerID":"c://1",
        "ready":true,"restartCount":3,"lastState":{"terminated":{"exitCode":1}},
        "state":{"running":{"startedAt":"2027-01-15T08:00:05Z"}}}]}})");
}

// Nothing that a record is made from is left out on the way.
TEST(Decoders, PodRecordsAreThoseOfTheWholeTree) {
  const Json pod = FullPod();
  api::PodParser parser;
  const auto want = parser.Parse(pod);
  const auto got = PodDecoder()(json::Dump(pod));
  ASSERT_TRUE(want.ok() && got.ok()) << want.status() << got.status();
  EXPECT_EQ(got->name, want->name);
  EXPECT_EQ(got->uid, want->uid);
  EXPECT_EQ(got->node, want->node);
  EXPECT_EQ(got->owner_uid, want->owner_uid);
  EXPECT_EQ(got->revision, want->revision);
  EXPECT_EQ(got->resource_version, want->resource_version);
  EXPECT_EQ(got->created, want->created);
  EXPECT_EQ(got->ready_since, want->ready_since);
  EXPECT_EQ(got->AllLabels(), want->AllLabels());
  EXPECT_EQ(*got->finalizers, *want->finalizers);
  EXPECT_EQ(got->max_restarts, 3);
  EXPECT_EQ(got->max_sidecar_restarts, 2);
  EXPECT_EQ(got->phase, api::Phase::kRunning);
  EXPECT_EQ(got->ready, api::Tri::kTrue);
  EXPECT_EQ(got->shape->claim_volumes, want->shape->claim_volumes);
  EXPECT_EQ(got->shape->qos, want->shape->qos);
  EXPECT_TRUE(got->shape->gate_in_place);
  EXPECT_EQ(got->shape->grace_seconds, 10);
  ASSERT_EQ(got->shape->containers.size(), 1U);
  EXPECT_EQ(got->shape->containers[0].plain_hash, want->shape->containers[0].plain_hash);
  EXPECT_EQ(got->shape->containers[0].refs, want->shape->containers[0].refs);
  ASSERT_EQ(got->statuses.size(), 1U);
  EXPECT_EQ(got->statuses[0].id, want->statuses[0].id);
  EXPECT_EQ(got->statuses[0].image_id(), "sha");
  EXPECT_TRUE(got->statuses[0].running);
  EXPECT_TRUE(got->statuses[0].ready);
  EXPECT_LT(got->MemoryBytes(), 1024U);
}

// An older node daemon hashes what the decoder usually skips.
TEST(Decoders, TheOlderHashOfAWholeContainerIsRecognised) {
  Json pod = FullPod();
  pod["spec"]["containers"][0]["livenessProbe"] = {{"httpGet", {{"port", 80}}}};
  const uint32_t old = api::OldPlainHash(pod["spec"]["containers"][0]);
  pod["metadata"]["annotations"]["apps.kruise.io/runtime-containers-meta"] = Json{
      {"containers", Json::array({{{"name", "main"},
                                   {"containerID", "c://1"},
                                   {"hashes", {{"plainHash", old}}}}})}}.dump();
  const auto got = PodDecoder()(json::Dump(pod));
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(got->meta_present);
  EXPECT_EQ(got->statuses[0].meta_plain, got->shape->containers[0].plain_hash);
  EXPECT_NE(got->statuses[0].meta_plain, old);
}

TEST(Decoders, PodsOfOneTemplateShareTheirShape) {
  const DecodeFunction<api::PodRecord> decode = PodDecoder();
  Json pod = FullPod();
  const auto a = decode(json::Dump(pod));
  pod["metadata"]["uid"] = "other";
  pod["metadata"]["annotations"]["a"] = "c";
  pod["spec"]["tolerations"] = Json::array();
  pod["spec"]["initContainers"][0]["volumeMounts"] = Json::array({{{"name", "kube-api-access-x"}}});
  const auto b = decode(json::Dump(pod));
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->shape, b->shape);
  EXPECT_FALSE(decode("{\"metadata\":{}}").ok());
  EXPECT_FALSE(decode("[]").ok());
  EXPECT_FALSE(decode("").ok());
}

// Scenario 19.
TEST(Decoders, TreesKnowTheirKindAndKeepWhatIsUnknown) {
  const DecodeFunction<Json> decode = TreeDecoder(PodResource());
  const auto got = decode(R"({"metadata":{"name":"a","managedFields":[{}]},"spec":{"new":[1]}})");
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(*got, *json::Parse(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},
                                   "spec":{"new":[1]}})"));
  EXPECT_EQ((*decode(R"({"apiVersion":"v2","kind":"Own"})"))["kind"], "Own");
  EXPECT_FALSE(decode("[]").ok());
}

}  // namespace
}  // namespace rekindle::client
