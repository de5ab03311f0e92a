#include "common/client/decoders.h"

#include <string>
#include <utility>
#include <vector>

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

// What `decode` makes of a pod is what its whole tree gives.
void ExpectTheWhole(const DecodeFunction<api::PodRecord>& decode, const Json& pod) {
  api::PodParser parser;
  const auto want = parser.Parse(pod);
  const auto got = decode(json::Dump(pod));
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
  EXPECT_EQ(got->max_restarts, want->max_restarts);
  EXPECT_EQ(got->max_sidecar_restarts, want->max_sidecar_restarts);
  EXPECT_EQ(got->phase, want->phase);
  EXPECT_EQ(got->ready, want->ready);
  EXPECT_EQ(got->shape->claim_volumes, want->shape->claim_volumes);
  EXPECT_EQ(got->shape->qos, want->shape->qos);
  EXPECT_EQ(got->shape->gate_in_place, want->shape->gate_in_place);
  EXPECT_EQ(got->shape->restart_policy, want->shape->restart_policy);
  EXPECT_EQ(got->shape->grace_seconds, want->shape->grace_seconds);
  ASSERT_EQ(got->shape->containers.size(), want->shape->containers.size());
  ASSERT_EQ(got->statuses.size(), want->statuses.size());
  for (size_t i = 0; i < want->statuses.size(); ++i) {
    const api::ContainerShape& shape = got->shape->containers[i];
    EXPECT_EQ(shape.name, want->shape->containers[i].name);
    EXPECT_EQ(shape.image, want->shape->containers[i].image);
    EXPECT_EQ(shape.plain_hash, want->shape->containers[i].plain_hash);
    EXPECT_EQ(shape.refs, want->shape->containers[i].refs);
    EXPECT_EQ(shape.resources, want->shape->containers[i].resources);
    EXPECT_EQ(shape.never_restarts, want->shape->containers[i].never_restarts);
    const api::ContainerStatus& status = got->statuses[i];
    EXPECT_EQ(status.id, want->statuses[i].id);
    EXPECT_EQ(status.image_id(), want->statuses[i].image_id());
    EXPECT_EQ(status.running, want->statuses[i].running);
    EXPECT_EQ(status.ready, want->statuses[i].ready);
  }
}

// Nothing that a record is made from is left out on the way.
TEST(Decoders, PodRecordsAreThoseOfTheWholeTree) {
  ExpectTheWhole(PodDecoder(), FullPod());
  const auto got = PodDecoder()(json::Dump(FullPod()));
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->max_restarts, 3);
  EXPECT_EQ(got->max_sidecar_restarts, 2);
  EXPECT_EQ(got->shape->claim_volumes, std::vector<std::string>{"data"});
  EXPECT_EQ(got->statuses[0].image_id(), "sha");
  EXPECT_LT(got->MemoryBytes(), 1024U);
}

// Containers that were read before are taken for no others.
TEST(Decoders, WhatDiffersIsReadAnew) {
  const DecodeFunction<api::PodRecord> decode = PodDecoder();
  const Json base = FullPod();
  const std::pair<const char*, Json> changes[] = {
      {"/spec/containers/0/image", "img:2"},
      {"/spec/containers/0/name", "other"},
      {"/spec/containers/0/env/0/valueFrom/fieldRef/fieldPath", "metadata.annotations['a']"},
      {"/spec/containers/0/resources", {{"requests", {{"cpu", "1"}}}}},
      {"/spec/containers/0/restartPolicy", "Never"},
      {"/spec/containers/1", {{"name", "second"}, {"image", "img:1"}}},
      {"/spec/initContainers/0/name", "j"},
      {"/spec/initContainers/0/resources", {{"limits", {{"cpu", "1"}, {"memory", "1Gi"}}}}},
      {"/spec/initContainers", Json::array()},
      {"/spec/restartPolicy", "Never"},
      {"/spec/terminationGracePeriodSeconds", 11},
      {"/spec/readinessGates", Json::array()},
      {"/spec/volumes/0/persistentVolumeClaim/claimName", "elsewhere"},
      {"/spec/nodeName", "n2"},
      {"/metadata/labels/app", "other"},
      {"/status/containerStatuses/0/containerID", "c://2"},
  };
  for (const auto& [path, value] : changes) {
    SCOPED_TRACE(path);
    Json pod = base;
    pod[Json::json_pointer(path)] = value;
    ASSERT_NE(pod, base);
    ExpectTheWhole(decode, pod);
    ExpectTheWhole(decode, base);
  }
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
  pod["spec"]["containers"] = Json::array();
  EXPECT_TRUE(decode(json::Dump(pod)).ok());
  pod["spec"]["containers"] = nullptr;
  EXPECT_FALSE(decode(json::Dump(pod)).ok());
  pod["spec"].erase("containers");
  EXPECT_FALSE(decode(json::Dump(pod)).ok());
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
