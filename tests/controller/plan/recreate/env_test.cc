#include "controller/plan/recreate/env.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::plan {
namespace {

Json EnvPod() {
  return Json::parse(R"j({
    "kind": "Pod",
    "metadata": {"name": "web-0", "namespace": "shop", "uid": "u-1",
      "labels": {"track": "blue", "tier": "7"}, "annotations": {"note": "n$(X)"
}
}
, "spec" : {"nodeName" : "n-1"}, "status" : { "podIP" : "10.1.0.1" }
})j");
}

// "NAME=value" of what is set anew; then, behind "?", what is not known.
std::string Show(const EnvPlan& plan) {
  std::vector<std::string> set;
  for (const auto& [name, value] : plan.changed) set.push_back(absl::StrCat(name, "=", value));
  return absl::StrCat(absl::StrJoin(set, " "), plan.unknown.empty() ? "" : " ? ",
                      absl::StrJoin(plan.unknown, "; "));
}

struct EnvCase {
  const char* what;
  const char* container;  // members of the container
  const char* plan;
};

TEST(EnvTest, Rules) {
  const EnvCase cases[] = {
      {"no environment", R"j({})j", ""},
      {"what cannot change is left alone",
       R"j({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "x$(A)"},
                   {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                   {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                   {"name": "URL", "value": "http://$(IP)/$(N)"}]})j",
       ""},
      {"labels and annotations are read anew, verbatim",
       R"j({"env": [{"name": "T", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['track']"}}},
                   {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['note']"}}},
                   {"name": "M", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['gone']"}}}]})j",
       "T=blue N=n$(X) M="},
      {"so is what is made from them, in order",
       R"j({"env": [{"name": "EARLY", "value": "$(T)"},
                   {"name": "T", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['track']"}}},
                   {"name": "A", "value": "1"},
                   {"name": "U", "value": "$(T)-$(A)-$$(A)-$(NONE)"},
                   {"name": "V", "value": "<$(U)>"}]
})j",
       "T=blue U=blue-1-$(A)-$(NONE) V=<blue-1-$(A)-$(NONE)>"},
      {"the last of several entries of a name counts",
       R"j({"env": [{"name": "T", "value": "old"},
                   {"name": "T", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['track']"}}},
                   {"name": "U", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['track']"}}},
                   {"name": "U", "value": "fixed"}]})j",
       "T=blue"},
      {"a value beside a source counts",
       R"j({"env": [{"name": "T", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['track']"}}}]})j",
       ""},
      {"single keys of ConfigMaps and Secrets are not known",
       R"j({"env": [{"name": "C", "valueFrom": {"configMapKeyRef": {"name": "web", "key": "k"}}},
                   {"name": "S", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "k", "optional": true}}},
                   {"name": "A", "value": "1"}]})j",
       " ? C (ConfigMap web); S (Secret keys)"},
      {"whole ones are not either",
       R"j({"envFrom": [{"configMapRef": {"name": "web"}}, {"prefix": "K_", "secretRef": {"name": "keys"}},
                       {"configMapRef": {"name": "web"}}]})j",
       " ? all of ConfigMap web; all of Secret keys"},
      {"nor is what is made from them",
       R"j({"env": [{"name": "C", "valueFrom": {"configMapKeyRef": {"name": "web", "key": "k"}}},
                   {"name": "D", "value": "x$(C)"}, {"name": "E", "value": "$(D)"}]
})j",
       " ? C (ConfigMap web); D (made from C); E (made from D)"},
      {"with envFrom any name may be set, unless env sets it before",
       R"j({"envFrom": [{"configMapRef": {"name": "web"}}],
           "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}, {"name": "D", "value": "$(Q)"},
                   {"name": "T", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['track']"}}},
                   {"name": "U", "value": "$(T)$(A)"}]
})j",
       "T=blue U=blue1 ? all of ConfigMap web; D (made from Q)"},
      {"services of the namespace are not known; that matters beside a label only",
       R"j({"env": [{"name": "T", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['track']"}}},
                   {"name": "OLD", "value": "http://$(WEB_SERVICE_HOST):$(WEB_SERVICE_PORT_HTTP)"},
                   {"name": "NEW", "value": "$(T).$(WEB_PORT_80_TCP_ADDR)"}]
})j",
       "T=blue ? NEW (made from WEB_PORT_80_TCP_ADDR)"},
      {"sources of later releases are not known",
       R"j({"env": [{"name": "F", "valueFrom": {"fileKeyRef": {"path": "a.env", "key": "k"}}}]})j",
       " ? F (fileKeyRef)"},
      {"limits of the node are not known, and stay",
       R"j({"env": [{"name": "L", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                   {"name": "M", "value": "$(L)"}]
})j",
       ""},
      {"the configuration's words are fixed: references to what may have changed are told",
       R"j({"command": ["/bin/run", "$(N)", "$$(T)"], "args": ["--track=$(T)", "$(U) $(T)", "$(A)"],
           "volumeMounts": [{"name": "d", "subPathExpr": "$(T)/data"}, {"name": "e", "subPathExpr": "$(N)"}],
           "env": [{"name": "T", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['track']"}}},
                   {"name": "U", "value": "u$(T)"}, {"name": "A", "value": "1"},
                   {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]})j",
       "T=blue U=ublue ? args: $(T); args: $(U); subPathExpr: $(T)"},
      {"with envFrom an unknown name among them may be one of its",
       R"j({"envFrom": [{"secretRef": {"name": "keys"}}], "args": ["$(TOKEN)"]})j",
       " ? all of Secret keys; args: $(TOKEN)"},
  };
  for (const EnvCase& c : cases) {
    Json container = Json::parse(c.container);
    container["name"] = "app";
    EXPECT_EQ(Show(PlanEnv(EnvPod(), container)), c.plan) << c.what;
  }
}

// Each variable is twice the one before: a few dozen of them fill any memory.
TEST(EnvTest, ValuesThatDouble) {
  Json container = {{"name", "app"}, {"env", Json::array()}};
  container["env"].push_back(
      {{"name", "V0"}, {"valueFrom", {{"fieldRef", {{"fieldPath", "metadata.labels['track']"}}}}}});
  for (int i = 1; i < 60; ++i) {
    container["env"].push_back({{"name", absl::StrCat("V", i)},
                                {"value", absl::StrCat("$(V", i - 1, ")$(V", i - 1, ")")}});
  }
  const EnvPlan plan = PlanEnv(EnvPod(), container);
  // 4 bytes doubled 15 times are 128 KiB.
  EXPECT_EQ(plan.changed.size(), 16U);
  EXPECT_EQ(plan.changed.back().second.size(), 128U * 1024);
  ASSERT_EQ(plan.unknown.size(), 44U);
  EXPECT_EQ(plan.unknown[0], "V16 (longer than a program can be given)");
  EXPECT_EQ(plan.unknown[1], "V17 (made from V16)");
}

// The order of what is unknown is that of the lists, not of any map.
TEST(EnvTest, ResizedResources) {
  Json pod = EnvPod();
  Json container = Json::parse(R"j({"name": "app",
    "resources": {"limits": {"memory": "64Mi"}},
    "env": [{"name": "MEM", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
            {"name": "OPTS", "value": "-Xmx$(MEM)m"}]})j");
  pod["spec"]["containers"] = Json::array({container});
  EXPECT_EQ(Show(PlanEnv(pod, container)), "");
  pod["status"]["containerStatuses"] =
      Json::parse(R"j([{"name": "app", "resources": {"limits": {"memory": "64Mi"}}}])j");
  EXPECT_EQ(Show(PlanEnv(pod, container)), "MEM=64 OPTS=-Xmx64m");
  pod["status"]["containerStatuses"][0]["resources"]["limits"]["memory"] = "32Mi";
  EXPECT_EQ(Show(PlanEnv(pod, container)),
            " ? MEM (limits.memory, being resized); OPTS (made from MEM)");
}

}  // namespace
}  // namespace rekindle::plan
