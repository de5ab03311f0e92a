#include "controller/apiserver/registry/strategy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/kinds/registry.h"

namespace rekindle::apiserver {
namespace {

ServedKind Served(const char* api_version, const char* kind) {
  ServedKind out;
  out.info = api::Kinds().Find(api_version, kind);
  out.storage = out.info;
  return out;
}

Json J(const char* text) { return Json::parse(text); }

TEST(Strategy, WhichKindsCountGenerations) {
  for (const auto& [version, kind, counts] :
       std::vector<std::tuple<const char*, const char*, bool>>{
           {"v1", "ConfigMap", false},
           {"v1", "Pod", false},
           {"v1", "Node", false},
           {"coordination.k8s.io/v1", "Lease", false},
           {"apps/v1", "ControllerRevision", false},
           {"apps/v1", "StatefulSet", true},
           {"policy/v1", "PodDisruptionBudget", true},
           {"apps.kruise.io/v1beta1", "CloneSet", true},
           {"apps.kruise.io/v1alpha1", "NodeImage", true}}) {
    EXPECT_EQ(TraitsOf(Served(version, kind)).generation, counts) << kind;
  }
}

TEST(Strategy, WhatCountsAsAChange) {
  struct Row {
    const char* version;
    const char* kind;
    const char* now;
    bool changes;
  };
  const Json old = J(R"({"metadata":{"labels":{"a":"1"}},"spec":{"x":1},"status":{"y":1}})");
  for (const Row& row : std::vector<Row>{
           {"apps/v1", "StatefulSet", R"({"metadata":{},"spec":{"x":1},"status":{"y":2}})", false},
           {"apps/v1", "StatefulSet", R"({"metadata":{},"spec":{"x":2},"status":{"y":1}})", true},
           {"apps.kruise.io/v1beta1", "CloneSet", R"({"metadata":{},"spec":{"x":1}})", false},
           {"apps.kruise.io/v1beta1", "CloneSet", R"({"metadata":{},"spec":{"x":2}})", true},
           {"apps.kruise.io/v1beta1", "CloneSet", R"({"metadata":{},"spec":{"x":1},"z":1})", true},
           {"apps.kruise.io/v1beta1", "CloneSet", R"({"metadata":{}})", true}}) {
    EXPECT_EQ(ChangesDesired(Served(row.version, row.kind), old, J(row.now)), row.changes)
        << row.kind << " " << row.now;
  }
}

TEST(Strategy, ServerOwnedMetadataComesBack) {
  const Json old = J(R"({"metadata":{"name":"a","uid":"u","creationTimestamp":"t","generation":4,
    "deletionTimestamp":"d","deletionGracePeriodSeconds":0,"labels":{"a":"1"}},"data":{}})");
  Json now = J(R"({"metadata":{"name":"a","generation":9,"labels":{"b":"1"},"selfLink":"/x"}})");
  PrepareUpdate(Served("v1", "ConfigMap"), "", old, now);
  EXPECT_EQ(now, J(R"({"metadata":{"name":"a","uid":"u","creationTimestamp":"t","generation":4,
    "deletionTimestamp":"d","deletionGracePeriodSeconds":0,"labels":{"b":"1"}}})"));
}

TEST(Strategy, EachEndpointChangesItsHalf) {
  const Json old = J(R"({"metadata":{"name":"a","labels":{"a":"1"},"ownerReferences":[1]},
    "spec":{"x":1},"status":{"y":1}})");
  const Json sent = J(R"({"metadata":{"name":"a","labels":{"b":"2"}},
    "spec":{"x":2},"status":{"y":2}})");
  struct Row {
    const char* version;
    const char* kind;
    const char* part;
    const char* result;
  };
  for (const Row& row : std::vector<Row>{
           {"apps.kruise.io/v1beta1", "CloneSet", "",
            R"({"metadata":{"name":"a","labels":{"b":"2"}},"spec":{"x":2},"status":{"y":1}})"},
           {"apps.kruise.io/v1beta1", "CloneSet", "status",
            R"({"metadata":{"name":"a","labels":{"a":"1"},"ownerReferences":[1]},
              "spec":{"x":1},"status":{"y":2}})"},
           {"v1", "Pod", "status",
            R"({"metadata":{"name":"a","labels":{"b":"2"},"ownerReferences":[1]},
              "spec":{"x":1},"status":{"y":2}})"},
           {"apps/v1", "StatefulSet", "status",
            R"({"metadata":{"name":"a","labels":{"b":"2"}},"spec":{"x":1},"status":{"y":2}})"}}) {
    Json now = sent;
    PrepareUpdate(Served(row.version, row.kind), row.part, old, now);
    EXPECT_EQ(now, J(row.result)) << row.kind << "/" << row.part;
  }
}

TEST(Strategy, StatusCanBeTakenAway) {
  const Json old = J(R"({"metadata":{"name":"a"},"spec":{},"status":{"y":1}})");
  Json now = J(R"({"metadata":{"name":"a"}})");
  PrepareUpdate(Served("apps.kruise.io/v1beta1", "CloneSet"), "status", old, now);
  EXPECT_EQ(now, J(R"({"metadata":{"name":"a"},"spec":{}})"));
}

TEST(Strategy, Finalize) {
  const ServedKind kind = Served("v1", "Namespace");
  const Json old = J(R"({"metadata":{"name":"a"},"spec":{"finalizers":["kubernetes"]}})");
  Json now = J(R"({"metadata":{"name":"a","labels":{"x":"y"}},"spec":{"finalizers":[]}})");
  Json main = now;
  PrepareUpdate(kind, "finalize", old, now);
  EXPECT_EQ(now, J(R"({"metadata":{"name":"a"},"spec":{"finalizers":[]}})"));
  PrepareUpdate(kind, "", old, main);
  EXPECT_EQ(main["spec"]["finalizers"], J(R"(["kubernetes"])"));
}

TEST(Strategy, FinishedObjects) {
  const ServedKind pod = Served("v1", "Pod");
  const ServedKind name_space = Served("v1", "Namespace");
  EXPECT_FALSE(IsFinished(pod, J(R"({"metadata":{}})")));
  EXPECT_TRUE(IsFinished(pod, J(R"({"metadata":{"deletionTimestamp":"t"}})")));
  EXPECT_FALSE(IsFinished(
      pod, J(R"({"metadata":{"deletionTimestamp":"t","deletionGracePeriodSeconds":5}})")));
  EXPECT_FALSE(
      IsFinished(pod, J(R"({"metadata":{"deletionTimestamp":"t","finalizers":["a/b"]}})")));
  EXPECT_FALSE(IsFinished(
      name_space, J(R"({"metadata":{"deletionTimestamp":"t"},"spec":{"finalizers":["k"]}})")));
  EXPECT_TRUE(IsFinished(name_space, J(R"({"metadata":{"deletionTimestamp":"t"},"spec":{}})")));
}

TEST(Strategy, QosClasses) {
  struct Row {
    const char* containers;
    const char* qos;
  };
  for (const Row& row : std::vector<Row>{
           {R"([{"name":"a"}])", "BestEffort"},
           {R"([{"resources":{"requests":{"cpu":"0"}}}])", "BestEffort"},
           {R"([{"resources":{"requests":{"cpu":"1"}}}])", "Burstable"},
           {R"([{"resources":{"limits":{"cpu":"1","memory":"1Gi"},
                "requests":{"cpu":"1000m","memory":"1024Mi"}}}])",
            "Guaranteed"},
           {R"([{"resources":{"limits":{"cpu":"1","memory":"1Gi"},
                "requests":{"cpu":"1","memory":"1Gi"}}},{"name":"b"}])",
            "Burstable"},
           {R"([{"resources":{"limits":{"cpu":"1"},"requests":{"cpu":"1"}}}])", "Burstable"}}) {
    EXPECT_EQ(QosClass({{"containers", J(row.containers)}}), row.qos) << row.containers;
  }
}

}  // namespace
}  // namespace rekindle::apiserver
