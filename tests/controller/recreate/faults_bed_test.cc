// Requests for recreation on bare metal while daemon and controller, and with it the API server,
// are killed: a real containerd, the real programs. REKINDLE_REQUESTS=1000 is the long form.
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include <nlohmann/json.hpp>

#include "tests/controller/recreate/controller_process.h"
#include "tests/controller/recreate/request_watch.h"
#include "tests/daemon/app/daemon_fixture.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle {
namespace {

using conformance::Http;
using nlohmann::json;

constexpr int kPods = 3;
constexpr char kMain[] = "main";
constexpr absl::Duration kLimit = absl::Minutes(3);

int RequestsOfPod() {
  int count = 0;
  const char* text = std::getenv("REKINDLE_REQUESTS");
  const bool given = text != nullptr && absl::SimpleAtoi(text, &count) && count >= kPods;
  return (given ? count : 24) / kPods;
}

// Of "restarted as attempt 7, after 2 starts that failed, gap 80ms"; none says 0.
int FurtherStarts(absl::string_view message) {
  constexpr absl::string_view kAfter = ", after ";
  const size_t at = message.find(kAfter);
  if (at == absl::string_view::npos) return 0;
  message.remove_prefix(at + kAfter.size());
  int count = 0;
  return absl::SimpleAtoi(message.substr(0, message.find(' ')), &count) ? count : 0;
}

std::string PodName(int pod) { return absl::StrCat("recreated-", pod); }

class RecreateFaultsBedTest : public DaemonTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(bed::SharedBedTest::SetUp());
    ASSERT_TRUE(bed::WriteFile(dir_ / "tokens", "administrator,admin,1,\"system:masters\"\n").ok());
    ::chmod((dir_ / "tokens").c_str(), 0600);
    ASSERT_NO_FATAL_FAILURE(RunDaemon());
    ASSERT_NO_FATAL_FAILURE(RunController("127.0.0.1:0"));
    watch_ = std::make_unique<RequestWatch>(endpoint_, "default");
  }
  void TearDown() override {
    watch_.reset();
    if (HasFailure() && controller_ != nullptr) std::cerr << controller_->LastWords();
    controller_.reset();
    DaemonTest::TearDown();
  }

  void RunDaemon() { StartDaemon({"--node-name", "bed-node"}); }
  void RunController(const std::string& listen) {
    auto started =
        ControllerProcess::Start(REKINDLE_CONTROLLER_PROGRAM,
                                 {"--embedded", "--data-dir", dir_ / "data", "--listen", listen,
                                  "--token-file", dir_ / "tokens", "--local-daemon",
                                  absl::StrCat("unix:", bed_->dir(), "/rekindled/rekindled.sock"),
                                  "--metrics-listen", "off"},
                                 dir_ / absl::StrCat("log", ++logs_));
    ASSERT_TRUE(started.ok()) << started.status();
    controller_ = *std::move(started);
    const auto url = controller_->Said("serving ", kLimit);
    ASSERT_TRUE(url.ok()) << url.status();
    endpoint_ = {.url = *url, .token = "administrator"};
  }
  void KillController() {
    controller_->Signal(SIGKILL);
    ASSERT_TRUE(controller_->WaitExit(kLimit).ok());
    RunController(endpoint_.url.substr(std::string("https://").size()));
  }

  // The API shows the pod ready, with the container that the runtime runs.
  bool Shown(Http& http, const bed::Pod& pod) {
    const auto answer = http.Call({.path = "/api/v1/namespaces/default/pods/" + pod.spec.name});
    if (!answer.ok() || answer->status != 200) return false;
    const auto newest = bed_->Newest(pod, kMain);
    if (!newest.ok()) return false;
    const json& status = answer->tree.at("status");
    const std::string id = status.value(json::json_pointer("/containerStatuses/0/containerID"), "");
    if (id != "containerd://" + newest->id()) return false;
    for (const json& condition : status.at("conditions")) {
      if (condition.at("type") == "Ready") return condition.at("status") == "True";
    }
    return false;
  }

  // One request after the other, each at once when the one before has ended: the API may still show
  // the container before. The first failure in words; empty when all were made and have ended.
  std::string Work(const bed::Pod& pod) {
    Http http(endpoint_);
    if (!bed::WaitUntil([&] { return Shown(http, pod); }, kLimit)) {
      return absl::StrCat(pod.spec.name, " is not shown");
    }
    for (int i = 0; i < RequestsOfPod(); ++i) {
      const std::string name = absl::StrCat(pod.spec.name, ".", i);
      const json request = {
          {"apiVersion", "apps.kruise.io/v1beta1"},
          {"kind", "ContainerRecreateRequest"},
          {"metadata", {{"name", name}}},
          {"spec", {{"podName", pod.spec.name}, {"containers", json::array({{{"name", kMain}}})}}}};
      const bool made = bed::WaitUntil(
          [&] {
            const auto answer = http.Call(
                {.method = "POST",
                 .path =
                     "/apis/apps.kruise.io/v1beta1/namespaces/default/containerrecreaterequests",
                 .headers = {{"Content-Type", "application/json"}},
                 .body = request.dump()});
            return answer.ok() && (answer->status == 201 || answer->status == 409);
          },
          kLimit);
      if (!made) return absl::StrCat(name, " could not be made");
      const bool ended = bed::WaitUntil(
          [&] {
            const auto seen = watch_->seen();
            const auto found = seen.find(name);
            return found != seen.end() && found->second.completed < absl::InfiniteFuture();
          },
          kLimit);
      if (!ended) return absl::StrCat(name, " did not end");
    }
    return "";
  }

  TempDir dir_;
  int logs_ = 0;
  std::unique_ptr<ControllerProcess> controller_;
  conformance::Endpoint endpoint_;
  std::unique_ptr<RequestWatch> watch_;
};

TEST_F(RecreateFaultsBedTest, DaemonAndControllerAreKilledInTurn) {
  std::vector<std::string> errors(kPods);
  std::atomic<int> working{kPods};
  for (int i = 0; i < kPods; ++i) RunPod(PodName(i), {kMain});
  std::vector<std::thread> workers;
  for (int i = 0; i < kPods; ++i) {
    workers.emplace_back([&, i] {
      errors[static_cast<size_t>(i)] = Work(pods_[static_cast<size_t>(i)]);
      --working;
    });
  }
  int kills = 0;
  while (working > 0 && !HasFatalFailure()) {
    // At another moment of a restart each time.
    const int before = watch_->completed();
    bed::WaitUntil([&] { return watch_->completed() > before || working == 0; }, kLimit);
    absl::SleepFor(absl::Milliseconds(kills * 37 % 400));
    if (working == 0) break;
    if (kills++ % 2 == 0) {
      KillDaemon();
      RunDaemon();
    } else {
      KillController();
    }
  }
  for (std::thread& worker : workers) worker.join();
  for (const std::string& error : errors) EXPECT_EQ(error, "");
  RecordProperty("kills", kills);
  EXPECT_GE(kills, 4);
  const auto seen = watch_->seen();
  EXPECT_EQ(seen.size(), static_cast<size_t>(kPods * RequestsOfPod()));
  std::map<std::string, int> again;  // by pod: further starts that requests tell of
  for (const auto& [name, request] : seen) {
    EXPECT_EQ(request.container, "Succeeded")
        << name << ": " << request.container_message << " " << request.message;
    again[name.substr(0, name.find('.'))] += FurtherStarts(request.container_message);
  }
  for (const bed::Pod& pod : pods_) {
    // Each restart is one start. A daemon that is killed takes its call with it, and the runtime
    // may cut a start off before the program wrote its line, or after: what is certain is that no
    // start is hidden.
    const int further = again[pod.spec.name];
    EXPECT_GE(Count(pod, kMain, "start"), 1 + RequestsOfPod()) << pod.spec.name;
    EXPECT_LE(Count(pod, kMain, "start"), 1 + RequestsOfPod() + further) << pod.spec.name;
    EXPECT_EQ(Running(pod, kMain).size(), 1U) << pod.spec.name;
    RecordProperty("told_further_starts_" + pod.spec.name, further);
  }
}

}  // namespace
}  // namespace rekindle
