#include "controller/nodes/node_mirror.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "common/client/decoders.h"
#include "tests/common/client/client_fixture.h"
#include "tests/controller/nodes/fake_feed.h"

namespace rekindle::nodes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kNode1[] = "10.0.0.1:10240";
constexpr char kNode2[] = "10.0.0.2:10240";
constexpr char kLocal[] = "unix:/run/local.sock";
const std::string kNodes = "/api/v1/nodes";
const std::string kLeases = "/apis/coordination.k8s.io/v1/leases";
const std::string kEvents = "/api/v1/events";

// The mirror on simulated time, in front of an API and daemons of the mind.
class NodeMirrorTest : public client::ClientFixture {
 protected:
  NodeMirrorTest() {
    Client({.requests_per_second = 10'000, .burst = 10'000});
    daemons_.At(kNode1).info = RuntimeInfo("node-1");
    daemons_.At(kNode2).info = RuntimeInfo("node-2");
  }
  ~NodeMirrorTest() override { End(); }

  void Begin(const std::string& local = "") {
    events_ = std::make_unique<client::EventRecorder>(
        *client_, client::EventRecorder::Options{.component = "rekindle-controller"},
        [] { return 0.0; });
    client::ReflectorOptions options;
    options.collection.resource = client::PodResource();
    pods_ = std::make_unique<client::Informer<api::PodRecord>>(
        *client_, options, client::PodDecoder(), [] { return 0.0; });
    mirror_ = std::make_unique<NodeMirror>(
        NodeMirror::Deps{.loop = loop_,
                         .api = *client_,
                         .pods = *pods_,
                         .events = *events_,
                         .open = daemons_.Opener(),
                         .random = [] { return 0.0; },
                         .on_endpoint =
                             [this](const NodeEndpoint& endpoint) {
                               endpoints_.push_back(endpoint.node + " " + endpoint.target + " " +
                                                    endpoint.server_name);
                             }},
        NodeMirror::Options{.local_daemon = local});
    pods_->Start();
    mirror_->Watch();
    loop_.Advance(absl::Milliseconds(50));
    ASSERT_TRUE(pods_->synced() && mirror_->synced());
    mirror_->Start();
  }
  void End() {
    mirror_.reset();
    pods_.reset();
    events_.reset();
  }
  void Register(const std::string& node, const std::string& target) {
    mirror_->Registered({.node = node, .target = target, .server_name = node});
  }
  void Run(absl::Duration time = absl::Seconds(1)) { loop_.Advance(time); }

  static node::v1::Pod Web(const std::string& name = "web-0", const std::string& sandbox = "s0") {
    node::v1::Pod pod = RuntimePod("ns", name, sandbox);
    AddContainer(pod, "app");
    return pod;
  }
  std::optional<Json> Find(const std::string& name) { return api_.Find(client::kPods, "ns", name); }
  std::string Ready(const std::string& node) {
    const auto object = api_.Find(kNodes, "", node);
    if (!object.has_value()) return "no node";
    const Json* conditions = json::Find(*object, {"status", "conditions"});
    return conditions == nullptr ? "no condition" : (*conditions)[0].value("status", "");
  }
  // A condition of a pod; empty: there is none.
  Json ConditionOf(const std::string& name, const std::string& type = "Ready") {
    const auto pod = Find(name);
    const Json* conditions = pod.has_value() ? json::Find(*pod, {"status", "conditions"}) : nullptr;
    if (conditions == nullptr) return Json::object();
    for (const Json& one : *conditions) {
      if (one["type"] == type) return one;
    }
    return Json::object();
  }
  std::string PodReady(const std::string& name) { return ConditionOf(name).value("status", ""); }
  // Requests that change pods.
  size_t PodWrites() {
    size_t out = 0;
    for (const auto& request : api_.requests()) {
      const bool pod = request.path.find("/pods") != std::string::npos;
      out += pod && request.method != "GET" ? 1 : 0;
    }
    return out;
  }
  std::string EventText() {
    for (const auto& request : api_.requests()) {
      if (request.path.find("/events") != std::string::npos) return request.body;
    }
    return "";
  }

  FakeDaemons daemons_{loop_};
  std::unique_ptr<client::EventRecorder> events_;
  std::unique_ptr<client::Informer<api::PodRecord>> pods_;
  std::unique_ptr<NodeMirror> mirror_;
  std::vector<std::string> endpoints_;
};

TEST_F(NodeMirrorTest, APodAppearsChangesAndGoes) {
  daemons_.Put(kNode1, Web());
  Begin();
  Register("node-1", kNode1);
  Run();
  const auto made = Find("web-0");
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ((*made)["spec"]["nodeName"], "node-1");
  EXPECT_EQ((*made)["status"]["hostIP"], "10.0.0.1");
  EXPECT_EQ((*made)["status"]["containerStatuses"][0]["restartCount"], 0);

  node::v1::Pod pod = Web();
  pod.mutable_containers(0)->set_state(node::v1::CONTAINER_STATE_EXITED);
  AddContainer(pod, "app", 1);
  daemons_.Put(kNode1, pod);
  Run();
  const auto restarted = Find("web-0");
  EXPECT_EQ((*restarted)["metadata"]["uid"], (*made)["metadata"]["uid"]);
  EXPECT_EQ((*restarted)["status"]["containerStatuses"][0]["restartCount"], 1);
  EXPECT_TRUE((*restarted)["status"]["containerStatuses"][0].contains("lastState"));

  daemons_.Remove(kNode1, "s0");
  Run();
  EXPECT_FALSE(Find("web-0").has_value());
  for (const auto& request : api_.requests()) {
    if (request.method != "DELETE") continue;
    EXPECT_THAT(request.body, HasSubstr("\"gracePeriodSeconds\":0"));
    EXPECT_THAT(request.body, HasSubstr((*made)["metadata"]["uid"].get<std::string>()));
  }
}

TEST_F(NodeMirrorTest, WritesOnlyWhatHasChanged) {
  for (int i = 0; i < 20; ++i) {
    daemons_.Put(kNode1, Web(absl::StrCat("web-", i), absl::StrCat("s", i)));
  }
  Begin();
  Register("node-1", kNode1);
  Run(absl::Seconds(2));
  EXPECT_EQ(api_.Count(client::kPods), 20u);
  EXPECT_EQ(PodWrites(), 40u);  // a create and a status each
  api_.ForgetRequests();
  Run(absl::Minutes(3));
  EXPECT_EQ(PodWrites(), 0u);
  EXPECT_EQ(api_.CountRequests("GET", "/pods/", false), 0u);
  // Many changes of one pod while a write is under way: the last state, in few writes.
  transport_.latency = absl::Milliseconds(20);
  for (int i = 0; i < 50; ++i) {
    node::v1::Pod pod = Web("web-3", "s3");
    pod.mutable_containers(0)->set_id(absl::StrCat("id-", i));
    daemons_.Put(kNode1, pod);
    Run(absl::Milliseconds(1));
  }
  Run();
  EXPECT_EQ((*Find("web-3"))["status"]["containerStatuses"][0]["containerID"],
            "containerd://id-49");
  EXPECT_LE(PodWrites(), 4u);
  // The stream breaks and comes back with the same: nothing is written.
  api_.ForgetRequests();
  daemons_.SetDown(kNode1, absl::UnavailableError("gone"));
  Run(absl::Seconds(5));
  daemons_.SetDown(kNode1, absl::OkStatus());
  Run(absl::Seconds(30));
  EXPECT_GE(daemons_.At(kNode1).watches, 2);
  EXPECT_EQ(PodWrites(), 0u);
}

TEST_F(NodeMirrorTest, ContainersThatComeOneByOneMakeOnePod) {
  Begin();
  Register("node-1", kNode1);
  Run();
  node::v1::Pod pod = RuntimePod("ns", "web-0");
  daemons_.Put(kNode1, pod);
  Run();
  EXPECT_FALSE(Find("web-0").has_value());  // an object needs a container
  for (const char* name : {"a", "b", "c"}) {
    AddContainer(pod, name);
    daemons_.Put(kNode1, pod);
    Run(absl::Milliseconds(300));
    EXPECT_FALSE(Find("web-0").has_value()) << name;
  }
  Run();
  EXPECT_EQ((*Find("web-0"))["spec"]["containers"].size(), 3u);
  EXPECT_EQ(PodWrites(), 2u);
  // One more later: what cannot be changed is made anew.
  const Json before = (*Find("web-0"))["metadata"]["uid"];
  AddContainer(pod, "d");
  daemons_.Put(kNode1, pod);
  Run();
  EXPECT_EQ((*Find("web-0"))["spec"]["containers"].size(), 4u);
  EXPECT_NE((*Find("web-0"))["metadata"]["uid"], before);
}

TEST_F(NodeMirrorTest, PodsOfOthersAreLeftAloneAndTold) {
  Json theirs = Pod("web-0");
  theirs["spec"] = {{"nodeName", "node-1"},
                    {"containers", Json::array({{{"name", "app"}, {"image", "i"}}})}};
  api_.Put(client::kPods, theirs);
  const Json before = *Find("web-0");
  daemons_.Put(kNode1, Web());
  Begin();
  Register("node-1", kNode1);
  Run(absl::Minutes(1));
  EXPECT_EQ(*Find("web-0"), before);
  EXPECT_EQ(PodWrites(), 0u);
  EXPECT_THAT(EventText(), HasSubstr("PodNotMirrored"));
  EXPECT_THAT(EventText(), HasSubstr("pod ns/web-0 of the runtime is not shown"));
  EXPECT_EQ(api_.CountRequests("POST", "/events", false), 1u);
  // Once it is out of the way ours appears.
  api_.Remove(client::kPods, "ns", "web-0");
  Run(absl::Seconds(2));
  EXPECT_TRUE((*Find("web-0"))["metadata"]["annotations"].contains("rekindle.io/mirrored"));
}

TEST_F(NodeMirrorTest, NamesThatTheApiDoesNotAllowAreTold) {
  node::v1::Pod pod = RuntimePod("ns", "Web_0");
  AddContainer(pod, "app");
  daemons_.Put(kNode1, pod);
  Begin();
  Register("node-1", kNode1);
  Run();
  EXPECT_EQ(PodWrites(), 0u);
  EXPECT_THAT(EventText(), HasSubstr("is no name of a pod"));
}

TEST_F(NodeMirrorTest, PodsOfAKubeletAreNotShown) {
  node::v1::Pod pod = Web();
  pod.set_owner(node::v1::POD_OWNER_KUBELET);
  daemons_.Put(kNode1, pod);
  Begin();
  Register("node-1", kNode1);
  Run();
  daemons_.Put(kNode1, pod);
  Run();
  EXPECT_EQ(PodWrites(), 0u);
}

TEST_F(NodeMirrorTest, ADeletedPodComesBackWhileItsSandboxIsThere) {
  daemons_.Put(kNode1, Web());
  Begin();
  Register("node-1", kNode1);
  Run();
  const Json uid = (*Find("web-0"))["metadata"]["uid"];
  api_.Remove(client::kPods, "ns", "web-0");
  Run(absl::Seconds(2));
  ASSERT_TRUE(Find("web-0").has_value());
  EXPECT_NE((*Find("web-0"))["metadata"]["uid"], uid);
  // One that is only marked is ended and made anew, so that whoever deletes it does not wait.
  Json marked = *Find("web-0");
  marked["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:30Z";
  api_.Put(client::kPods, marked);
  Run(absl::Seconds(2));
  ASSERT_TRUE(Find("web-0").has_value());
  EXPECT_FALSE((*Find("web-0"))["metadata"].contains("deletionTimestamp"));
}

TEST_F(NodeMirrorTest, WhatSomebodyChangesIsSetRight) {
  daemons_.Put(kNode1, Web());
  Begin();
  Register("node-1", kNode1);
  Run();
  Json changed = *Find("web-0");
  changed["metadata"]["labels"]["team"] = "a";
  changed["status"]["podIP"] = "6.6.6.6";
  api_.Put(client::kPods, changed);
  Run();
  EXPECT_EQ((*Find("web-0"))["status"]["podIP"], "10.1.0.7");
  EXPECT_EQ((*Find("web-0"))["metadata"]["labels"]["team"], "a");
}

TEST_F(NodeMirrorTest, AfterARestartWhatIsGoneMeanwhileGoes) {
  daemons_.Put(kNode1, Web("web-0", "s0"));
  daemons_.Put(kNode1, Web("web-1", "s1"));
  daemons_.Put(kNode2, Web("web-2", "s2"));
  Begin();
  Register("node-1", kNode1);
  Register("node-2", kNode2);
  Run(absl::Seconds(2));
  EXPECT_EQ(api_.Count(client::kPods), 3u);
  End();
  daemons_.Remove(kNode1, "s0");
  daemons_.Remove(kNode2, "s2");
  Begin();
  Run(absl::Seconds(2));
  EXPECT_EQ(api_.Count(client::kPods), 3u);  // nobody has said anything yet
  Register("node-1", kNode1);
  Run(absl::Seconds(2));
  EXPECT_FALSE(Find("web-0").has_value());
  EXPECT_TRUE(Find("web-1").has_value());
  EXPECT_TRUE(Find("web-2").has_value());  // node-2 is not heard
}

TEST_F(NodeMirrorTest, OnePodOnTwoNodes) {
  daemons_.Put(kNode1, Web("web-0", "s0"));
  Begin();
  Register("node-1", kNode1);
  Register("node-2", kNode2);
  Run();
  daemons_.Put(kNode2, Web("web-0", "s9"));
  Run();
  EXPECT_EQ((*Find("web-0"))["spec"]["nodeName"], "node-1");
  daemons_.Remove(kNode1, "s0");
  Run();
  EXPECT_EQ((*Find("web-0"))["spec"]["nodeName"], "node-2");
}

TEST_F(NodeMirrorTest, NamespacesAreMadeWhenMissing) {
  daemons_.Put(kNode1, Web());
  FakeApi::Answer missing = FakeApi::Status(404, "NotFound", "namespaces \"ns\" not found");
  api_.Fail("POST", "/pods", false, missing);
  Begin();
  Register("node-1", kNode1);
  Run();
  EXPECT_TRUE(api_.Find("/api/v1/namespaces", "", "ns").has_value());
  EXPECT_TRUE(Find("web-0").has_value());
}

TEST_F(NodeMirrorTest, ANodeItsLeaseAndItsSilence) {
  Begin();
  Register("node-1", kNode1);
  Run();
  EXPECT_EQ(Ready("node-1"), "True");
  const auto lease = api_.Find(kLeases, "kube-node-lease", "node-1");
  ASSERT_TRUE(lease.has_value());
  Run(absl::Seconds(11));
  EXPECT_NE((*api_.Find(kLeases, "kube-node-lease", "node-1"))["spec"]["renewTime"],
            (*lease)["spec"]["renewTime"]);
  api_.ForgetRequests();
  Run(absl::Seconds(100));
  EXPECT_EQ(api_.CountRequests("PATCH", "/leases/", false), 10u);
  EXPECT_EQ(api_.CountRequests("PATCH", "/nodes/", false), 0u);

  daemons_.SetDown(kNode1, absl::UnavailableError("connection refused"));
  const Json before = *api_.Find(kLeases, "kube-node-lease", "node-1");
  Run(absl::Seconds(29));
  EXPECT_EQ(Ready("node-1"), "True");
  Run(absl::Seconds(12));
  EXPECT_EQ(Ready("node-1"), "Unknown");
  EXPECT_EQ(*api_.Find(kLeases, "kube-node-lease", "node-1"), before);
  daemons_.SetDown(kNode1, absl::OkStatus());
  Run(absl::Seconds(11));
  EXPECT_EQ(Ready("node-1"), "True");

  daemons_.At(kNode1).info.set_runtime_ready(false);
  Run(absl::Seconds(11));
  EXPECT_EQ(Ready("node-1"), "False");
  // A deleted node comes back with the next sign of life.
  api_.Remove(kNodes, "", "node-1");
  Run(absl::Seconds(11));
  EXPECT_EQ(Ready("node-1"), "False");
}

TEST_F(NodeMirrorTest, PodsOfASilentNodeAreNotReadyUntilItTellsOfThem) {
  daemons_.Put(kNode1, Web());
  node::v1::Pod ended = RuntimePod("ns", "web-1", "s1");
  AddContainer(ended, "app", 0, /*running=*/false);
  daemons_.Put(kNode1, ended);
  daemons_.Put(kNode2, Web("web-2", "s2"));
  Begin();
  Register("node-1", kNode1);
  Register("node-2", kNode2);
  Run(absl::Seconds(2));
  EXPECT_EQ(PodReady("web-0"), "True");
  const Json before = *Find("web-0");
  const Json other = *Find("web-1");
  EXPECT_EQ(PodReady("web-1"), "False");
  api_.ForgetRequests();
  daemons_.SetDown(kNode1, absl::UnavailableError("connection refused"));
  Run(absl::Seconds(29));
  EXPECT_EQ(PodReady("web-0"), "True");
  EXPECT_EQ(PodWrites(), 0u);
  Run(absl::Seconds(12));
  EXPECT_EQ(Ready("node-1"), "Unknown");
  EXPECT_EQ(PodReady("web-0"), "False");
  EXPECT_EQ(ConditionOf("web-0")["reason"], "NodeNotReady");
  EXPECT_THAT(ConditionOf("web-0")["message"].get<std::string>(),
              HasSubstr("node node-1 has not been heard since 20"));
  EXPECT_NE(ConditionOf("web-0")["lastTransitionTime"],
            before["status"]["conditions"][3]["lastTransitionTime"]);
  EXPECT_THAT(EventText(), HasSubstr("NodeNotReady"));
  EXPECT_THAT(EventText(), HasSubstr("\"kind\":\"Pod\""));
  // All else is as it was last, as are the pods that were not ready and those of others.
  EXPECT_EQ(ConditionOf("web-0", "ContainersReady")["status"], "True");
  Json now = *Find("web-0");
  EXPECT_EQ(now["status"]["containerStatuses"], before["status"]["containerStatuses"]);
  EXPECT_EQ(now["status"]["phase"], "Running");
  EXPECT_EQ(*Find("web-1"), other);
  EXPECT_EQ(PodReady("web-2"), "True");
  EXPECT_EQ(PodWrites(), 1u);
  Run(absl::Minutes(30));
  EXPECT_EQ(PodWrites(), 1u);
  EXPECT_EQ(api_.CountRequests("POST", "/events", false), 1u);

  daemons_.SetDown(kNode1, absl::OkStatus());
  Run(absl::Seconds(11));
  EXPECT_EQ(PodReady("web-0"), "True");
  EXPECT_FALSE(ConditionOf("web-0").contains("reason"));
  EXPECT_EQ(PodReady("web-1"), "False");
  EXPECT_EQ(PodWrites(), 2u);
}

// The daemon does not answer, and its stream holds.
TEST_F(NodeMirrorTest, WhatASilentNodeStillTellsIsWrittenAndThePodStaysNotReady) {
  daemons_.Put(kNode1, Web());
  Begin();
  Register("node-1", kNode1);
  Run();
  daemons_.At(kNode1).down = absl::DeadlineExceededError("no answer");
  Run(absl::Seconds(51));
  EXPECT_EQ(PodReady("web-0"), "False");
  node::v1::Pod pod = Web();
  pod.mutable_containers(0)->set_id("another");
  daemons_.Put(kNode1, pod);
  Run();
  EXPECT_EQ((*Find("web-0"))["status"]["containerStatuses"][0]["containerID"],
            "containerd://another");
  EXPECT_EQ(PodReady("web-0"), "False");
  daemons_.At(kNode1).down = absl::OkStatus();
  Run(absl::Seconds(11));
  EXPECT_EQ(PodReady("web-0"), "True");
  EXPECT_EQ(daemons_.At(kNode1).watches, 1);
}

TEST_F(NodeMirrorTest, PodsOfANodeThatNeverComesBackAreNotReady) {
  daemons_.Put(kNode1, Web());
  Begin();
  Register("node-1", kNode1);
  Run();
  Json theirs = *Find("web-0");
  theirs["metadata"] = {{"name", "theirs"}, {"namespace", "ns"}};
  api_.Put(client::kPods, theirs);
  End();
  Begin();
  Run(absl::Seconds(39));
  EXPECT_EQ(PodReady("web-0"), "True");
  Run(absl::Seconds(2));
  EXPECT_EQ(PodReady("web-0"), "False");
  EXPECT_EQ(ConditionOf("web-0")["message"],
            "node node-1 has not been heard since the controller was started");
  EXPECT_EQ(PodReady("theirs"), "True");
  Register("node-1", kNode1);
  Run();
  EXPECT_EQ(PodReady("web-0"), "True");
  // Registered, and not to be reached.
  End();
  Begin();
  daemons_.SetDown(kNode1, absl::UnavailableError("no route"));
  Register("node-1", kNode1);
  Run(absl::Seconds(39));
  EXPECT_EQ(PodReady("web-0"), "True");
  Run(absl::Seconds(2));
  EXPECT_EQ(ConditionOf("web-0")["message"], "node node-1 has not been heard yet");
}

TEST_F(NodeMirrorTest, ANodeThatNeverComesBackIsUnknown) {
  Begin();
  Register("node-1", kNode1);
  Run();
  End();
  Begin();
  Run(absl::Seconds(39));
  EXPECT_EQ(Ready("node-1"), "True");
  Run(absl::Seconds(2));
  EXPECT_EQ(Ready("node-1"), "Unknown");
  // A node that is not ours is nobody's business here.
  api_.Put(kNodes, {{"metadata", {{"name", "other"}}}, {"status", Json::object()}});
  Run(absl::Minutes(1));
  EXPECT_EQ(Ready("other"), "no condition");
}

TEST_F(NodeMirrorTest, AnotherNodesDaemonIsNotBelieved) {
  daemons_.At(kNode1).info.set_node_name("node-2");
  daemons_.Put(kNode1, Web());
  Begin();
  Register("node-1", kNode1);
  Run(absl::Minutes(1));
  EXPECT_EQ(Ready("node-1"), "no node");
  EXPECT_EQ(Ready("node-2"), "no node");
  EXPECT_EQ(PodWrites(), 0u);
}

TEST_F(NodeMirrorTest, TheLocalDaemonNeedsNoRegistration) {
  daemons_.At(kLocal).info = RuntimeInfo("node-1");
  daemons_.At(kLocal).down = absl::UnavailableError("no socket");
  daemons_.Put(kLocal, Web());
  Begin(kLocal);
  Run(absl::Minutes(1));
  EXPECT_EQ(Ready("node-1"), "no node");
  daemons_.SetDown(kLocal, absl::OkStatus());
  Run(absl::Seconds(12));
  EXPECT_EQ(Ready("node-1"), "True");
  EXPECT_EQ((*Find("web-0"))["status"]["hostIP"], "192.168.1.5");
  // It registers all the same: the socket stays in use.
  Register("node-1", kNode1);
  Register("node-2", kNode2);
  Register("node-2", kNode2);
  Run();
  EXPECT_EQ(daemons_.At(kNode1).looks, 0);
  EXPECT_THAT(endpoints_,
              ElementsAre("node-1 unix:/run/local.sock ", "node-2 10.0.0.2:10240 node-2"));
  EXPECT_EQ(daemons_.open(), 2u);
  Register("node-2", "10.0.0.3:1");  // it has moved
  EXPECT_EQ(endpoints_.back(), "node-2 10.0.0.3:1 node-2");
  EXPECT_EQ(daemons_.open(), 2u);
}

TEST_F(NodeMirrorTest, StopsCleanly) {
  daemons_.Put(kNode1, Web());
  Begin();
  Register("node-1", kNode1);
  Run();
  std::optional<absl::Status> stopped;
  mirror_->Stop(absl::Seconds(5), [&](absl::Status status) { stopped = std::move(status); });
  Run();
  ASSERT_TRUE(stopped.has_value());
  EXPECT_TRUE(stopped->ok());
  EXPECT_EQ(daemons_.open(), 0u);
  api_.ForgetRequests();
  Register("node-2", kNode2);
  Run(absl::Minutes(1));
  EXPECT_EQ(PodWrites(), 0u);
  EXPECT_EQ(daemons_.open(), 0u);
}

}  // namespace
}  // namespace rekindle::nodes
