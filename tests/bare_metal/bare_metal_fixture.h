#ifndef REKINDLE_TESTS_BARE_METAL_BARE_METAL_FIXTURE_H_
#define REKINDLE_TESTS_BARE_METAL_BARE_METAL_FIXTURE_H_

#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include <gmock/gmock.h>

#include "tests/bare_metal/api.h"
#include "tests/bare_metal/controller.h"
#include "tests/daemon/app/daemon_fixture.h"

namespace rekindle::bare_metal {

// Restarts by request on a machine without Kubernetes: a real containerd, rekindled and
// rekindle-controller --embedded, and a client of its REST API. All tests share the three; each has
// a namespace of its own. A test that kills one of them starts it again.
class BareMetalTest : public DaemonTest {
 protected:
  static void SetUpTestSuite() {
    DaemonTest::SetUpTestSuite();
    if (bed_ == nullptr) return;
    StartController();
  }
  static void TearDownTestSuite() {
    controller_.reset();
    kept_daemon_.reset();
    DaemonTest::TearDownTestSuite();
  }

  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(bed::SharedBedTest::SetUp());
    daemon_ = std::move(kept_daemon_);
    if (daemon_ == nullptr || !daemon_->Running()) StartNode();
    if (controller_ == nullptr || !controller_->Running()) StartController();
    ASSERT_NE(daemon_, nullptr);
    ASSERT_NE(controller_, nullptr);
    ns_ = absl::StrCat("case-", ++cases_);
    Connect();
  }

  void TearDown() override {
    if (HasFailure() && controller_ != nullptr) {
      const std::string log = controller_->Log();
      std::cerr << "---- end of the controller's log\n"
                << log.substr(log.size() > 4000 ? log.size() - 4000 : 0)
                << "\n---- requests, as the watch showed them\n";
      for (const ObjectWatch::Version& version : requests_->versions()) {
        std::cerr << version.name << " "
                  << (version.object.is_null() ? "deleted"
                                               : version.object.value("status", Json()).dump())
                  << "\n";
      }
      std::cerr << "---- events\n";
      for (const Json& event : Events()) {
        std::cerr << event.value("reason", "") << ": " << event.value("message", "") << "\n";
      }
    }
    if (!HasFailure()) kept_daemon_ = std::move(daemon_);
    requests_.reset();
    api_.reset();
    DaemonTest::TearDown();
  }

  static void StartController() {
    controller_.reset();
    auto started =
        ControllerProcess::Start({.program = REKINDLE_CONTROLLER_PROGRAM,
                                  .dir = bed_->dir() + "/controller",
                                  .daemon = bed_->dir() + "/rekindled/rekindled.sock",
                                  // A test asks for much in a short time.
                                  .flags = {"--kube-api-qps", "1000", "--kube-api-burst", "1000"}});
    ASSERT_TRUE(started.ok()) << started.status();
    controller_ = *std::move(started);
  }
  void StartNode() { StartDaemon({"--node-name", "node-a"}); }
  // kill -9 of the controller, and the next one on its data.
  void KillController() { controller_.reset(); }
  void ReturnController() {
    StartController();
    ASSERT_NE(controller_, nullptr);
    api_ = std::make_unique<Api>(controller_->endpoint());
    requests_->Move(controller_->endpoint());
  }
  void Connect() {
    api_ = std::make_unique<Api>(controller_->endpoint());
    requests_ = std::make_unique<ObjectWatch>(controller_->endpoint(), RequestPath(ns_));
    ASSERT_TRUE(requests_->Open());
  }

  // --- pods ---------------------------------------------------------------------------------

  // A pod of containers that keep a diary, once the API shows all of them running.
  bed::Pod& RunShown(const std::string& name, const std::vector<std::string>& containers,
                     const std::function<void(bed::PodSpec&)>& change = nullptr) {
    bed::Pod& pod = RunHidden(name, containers, change);
    EXPECT_TRUE(AwaitPod(name, [&](const Json& shown) {
      return !shown.is_null() &&
             shown["metadata"]["annotations"]["rekindle.io/runtime-uid"] == Uid(pod) &&
             ConditionOf(shown, "Ready").value("status", "") == "True";
    })) << GetPod(name).dump(1);
    return pod;
  }
  // The same without a look at the API.
  bed::Pod& RunHidden(const std::string& name, const std::vector<std::string>& containers,
                      const std::function<void(bed::PodSpec&)>& change = nullptr) {
    return RunPod(name, containers, [&](bed::PodSpec& spec) {
      spec.ns = ns_;
      spec.grace_seconds = 10;
      if (change) change(spec);
    });
  }
  static std::string Uid(const bed::Pod& pod) { return pod.config.metadata().uid(); }
  static std::string FullId(const std::string& id) { return "containerd://" + id; }

  // Null: there is none.
  Json GetPod(const std::string& name) { return api_->Get(PodPath(ns_, name)).value_or(Json()); }
  bool AwaitPod(const std::string& name, const std::function<bool(const Json&)>& holds,
                absl::Duration limit = absl::Seconds(60)) {
    return bed::WaitUntil([&] { return holds(GetPod(name)); }, limit);
  }
  static Json ConditionOf(const Json& object, const std::string& type) {
    if (!object.contains("status")) return Json::object();
    for (const Json& one : object["status"].value("conditions", Json::array())) {
      if (one["type"] == type) return one;
    }
    return Json::object();
  }
  // Of a container; null: the pod says nothing of it.
  static Json StatusOf(const Json& pod, const std::string& container) {
    if (!pod.contains("status")) return Json();
    for (const Json& one : pod["status"].value("containerStatuses", Json::array())) {
      if (one["name"] == container) return one;
    }
    return Json();
  }

  // --- what really ran ----------------------------------------------------------------------

  // When the container noted `event`, in the order of its diary.
  static std::vector<absl::Time> Times(const bed::Pod& pod, const std::string& container,
                                       const std::string& event) {
    std::vector<absl::Time> out;
    for (absl::string_view line :
         absl::StrSplit(bed::ReadFile(bed_->Volume(pod.spec.name) + "/" + container), '\n')) {
      const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
      int64_t nanos = 0;
      if (words.size() < 2 || words[0] != event || !absl::SimpleAtoi(words[1], &nanos)) continue;
      out.push_back(absl::FromUnixNanos(nanos));
    }
    return out;
  }
  static bool AwaitCount(const bed::Pod& pod, const std::string& container,
                         const std::string& event, int count) {
    return bed::WaitUntil([&] { return Count(pod, container, event) >= count; }, absl::Seconds(60));
  }
  // It was started so many times in all, told to stop once less often, and runs once.
  static void ExpectStarts(const bed::Pod& pod, const std::string& container, int starts) {
    EXPECT_TRUE(AwaitCount(pod, container, "start", starts)) << container;
    EXPECT_EQ(Count(pod, container, "start"), starts) << container;
    EXPECT_EQ(Count(pod, container, "term"), starts - 1) << container;
    // The replacement is started at the old one's exit, which the runtime shows a moment later.
    EXPECT_TRUE(
        bed::WaitUntil([&] { return Running(pod, container).size() == 1; }, absl::Seconds(30)))
        << container;
  }
  static void ExpectUntouched(const bed::Pod& pod, const std::string& container) {
    ExpectStarts(pod, container, 1);
    EXPECT_EQ(Running(pod, container), std::vector<std::string>{pod.containers.at(container).id});
  }

  // --- requests -----------------------------------------------------------------------------

  void Create(const std::string& name, const bed::Pod& pod,
              const std::vector<std::string>& containers, const Json& spec = Json::object(),
              const Json& annotations = Json()) {
    Json request = MakeRequest(ns_, name, pod.spec.name, containers, spec);
    if (!annotations.is_null()) request["metadata"]["annotations"] = annotations;
    const auto made = api_->Create(RequestPath(ns_), request);
    ASSERT_TRUE(made.ok()) << made.status();
    ASSERT_TRUE(Await(name, [](const Json& now) { return !now.is_null(); }));
  }
  bool Await(const std::string& name, const std::function<bool(const Json&)>& holds,
             absl::Duration limit = absl::Seconds(60)) {
    return requests_->Await(name, holds, limit);
  }
  bool AwaitPhase(const std::string& name, const std::string& phase,
                  absl::Duration limit = absl::Seconds(60)) {
    return Await(
        name, [&](const Json& now) { return PhaseOf(now) == phase; }, limit);
  }
  // The request at its end; it has a time of completion and soon no active label.
  Json AwaitEnd(const std::string& name, absl::Duration limit = absl::Seconds(60)) {
    if (!AwaitPhase(name, "Completed", limit)) {
      ADD_FAILURE() << name << " did not end: " << requests_->Newest(name).dump(1);
      return {{"status", {{"containerRecreateStates", Json::array()}}}};
    }
    Json ended = requests_->Newest(name);
    EXPECT_TRUE(ended["status"].contains("completionTime"));
    EXPECT_TRUE(Await(name, [](const Json& now) {
      return now.is_null() || (!now["metadata"]
                                    .value("labels", Json::object())
                                    .contains("crr.apps.kruise.io/active") &&
                               !now["metadata"].contains("finalizers"));
    })) << requests_->Newest(name).dump(1);
    return ended;
  }
  // Ends with an empty message and all of `containers` Succeeded.
  Json ExpectSuccess(const std::string& name, const std::vector<std::string>& containers) {
    Json ended = AwaitEnd(name);
    EXPECT_EQ(MessageOf(ended), "");
    EXPECT_EQ(ended["status"]["containerRecreateStates"].size(), containers.size());
    for (const std::string& container : containers) {
      EXPECT_EQ(StateOf(ended, container).value("phase", ""), "Succeeded")
          << ended["status"].dump(1);
      EXPECT_EQ(StateOf(ended, container).value("message", ""), "");
    }
    return ended;
  }

  static std::string PhaseOf(const Json& request) {
    return request.is_null() || !request.contains("status") ? ""
                                                            : request["status"].value("phase", "");
  }
  static std::string MessageOf(const Json& request) {
    return request["status"].value("message", "");
  }
  static Json StateOf(const Json& request, const std::string& container) {
    return Named(request, "containerRecreateStates", container);
  }
  static Json SnapshotOf(const Json& request, const std::string& container) {
    return Named(request, "containerStatusSnapshot", container);
  }

  // When the drain began, cut to seconds.
  static absl::Time DrainSince(const Json& request) {
    absl::Time out = absl::InfiniteFuture();
    std::string error;
    EXPECT_TRUE(absl::ParseTime(
        absl::RFC3339_full,
        ConditionOf(request, "PreRecreateGrace").value("lastTransitionTime", ""), &out, &error))
        << error;
    return out;
  }

  // --- events -------------------------------------------------------------------------------

  std::vector<Json> Events() {
    const auto list = api_->Get(EventPath(ns_));
    return list.ok() ? (*list)["items"].get<std::vector<Json>>() : std::vector<Json>();
  }
  // An event of an object with that text in its message.
  bool HasEvent(const std::string& kind, const std::string& name, const std::string& reason,
                const std::string& text = "") {
    const std::vector<Json> events = Events();
    return std::any_of(events.begin(), events.end(), [&](const Json& event) {
      return event["involvedObject"]["kind"] == kind && event["involvedObject"]["name"] == name &&
             event["reason"] == reason && absl::StrContains(event.value("message", ""), text);
    });
  }
  bool AwaitEvent(const std::string& kind, const std::string& name, const std::string& reason,
                  const std::string& text = "") {
    return bed::WaitUntil([&] { return HasEvent(kind, name, reason, text); }, absl::Seconds(30));
  }
  bool AwaitRequestEvent(const std::string& name, const std::string& reason,
                         const std::string& text = "") {
    return AwaitEvent("ContainerRecreateRequest", name, reason, text);
  }

  std::string ns_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<ObjectWatch> requests_;

  static inline std::unique_ptr<ControllerProcess> controller_;

 private:
  static Json Named(const Json& request, const char* list, const std::string& name) {
    for (const Json& one : request["status"].value(list, Json::array())) {
      if (one["name"] == name) return one;
    }
    return Json::object();
  }

  static inline std::unique_ptr<measure::Daemon> kept_daemon_;
  static inline int cases_ = 0;
};

// Strategies, for Create.
inline Json Strategy(Json members) { return {{"strategy", std::move(members)}}; }

}  // namespace rekindle::bare_metal

#endif  // REKINDLE_TESTS_BARE_METAL_BARE_METAL_FIXTURE_H_
