#ifndef REKINDLE_TEST_CONTROLLER_RECREATE_RECREATE_FIXTURE_H_
#define REKINDLE_TEST_CONTROLLER_RECREATE_RECREATE_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/client/decoders.h"
#include "common/json/tree.h"
#include "controller/recreate/recreate_controller.h"
#include "tests/controller/recreate/fake_nodes.h"
#include "tests/fakes/fake_api.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/sim_loop.h"

namespace rekindle::recreate {

inline constexpr char kRequests[] = "/apis/apps.kruise.io/v1beta1/containerrecreaterequests";
inline constexpr char kPods[] = "/api/v1/pods";

// The controller on simulated time, between an API server and nodes that outlive it.
class RecreateFixture : public ::testing::Test {
 protected:
  // One process of the controller.
  struct Process {
    Process(SimLoop& loop, FakeTransport& transport, FakeCredentials& credentials, FakeNodes& nodes)
        : client(loop, transport, credentials,
                 {.requests_per_second = 1e6, .burst = 1e6, .user_agent = "test"}),
          pods(client, {.collection = {.resource = client::PodResource()}}, client::PodDecoder()),
          recorder(client, {.component = "rekindle-controller"}, [] { return 0.5; }),
          controller(client, pods, nodes, recorder, {}, [] { return 0.5; }) {
      pods.Start();
      controller.Watch();
    }
    client::ApiClient client;
    client::Informer<api::PodRecord> pods;
    client::EventRecorder recorder;
    RecreateController controller;
  };

  RecreateFixture() {
    nodes_.on_started = [this](const FakeNodes::Pod& pod, const FakeNodes::Container& container) {
      // The kubelet notices.
      loop_.RunAfter(kubelet_notices, [this, name = pod.name, container] {
        Show(name, container, /*ready=*/ready_after == absl::ZeroDuration());
      });
      if (ready_after == absl::ZeroDuration() || ready_after == absl::InfiniteDuration()) return;
      loop_.RunAfter(kubelet_notices + ready_after,
                     [this, name = pod.name, container] { Show(name, container, /*ready=*/true); });
    };
  }

  void StartController() {
    process_ = std::make_unique<Process>(loop_, transport_, credentials_, nodes_);
    loop_.AdvanceUntil([&] { return process_->pods.synced() && process_->controller.synced(); },
                       absl::Minutes(5));
    process_->controller.Start();
  }
  void RestartController() {
    process_.reset();
    StartController();
  }

  // A running pod on node n-1, known to API and node. `spec` is merged into its spec.
  void AddPod(const std::string& name, const std::vector<std::string>& containers,
              const Json& spec = Json::object()) {
    FakeNodes::Pod on_node = {.ns = "shop", .name = name, .uid = "uid-of-" + name};
    Json pod = {{"apiVersion", "v1"},
                {"kind", "Pod"},
                {"metadata",
                 {{"name", name},
                  {"namespace", "shop"},
                  {"uid", on_node.uid},
                  {"labels", {{"app", "cart"}}}}},
                {"spec", {{"nodeName", "n-1"}, {"restartPolicy", "Always"}}},
                {"status", {{"phase", "Running"}}}};
    for (const std::string& container : containers) {
      on_node.containers.push_back({.name = container, .id = name + "-" + container + "-0"});
      Json described = {{"name", container}, {"image", "i:1"}};
      if (probed) described["readinessProbe"] = {{"tcpSocket", {{"port", 80}}}};
      pod["spec"]["containers"].push_back(std::move(described));
      pod["status"]["containerStatuses"].push_back(Status(on_node.containers.back(), true));
    }
    if (spec.is_object()) pod["spec"].update(spec);
    nodes_.pods["n-1"].push_back(std::move(on_node));
    api_.Put(kPods, std::move(pod));
  }

  static Json Status(const FakeNodes::Container& container, bool ready) {
    return {{"name", container.name},
            {"containerID", "containerd://" + container.id},
            {"restartCount", container.attempt},
            {"ready", ready},
            {"image", "i:1"},
            {"imageID", "sha"},
            {"state", {{"running", Json::object()}}}};
  }

  // The pod's status shows the container.
  void Show(const std::string& name, const FakeNodes::Container& container, bool ready) {
    std::optional<Json> pod = api_.Find(kPods, "shop", name);
    if (!pod.has_value()) return;
    for (Json& status : (*pod)["status"]["containerStatuses"]) {
      if (status["name"] == container.name) status = Status(container, ready);
    }
    api_.Put(kPods, *std::move(pod));
  }

  // As admission leaves a request. `strategy` and `spec` are merged into it.
  void AddRequest(const std::string& name, const std::string& pod,
                  const std::vector<std::string>& containers, const Json& strategy = Json::object(),
                  const Json& spec = Json::object(), const Json& annotations = Json::object()) {
    Json request = {{"apiVersion", "apps.kruise.io/v1beta1"},
                    {"kind", "ContainerRecreateRequest"},
                    {"metadata",
                     {{"name", name},
                      {"namespace", "shop"},
                      {"creationTimestamp", api::FormatTime(loop_.Now() + server_clock_ahead)},
                      {"annotations", annotations},
                      {"labels",
                       {{"crr.apps.kruise.io/pod-uid", "uid-of-" + pod},
                        {"crr.apps.kruise.io/node-name", "n-1"},
                        {"crr.apps.kruise.io/active", "true"}}}}},
                    {"spec", {{"podName", pod}, {"strategy", strategy}}}};
    for (const std::string& container : containers) {
      const FakeNodes::Container* known = nodes_.Find("shop", pod, container);
      request["spec"]["containers"].push_back(
          {{"name", container},
           {"statusContext",
            {{"containerID", known == nullptr ? "containerd://gone" : "containerd://" + known->id},
             {"restartCount", known == nullptr ? 0 : known->attempt}}}});
    }
    if (spec.is_object()) request["spec"].update(spec);
    api_.Put(kRequests, std::move(request));
  }

  Json Request(const std::string& name) {
    return api_.Find(kRequests, "shop", name).value_or(Json());
  }
  std::string Phase(const std::string& name) {
    return std::string(json::String(Request(name), {"status", "phase"}));
  }
  std::string Message(const std::string& name) {
    return std::string(json::String(Request(name), {"status", "message"}));
  }
  Json State(const std::string& name, size_t index) {
    const Json request = Request(name);
    const Json* states = json::Find(request, {"status", "containerRecreateStates"});
    return states != nullptr && index < states->size() ? (*states)[index] : Json();
  }
  std::string StatePhase(const std::string& name, size_t index) {
    return std::string(json::String(State(name, index), "phase"));
  }
  bool AwaitPhase(const std::string& name, const std::string& phase,
                  absl::Duration limit = absl::Minutes(10)) {
    return loop_.AdvanceUntil([&] { return Phase(name) == phase; }, limit);
  }
  // Completed, and tidied up.
  bool AwaitEnd(const std::string& name, absl::Duration limit = absl::Minutes(10)) {
    return AwaitPhase(name, "Completed", limit) &&
           loop_.AdvanceUntil(
               [&] {
                 const Json request = Request(name);
                 return json::Find(request, {"metadata", "labels", "crr.apps.kruise.io/active"}) ==
                            nullptr &&
                        json::Find(request, {"metadata", "finalizers"}) == nullptr;
               },
               absl::Seconds(30));
  }
  size_t StatusWrites(const std::string& name) {
    return api_.CountRequests("PATCH", "/" + name + "/status", false);
  }
  std::vector<std::string> Events() {
    std::vector<std::string> out;
    for (const FakeApi::Request& request : api_.requests()) {
      if (request.method != "POST" || request.path.find("/events") == std::string::npos) continue;
      const Json event = json::Parse(request.body).value_or(Json());
      out.push_back(std::string(json::String(event, {"involvedObject", "kind"})) + " " +
                    std::string(json::String(event, "reason")) + ": " +
                    std::string(json::String(event, "message")));
    }
    return out;
  }

  SimLoop loop_;
  FakeApi api_;
  FakeTransport transport_{loop_, api_};
  FakeCredentials credentials_;
  FakeNodes nodes_{loop_};
  bool probed = false;  // containers have readiness probes
  absl::Duration kubelet_notices = absl::Milliseconds(200);
  absl::Duration ready_after;  // of a new container
  absl::Duration server_clock_ahead;
  std::unique_ptr<Process> process_;
};

}  // namespace rekindle::recreate

#endif  // REKINDLE_TEST_CONTROLLER_RECREATE_RECREATE_FIXTURE_H_
