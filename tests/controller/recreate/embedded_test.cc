// The controller against the embedded API server over HTTPS: admission, the status subresource,
// preconditions and watches are real; the nodes are simulated.
#include <algorithm>
#include <atomic>
#include <map>
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
#include "common/client/decoders.h"
#include "common/json/tree.h"
#include "controller/app/embedded_server.h"
#include "controller/recreate/recreate_controller.h"
#include "tests/controller/recreate/fake_nodes.h"
#include "tests/fakes/await.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle::recreate {
namespace {

using ::testing::HasSubstr;

class EmbeddedRecreate : public ::testing::Test {
 protected:
  // What lives on the loop's thread.
  struct Parts {
    Parts(AsioLoop& loop, Blocking& blocking, const client::ClientConfig& config,
          std::atomic<int>& patches)
        : access(*client::ApiAccess::Open(loop, blocking, config)),
          client(access->NewClient({.requests_per_second = 1e5,
                                    .burst = 1e5,
                                    .observer =
                                        [&patches](const client::CallReport& report) {
                                          if (report.verb == "patch" &&
                                              report.resource.plural == RecreateResource().plural) {
                                            ++patches;
                                          }
                                        }})),
          pods(*client, {.collection = {.resource = client::PodResource()}}, client::PodDecoder()),
          requests(*client, {.collection = {.resource = RecreateResource()}},
                   client::TreeDecoder(RecreateResource())),
          recorder(*client, {.component = "rekindle-controller"}, client::SystemRandom()),
          nodes(loop),
          controller(*client, pods, nodes, recorder, {}) {
      pods.Start();
      requests.Start();
      controller.Watch();
    }
    std::unique_ptr<client::ApiAccess> access;
    std::unique_ptr<client::ApiClient> client;
    client::Informer<api::PodRecord> pods;
    client::Informer<Json> requests;  // as a user's watch sees them
    client::EventRecorder recorder;
    FakeNodes nodes;
    RecreateController controller;
  };

  void SetUp() override {
    auto server = EmbeddedServer::Start({.data_dir = dir_ / "data", .port = 0});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto config = client::LoadClientConfig({.kubeconfig = server_->kubeconfig()});
    ASSERT_TRUE(config.ok()) << config.status();
    RunOn(loop_, [&] { parts_ = std::make_unique<Parts>(loop_, blocking_, *config, patches_); });
    ASSERT_TRUE(AwaitOn(loop_, [&] {
      return parts_->pods.synced() && parts_->requests.synced() && parts_->controller.synced();
    }));
    RunOn(loop_, [&] { parts_->controller.Start(); });
    Create({"", "v1", "namespaces", "Namespace", false}, {{"metadata", {{"name", "shop"}}}});
    Create({"", "v1", "nodes", "Node", false}, {{"metadata", {{"name", "n-1"}}}});
  }
  void TearDown() override {
    if (parts_ != nullptr) RunOn(loop_, [&] { parts_.reset(); });
  }

  Json Create(const client::ApiResource& resource, Json object) {
    object["apiVersion"] = resource.ApiVersion();
    object["kind"] = resource.kind;
    const std::string name_space = std::string(json::String(object, {"metadata", "namespace"}));
    auto got = AwaitReply<Json>(loop_, [&, this](auto done) {
      parts_->client->Create(
          {resource, {name_space, std::string(json::String(object, {"metadata", "name"}))}, ""},
          object, {}, std::move(done));
    });
    EXPECT_TRUE(got.ok()) << got.status();
    return got.ok() ? *got : Json();
  }
  void AddPod(const std::string& name, bool gate) {
    Json spec = {{"nodeName", "n-1"}, {"containers", {{{"name", "a"}, {"image", "i:1"}}}}};
    if (gate) spec["readinessGates"] = {{{"conditionType", "KruisePodReady"}}};
    const Json pod =
        Create(client::PodResource(),
               {{"metadata", {{"name", name}, {"namespace", "shop"}}}, {"spec", spec}});
    Json status = {{"phase", "Running"},
                   {"conditions",
                    {{{"type", "Ready"}, {"status", "True"}},
                     {{"type", "ContainersReady"}, {"status", "True"}}}},
                   {"containerStatuses",
                    {{{"name", "a"},
                      {"containerID", "containerd://" + name + "-0"},
                      {"restartCount", 0},
                      {"ready", true},
                      {"image", "i:1"},
                      {"imageID", "sha"},
                      {"state", {{"running", Json::object()}}}}}}};
    auto got = AwaitReply<Json>(loop_, [&, this](auto done) {
      parts_->client->Patch({client::PodResource(), {"shop", name}, "status"},
                            client::PatchType::kMerge, {{"status", status}}, {}, std::move(done));
    });
    EXPECT_TRUE(got.ok()) << got.status();
    const std::string uid(json::String(pod, {"metadata", "uid"}));
    RunOn(loop_, [&] {
      parts_->nodes.pods["n-1"].push_back({.ns = "shop",
                                           .name = name,
                                           .uid = uid,
                                           .containers = {{.name = "a", .id = name + "-0"}}});
    });
    ASSERT_TRUE(AwaitOn(loop_, [&] { return parts_->pods.Get({"shop", name}) != nullptr; }));
  }
  Json AddRequest(const std::string& name, const std::string& pod,
                  const Json& strategy = Json::object()) {
    return Create(RecreateResource(), {{"metadata", {{"name", name}, {"namespace", "shop"}}},
                                       {"spec",
                                        {{"podName", pod},
                                         {"containers", {{{"name", "a"}}}},
                                         {"strategy", strategy},
                                         {"activeDeadlineSeconds", 30}}}});
  }
  // The request once it has ended and been tidied up.
  Json AwaitEnd(const std::string& name) {
    Json out;
    const bool ended = AwaitOn(loop_, [&] {
      const auto now = parts_->requests.Get({"shop", name});
      if (now == nullptr) return false;
      out = *now;
      return json::String(out, {"status", "phase"}) == "Completed" &&
             json::Find(out, {"metadata", "labels", "crr.apps.kruise.io/active"}) == nullptr &&
             json::Find(out, {"metadata", "finalizers"}) == nullptr;
    });
    EXPECT_TRUE(ended) << out;
    return out;
  }
  Json ReadPod(const std::string& name) {
    return AwaitReply<Json>(
               loop_,
               [&, this](auto done) {
                 parts_->client->Get({client::PodResource(), {"shop", name}, ""}, std::move(done));
               })
        .value_or(Json());
  }

  // How many patches have been answered, once there are `least`: a watch may be faster.
  int Patches(int least) {
    AwaitOn(
        loop_, [&] { return patches_ >= least; }, absl::Seconds(20));
    return patches_;
  }

  TempDir dir_;
  std::unique_ptr<EmbeddedServer> server_;
  AsioLoop loop_{"recreate-test"};
  BlockingPool blocking_{loop_, 1, "recreate-block"};
  std::atomic<int> patches_ = 0;
  std::unique_ptr<Parts> parts_;
};

TEST_F(EmbeddedRecreate, TwoStatusWritesAndTheLabel) {
  AddPod("cart-0", false);
  const Json made = AddRequest("r", "cart-0");
  EXPECT_EQ(json::String(made, {"metadata", "labels", "crr.apps.kruise.io/node-name"}), "n-1");
  const Json ended = AwaitEnd("r");
  EXPECT_EQ(ended["status"]["containerRecreateStates"],
            Json::parse(R"([{"name":"a","phase":"Succeeded","isKilled":true}])"));
  EXPECT_EQ(ended["status"]["containerStatusSnapshot"][0]["containerID"], "containerd://new1");
  EXPECT_FALSE(ended["status"].contains("message"));
  EXPECT_EQ(Patches(3), 3);
}

TEST_F(EmbeddedRecreate, DrainTakesThePodOutOfServiceAndGivesItBack) {
  AddPod("cart-0", true);
  AddRequest("r", "cart-0", {{"unreadyGracePeriodSeconds", 1}});
  const auto condition = [&](const std::string& type) {
    const Json pod = ReadPod("cart-0");
    for (const Json& one : pod["status"]["conditions"]) {
      if (one["type"] == type) return one;
    }
    return Json();
  };
  ASSERT_TRUE(AwaitOn(loop_, [&] {
    const auto now = parts_->requests.Get({"shop", "r"});
    return now != nullptr && json::Find(*now, {"status", "conditions"}) != nullptr;
  }));
  EXPECT_EQ(condition("KruisePodReady")["status"], "False");
  EXPECT_EQ(condition("Ready")["status"], "False");
  const Json ended = AwaitEnd("r");
  EXPECT_EQ(ended["status"]["conditions"][0]["type"], "PreRecreateGrace");
  EXPECT_EQ(ended["status"]["containerRecreateStates"][0]["phase"], "Succeeded");
  EXPECT_EQ(condition("KruisePodReady")["status"], "True");
  EXPECT_EQ(condition("KruisePodReady")["message"], "[]");
}

TEST_F(EmbeddedRecreate, QueueAndFailureOnTheRealApi) {
  AddPod("cart-0", false);
  RunOn(loop_, [&] { parts_->nodes.fails["a"] = "the runtime does not answer"; });
  AddRequest("r1", "cart-0");
  AddRequest("r2", "cart-0");
  EXPECT_EQ(AwaitEnd("r1")["status"]["containerRecreateStates"][0]["message"],
            "kill container error: the runtime does not answer");
  EXPECT_EQ(AwaitEnd("r2")["status"]["containerRecreateStates"][0]["phase"], "Failed");
}

// Fifty, one after the other. Prints what API and controller add to what the simulated runtime
// takes, from the creation to what a user's watch shows; how long that is depends on the machine.
TEST_F(EmbeddedRecreate, ThreePatchesARestart) {
  constexpr int kRounds = 50;
  std::vector<double> added;
  for (int i = 0; i < kRounds; ++i) AddPod(absl::StrCat("p-", i), false);
  patches_ = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::string name = absl::StrCat("r-", i);
    Slot<absl::Duration> seen;
    RunOn(loop_, [&] {
      parts_->requests.AddHandler({.updated = [&, name, told = false](const client::ObjectKey& key,
                                                                      const auto&,
                                                                      const auto& now) mutable {
        if (key.name != name || told || json::String(*now, {"status", "phase"}) != "Completed") {
          return;
        }
        told = true;
        seen.Set(loop_.Monotonic());
      }});
    });
    const absl::Duration begun = loop_.Monotonic();
    AddRequest(name, absl::StrCat("p-", i));
    const auto at = seen.Get();
    ASSERT_TRUE(at.has_value());
    added.push_back(absl::ToDoubleMilliseconds(*at - begun - absl::Milliseconds(101)));
    AwaitEnd(name);
  }
  std::sort(added.begin(), added.end());
  RecordProperty("p50_ms", absl::StrCat(added[kRounds / 2]));
  std::printf(
      "added by API and controller: p50 %.1f ms, p99 %.1f ms of %d; %.2f patches a restart\n",
      added[kRounds / 2], added[kRounds - 1], kRounds, patches_.load() / double{kRounds});
  EXPECT_EQ(Patches(3 * kRounds), 3 * kRounds);
}

}  // namespace
}  // namespace rekindle::recreate
