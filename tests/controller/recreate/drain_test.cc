// Numbers: spec container-recreate 19.5.
#include "tests/controller/recreate/recreate_fixture.h"

namespace rekindle::recreate {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Drain : public RecreateFixture {
 protected:
  void AddGatedPod() {
    AddPod("cart-0", {"a"}, {{"readinessGates", {{{"conditionType", "KruisePodReady"}}}}});
    Json pod = *api_.Find(kPods, "shop", "cart-0");
    pod["status"]["conditions"] = {
        {{"type", "Ready"}, {"status", "True"}},
        {{"type", "ContainersReady"}, {"status", "True"}},
        {{"type", "KruisePodReady"}, {"status", "True"}},
    };
    api_.Put(kPods, pod);
  }
  Json Condition(const std::string& type) {
    const Json pod = api_.Find(kPods, "shop", "cart-0").value_or(Json());
    for (const Json& condition : pod["status"]["conditions"]) {
      if (condition["type"] == type) return condition;
    }
    return {};
  }
  Json Grace() {
    const Json request = Request("r");
    const Json* conditions = json::Find(request, {"status", "conditions"});
    return conditions == nullptr ? Json() : conditions->at(0);
  }
  // "what was written", in order.
  std::vector<std::string> Writes() {
    std::vector<std::string> out;
    for (const FakeApi::Request& request : api_.requests()) {
      if (request.method == "GET" || request.path.find("/events") != std::string::npos) continue;
      const Json body = json::Parse(request.body).value_or(Json());
      std::string what(request.path.substr(request.path.find("shop/") + 5));
      if (const Json* phase = json::Find(body, {"status", "phase"}))
        what += " " + phase->get<std::string>();
      if (body.contains("metadata") && body["metadata"].contains("finalizers")) {
        what += " finalizer";
      }
      if (json::Find(body, {"status", "conditions"}) != nullptr) what += " conditions";
      out.push_back(what);
    }
    return out;
  }
};

TEST_F(Drain, N36OrderOfSteps) {
  AddGatedPod();
  StartController();
  api_.ForgetRequests();
  AddRequest("r", "cart-0", {"a"}, {{"unreadyGracePeriodSeconds", 5}});
  loop_.Advance(absl::Seconds(1));
  EXPECT_THAT(Writes(),
              ElementsAre("containerrecreaterequests/r finalizer", "pods/cart-0/status conditions",
                          "containerrecreaterequests/r/status Recreating conditions"));
  EXPECT_EQ(Condition("KruisePodReady")["status"], "False");
  EXPECT_EQ(Condition("KruisePodReady")["message"],
            R"([{"userAgent":"ContainerRecreateRequest","key":"shop/r"}])");
  EXPECT_EQ(Condition("Ready")["status"], "False");
  EXPECT_EQ(Condition("Ready")["reason"], "ReadinessGatesNotReady");
  EXPECT_EQ(Grace()["type"], "PreRecreateGrace");
  EXPECT_EQ(Grace()["message"],
            "Pod has been forced to not-ready for unreadyGracePeriodSeconds drain");
  const Json before = Grace();
  EXPECT_TRUE(nodes_.stops.empty());
  const absl::Duration begun = loop_.Monotonic();
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_GE(nodes_.stopped_at.at(0) - begun, absl::Seconds(3.9));
  EXPECT_LT(nodes_.stopped_at.at(0) - begun, absl::Seconds(5));
  EXPECT_EQ(Condition("KruisePodReady")["status"], "True");
  EXPECT_EQ(Condition("KruisePodReady")["message"], "[]");
  EXPECT_EQ(Grace(), before) << "N37: it never moves";
  EXPECT_EQ(StatusWrites("r"), 2U);
  EXPECT_EQ(Writes().back(), "containerrecreaterequests/r finalizer") << "with the label, at last";
}

TEST_F(Drain, N38WithoutTheGateThePodStaysReadyAndThatIsSaid) {
  AddPod("cart-0", {"a"});
  StartController();
  const absl::Duration begun = loop_.Monotonic();
  AddRequest("r", "cart-0", {"a"}, {{"unreadyGracePeriodSeconds", 5}});
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_GE(nodes_.stopped_at.at(0) - begun, absl::Seconds(5));
  EXPECT_LT(nodes_.stopped_at.at(0) - begun, absl::Seconds(6));
  EXPECT_EQ(api_.CountRequests("PATCH", "/pods/", false), 0U);
  EXPECT_EQ(Grace()["status"], "True");
  loop_.Advance(absl::Seconds(5));
  EXPECT_THAT(Events(), Contains(HasSubstr("NoReadinessGate: pod cart-0 has no readiness gate")));
}

TEST_F(Drain, N38ZeroMakesThePodNotReadyAndStopsAtOnce) {
  AddGatedPod();
  StartController();
  AddRequest("r", "cart-0", {"a"}, {{"unreadyGracePeriodSeconds", 0}});
  const absl::Duration begun = loop_.Monotonic();
  ASSERT_TRUE(loop_.AdvanceUntil([&] { return !nodes_.stops.empty(); }, absl::Seconds(5)));
  EXPECT_EQ(Condition("KruisePodReady")["status"], "False");
  EXPECT_LT(nodes_.stopped_at.at(0) - begun, absl::Milliseconds(100));
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(Condition("KruisePodReady")["status"], "True");
}

TEST_F(Drain, N39OtherHoldersStay) {
  AddGatedPod();
  Json pod = *api_.Find(kPods, "shop", "cart-0");
  pod["status"]["conditions"][2] = {{"type", "KruisePodReady"},
                                    {"status", "False"},
                                    {"message", R"([{"userAgent":"Lifecycle","key":"x"}])"}};
  api_.Put(kPods, pod);
  StartController();
  AddRequest("r", "cart-0", {"a"}, {{"unreadyGracePeriodSeconds", 1}});
  ASSERT_TRUE(loop_.AdvanceUntil([&] { return !nodes_.stops.empty(); }, absl::Seconds(5)));
  EXPECT_EQ(
      Condition("KruisePodReady")["message"],
      R"([{"userAgent":"ContainerRecreateRequest","key":"shop/r"},{"userAgent":"Lifecycle","key":"x"}])");
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(Condition("KruisePodReady")["message"], R"([{"userAgent":"Lifecycle","key":"x"}])");
  EXPECT_EQ(Condition("KruisePodReady")["status"], "False");
}

TEST_F(Drain, N40RequestDeletedDuringTheDrain) {
  AddGatedPod();
  StartController();
  AddRequest("r", "cart-0", {"a"}, {{"unreadyGracePeriodSeconds", 60}});
  ASSERT_TRUE(AwaitPhase("r", "Recreating"));
  Json request = Request("r");
  request["metadata"]["deletionTimestamp"] = api::FormatTime(loop_.Now());
  api_.Put(kRequests, request);
  ASSERT_TRUE(loop_.AdvanceUntil(
      [&] {
        const Json now = Request("r");
        return json::Find(now, {"metadata", "finalizers"}) == nullptr;
      },
      absl::Seconds(5)));
  api_.Remove(kRequests, "shop", "r");
  EXPECT_EQ(Condition("KruisePodReady")["status"], "True");
  loop_.Advance(absl::Minutes(5));
  EXPECT_TRUE(nodes_.stops.empty());
}

TEST_F(Drain, N40PodDeletedDuringTheDrain) {
  AddGatedPod();
  StartController();
  AddRequest("r", "cart-0", {"a"}, {{"unreadyGracePeriodSeconds", 60}});
  ASSERT_TRUE(AwaitPhase("r", "Recreating"));
  api_.Remove(kPods, "shop", "cart-0");
  ASSERT_TRUE(AwaitEnd("r", absl::Seconds(5)));
  EXPECT_EQ(Message("r"), "pod has gone");
  EXPECT_EQ(StatePhase("r", 0), "Failed");
  EXPECT_TRUE(nodes_.stops.empty());
}

TEST_F(Drain, AWriterInBetweenIsNotUndone) {
  AddGatedPod();
  StartController();
  bool raced = false;
  api_.Intercept([&](const FakeApi::Request& request) -> std::optional<FakeApi::Answer> {
    if (request.method == "PATCH" && request.path.find("pods/cart-0/status") != std::string::npos &&
        !std::exchange(raced, true)) {
      Json pod = *api_.Find(kPods, "shop", "cart-0");
      pod["status"]["conditions"].push_back({{"type", "Mine"}, {"status", "True"}});
      api_.Put(kPods, pod);
    }
    return std::nullopt;
  });
  AddRequest("r", "cart-0", {"a"}, {{"unreadyGracePeriodSeconds", 1}});
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_TRUE(raced);
  EXPECT_EQ(Condition("Mine")["status"], "True");
  EXPECT_EQ(Condition("KruisePodReady")["status"], "True");
}

}  // namespace
}  // namespace rekindle::recreate
