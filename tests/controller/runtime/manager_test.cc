#include "controller/runtime/manager.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/fakes/fake_api.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/sim_loop.h"

namespace rekindle {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kPods[] = "/api/v1/pods";
constexpr char kLeases[] = "/apis/coordination.k8s.io/v1/leases";
constexpr char kMaps[] = "/api/v1/configmaps";

client::ObjectRef Map(const std::string& name) {
  return {{"", "v1", "configmaps", "ConfigMap"}, {"ns", name}, ""};
}

// Writes down what it is told; ends its work when the test says so.
class RecordedController final : public Controller {
 public:
  RecordedController(std::string name, const ControllerContext& context,
                     std::vector<std::string>& log)
      : name_(std::move(name)), context_(context), log_(log) {}
  ~RecordedController() override { Note("gone"); }

  absl::string_view name() const override { return name_; }
  bool synced() const override { return synced_; }
  void Watch() override { Note("watch"); }
  void Start() override { Note("start"); }
  void Stop(absl::Duration limit, absl::AnyInvocable<void(absl::Status)> stopped) override {
    Note("stop");
    limit_ = limit;
    stopped_ = std::move(stopped);
    if (ends_) context_.loop.Post([this] { Ended(absl::OkStatus()); });
  }
  std::vector<const client::ControlLoop*> loops() const override { return {}; }

  void Ended(const absl::Status& status) {
    Note("stopped");
    std::exchange(stopped_, nullptr)(status);
  }
  // Writes something, and notes what came of it.
  void Write(const std::string& name) {
    const Json map = {{"apiVersion", "v1"},
                      {"kind", "ConfigMap"},
                      {"metadata", {{"name", name}, {"namespace", "ns"}}}};
    // The controller may be gone before the answer.
    context_.client.Create(Map(name), map, {}, [&log = log_](const absl::StatusOr<Json>& done) {
      log.push_back(absl::StrCat("written: ", absl::StatusCodeToString(done.status().code())));
    });
  }
  const ControllerContext& context() const { return context_; }

  bool synced_ = true;
  bool ends_ = true;
  absl::Duration limit_;

 private:
  void Note(const char* what) { log_.push_back(absl::StrCat(name_, " ", what)); }

  const std::string name_;
  const ControllerContext context_;
  std::vector<std::string>& log_;
  absl::AnyInvocable<void(absl::Status)> stopped_;
};

// One process with a network of its own.
struct Process {
  Process(SimLoop& on, FakeApi& api, const std::string& identity) : loop(on), transport(on, api) {
    options.identity = identity;
    options.name_space = "sys";
    options.election = {.lease = {"sys", "lock"}, .times = {}};
    options.random = [] { return 0.5; };
    options.make =
        [this](const ControllerContext& context) -> absl::StatusOr<Manager::Controllers> {
      Manager::Controllers out;
      for (const std::string& name : names) {
        auto made = std::make_unique<RecordedController>(name, context, log);
        controllers.push_back(made.get());
        out.push_back(std::move(made));
      }
      return out;
    };
    options.changed = [this] { phases.push_back(manager->state().phase); };
    options.ended = [this](const absl::Status& status) { ended.push_back(status); };
  }
  void Make() {
    auto made = Manager::Make(loop, transport, credentials, metrics, options);
    ASSERT_TRUE(made.ok()) << made.status();
    manager = *std::move(made);
  }
  ManagerPhase phase() const { return manager->state().phase; }

  SimLoop& loop;
  FakeTransport transport;
  FakeCredentials credentials;
  ControllerMetrics metrics{"1"};
  Manager::Options options;
  std::vector<std::string> names = {"a", "b"};
  std::vector<RecordedController*> controllers;
  std::vector<std::string> log;
  std::vector<ManagerPhase> phases;
  std::vector<absl::Status> ended;
  std::unique_ptr<Manager> manager;
};

class ManagerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    api_.Put(kPods, {{"apiVersion", "v1"},
                     {"kind", "Pod"},
                     {"metadata", {{"name", "p"}, {"namespace", "ns"}}},
                     {"spec", {{"containers", {{{"name", "c"}, {"image", "i"}}}}}},
                     {"status", {{"phase", "Running"}}}});
  }
  // Another process, which leads until the test lets it go.
  void LeadBy(const std::string& holder) {
    api_.Put(
        kLeases,
        {{"apiVersion", "coordination.k8s.io/v1"},
         {"kind", "Lease"},
         {"metadata", {{"name", "lock"}, {"namespace", "sys"}}},
         {"spec",
          {{"holderIdentity", holder}, {"leaseDurationSeconds", 15}, {"leaseTransitions", 3}}}});
  }
  std::string Holder() const {
    const auto lease = api_.Find(kLeases, "sys", "lock");
    return lease ? (*lease)["spec"]["holderIdentity"].get<std::string>() : "";
  }
  bool Await(const std::function<bool()>& done, absl::Duration limit = absl::Minutes(1)) {
    return loop_.AdvanceUntil(done, limit);
  }
  void RunUntil(Process& process, ManagerPhase phase) {
    ASSERT_TRUE(Await([&] { return process.phase() == phase; }))
        << ManagerPhaseName(process.phase());
  }
  // Leads, with nothing noted of how it came to that.
  void StartLeading(Process& process) {
    process.Make();
    process.manager->Start();
    RunUntil(process, ManagerPhase::kRunning);
    loop_.Settle();
    process.log.clear();
    process.phases.clear();
  }

  SimLoop loop_;
  FakeApi api_;
  Process one_{loop_, api_, "one"};
};

TEST_F(ManagerTest, WatchesThenLeadsThenStarts) {
  one_.Make();
  EXPECT_EQ(one_.phase(), ManagerPhase::kIdle);
  one_.controllers[1]->synced_ = false;
  one_.manager->Start();
  loop_.Advance(absl::Seconds(30));
  // One cache of one controller is not filled: nobody competes for the lease.
  EXPECT_THAT(one_.log, ElementsAre("a watch", "b watch"));
  EXPECT_EQ(one_.phase(), ManagerPhase::kSyncing);
  EXPECT_EQ(api_.Count(kLeases), 0U);
  EXPECT_THAT(Readiness(one_.manager->state()).text, HasSubstr("[-] controller b"));
  one_.controllers[1]->synced_ = true;
  RunUntil(one_, ManagerPhase::kRunning);
  loop_.Settle();
  EXPECT_THAT(one_.log, ElementsAre("a watch", "b watch", "a start", "b start"));
  EXPECT_THAT(one_.phases, Contains(ManagerPhase::kStandby));
  EXPECT_EQ(Holder(), "one");
  const ManagerState state = one_.manager->state();
  EXPECT_TRUE(state.leading);
  EXPECT_EQ(state.leader, "one");
  EXPECT_EQ(state.lease, "sys/lock");
  ASSERT_EQ(state.caches.size(), 1U);
  EXPECT_EQ(state.caches[0].objects, 1U);
  EXPECT_TRUE(Readiness(state).ok);
}

// A list that ends is what is waited for, not a timer.
TEST_F(ManagerTest, IsSyncedAsSoonAsTheListIsThere) {
  one_.Make();
  const absl::Duration begun = loop_.Monotonic();
  one_.manager->Start();
  RunUntil(one_, ManagerPhase::kRunning);
  EXPECT_LT(loop_.Monotonic() - begun, absl::Milliseconds(100));
}

TEST_F(ManagerTest, ApiThatIsAwayIsWaitedForAndNamed) {
  one_.transport.refuse = true;
  one_.Make();
  one_.manager->Start();
  loop_.Advance(absl::Minutes(2));
  EXPECT_EQ(one_.phase(), ManagerPhase::kSyncing);
  const HealthAnswer answer = Readiness(one_.manager->state());
  EXPECT_FALSE(answer.ok);
  EXPECT_THAT(answer.text, HasSubstr("connection refused"));
  EXPECT_TRUE(Liveness(one_.manager->state()).ok);
  one_.transport.refuse = false;
  RunUntil(one_, ManagerPhase::kRunning);
}

TEST_F(ManagerTest, StandbyIsReadyAndWritesNothing) {
  LeadBy("other");
  one_.Make();
  one_.manager->Start();
  loop_.Advance(absl::Seconds(10));
  EXPECT_EQ(one_.phase(), ManagerPhase::kStandby);
  EXPECT_TRUE(Readiness(one_.manager->state()).ok);
  EXPECT_THAT(Readiness(one_.manager->state()).text, HasSubstr("held by other"));
  EXPECT_THAT(one_.log, ElementsAre("a watch", "b watch"));
  one_.controllers[0]->Write("early");
  loop_.Advance(absl::Seconds(1));
  EXPECT_THAT(one_.log, Contains("written: FAILED_PRECONDITION"));
  EXPECT_EQ(api_.Count(kMaps), 0U);
  // The other one says nothing any more.
  RunUntil(one_, ManagerPhase::kRunning);
  one_.controllers[0]->Write("now");
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(api_.Count(kMaps), 1U);
}

TEST_F(ManagerTest, WithoutElectionLeadsAtOnce) {
  one_.options.election.reset();
  StartLeading(one_);
  EXPECT_EQ(api_.Count(kLeases), 0U);
  EXPECT_TRUE(one_.manager->state().leading);
  one_.controllers[0]->Write("x");
  loop_.Advance(absl::Hours(24 * 365));
  one_.controllers[0]->Write("y");
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(api_.Count(kMaps), 2U);
  one_.manager->Stop();
  RunUntil(one_, ManagerPhase::kStopped);
  loop_.Settle();
  EXPECT_THAT(one_.ended, ElementsAre(absl::OkStatus()));
}

TEST_F(ManagerTest, ALostLeaseDropsEverythingAndEnds) {
  StartLeading(one_);
  one_.controllers[0]->context().events.Record({.kind = "Pod", .name_space = "ns", .name = "p"},
                                               {.reason = "Before", .message = "m"});
  loop_.Advance(absl::Seconds(1));
  ASSERT_EQ(api_.Count("/api/v1/events"), 1U);
  // Nobody answers any more; the last renewal counts from when it was sent.
  one_.transport.refuse = true;
  one_.controllers[0]->Write("under-way");
  ASSERT_TRUE(Await([&] { return one_.phase() == ManagerPhase::kLost; }, absl::Seconds(12)));
  loop_.Settle();
  EXPECT_THAT(one_.log, Contains("a gone"));
  EXPECT_THAT(one_.log, Contains("b gone"));
  EXPECT_THAT(one_.log, Not(Contains("a stop")));
  ASSERT_EQ(one_.ended.size(), 1U);
  EXPECT_THAT(std::string(one_.ended[0].message()), HasSubstr("not renewed within 10s"));
  EXPECT_FALSE(Liveness(one_.manager->state()).ok);
  // The network comes back: nothing is written, the lease is not competed for, a stop is too late.
  one_.transport.refuse = false;
  api_.ForgetRequests();
  one_.manager->Stop();
  loop_.Advance(absl::Minutes(5));
  EXPECT_THAT(api_.requests(), IsEmpty());
  EXPECT_EQ(api_.Count(kMaps), 0U);
  EXPECT_EQ(one_.phase(), ManagerPhase::kLost);
  EXPECT_EQ(one_.ended.size(), 1U);
}

// What was made before the loss and is still in a queue does not go out after it.
TEST_F(ManagerTest, NothingWaitingIsWrittenAfterTheLoss) {
  one_.options.requests_per_second = 0.1;
  one_.options.burst = 3;  // list, watch, one write
  StartLeading(one_);
  for (int i = 0; i < 5; ++i) one_.controllers[0]->Write(absl::StrCat("m", i));
  loop_.Advance(absl::Seconds(1));
  const size_t before = api_.Count(kMaps);
  EXPECT_LT(before, 5U);
  // Somebody else takes the lease by force, as after a stop of this machine for minutes.
  LeadBy("other");
  ASSERT_TRUE(Await([&] { return one_.phase() == ManagerPhase::kLost; }));
  loop_.Advance(absl::Minutes(10));
  EXPECT_EQ(api_.Count(kMaps), before);
  EXPECT_EQ(Holder(), "other");
}

TEST_F(ManagerTest, StopsInOrder) {
  StartLeading(one_);
  Process two(loop_, api_, "two");
  two.Make();
  two.manager->Start();
  loop_.Advance(absl::Seconds(5));
  ASSERT_EQ(two.phase(), ManagerPhase::kStandby);
  one_.controllers[1]->ends_ = false;
  one_.manager->Stop();
  one_.manager->Stop();
  loop_.Advance(absl::Seconds(3));
  // One of them works on: the lease is kept, and what ends may write.
  EXPECT_THAT(one_.log, ElementsAre("a stop", "b stop", "a stopped"));
  EXPECT_EQ(one_.controllers[1]->limit_, one_.options.stop_controllers);
  EXPECT_EQ(Holder(), "one");
  EXPECT_FALSE(Readiness(one_.manager->state()).ok);
  one_.controllers[1]->Write("last");
  one_.controllers[1]->context().events.Record({.kind = "Pod", .name_space = "ns", .name = "p"},
                                               {.reason = "Last", .message = "m"});
  loop_.Advance(absl::Milliseconds(10));
  one_.controllers[1]->Ended(absl::OkStatus());
  RunUntil(one_, ManagerPhase::kStopped);
  loop_.Settle();
  EXPECT_THAT(one_.ended, ElementsAre(absl::OkStatus()));
  EXPECT_THAT(one_.log, Contains("written: OK"));
  EXPECT_EQ(api_.Count("/api/v1/events"), 1U);
  EXPECT_EQ(Holder(), "");
  // Given back: the other one need not wait for it to expire.
  ASSERT_TRUE(Await([&] { return two.phase() == ManagerPhase::kRunning; }, absl::Seconds(3)));
  EXPECT_THAT(two.log, ElementsAre("a watch", "b watch", "a start", "b start"));
}

TEST_F(ManagerTest, AControllerThatDoesNotEndIsNamedAndLeft) {
  one_.names = {"stuck"};
  StartLeading(one_);
  one_.controllers[0]->ends_ = false;
  one_.manager->Stop();
  ASSERT_TRUE(Await([&] { return one_.phase() == ManagerPhase::kStopped; }, absl::Seconds(30)));
  loop_.Settle();
  ASSERT_EQ(one_.ended.size(), 1U);
  EXPECT_EQ(one_.ended[0].code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(one_.ended[0].message()), HasSubstr("controllers: "));
  EXPECT_EQ(Holder(), "");
}

TEST_F(ManagerTest, ALeaseThatGoesDuringTheEndEndsIt) {
  one_.names = {"slow"};
  one_.options.stop_controllers = absl::Minutes(5);
  StartLeading(one_);
  one_.controllers[0]->ends_ = false;
  one_.manager->Stop();
  one_.transport.refuse = true;
  ASSERT_TRUE(Await([&] { return one_.phase() == ManagerPhase::kLost; }, absl::Seconds(15)));
  loop_.Advance(absl::Minutes(10));
  ASSERT_EQ(one_.ended.size(), 1U);
  EXPECT_EQ(one_.ended[0].code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(one_.log, Contains("slow gone"));
}

TEST_F(ManagerTest, StopsFromEveryPhase) {
  LeadBy("other");
  for (const ManagerPhase phase :
       {ManagerPhase::kIdle, ManagerPhase::kSyncing, ManagerPhase::kStandby}) {
    Process process(loop_, api_, "p");
    process.transport.refuse = phase == ManagerPhase::kSyncing;
    process.Make();
    if (phase != ManagerPhase::kIdle) process.manager->Start();
    RunUntil(process, phase);
    process.manager->Stop();
    RunUntil(process, ManagerPhase::kStopped);
    loop_.Settle();
    EXPECT_THAT(process.ended, ElementsAre(absl::OkStatus())) << ManagerPhaseName(phase);
    EXPECT_THAT(process.log, Not(Contains("a stop"))) << "it was never started";
    EXPECT_EQ(Holder(), "other");
  }
}

TEST_F(ManagerTest, WithoutControllersReadsNoPods) {
  one_.names.clear();
  StartLeading(one_);
  EXPECT_EQ(api_.CountRequests("GET", "pods", false), 0U);
  EXPECT_THAT(one_.manager->state().caches, IsEmpty());
  EXPECT_TRUE(Readiness(one_.manager->state()).ok);
}

TEST_F(ManagerTest, RefusesWhatCannotBe) {
  one_.options.election->times.lease = absl::Seconds(1);
  EXPECT_EQ(Manager::Make(loop_, one_.transport, one_.credentials, one_.metrics, one_.options)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
  one_.options.election->times = {};
  one_.options.make = [](const ControllerContext&) -> absl::StatusOr<Manager::Controllers> {
    return absl::NotFoundError("no such file");
  };
  EXPECT_EQ(Manager::Make(loop_, one_.transport, one_.credentials, one_.metrics, one_.options)
                .status()
                .code(),
            absl::StatusCode::kNotFound);
}

// Calls, runs and the state end up in the metrics.
TEST_F(ManagerTest, IsMeasured) {
  StartLeading(one_);
  one_.controllers[0]->context().observe("a")({.took = absl::Milliseconds(3)});
  one_.metrics.SetState(one_.manager->state());
  const std::string text = one_.metrics.Text();
  EXPECT_THAT(text, HasSubstr("rekindle_controller_leading 1\n"));
  EXPECT_THAT(text, HasSubstr("resource=\"leases\",verb=\"create\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("resource=\"pods\",verb=\"list\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("cache_objects{cache=\"pods\",controller=\"\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("reconcile_duration_seconds_count{controller=\"a\"} 1\n"));
}

}  // namespace
}  // namespace rekindle
