#include "controller/plan/template.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::plan {
namespace {

struct Case {
  std::string name;
  const char* before;
  const char* after;
  bool same;
};

TEST(NormalizeTemplate, EqualityIsByMeaning) {
  const Case cases[] = {
      {"cpu 1 and 1000m (scenario 27)",
       R"({"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"1"}}}]}})",
       R"({"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"1000m"}}}]}})", true},
      {"memory across suffix classes",
       R"({"spec":{"containers":[{"name":"a","resources":{"requests":{"memory":"1Gi"}}}]}})",
       R"({"spec":{"containers":[{"name":"a","resources":{"requests":{"memory":"1073741824"}}}]}})",
       true},
      {"request filled from the limit",
       R"({"spec":{"containers":[{"name":"a","resources":{"limits":{"cpu":"1"}}}]}})",
       R"({"spec":{"containers":[{"name":"a","resources":{"limits":{"cpu":"1"},"requests":{"cpu":"1"}}}]}})",
       true},
      {"pod defaults", R"({"spec":{"containers":[{"name":"a"}]}})",
       R"({"metadata":{"creationTimestamp":null},"spec":{"restartPolicy":"Always","dnsPolicy":"ClusterFirst",
          "terminationGracePeriodSeconds":30,"schedulerName":"default-scheduler","securityContext":{},
          "containers":[{"name":"a","resources":{},"terminationMessagePath":"/dev/termination-log",
          "terminationMessagePolicy":"File"}]}})",
       true},
      {"probe defaults",
       R"({"spec":{"containers":[{"name":"a","livenessProbe":{"httpGet":{"port":80}}}]}})",
       R"({"spec":{"containers":[{"name":"a","livenessProbe":{"httpGet":{"port":80,"path":"/","scheme":"HTTP"},
          "timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3}}]}})",
       true},
      {"env order (#1621)",
       R"({"spec":{"containers":[{"name":"a","env":[{"name":"A","value":"1"},{"name":"B","value":"2"}]}]}})",
       R"({"spec":{"containers":[{"name":"a","env":[{"name":"B","value":"2"},{"name":"A","value":"1"}]}]}})",
       true},
      {"env order with references matters",
       R"j({"spec":{"containers":[{"name":"a","env":[{"name":"A","value":"1"},{"name":"B","value":"$(A)"}]}]}})j",
       R"j({"spec":{"containers":[{"name":"a","env":[{"name":"B","value":"$(A)"},{"name":"A","value":"1"}]}]}})j",
       false},
      {"env order with a repeated name matters",
       R"({"spec":{"containers":[{"name":"a","env":[{"name":"A","value":"1"},{"name":"A","value":"2"}]}]}})",
       R"({"spec":{"containers":[{"name":"a","env":[{"name":"A","value":"2"},{"name":"A","value":"1"}]}]}})",
       false},
      {"pull policy by tag", R"({"spec":{"containers":[{"name":"a","image":"r:5000/x:1"}]}})",
       R"({"spec":{"containers":[{"name":"a","image":"r:5000/x:1","imagePullPolicy":"IfNotPresent"}]}})",
       true},
      {"pull policy of no tag", R"({"spec":{"containers":[{"name":"a","image":"r:5000/x"}]}})",
       R"({"spec":{"containers":[{"name":"a","image":"r:5000/x","imagePullPolicy":"Always"}]}})",
       true},
      {"another pull policy", R"({"spec":{"containers":[{"name":"a","image":"x:1"}]}})",
       R"({"spec":{"containers":[{"name":"a","image":"x:1","imagePullPolicy":"Always"}]}})", false},
      {"volume defaults and order",
       R"({"spec":{"volumes":[{"name":"b","emptyDir":{}},{"name":"a","configMap":{"name":"c"}}]}})",
       R"({"spec":{"volumes":[{"name":"a","configMap":{"name":"c","defaultMode":420}},{"name":"b"}]}})",
       true},
      {"swapped containers differ (scenario 5)",
       R"({"spec":{"containers":[{"name":"a"},{"name":"b"}]}})",
       R"({"spec":{"containers":[{"name":"b"},{"name":"a"}]}})", false},
      {"an empty label value is a value", R"({"metadata":{"labels":{"a":""}}})",
       R"({"metadata":{}})", false},
      {"an empty label selector is not a missing one",
       R"({"spec":{"topologySpreadConstraints":[{"topologyKey":"z","labelSelector":{}}]}})",
       R"({"spec":{"topologySpreadConstraints":[{"topologyKey":"z"}]}})", false},
      {"unknown fields count", R"({"spec":{"future":{"x":1}}})", R"({"spec":{}})", false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Json before = NormalizeTemplate(Json::parse(c.before), {});
    const Json after = NormalizeTemplate(Json::parse(c.after), {});
    EXPECT_EQ(before == after, c.same) << before << "\n" << after;
    EXPECT_EQ(NormalizeTemplate(before, {}), before) << "normalising twice changes something";
  }
}

TEST(NormalizeTemplate, CloneSetDefaultsThePullPolicyToAlways) {
  const Json bare = Json::parse(R"({"spec":{"containers":[{"name":"a","image":"x:1"}],
      "initContainers":[{"name":"i","image":"x:1","imagePullPolicy":"IfNotPresent"}]}})");
  Json full = bare;
  full["spec"]["containers"][0]["imagePullPolicy"] = "Always";
  full["spec"]["initContainers"][0].erase("imagePullPolicy");
  EXPECT_EQ(NormalizeTemplate(bare, {.pull_policy_always = true}),
            NormalizeTemplate(full, {.pull_policy_always = true}));
}

}  // namespace
}  // namespace rekindle::plan
