// Requests for recreation while parts of the system are killed, stopped or away: real
// rekindle-controller programs against a real API server, with simulated daemons behind real gRPC.
// REKINDLE_REQUESTS=1000 is the long form.
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/recreate/request_watch.h"
#include "tests/controller/recreate/sim_cluster.h"

namespace rekindle {
namespace {

constexpr absl::Duration kLimit = absl::Minutes(5);
constexpr int kServers = 10;
constexpr absl::Duration kSkew = absl::Minutes(5);

int Requests() {
  int count = 0;
  const char* text = std::getenv("REKINDLE_REQUESTS");
  return text != nullptr && absl::SimpleAtoi(text, &count) && count >= kServers ? count : 120;
}

std::string NameOf(int i) { return absl::StrCat("restart-", i); }

// Makes a request for each pod in turn, at a pace, and again where the server did not answer.
class Requester {
 public:
  Requester(conformance::Endpoint endpoint, int count, absl::Duration whole)
      : thread_([this, endpoint = std::move(endpoint), count, whole] {
          Run(endpoint, count, whole);
        }) {}
  ~Requester() {
    stop_ = true;
    thread_.join();
  }
  int made() const { return made_; }
  std::string error() const { return failed_ ? error_ : ""; }

 private:
  void Run(const conformance::Endpoint& endpoint, int count, absl::Duration whole) {
    const absl::Time begin = absl::Now();
    for (int i = 0; i < count && !stop_; ++i) {
      absl::SleepFor(begin + i * whole / count - absl::Now());  // a pace, not a wait
      while (!stop_ && !Make(endpoint, i)) absl::SleepFor(absl::Milliseconds(50));
      made_ = i + 1;
    }
  }
  bool Make(const conformance::Endpoint& endpoint, int i) {
    conformance::Http http(endpoint);
    const auto answer = http.Call(SimCluster::Creation(NameOf(i), i));
    // 409: it was made, and the answer lost.
    if (answer.ok() && (answer->status == 201 || answer->status == 409)) return true;
    if (answer.ok() && answer->status < 500 && !failed_) {
      error_ = answer->body;
      failed_ = true;
    }
    return false;
  }

  std::string error_;  // written once, before failed_
  std::atomic<bool> failed_{false};
  std::atomic<bool> stop_{false};
  std::atomic<int> made_{0};
  std::thread thread_;
};

class RecreateFaultsTest : public ::testing::Test {
 protected:
  void Begin(absl::Duration clock_ahead, int controllers) {
    auto cluster = SimCluster::Start({.program = REKINDLE_CONTROLLER_PROGRAM,
                                      .nodes = Requests(),
                                      .nodes_per_server = Requests() / kServers,
                                      .longest = absl::Milliseconds(1500),
                                      .clock_ahead = clock_ahead});
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
    controllers_.resize(static_cast<size_t>(controllers));
    ASSERT_NO_FATAL_FAILURE(KeepControllers());
    watch_ = std::make_unique<RequestWatch>(cluster_->endpoint(), SimCluster::kNamespace);
    ASSERT_TRUE(Await([&] { return watch_->open(); }));
  }
  void TearDown() override {
    requester_.reset();
    watch_.reset();
    if (!HasFailure()) return;
    for (const auto& controller : controllers_) {
      if (controller != nullptr) std::cerr << "---- a controller\n" << controller->LastWords();
    }
  }

  // As systemd or a kubelet do: what has ended is started again.
  void KeepControllers() {
    for (auto& controller : controllers_) {
      if (controller != nullptr && controller->Running()) continue;
      auto started = cluster_->StartController(
          {"--leader-elect-lease-duration", "7s", "--leader-elect-renew-deadline", "2s",
           "--leader-elect-retry-period", "200ms", "--kube-api-qps", "1000", "--kube-api-burst",
           "1000"});
      ASSERT_TRUE(started.ok()) << started.status();
      controller = *std::move(started);
    }
  }
  ControllerProcess* Leader() {
    for (const auto& controller : controllers_) {
      if (controller != nullptr && controller->Running() &&
          controller->AwaitLeading(absl::ZeroDuration()).ok()) {
        return controller.get();
      }
    }
    return nullptr;
  }
  ControllerProcess* AwaitLeader() {
    ControllerProcess* leader = nullptr;
    EXPECT_TRUE(Await([&] {
      KeepControllers();
      leader = Leader();
      return leader != nullptr || HasFatalFailure();
    }));
    return leader;
  }

  template <typename Condition>
  bool Await(Condition condition, absl::Duration limit = kLimit) {
    return bed::WaitUntil(condition, limit);
  }
  // Of all that are made, so many; controllers that end meanwhile are started again.
  bool AwaitMade(int part_of_ten) {
    const int wanted = Requests() * part_of_ten / 10;
    return Await([&] {
      KeepControllers();
      return requester_->made() >= wanted || !requester_->error().empty();
    });
  }
  void AwaitAllCompleted() {
    EXPECT_TRUE(Await([&] {
      KeepControllers();
      return watch_->completed() == Requests() || !requester_->error().empty();
    })) << watch_->completed()
        << " of " << Requests() << ", made " << requester_->made();
    EXPECT_EQ(requester_->error(), "");
  }

  // Each container was restarted exactly once, or its request says truthfully that it was not.
  // Returns how many were not.
  int ExpectTruth() {
    int refused = 0;
    const auto seen = watch_->seen();
    const auto containers = cluster_->daemons().containers();
    const auto begun = cluster_->daemons().begun();
    for (int i = 0; i < Requests(); ++i) {
      const auto found = seen.find(NameOf(i));
      if (found == seen.end()) {
        ADD_FAILURE() << NameOf(i) << " was never seen";
        continue;
      }
      const SeenRequest& request = found->second;
      const int starts = containers.at(cluster_->pod_uid(i)).starts;
      const std::string says =
          absl::StrCat(NameOf(i), ": ", request.container, " \"", request.container_message,
                       "\" \"", request.message, "\"");
      if (request.container == "Succeeded") {
        EXPECT_EQ(starts, 1) << says;
      } else {
        ++refused;
        EXPECT_EQ(request.container, "Failed") << says;
        EXPECT_NE(request.container_message, "") << says;
        EXPECT_EQ(starts, 0) << says;
      }
      const auto begins = begun.find(request.uid);
      EXPECT_LE(begins == begun.end() ? 0 : begins->second, 1) << says;
    }
    return refused;
  }

  std::unique_ptr<SimCluster> cluster_;
  std::vector<std::unique_ptr<ControllerProcess>> controllers_;
  std::unique_ptr<RequestWatch> watch_;
  std::unique_ptr<Requester> requester_;
};

// The leader is killed; later it stands still until the other one leads, and wakes up: two are
// alive for a moment. The nodes' clocks are ahead of the API server's.
TEST_F(RecreateFaultsTest, LeadersThatAreKilledOrStandStill) {
  ASSERT_NO_FATAL_FAILURE(Begin(kSkew, 2));
  ASSERT_NE(AwaitLeader(), nullptr);
  requester_ = std::make_unique<Requester>(cluster_->endpoint(), Requests(), absl::Seconds(30));
  ASSERT_TRUE(AwaitMade(2));
  ControllerProcess* leader = AwaitLeader();
  ASSERT_NE(leader, nullptr);
  leader->Signal(SIGKILL);
  ASSERT_TRUE(leader->WaitExit(kLimit).ok());
  ASSERT_TRUE(AwaitMade(5));
  leader = AwaitLeader();
  ASSERT_NE(leader, nullptr);
  leader->Signal(SIGSTOP);
  ASSERT_TRUE(Await([&] {
    return std::any_of(controllers_.begin(), controllers_.end(), [&](const auto& other) {
      return other.get() != leader && other->AwaitLeading(absl::ZeroDuration()).ok();
    });
  }));
  leader->Signal(SIGCONT);
  const auto code = leader->WaitExit(kLimit);
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 1);
  ASSERT_NO_FATAL_FAILURE(AwaitAllCompleted());
  EXPECT_EQ(ExpectTruth(), 0);
}

// The daemons of one group of nodes after the other end and come back; one group is away for so
// long that its requests are given up, and nothing is restarted when it returns. The nodes' clocks
// are behind the API server's.
TEST_F(RecreateFaultsTest, DaemonsThatAreAway) {
  ASSERT_NO_FATAL_FAILURE(Begin(-kSkew, 1));
  SimDaemons& daemons = cluster_->daemons();
  const int group = Requests() / kServers;
  daemons.StopServer(0);  // of the first requests
  requester_ = std::make_unique<Requester>(cluster_->endpoint(), Requests(), absl::Seconds(20));
  for (int server = 1; server < kServers; ++server) {
    // While its requests are being made and carried out.
    ASSERT_TRUE(Await([&] { return requester_->made() >= server * group + group / 2; }));
    daemons.StopServer(static_cast<size_t>(server));
    ASSERT_TRUE(Await([&] { return requester_->made() >= (server + 1) * group; }));
    daemons.StartServer(static_cast<size_t>(server));
  }
  ASSERT_NO_FATAL_FAILURE(AwaitAllCompleted());
  daemons.StartServer(0);
  EXPECT_EQ(ExpectTruth(), group);
  const auto seen = watch_->seen();
  for (int i = 0; i < group; ++i) {
    EXPECT_EQ(seen.at(NameOf(i)).message, "daemon has not responded for a long time");
  }
}

// The API server is killed and started again, twice, and once asked to end. Leaders that cannot
// renew their lease end, and are started again.
TEST_F(RecreateFaultsTest, AnApiServerThatIsKilled) {
  ASSERT_NO_FATAL_FAILURE(Begin(kSkew, 2));
  ASSERT_NE(AwaitLeader(), nullptr);
  requester_ = std::make_unique<Requester>(cluster_->endpoint(), Requests(), absl::Seconds(30));
  int part = 2;
  for (const int signal : {SIGKILL, SIGTERM, SIGKILL}) {
    ASSERT_TRUE(AwaitMade(part));
    part += 3;
    const absl::Status restarted = cluster_->RestartApi(signal);
    ASSERT_TRUE(restarted.ok()) << restarted;
  }
  ASSERT_NO_FATAL_FAILURE(AwaitAllCompleted());
  EXPECT_EQ(ExpectTruth(), 0);
}

}  // namespace
}  // namespace rekindle
