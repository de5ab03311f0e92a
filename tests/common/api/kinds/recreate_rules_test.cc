// ContainerRecreateRequest: scenarios 1 to 14 of spec container-recreate 19.1.
#include "tests/common/api/kinds/admission_fixture.h"

namespace rekindle::api {
namespace {

using testing::HasSubstr;

class RecreateTest : public AdmissionTest {
 protected:
  RecreateTest() {
    reader_.objects["Pod/ns/cart-0"] = J(R"({"metadata":{"uid":"pod-uid"},
      "spec":{"nodeName":"n1","terminationGracePeriodSeconds":45,
        "initContainers":[{"name":"init"}],
        "containers":[{"name":"cart","ports":[{"name":"web","containerPort":80}],
            "lifecycle":{"preStop":{"exec":{"command":["/bin/drain"]}}}},
          {"name":"web","ports":[{"name":"http","containerPort":8080}],
            "lifecycle":{"preStop":{"httpGet":{"port":"http"}}}},
          {"name":"fresh"},{"name":"odd"}]},
      "status":{"phase":"Running","containerStatuses":[
        {"name":"cart","containerID":"containerd://aa","restartCount":2},
        {"name":"web","containerID":"containerd://bb","restartCount":0},
        {"name":"fresh","containerID":""}]}})");
    reader_.objects["Node//n1"] = J(R"({"metadata":{"labels":{}}})");
  }

  Json Request(const char* spec, const char* version = "v1beta1") {
    Json out = {{"apiVersion", absl::StrCat("apps.kruise.io/", version)},
                {"kind", "ContainerRecreateRequest"},
                {"metadata", {{"name", "r"}, {"namespace", "ns"}}},
                {"spec", J(spec)}};
    return out;
  }
  // Code and message of a create.
  void Refused(const char* spec, int code, const char* message, const char* version = "v1beta1") {
    const Result got = Write(Request(spec, version));
    EXPECT_EQ(got.code(), code) << spec << got.status;
    EXPECT_THAT(got.message(), HasSubstr(message)) << spec;
  }
  static constexpr const char* kGood = R"({"podName":"cart-0","containers":[{"name":"cart"}]})";
};

TEST_F(RecreateTest, S1Gate) {
  gates_.daemon = false;
  Refused(kGood, 403, "feature-gate KruiseDaemon is not enabled");
  const Json old = Request(kGood);
  EXPECT_EQ(Update(old, old).code(), 403);
}

TEST_F(RecreateTest, S2ToS5Shape) {
  for (const char* version : {"v1alpha1", "v1beta1"}) {
    Refused(R"({"containers":[{"name":"cart"}]})", 400, "podName can not be empty", version);
    Refused(R"({"podName":"cart-0","containers":[]})", 400, "containers list can not be null",
            version);
    Refused(R"({"podName":"cart-0","containers":[{"name":"cart"},{"name":"cart"}]})", 400,
            "can not recreate cart multi times", version);
    Refused(R"({"podName":"cart-0","containers":[{"name":"cart"}],"activeDeadlineSeconds":2})", 400,
            "activeDeadlineSeconds can not be less than 3s", version);
    EXPECT_EQ(Write(Request(R"({"podName":"cart-0","containers":[{"name":"cart"}],
                                "activeDeadlineSeconds":3})",
                            version))
                  .code(),
              200);
    for (const char* name :
         {"terminationGracePeriodSeconds", "unreadyGracePeriodSeconds", "minStartedSeconds"}) {
      Refused(absl::StrCat(R"({"podName":"cart-0","containers":[{"name":"cart"}],"strategy":{")",
                           name, R"(":-1}})")
                  .c_str(),
              400, absl::StrCat(name, " must be non-negative integer").c_str(), version);
    }
    Refused(R"({"podName":"cart-0","containers":[{"name":"cart"}],"ttlSecondsAfterFinished":-1})",
            400, "ttlSecondsAfterFinished must be non-negative integer", version);
    Refused(R"({"podName":"cart-0","containers":[{"name":"cart"}],
                "strategy":{"failurePolicy":"Retry"}})",
            400, "unknown failurePolicy Retry", version);
    EXPECT_EQ(Write(Request(kGood, version)).object["spec"]["strategy"]["failurePolicy"], "Fail");
  }
}

TEST_F(RecreateTest, S6AndS7ThePod) {
  Refused(R"({"podName":"gone","containers":[{"name":"cart"}]})", 400, "no found Pod named gone");
  reader_.objects.erase("Node//n1");
  Refused(kGood, 400, "failed to get Node n1");
  Json& pod = reader_.objects["Pod/ns/cart-0"];
  const Json running = pod;
  pod["spec"].erase("nodeName");
  Refused(kGood, 400, "not allowed to recreate containers in a pending Pod");
  for (const char* phase : {"Succeeded", "Failed"}) {
    pod = running;
    pod["status"]["phase"] = phase;
    Refused(kGood, 400, "not allowed to recreate containers in an inactive Pod");
  }
  pod = running;
  pod["metadata"]["deletionTimestamp"] = "2030-01-02T03:04:05Z";
  Refused(kGood, 400, "not allowed to recreate containers in an inactive Pod");
  reader_.objects["Node//n1"] = J(R"({"metadata":{}})");
  pod["status"]["conditions"] = J(R"([{"type":"SidecarTerminated"}])");
  EXPECT_EQ(Write(Request(kGood)).code(), 200);
  reader_.broken = true;
  Refused(kGood, 500, "failed to find Pod cart-0: no connection");
}

TEST_F(RecreateTest, S8AndS9TheContainers) {
  for (const char* member :
       {R"("preStop":{"exec":{"command":["x"]}})", R"("ports":[{"containerPort":1}])",
        R"("statusContext":{"containerID":"x","restartCount":1})"}) {
    Refused(
        absl::StrCat(R"({"podName":"cart-0","containers":[{"name":"cart",)", member, "}]}").c_str(),
        400, "preStop, ports, statusContext in container are ready-only fields");
  }
  Refused(R"({"podName":"cart-0","containers":[{"name":"none"}]})", 400,
          "container none not found in Pod");
  Refused(R"({"podName":"cart-0","containers":[{"name":"init"}]})", 400,
          "not found init containerStatus in Pod Status");
  Refused(R"({"podName":"cart-0","containers":[{"name":"odd"}]})", 400,
          "not found odd containerStatus in Pod Status");
  Refused(R"({"podName":"cart-0","containers":[{"name":"fresh"}]})", 400,
          "no containerID in fresh containerStatus");
}

TEST_F(RecreateTest, S10ToS12WhatIsFilledIn) {
  Json request = Request(R"({"podName":"cart-0","containers":[{"name":"cart"},{"name":"web"}]})");
  request["metadata"]["labels"] = J(R"({"crr.apps.kruise.io/node-name":"forged",
      "crr.apps.kruise.io/active":"no","mine":"x"})");
  const Result got = Write(request);
  ASSERT_EQ(got.code(), 200) << got.status;
  EXPECT_EQ(got.object["metadata"]["labels"],
            J(R"({"crr.apps.kruise.io/node-name":"n1","crr.apps.kruise.io/pod-uid":"pod-uid",
                  "crr.apps.kruise.io/active":"true","mine":"x"})"));
  EXPECT_EQ(got.object["spec"]["strategy"],
            J(R"({"failurePolicy":"Fail","terminationGracePeriodSeconds":45})"));
  EXPECT_EQ(got.object["spec"]["containers"],
            J(R"([{"name":"cart","preStop":{"exec":{"command":["/bin/drain"]}},
                   "statusContext":{"containerID":"containerd://aa","restartCount":2}},
                  {"name":"web","preStop":{"httpGet":{"port":"http"}},
                   "ports":[{"name":"http","containerPort":8080}],
                   "statusContext":{"containerID":"containerd://bb","restartCount":0}}])"));
  reader_.objects["Node//n1"]["metadata"]["labels"]["type"] = "virtual-kubelet";
  EXPECT_EQ(Write(Request(kGood)).object["metadata"]["labels"]["type"], "virtual-kubelet");
  // A grace of the request's own stays.
  EXPECT_EQ(Write(Request(R"({"podName":"cart-0","containers":[{"name":"cart"}],
                              "strategy":{"terminationGracePeriodSeconds":0}})"))
                .object["spec"]["strategy"]["terminationGracePeriodSeconds"],
            0);
}

TEST_F(RecreateTest, S13AndS14Updates) {
  for (const char* version : {"v1alpha1", "v1beta1"}) {
    const Json old = Write(Request(kGood, version)).object;
    const auto change = [&](const char* pointer, const Json& value) {
      Json now = old;
      now[Json::json_pointer(pointer)] = value;
      return Update(now, old);
    };
    EXPECT_EQ(change("/metadata/labels/mine", "x").code(), 200);
    EXPECT_EQ(change("/spec/strategy/orderedRecreate", nullptr).code(), 200);  // absent is null
    const Result spec = change("/spec/strategy/orderedRecreate", true);
    EXPECT_EQ(spec.code(), 403);
    EXPECT_EQ(spec.message(), "spec of ContainerRecreateRequest is immutable");
    for (const char* label : {"pod-uid", "node-name"}) {
      const Result got =
          change(absl::StrCat("/metadata/labels/crr.apps.kruise.io~1", label).c_str(), "other");
      EXPECT_EQ(got.code(), 403);
      EXPECT_EQ(got.message(), absl::StrCat("not allowed to update immutable label "
                                            "crr.apps.kruise.io/",
                                            label));
    }
    Json without = old;
    without["metadata"]["labels"].erase("crr.apps.kruise.io/pod-uid");
    EXPECT_EQ(Update(without, old).code(), 403);
    // The controller takes this one away itself.
    without = old;
    without["metadata"]["labels"].erase("crr.apps.kruise.io/active");
    EXPECT_EQ(Update(without, old).code(), 200);
    Json drained = old;
    drained["metadata"]["annotations"]["crr.apps.kruise.io/unready-acquired"] =
        "2030-01-02T03:04:05Z";
    EXPECT_EQ(Update(drained, old).code(), 200);
    const bool alpha = absl::string_view(version) == "v1alpha1";
    EXPECT_EQ(Update(old, drained).code(), alpha ? 403 : 200);
  }
}

}  // namespace
}  // namespace rekindle::api
