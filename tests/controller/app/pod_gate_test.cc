// Readiness gate KruisePodReady from the creation of a pod to its condition, in the program with an
// API server of its own (spec container-recreate 13.1, 13.2, scenario 42).
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "common/base/asio_loop.h"
#include "common/base/blocking.h"
#include "common/client/access.h"
#include "common/client/config/kubeconfig.h"
#include "common/client/resource.h"
#include "common/json/tree.h"
#include "controller/app/controllers.h"
#include "controller/app/program.h"
#include "tests/fakes/await.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PodGateTest : public ::testing::Test {
 protected:
  ~PodGateTest() override { Stop(); }

  // The program on the data that there is, and a client of it.
  void Start(const api::AdmissionGates& gates) {
    RunOptions run;
    run.embedded = true;
    run.leader_elect = false;
    run.serve_metrics = false;
    run.controllers = AvailableControllers(true);
    run.local_daemon.clear();
    run.gates = gates;
    auto program = ControllerProgram::Start(
        run, {.data_dir = dir_ / "data", .port = 0, .gates = gates}, [] {});
    ASSERT_TRUE(program.ok()) << program.status();
    program_ = *std::move(program);
    const auto config = client::LoadClientConfig({.kubeconfig = dir_ / "data/admin.kubeconfig"});
    ASSERT_TRUE(config.ok()) << config.status();
    absl::Status opened;
    RunOn(loop_, [&] {
      auto access = client::ApiAccess::Open(loop_, blocking_, *config);
      opened = access.status();
      if (!opened.ok()) return;
      access_ = *std::move(access);
      client_ = access_->NewClient({.requests_per_second = 1000, .burst = 1000});
    });
    ASSERT_TRUE(opened.ok()) << opened;
  }
  void Stop() {
    RunOn(loop_, [&] {
      client_.reset();
      access_.reset();
    });
    if (program_ != nullptr) {
      EXPECT_TRUE(program_->Stop("test").ok());
      program_.reset();
    }
  }

  Json Create(const client::ApiResource& resource, const std::string& name_space,
              const std::string& name, Json object) {
    object["apiVersion"] = resource.ApiVersion();
    object["kind"] = resource.kind;
    object["metadata"]["name"] = name;
    const auto made = AwaitReply<Json>(loop_, [&](auto done) {
      client_->Create({resource, {name_space, name}, ""}, object, {}, std::move(done));
    });
    EXPECT_TRUE(made.ok()) << made.status();
    return made.value_or(Json::object());
  }
  Json MakePod(const std::string& name, const std::string& owner_uid = "") {
    Json pod = {{"spec", {{"containers", {{{"name", "web"}, {"image", "web:1"}}}}}}};
    if (!owner_uid.empty()) {
      pod["metadata"]["ownerReferences"] = {{{"apiVersion", "apps.kruise.io/v1beta1"},
                                             {"kind", "CloneSet"},
                                             {"name", "web"},
                                             {"uid", owner_uid},
                                             {"controller", true}}};
    }
    return Create(client::PodResource(), "shop", name, std::move(pod));
  }
  std::string MakeCloneSet() {
    Create(client::NamespaceResource(), "", "shop", Json::object());
    const Json made =
        Create({"apps.kruise.io", "v1beta1", "clonesets", "CloneSet", true}, "shop", "web",
               {{"spec", Json::parse(R"({"replicas":0,"selector":{"matchLabels":{"app":"web"}},
                  "template":{"metadata":{"labels":{"app":"web"}},
                    "spec":{"containers":[{"name":"web","image":"web:1"}]}}})")}});
    return std::string(json::String(made, {"metadata", "uid"}));
  }
  static std::vector<std::string> GatesOf(const Json& pod) {
    std::vector<std::string> out;
    const Json* gates = json::Find(pod, {"spec", "readinessGates"});
    if (gates == nullptr) return out;
    for (const Json& gate : *gates) out.push_back(gate["conditionType"].get<std::string>());
    return out;
  }
  // The condition's status; "none" without one.
  std::string ConditionOf(const std::string& name) {
    const auto pod = AwaitReply<Json>(loop_, [&](auto done) {
      client_->Get({client::PodResource(), {"shop", name}, ""}, std::move(done));
    });
    EXPECT_TRUE(pod.ok()) << pod.status();
    const Json* list = pod.ok() ? json::Find(*pod, {"status", "conditions"}) : nullptr;
    if (list == nullptr) return "none";
    for (const Json& one : *list) {
      if (json::String(one, "type") == "KruisePodReady") return one.value("status", "");
    }
    return "none";
  }
  bool AwaitTrue(const std::string& name) {
    const absl::Time end = absl::Now() + absl::Seconds(60);
    while (ConditionOf(name) != "True") {
      if (absl::Now() > end) return false;
    }
    return true;
  }

  TempDir dir_;
  AsioLoop loop_{"test-loop"};
  BlockingPool blocking_{loop_, 1, "test-files"};
  std::unique_ptr<ControllerProgram> program_;
  std::unique_ptr<client::ApiAccess> access_;
  std::unique_ptr<client::ApiClient> client_;
};

TEST_F(PodGateTest, S42OfACloneSetsPodsOfAllAndOfNone) {
  ASSERT_NO_FATAL_FAILURE(Start({}));
  const std::string uid = MakeCloneSet();
  EXPECT_THAT(GatesOf(MakePod("web-1", uid)), ElementsAre("KruisePodReady"));
  EXPECT_THAT(GatesOf(MakePod("bare-1")), IsEmpty());
  EXPECT_TRUE(AwaitTrue("web-1"));
  EXPECT_EQ(ConditionOf("bare-1"), "none");
  Stop();

  ASSERT_NO_FATAL_FAILURE(Start({.ready_gate_for_all = true}));
  EXPECT_THAT(GatesOf(MakePod("web-2", uid)), ElementsAre("KruisePodReady"));
  EXPECT_THAT(GatesOf(MakePod("bare-2")), ElementsAre("KruisePodReady"));
  EXPECT_TRUE(AwaitTrue("web-2"));
  EXPECT_TRUE(AwaitTrue("bare-2"));
  EXPECT_EQ(ConditionOf("bare-1"), "none") << "it was there before";
  Stop();

  ASSERT_NO_FATAL_FAILURE(Start({.pod_webhook = false}));
  EXPECT_THAT(GatesOf(MakePod("web-3", uid)), IsEmpty());
  EXPECT_EQ(ConditionOf("web-1"), "True");
}

}  // namespace
}  // namespace rekindle
