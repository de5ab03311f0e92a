#include "controller/plan/cloneset_math.h"

#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/plan/cloneset_spec.h"

namespace rekindle::plan {
namespace {

CloneSetSpec Spec(int64_t replicas, const Json& rolling, bool paused = false,
                  const Json& scale = Json()) {
  Json object = {{"apiVersion", "apps.kruise.io/v1beta1"},
                 {"metadata", {{"name", "web"}, {"uid", "set-uid"}}},
                 {"spec",
                  {{"replicas", replicas},
                   {"selector", {{"matchLabels", {{"app", "web"}}}}},
                   {"template", {{"spec", {{"containers", Json::array()}}}}}}}};
  if (rolling.is_null()) {
    object["spec"]["updateStrategy"] = {{"type", "OnDelete"}};
  } else {
    object["spec"]["updateStrategy"]["rollingUpdate"] = rolling;
    object["spec"]["updateStrategy"]["rollingUpdate"]["paused"] = paused;
  }
  if (!scale.is_null()) object["spec"]["scaleStrategy"]["maxUnavailable"] = scale;
  const auto spec = ParseCloneSet(object);
  EXPECT_TRUE(spec.ok()) << spec.status();
  return *spec;
}

TEST(Rounding, WorkedValuesOfSection12) {
  struct Partition {
    int64_t replicas;
    Json partition;
    int64_t kept;
  };
  for (const Partition& c : {Partition{7, "30%", 3},
                             {7, "99%", 6},
                             {7, "100%", 7},
                             {7, 9, 7},
                             {1, "50%", 1},
                             {1, "99%", 1},
                             {2, "99%", 1},
                             {8, "12.5%", 1},
                             {3, "33.3%", 1},
                             {40, "2.5%", 1},
                             {7, "100.0%", 7}}) {
    EXPECT_EQ(Spec(c.replicas, {{"partition", c.partition}}).Partition(), c.kept)
        << c.replicas << " " << c.partition;
  }
  struct Unavailable {
    int64_t replicas;
    Json value;
    int64_t without_surge;
    int64_t with_surge;
  };
  for (const Unavailable& c :
       {Unavailable{7, "20%", 2, 1},
        {7, "10%", 1, 0},
        {4, "20%", 1, 0},
        {5, "20%", 1, 1},
        {3, "50%", 2, 1},
        {12, "25%", 3, 3},
        {9, 3, 3, 3},
        // P7: the reference reads 12.5% as 0 at run time; here it means what it says.
        {10, "12.5%", 2, 1}}) {
    EXPECT_EQ(Spec(c.replicas, {{"maxUnavailable", c.value}}).MaxUnavailable(), c.without_surge);
    EXPECT_EQ(Spec(c.replicas, {{"maxUnavailable", c.value}, {"maxSurge", 1}}).MaxUnavailable(),
              c.with_surge);
  }
  // P10: a pause takes the surge away, so the budget rounds up again.
  const Json both = {{"maxUnavailable", "30%"}, {"maxSurge", 1}};
  EXPECT_EQ(Spec(5, both).MaxUnavailable(), 1);
  EXPECT_EQ(Spec(5, both, /*paused=*/true).MaxUnavailable(), 2);
  for (const auto& [replicas, text, surge] :
       {std::tuple<int64_t, const char*, int64_t>{7, "10%", 1},
        {10, "25%", 3},
        {3, "50%", 2},
        {12, "1%", 1}}) {
    EXPECT_EQ(Spec(replicas, {{"maxSurge", text}}).Surge(), surge);
  }
}

struct Pods {
  int o = 0, ou = 0, os = 0, op = 0;  // old: available, unavailable, specified, preparing delete
  int n = 0, nu = 0, ns = 0, np = 0;  // new
};

struct Example {
  const char* name;
  int64_t replicas;
  Json partition, unavailable, surge;  // null partition: no rolling block
  Pods pods;
  DiffNumbers want;
  bool exclude = false;
  bool rollback = false;
  bool paused = false;
  Json scale = Json();
};

TEST(Diff, SingleStepExamplesOf135) {
  const Example examples[] = {
      {"E1", 9, 3, "25%", 0, {.o = 6, .n = 2, .nu = 1}, {.update = 3, .update_max_unavailable = 3}},
      {"E2",
       9,
       3,
       "25%",
       1,
       {.o = 6, .n = 2, .nu = 1},
       {.use_surge = 1, .up = 1, .up_limit = 1, .update = 3, .update_max_unavailable = 2}},
      {"E3",
       10,
       0,
       "20%",
       0,
       {.n = 5, .nu = 1},
       {.up = 4, .up_limit = 2},
       false,
       false,
       false,
       "25%"},
      {"E4", 10, "50%", 2, 0, {.o = 3, .n = 3}, {.up = 4, .up_old = 2, .up_limit = 4}},
      {"E5", 5, 0, 1, 0, {.n = 4, .np = 1}, {}},
      {"E6", 5, 0, 1, 0, {.n = 4, .np = 1}, {.up = 1, .up_limit = 1}, true},
      {"E7",
       5,
       3,
       "25%",
       0,
       {.o = 5, .n = 2, .nu = 1},
       {.down = 3, .down_old = 2, .delete_ready_limit = 4}},
      {"E8", 3, 2, 1, 0, {.o = 1, .n = 4}, {.down = 2, .delete_ready_limit = 3}},
      {"E9", 4, 0, "25%", 0, {.nu = 7}, {.down = 3}},
      {"E10",
       6,
       6,
       1,
       1,
       {.o = 4, .os = 2},
       {.use_surge = 1,
        .use_surge_old = 1,
        .up = 1,
        .up_old = 1,
        .up_limit = 1,
        .delete_ready_limit = 1}},
      {"E11",
       8,
       6,
       2,
       0,
       {.o = 2, .n = 6},
       {.update = -4, .update_max_unavailable = 2},
       false,
       true},
      {"E12",
       8,
       6,
       0,
       2,
       {.o = 2, .n = 6},
       {.use_surge = 2, .use_surge_old = 2, .up = 2, .up_old = 6, .up_limit = 2, .update = -4},
       false,
       true},
      {"E13", 8, 6, 2, 2, {.o = 2, .n = 6}, {}},
      {"E14",
       5,
       "50%",
       2,
       0,
       {.o = 2, .ou = 2},
       {.up = 1, .up_limit = 1, .update = 1, .update_max_unavailable = 1}},
      {"E15", 5, "50%", 2, 0, {.o = 2, .nu = 2}, {.up = 1, .up_old = 1, .up_limit = 1}},
      // P11: without rolling block the budget rounds up, so the pod can be replaced.
      {"E16 mended", 4, nullptr, nullptr, nullptr, {.n = 3, .ns = 1}, {.delete_ready_limit = 1}},
      {"E17 mended", 6, nullptr, nullptr, nullptr, {.n = 5, .ns = 1}, {.delete_ready_limit = 2}},
      // P12: a pause stops the update surge, not the surge of a specified deletion.
      {"E18 mended",
       4,
       0,
       0,
       1,
       {.n = 3, .ns = 1},
       {.use_surge = 1, .up = 1, .up_limit = 1},
       false,
       false,
       true},
      {"pause without specified pods",
       5,
       2,
       1,
       1,
       {.o = 5},
       {.update = 3, .update_max_unavailable = 1},
       false,
       false,
       true},
      // 13.2: what is down already leaves no room for the specified pod.
      {"surge of a specified deletion",
       5,
       0,
       1,
       2,
       {.n = 3, .nu = 1, .ns = 1},
       {.use_surge = 1, .up = 1, .up_limit = 1}},
      // 13.3: the specified old pod goes anyway and is no part of downOld.
      {"scale-in beside a specified old pod",
       4,
       1,
       2,
       0,
       {.o = 3, .os = 1, .n = 3},
       {.down = 2, .down_old = 2, .delete_ready_limit = 5}},
      {"E19", 5, 2, "10%", "10%", {.o = 5}, {.use_surge = 1, .up = 1, .up_limit = 1, .update = 3}},
  };
  for (const Example& e : examples) {
    SCOPED_TRACE(e.name);
    const CloneSetSpec spec = e.partition.is_null() ? Spec(e.replicas, Json())
                                                    : Spec(e.replicas,
                                                           {{"partition", e.partition},
                                                            {"maxUnavailable", e.unavailable},
                                                            {"maxSurge", e.surge}},
                                                           e.paused, e.scale);
    DiffInput in;
    in.replicas = e.replicas;
    in.partition = spec.has_rolling ? spec.Partition() : 0;
    in.surge = spec.Surge();
    in.paused = spec.paused;
    in.max_unavailable = spec.MaxUnavailable();
    in.scale_max_unavailable = spec.ScaleMaxUnavailable();
    in.old_side = {e.pods.op, e.pods.os, e.pods.ou, e.pods.o};
    in.new_side = {e.pods.np, e.pods.ns, e.pods.nu, e.pods.n};
    in.partition_rollback = e.rollback;
    in.exclude_preparing_delete = e.exclude;
    const DiffNumbers got = ComputeDiff(in);
    EXPECT_EQ(got.use_surge, e.want.use_surge);
    EXPECT_EQ(got.use_surge_old, e.want.use_surge_old);
    EXPECT_EQ(got.up, e.want.up);
    EXPECT_EQ(got.up_old, e.want.up_old);
    EXPECT_EQ(got.up_limit, e.want.up_limit);
    EXPECT_EQ(got.down, e.want.down);
    EXPECT_EQ(got.down_old, e.want.down_old);
    EXPECT_EQ(got.delete_ready_limit, e.want.delete_ready_limit);
    EXPECT_EQ(got.update, e.want.update);
    EXPECT_EQ(got.update_max_unavailable, e.want.update_max_unavailable);
  }
}

TEST(ParseCloneSet, FieldsAreNamedInErrors) {
  Json object =
      Json::parse(R"({"apiVersion":"apps.kruise.io/v1beta1","metadata":{"name":"web"},"spec":{
    "selector":{"matchLabels":{"app":"web"}},"template":{"spec":{"containers":[]}},
    "updateStrategy":{"rollingUpdate":{}}}})");
  ASSERT_TRUE(ParseCloneSet(object).ok());
  const auto error = [&](const char* pointer, Json value) {
    Json changed = object;
    changed[Json::json_pointer(pointer)] = std::move(value);
    const auto parsed = ParseCloneSet(changed);
    return parsed.ok() ? std::string("accepted") : std::string(parsed.status().message());
  };
  const char* rolling = "/spec/updateStrategy/rollingUpdate";
  EXPECT_NE(error("/spec/replicas", -1).find("spec.replicas"), std::string::npos);
  EXPECT_NE(error(absl::StrCat(rolling, "/partition").c_str(), "3").find("partition"),
            std::string::npos);
  EXPECT_NE(error(absl::StrCat(rolling, "/maxSurge").c_str(), "x%").find("maxSurge"),
            std::string::npos);
  EXPECT_NE(error(absl::StrCat(rolling, "/maxUnavailable").c_str(), -1).find("maxUnavailable"),
            std::string::npos);
  EXPECT_NE(
      error(absl::StrCat(rolling, "/podUpdatePolicy").c_str(), "Fast").find("podUpdatePolicy"),
      std::string::npos);
  EXPECT_NE(error("/spec/updateStrategy/type", "Sometimes").find("spec.updateStrategy.type"),
            std::string::npos);
  EXPECT_NE(error("/spec/scaleStrategy", Json{{"maxUnavailable", "abc"}}).find("scaleStrategy"),
            std::string::npos);
}

TEST(ParseCloneSet, AlphaVersionIsReadAsTheSameThing) {
  Json object = Json::parse(R"({"apiVersion":"apps.kruise.io/v1alpha1","metadata":{"name":"web",
    "labels":{"apps.kruise.io/cloneset-scaling-exclude-preparing-delete":"true"},
    "annotations":{"apps.kruise.io/image-predownload-parallelism":"2","apps.kruise.io/image-predownload-min-updated-ready-pods":"30%"}},
    "spec":{"replicas":10,"selector":{"matchLabels":{"app":"web"}},"template":{"spec":{"containers":[]}},
    "updateStrategy":{"type":"InPlaceIfPossible","partition":2,"inPlaceUpdateStrategy":{"gracePeriodSeconds":7}}}})");
  const auto spec = ParseCloneSet(object);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->policy, PodUpdatePolicy::kInPlaceIfPossible);
  EXPECT_EQ(spec->Partition(), 2);
  EXPECT_EQ(spec->grace_seconds, 7);
  EXPECT_TRUE(spec->reuse_claims);  // disablePVCReuse absent
  EXPECT_TRUE(spec->exclude_preparing_delete);
  EXPECT_EQ(spec->pre_download_parallelism, 2);
  EXPECT_EQ(spec->pre_download_min_ready, 3);
  object["spec"]["updateStrategy"] = {{"type", "OnDelete"}};
  EXPECT_TRUE(ParseCloneSet(object)->on_delete);
}

}  // namespace
}  // namespace rekindle::plan
