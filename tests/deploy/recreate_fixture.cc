#include "tests/deploy/recreate_fixture.h"

#include <algorithm>
#include <iostream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

#include "tests/bed/pod_spec.h"

namespace rekindle::deploy {
namespace {

constexpr absl::Duration kSeen = absl::Minutes(3);

json Named(const json& request, const char* list, const std::string& name) {
  if (!request.is_object() || !request.contains("status")) return json::object();
  for (const json& one : request["status"].value(list, json::array())) {
    if (one["name"] == name) return one;
  }
  return json::object();
}

// The sandboxes in which containers of the pod run.
std::set<std::string> Sandboxes(const kube::Cluster& cluster, const json& pod) {
  std::set<std::string> out;
  const auto running = cluster.Running(pod["metadata"]["uid"]);
  EXPECT_TRUE(running.ok()) << running.status();
  if (!running.ok()) return out;
  for (const bed::v1::Container& container : *running) out.insert(container.pod_sandbox_id());
  return out;
}

}  // namespace

void RecreateKubeTest::SetUpTestSuite() {
  // One gate beside the defaults of 1.20, for `kubectl debug`.
  auto up = kube::Cluster::Up({.feature_gates = {"EphemeralContainers"}});
  ASSERT_TRUE(up.ok()) << up.status();
  cluster_ = up->release();
  auto system = System::Install(cluster_, {.image = RK_NODE_IMAGE,
                                           .controller_image = RK_CONTROLLER_IMAGE,
                                           .manifests = RK_SOURCE_DIR "/deploy/kubernetes",
                                           .rekindle = REKINDLE_PROGRAM});
  ASSERT_TRUE(system.ok()) << system.status();
  system_ = system->release();
}

void RecreateKubeTest::TearDownTestSuite() {
  if (system_ != nullptr) {
    // What is deployed has all the rights that it asked for.
    const std::string log = system_->Log();
    EXPECT_FALSE(log.empty());
    EXPECT_FALSE(absl::StrContains(log, "forbidden")) << log;
  }
  delete std::exchange(system_, nullptr);
  kube::SharedClusterTest::TearDownTestSuite();
}

void RecreateKubeTest::SetUp() {
  ASSERT_NO_FATAL_FAILURE(kube::SharedClusterTest::SetUp());
  ASSERT_NE(system_, nullptr);
  requests_ = std::make_unique<ObjectWatch>(AdminEndpoint(), RequestPath(kSpace));
}

void RecreateKubeTest::TearDown() {
  if (HasFailure() && system_ != nullptr && requests_ != nullptr) {
    std::cerr << "---- end of the controllers' logs\n"
              << system_->Log() << "\n---- end of the daemon's log\n"
              << system_->daemons().Log() << "\n---- requests, as the watch showed them\n";
    for (const ObjectWatch::Version& version : requests_->versions()) {
      if (!names_.contains(version.name)) continue;
      std::cerr << version.name << " "
                << (version.object.is_null() ? "deleted"
                                             : version.object.value("status", json()).dump())
                << "\n";
    }
    std::cerr << "---- events\n";
    for (const json& event : Events()) {
      const std::string about = event["involvedObject"].value("name", "");
      if (!names_.contains(about) && !pods_.contains(about)) continue;
      std::cerr << about << " " << event.value("reason", "") << ": " << event.value("message", "")
                << "\n";
    }
  }
  requests_.reset();
  if (cluster_ == nullptr) return;
  // Nobody waits for these: their names are used once.
  for (const std::string& name : names_) {
    cluster_->api().Delete(RequestPath(kSpace, name)).status().IgnoreError();
  }
  for (const std::string& name : pods_) {
    cluster_->api().Delete(kube::PodPath(name)).status().IgnoreError();
  }
}

conformance::Endpoint RecreateKubeTest::AdminEndpoint() {
  const kube::Layout& layout = cluster_->layout();
  conformance::Endpoint out;
  out.url = layout.ServerUrl();
  out.ca_file = layout.File("ca.crt");
  out.certificate_file = layout.File("admin.crt");
  out.key_file = layout.File("admin.key");
  return out;
}

// --- pods -----------------------------------------------------------------------------------

json RecreateKubeTest::MakePod(const std::string& name,
                               const std::vector<std::string>& containers) {
  json out = {
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata", {{"name", name}, {"namespace", kSpace}, {"labels", {{"app", name}}}}},
      {"spec",
       {{"automountServiceAccountToken", false},
        {"terminationGracePeriodSeconds", 10},
        {"volumes", json::array({{{"name", "diary"},
                                  {"hostPath", {{"path", cluster_->bed().Volume(name)}}}}})},
        {"containers", json::array()}}}};
  int port = 8080;
  for (const std::string& container : containers) {
    out["spec"]["containers"].push_back(
        {{"name", container},
         {"image", bed::kServerImage},
         {"imagePullPolicy", "Never"},
         {"args", {"serve", "--port", absl::StrCat(port), "--diary", "/diary/" + container}},
         {"ports", json::array({{{"name", "web-" + container}, {"containerPort", port}}})},
         {"volumeMounts", json::array({{{"name", "diary"}, {"mountPath", "/diary"}}})},
         {"readinessProbe",
          {{"httpGet", {{"path", "/healthz"}, {"port", port}}}, {"periodSeconds", 1}}}});
    ++port;
  }
  return out;
}

json RecreateKubeTest::GatedPod(const std::string& name) {
  json pod = MakePod(name, {"a"});
  pod["spec"]["readinessGates"] = json::array({{{"conditionType", "KruisePodReady"}}});
  return pod;
}

void RecreateKubeTest::SetCommand(json& pod, size_t container,
                                  const std::vector<std::string>& command) {
  json& at = pod["spec"]["containers"][container];
  at["command"] = command;
  at.erase("args");
}

void RecreateKubeTest::Make(const json& pod) {
  pods_.insert(NameOf(pod));
  const auto made = cluster_->api().Create(kube::PodPath(""), pod);
  EXPECT_TRUE(made.ok()) << made.status();
}

json RecreateKubeTest::Run(const json& pod) {
  Make(pod);
  auto ready = cluster_->WaitReady(NameOf(pod), kSeen);
  EXPECT_TRUE(ready.ok()) << ready.status();
  return ready.value_or(json());
}

json RecreateKubeTest::Now(const std::string& pod) { return cluster_->Pod(pod).value_or(json()); }

bool RecreateKubeTest::AwaitPod(const std::string& pod,
                                const std::function<bool(const json&)>& holds,
                                absl::Duration limit) {
  const auto seen = cluster_->WaitPod(pod, holds, limit);
  EXPECT_TRUE(seen.ok() || absl::IsDeadlineExceeded(seen.status())) << seen.status();
  return seen.ok();
}

json RecreateKubeTest::Condition(const json& object, const std::string& type) {
  if (!object.is_object() || !object.contains("status")) return json::object();
  for (const json& one : object["status"].value("conditions", json::array())) {
    if (one["type"] == type) return one;
  }
  return json::object();
}

// --- what really ran ------------------------------------------------------------------------

std::string RecreateKubeTest::DiaryFile(const std::string& pod, const std::string& name) {
  return cluster_->bed().Volume(pod) + "/" + name;
}

std::vector<absl::Time> RecreateKubeTest::Times(const std::string& pod,
                                                const std::string& container,
                                                const std::string& event) {
  std::vector<absl::Time> out;
  const std::string diary = bed::ReadFile(DiaryFile(pod, container));
  for (absl::string_view line : absl::StrSplit(diary, '\n')) {
    // "EVENT NANOSECONDS INSTANCE"
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    int64_t nanos = 0;
    if (words.size() < 2 || words[0] != event || !absl::SimpleAtoi(words[1], &nanos)) continue;
    out.push_back(absl::FromUnixNanos(nanos));
  }
  return out;
}

bool RecreateKubeTest::AwaitCount(const std::string& pod, const std::string& container,
                                  const std::string& event, int count) {
  return bed::WaitUntil([&] { return Count(pod, container, event) >= count; }, absl::Minutes(2));
}

std::string RecreateKubeTest::RunningId(const json& pod, const std::string& container) {
  const auto running = cluster_->Running(pod["metadata"]["uid"], container);
  EXPECT_TRUE(running.ok()) << running.status();
  if (!running.ok() || running->size() != 1) return "";
  return absl::StrCat("containerd://", running->front().id());
}

void RecreateKubeTest::ExpectRestarted(const json& before, const std::string& container,
                                       int restarts) {
  const std::string name = NameOf(before);
  SCOPED_TRACE(absl::StrCat(name, "/", container));
  EXPECT_TRUE(AwaitCount(name, container, "start", restarts + 1));
  // The runtime shows the old one's end a moment after it.
  std::string id;
  EXPECT_TRUE(bed::WaitUntil(
      [&] {
        id = RunningId(before, container);
        return !id.empty();
      },
      absl::Seconds(30)));
  EXPECT_EQ(Count(name, container, "start"), restarts + 1);
  EXPECT_EQ(Count(name, container, "term"), restarts);
  EXPECT_TRUE(AwaitPod(name, [&](const json& now) {
    const json status = kube::ContainerStatus(now, container);
    return status.is_object() && status.value("containerID", "") == id &&
           status.value("restartCount", -1) == restarts && status.value("ready", false);
  })) << Now(name).value("status", json()).dump(1);
  const json after = Now(name);
  ASSERT_TRUE(after.is_object());
  EXPECT_EQ(after["metadata"]["uid"], before["metadata"]["uid"]);
  EXPECT_EQ(after["status"]["podIP"], before["status"]["podIP"]);
  EXPECT_EQ(after["spec"]["nodeName"], before["spec"]["nodeName"]);
  EXPECT_EQ(after["status"]["phase"], "Running");
  EXPECT_EQ(Sandboxes(*cluster_, before).size(), 1u);
  if (restarts == 0) {
    EXPECT_EQ(id, kube::ContainerStatus(before, container)["containerID"]);
  } else {
    EXPECT_NE(id, kube::ContainerStatus(before, container)["containerID"]);
  }
}

// --- requests -------------------------------------------------------------------------------

void RecreateKubeTest::Create(const std::string& name, const json& pod,
                              const std::vector<std::string>& containers, const json& spec,
                              const json& annotations) {
  json request = bare_metal::MakeRequest(kSpace, name, NameOf(pod), containers, spec);
  if (!annotations.is_null()) request["metadata"]["annotations"] = annotations;
  names_.insert(name);
  const auto made = cluster_->api().Create(RequestPath(kSpace), request);
  ASSERT_TRUE(made.ok()) << made.status();
  ASSERT_TRUE(Await(name, [](const json& now) { return !now.is_null(); }));
}

json RecreateKubeTest::AwaitEnd(const std::string& name, absl::Duration limit) {
  names_.insert(name);
  if (!AwaitPhase(name, "Completed", limit)) {
    ADD_FAILURE() << name << " did not end: " << requests_->Newest(name).dump(1);
    return {{"status", {{"containerRecreateStates", json::array()}}}};
  }
  json ended = requests_->Newest(name);
  EXPECT_TRUE(ended["status"].contains("completionTime"));
  EXPECT_TRUE(Await(name, [](const json& now) {
    return now.is_null() ||
           (!now["metadata"].value("labels", json::object()).contains(kActiveLabel) &&
            !now["metadata"].contains("finalizers"));
  })) << requests_->Newest(name).dump(1);
  return ended;
}

json RecreateKubeTest::ExpectSuccess(const std::string& name,
                                     const std::vector<std::string>& containers) {
  json ended = AwaitEnd(name);
  EXPECT_EQ(MessageOf(ended), "");
  EXPECT_EQ(ended["status"]["containerRecreateStates"].size(), containers.size());
  for (const std::string& container : containers) {
    EXPECT_EQ(StateOf(ended, container).value("phase", ""), "Succeeded") << ended["status"].dump(1);
    EXPECT_EQ(StateOf(ended, container).value("message", ""), "");
  }
  return ended;
}

void RecreateKubeTest::Delete(const std::string& name) {
  const auto deleted = cluster_->api().Delete(RequestPath(kSpace, name));
  EXPECT_TRUE(deleted.ok()) << deleted.status();
}

std::string RecreateKubeTest::PhaseOf(const json& request) {
  return request.is_null() || !request.contains("status") ? ""
                                                          : request["status"].value("phase", "");
}

json RecreateKubeTest::StateOf(const json& request, const std::string& container) {
  return Named(request, "containerRecreateStates", container);
}

json RecreateKubeTest::SnapshotOf(const json& request, const std::string& container) {
  return Named(request, "containerStatusSnapshot", container);
}

bool RecreateKubeTest::HasFinalizer(const json& request) {
  const json finalizers = request["metadata"].value("finalizers", json::array());
  return std::find(finalizers.begin(), finalizers.end(), kUnreadyFinalizer) != finalizers.end();
}

absl::Time RecreateKubeTest::TimeOf(const json& text) {
  absl::Time out = absl::InfiniteFuture();
  std::string error;
  EXPECT_TRUE(text.is_string() &&
              absl::ParseTime(absl::RFC3339_full, text.get<std::string>(), &out, &error))
      << text << error;
  return out;
}

// --- events ---------------------------------------------------------------------------------

std::vector<json> RecreateKubeTest::Events() {
  const auto list = cluster_->api().Get(bare_metal::EventPath(kSpace));
  EXPECT_TRUE(list.ok()) << list.status();
  return list.ok() ? (*list)["items"].get<std::vector<json>>() : std::vector<json>();
}

bool RecreateKubeTest::HasEvent(const std::string& kind, const std::string& name,
                                const std::string& reason, const std::string& text) {
  const std::vector<json> events = Events();
  return std::any_of(events.begin(), events.end(), [&](const json& event) {
    return event["involvedObject"]["kind"] == kind && event["involvedObject"]["name"] == name &&
           event["reason"] == reason && absl::StrContains(event.value("message", ""), text);
  });
}

}  // namespace rekindle::deploy
