#include "controller/readiness/readiness_controller.h"

#include <gmock/gmock.h>

#include "common/client/decoders.h"
#include "controller/readiness/pod_status.h"
#include "controller/readiness/ready_keys.h"
#include "tests/common/client/client_fixture.h"

namespace rekindle::readiness {
namespace {

class ReadinessTest : public client::ClientFixture {
 protected:
  ReadinessTest() {
    pods_.Start();
    controller_.Watch();
    controller_.Start();
    loop_.AdvanceUntil([&] { return pods_.synced(); }, absl::Minutes(1));
  }

  void AddPod(const std::string& name, bool gate, const Json& conditions = Json::array()) {
    Json pod = Pod(name);
    pod["spec"]["containers"] = {{{"name", "a"}, {"image", "i"}}};
    if (gate) pod["spec"]["readinessGates"] = {{{"conditionType", "KruisePodReady"}}};
    pod["status"]["conditions"] = conditions;
    api_.Put(client::kPods, pod);
  }
  Json Conditions(const std::string& name) {
    return (*api_.Find(client::kPods, "ns", name))["status"]["conditions"];
  }

  client::ApiClient& api_client_ = Client();
  client::Informer<api::PodRecord> pods_{
      api_client_, {.collection = {.resource = client::PodResource()}}, client::PodDecoder()};
  ReadinessController controller_{api_client_, pods_, {}, [] { return 0.5; }};
};

TEST_F(ReadinessTest, GivesNewPodsTheirCondition) {
  AddPod("gated", true, {{{"type", "Ready"}, {"status", "False"}}});
  AddPod("plain", false);
  loop_.Advance(absl::Seconds(1));
  ASSERT_EQ(Conditions("gated").size(), 2U);
  EXPECT_EQ(Conditions("gated")[1]["type"], "KruisePodReady");
  EXPECT_EQ(Conditions("gated")[1]["status"], "True");
  EXPECT_TRUE(Conditions("plain").empty());
  EXPECT_EQ(api_.CountRequests("PATCH", "/pods/", false), 1U);
}

TEST_F(ReadinessTest, N41AHolderThatComesInBetweenStays) {
  bool raced = false;
  api_.Intercept([&](const FakeApi::Request& request) -> std::optional<FakeApi::Answer> {
    if (request.method == "PATCH" && !std::exchange(raced, true)) {
      const Json pod = *api_.Find(client::kPods, "ns", "gated");
      Json held = pod;
      held["status"] =
          (*AddReadyKey(pod, {.user_agent = kRecreateAgent, .key = "ns/r"}, loop_.Now()))["status"];
      api_.Put(client::kPods, held);
    }
    return std::nullopt;
  });
  AddPod("gated", true);
  loop_.Advance(absl::Seconds(10));
  EXPECT_TRUE(raced);
  ASSERT_EQ(Conditions("gated").size(), 1U);
  EXPECT_EQ(Conditions("gated")[0]["status"], "False");
}

TEST_F(ReadinessTest, AFailingServerIsAskedAgain) {
  api_.Fail("PATCH", "/pods/", false, FakeApi::Status(500, "InternalError", "no"), 3);
  AddPod("gated", true);
  loop_.Advance(absl::Minutes(1));
  EXPECT_EQ(Conditions("gated").size(), 1U);
}

TEST_F(ReadinessTest, APodThatIsGoneIsNoError) {
  absl::Status got = absl::UnknownError("none");
  ChangePodStatus(
      api_client_, {.name_space = "ns", .name = "none"}, [] { return 0.5; },
      [](const Json&) { return std::optional<Json>(); },
      [&](const absl::Status& status) { got = status; });
  loop_.Advance(absl::Seconds(1));
  EXPECT_TRUE(absl::IsNotFound(got)) << got;
}

}  // namespace
}  // namespace rekindle::readiness
