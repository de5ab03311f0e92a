// common/client against a real kube-apiserver: what no fake can promise.
#include <signal.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/asio_loop.h"
#include "common/base/blocking.h"
#include "common/client/access.h"
#include "common/client/config/kubeconfig.h"
#include "common/client/decoders.h"
#include "common/client/events/recorder.h"
#include "common/client/informer.h"
#include "common/client/leader/elector.h"
#include "common/client/retry.h"
#include "common/json/tree.h"
#include "tests/fakes/await.h"
#include "tests/kube/shared_cluster.h"

namespace rekindle::kube {
namespace {

using client::ApiAccess;
using client::ApiClient;
using client::ApiResource;
using client::Informer;
using client::ObjectKey;
using client::ObjectRef;
using ::testing::HasSubstr;

const ApiResource kConfigMaps = {"", "v1", "configmaps", "ConfigMap", true};
constexpr absl::Duration kPatience = absl::Seconds(120);

// What a program that uses the client has: a loop and access as somebody.
struct Program {
  explicit Program(const std::string& kubeconfig) {
    client::ConfigSources sources;
    sources.kubeconfig = kubeconfig;
    const auto config = client::LoadClientConfig(sources);
    EXPECT_TRUE(config.ok()) << config.status();
    if (!config.ok()) return;
    RunOn(loop, [&] {
      auto opened = ApiAccess::Open(loop, blocking, *config);
      EXPECT_TRUE(opened.ok()) << opened.status();
      if (!opened.ok()) return;
      access = *std::move(opened);
      api = access->NewClient({.requests_per_second = 500, .burst = 500});
    });
  }
  ~Program() {
    RunOn(loop, [&] {
      api.reset();
      access.reset();
    });
  }

  absl::StatusOr<Json> Get(const ApiResource& resource, const ObjectKey& key) {
    return AwaitReply<Json>(
        loop,
        [&](auto done) {
          api->Get({resource, key, ""}, std::move(done));
        },
        kPatience);
  }
  absl::StatusOr<Json> Create(const ApiResource& resource, const std::string& name_space,
                              const Json& object) {
    return AwaitReply<Json>(
        loop,
        [&](auto done) {
          api->Create({resource, {name_space, ""}, ""}, object, {}, std::move(done));
        },
        kPatience);
  }

  AsioLoop loop{"client-test"};
  BlockingPool blocking{loop, 1, "blocking"};
  std::unique_ptr<ApiAccess> access;
  std::unique_ptr<ApiClient> api;
};

Json Map(const std::string& name, const std::string& value, const std::string& label = "x") {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}, {"labels", {{"suite", label}}}}},
          {"data", {{"v", value}}}};
}

class KubeClientTest : public SharedClusterTest {
 protected:
  void SetUp() override {
    SharedClusterTest::SetUp();
    if (cluster_ == nullptr) return;
    program_ = std::make_unique<Program>(cluster_->Kubeconfig());
  }

  // Follows the config maps of a label; what has been heard, by name.
  struct Follower {
    Follower(Program& program, const std::string& label, int page_limit = 500) : owner(program) {
      RunOn(owner.loop, [&] {
        client::ReflectorOptions options = {.collection = {.resource = kConfigMaps,
                                                           .name_space = "default",
                                                           .label_selector = "suite=" + label},
                                            .page_limit = page_limit};
        informer =
            std::make_unique<Informer<Json>>(*owner.api, options, client::TreeDecoder(kConfigMaps));
        informer->AddHandler(
            {.added = [this](const ObjectKey& key,
                             const auto& now) { heard[key.name].push_back("+" + Value(*now)); },
             .updated = [this](const ObjectKey& key, const auto&,
                               const auto& now) { heard[key.name].push_back("~" + Value(*now)); },
             .deleted = [this](const ObjectKey& key, const auto&,
                               bool) { heard[key.name].push_back("-"); }});
        informer->Start();
      });
    }
    ~Follower() {
      RunOn(owner.loop, [&] { informer.reset(); });
    }
    static std::string Value(const Json& map) {
      return std::string(json::String(map, {"data", "v"}));
    }
    bool Await(const std::function<bool()>& holds) { return AwaitOn(owner.loop, holds, kPatience); }

    Program& owner;
    std::unique_ptr<Informer<Json>> informer;
    std::map<std::string, std::vector<std::string>> heard;  // the loop's
  };

  std::unique_ptr<Program> program_;
};

TEST_F(KubeClientTest, ObjectsAreWrittenAndReadAndRefusalsAreUnderstood) {
  const auto created = program_->Create(kConfigMaps, "default", Map("crud", "1"));
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_TRUE(
      absl::IsAlreadyExists(program_->Create(kConfigMaps, "default", Map("crud", "1")).status()));
  const ObjectRef ref = {kConfigMaps, {"default", "crud"}, ""};
  Json changed = *created;
  changed["data"]["v"] = "2";
  const auto update = [&](const Json& object) {
    return AwaitReply<Json>(program_->loop, [&](auto done) {
      program_->api->Update(ref, object, {}, std::move(done));
    });
  };
  ASSERT_TRUE(update(changed).ok());
  changed["data"]["v"] = "3";
  const absl::Status stale = update(changed).status();
  EXPECT_TRUE(client::IsLostRace(stale)) << stale;
  const auto patched = AwaitReply<Json>(program_->loop, [&](auto done) {
    program_->api->Patch(ref, client::PatchType::kMerge, {{"data", {{"v", "4"}}}},
                         {.field_manager = "rekindle"}, std::move(done));
  });
  ASSERT_TRUE(patched.ok()) << patched.status();
  // A JSON patch whose test fails is a lost race, too (scenario 24).
  const Json test = Json::array({{{"op", "test"}, {"path", "/data/v"}, {"value", "nope"}}});
  const auto lost = AwaitReply<Json>(program_->loop, [&](auto done) {
    program_->api->Patch(ref, client::PatchType::kJson, test, {}, std::move(done));
  });
  EXPECT_TRUE(client::IsLostRace(lost.status())) << lost.status();
  // Scenario 34.
  const auto foreign = AwaitReply<Json>(program_->loop, [&](auto done) {
    program_->api->Delete(ref, {.uid = "another"}, std::move(done));
  });
  EXPECT_TRUE(absl::IsAborted(foreign.status())) << foreign.status();
  ASSERT_TRUE(AwaitReply<Json>(program_->loop, [&](auto done) {
                program_->api->Delete(ref, {}, std::move(done));
              }).ok());
  const absl::Status missing = program_->Get(kConfigMaps, {"default", "crud"}).status();
  EXPECT_TRUE(absl::IsNotFound(missing));
  EXPECT_EQ(api::FromStatus(missing)->kind, "configmaps");
  // 422 with its causes.
  const auto invalid = program_->Create(kConfigMaps, "default", Map("Bad_Name", "1"));
  ASSERT_TRUE(absl::IsInvalidArgument(invalid.status())) << invalid.status();
  EXPECT_EQ(api::FromStatus(invalid.status())->causes[0].field, "metadata.name");
}

TEST_F(KubeClientTest, IdentitiesAreWhatTheKubeconfigSays) {
  const auto path = cluster_->KubeconfigFor("nobody-special");
  ASSERT_TRUE(path.ok()) << path.status();
  Program stranger(*path);
  const absl::Status refused = stranger.Get(kConfigMaps, {"default", "x"}).status();
  EXPECT_TRUE(absl::IsPermissionDenied(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("nobody-special"));
}

// Scenarios 1 and 7 with a real server's pages.
TEST_F(KubeClientTest, PagesAndChangesArriveInOrder) {
  for (int i = 0; i < 23; ++i) {
    ASSERT_TRUE(
        program_->Create(kConfigMaps, "default", Map(absl::StrCat("page-", i), "0", "pages")).ok());
  }
  Follower follower(*program_, "pages", 5);
  ASSERT_TRUE(follower.Await([&] { return follower.informer->synced(); }));
  RunOn(program_->loop, [&] {
    EXPECT_EQ(follower.informer->size(), 23U);
    EXPECT_EQ(follower.informer->reflector().counters().pages, 5U);
  });
  const ObjectRef ref = {kConfigMaps, {"default", "page-7"}, ""};
  for (const char* value : {"1", "2", "3"}) {
    ASSERT_TRUE(AwaitReply<Json>(program_->loop, [&](auto done) {
                  program_->api->Patch(ref, client::PatchType::kMerge, {{"data", {{"v", value}}}},
                                       {}, std::move(done));
                }).ok());
  }
  // Out of the selector (scenario 11).
  ASSERT_TRUE(AwaitReply<Json>(program_->loop, [&](auto done) {
                program_->api->Patch(ref, client::PatchType::kMerge,
                                     {{"metadata", {{"labels", {{"suite", "elsewhere"}}}}}}, {},
                                     std::move(done));
              }).ok());
  const std::vector<std::string> want = {"+0", "~1", "~2", "~3", "-"};
  ASSERT_TRUE(follower.Await([&] { return follower.heard["page-7"].size() >= want.size(); }));
  RunOn(program_->loop, [&] { EXPECT_EQ(follower.heard["page-7"], want); });
}

// The API server is killed and started again while objects come, change and go. In the end the
// cache is what the server has, and no change was told twice.
TEST_F(KubeClientTest, ARestartOfTheApiServerLosesNothing) {
  Follower follower(*program_, "restart");
  ASSERT_TRUE(follower.Await([&] { return follower.informer->synced(); }));
  std::set<std::string> there;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 10; ++i) {
      const std::string name = absl::StrCat("restart-", round, "-", i);
      ASSERT_TRUE(program_->Create(kConfigMaps, "default", Map(name, "0", "restart")).ok());
      there.insert(name);
    }
    ASSERT_TRUE(cluster_->Stop(Component::kApiServer, round == 1 ? SIGTERM : SIGKILL).ok());
    ASSERT_TRUE(cluster_->Start(Component::kApiServer).ok());
    const std::string gone = absl::StrCat("restart-", round, "-0");
    const auto deleted = AwaitReply<Json>(
        program_->loop,
        [&](auto done) {
          program_->api->Delete({kConfigMaps, {"default", gone}, ""}, {}, std::move(done));
        },
        kPatience);
    ASSERT_TRUE(deleted.ok()) << deleted.status();
    there.erase(gone);
  }
  ASSERT_TRUE(program_->Create(kConfigMaps, "default", Map("restart-last", "0", "restart")).ok());
  there.insert("restart-last");
  ASSERT_TRUE(follower.Await([&] {
    return follower.heard.contains("restart-last") && follower.informer->size() == there.size();
  }));
  RunOn(program_->loop, [&] {
    for (const auto& [name, told] : follower.heard) {
      std::vector<std::string> want = {"+0"};
      if (!there.contains(name)) want.push_back("-");
      EXPECT_EQ(told, want) << name;
    }
    EXPECT_EQ(follower.heard.size(), there.size() + 3);
  });
}

// Two programs compete; the leader's API server connection is not what decides, its lease is.
TEST_F(KubeClientTest, OfTwoProgramsOneLeads) {
  struct Candidate {
    Candidate(const std::string& kubeconfig, const std::string& name) : program(kubeconfig) {
      RunOn(program.loop, [&] {
        lease = program.access->NewClient({.timeout = absl::Seconds(2)});
        gate = std::make_shared<client::WriteGate>();
        work = program.access->NewClient({.gate = gate});
        client::LeaderElector::Options options = {.lease = {"default", "client-test"},
                                                  .identity = name,
                                                  .times = {.lease = absl::Seconds(6),
                                                            .renew_deadline = absl::Seconds(4),
                                                            .retry = absl::Seconds(1)},
                                                  .started = [this](int64_t at) { term = at; }};
        auto made = client::LeaderElector::Make(*lease, gate, options, client::SystemRandom());
        ASSERT_TRUE(made.ok()) << made.status();
        elector = *std::move(made);
        elector->Start();
      });
    }
    ~Candidate() {
      RunOn(program.loop, [&] {
        elector.reset();
        work.reset();
        lease.reset();
      });
    }
    bool Leading() {
      bool out = false;
      RunOn(program.loop, [&] { out = elector->leading(); });
      return out;
    }
    absl::Status Write(const std::string& name) {
      return AwaitReply<Json>(program.loop,
                              [&](auto done) {
                                work->Create({kConfigMaps, {"default", ""}, ""}, Map(name, "0"), {},
                                             std::move(done));
                              })
          .status();
    }

    Program program;
    std::unique_ptr<ApiClient> lease;
    std::shared_ptr<client::WriteGate> gate;
    std::unique_ptr<ApiClient> work;
    std::unique_ptr<client::LeaderElector> elector;
    int64_t term = -1;  // the loop's
  };
  Candidate a(cluster_->Kubeconfig(), "a");
  ASSERT_TRUE(AwaitOn(
      a.program.loop, [&] { return a.elector->leading(); }, kPatience));
  Candidate b(cluster_->Kubeconfig(), "b");
  ASSERT_TRUE(AwaitOn(
      b.program.loop, [&] { return b.elector->leader() == "a"; }, kPatience));
  EXPECT_FALSE(b.Leading());
  EXPECT_TRUE(a.Write("led-by-a").ok());
  EXPECT_EQ(b.Write("led-by-b").code(), absl::StatusCode::kFailedPrecondition);
  // Handed over: at once, with a greater term.
  const absl::Status released =
      AwaitDone(a.program.loop, [&](auto done) { a.elector->Release(std::move(done)); });
  EXPECT_TRUE(released.ok()) << released;
  ASSERT_TRUE(AwaitOn(
      b.program.loop, [&] { return b.elector->leading() && b.term >= 0; }, kPatience));
  EXPECT_EQ(a.Write("too-late").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(b.Write("led-by-b").ok());
  int64_t first = 0;
  int64_t second = 0;
  RunOn(a.program.loop, [&] { first = a.term; });
  RunOn(b.program.loop, [&] { second = b.term; });
  EXPECT_GT(second, first);
  // Scenario 52: with the server away nobody writes once the deadline has passed.
  ASSERT_TRUE(cluster_->Stop(Component::kApiServer, SIGKILL).ok());
  ASSERT_TRUE(AwaitOn(
      b.program.loop, [&] { return !b.elector->leading(); }, kPatience));
  EXPECT_EQ(b.Write("without-lease").code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(cluster_->Start(Component::kApiServer).ok());
}

TEST_F(KubeClientTest, EventsAreAccepted) {
  const auto map = program_->Create(kConfigMaps, "default", Map("evented", "0"));
  ASSERT_TRUE(map.ok()) << map.status();
  const std::string uid(json::String(*map, {"metadata", "uid"}));
  std::unique_ptr<client::EventRecorder> recorder;
  RunOn(program_->loop, [&] {
    recorder = std::make_unique<client::EventRecorder>(
        *program_->api,
        client::EventRecorder::Options{.component = "rekindle-test", .instance = "one"},
        client::SystemRandom());
    for (int i = 0; i < 3; ++i) {
      recorder->Record({.api_version = "v1",
                        .kind = "ConfigMap",
                        .name_space = "default",
                        .name = "evented",
                        .uid = uid},
                       {.warning = true, .reason = "Tested", .message = "the same again"});
    }
  });
  const absl::Status flushed = AwaitDone(
      program_->loop, [&](auto done) { recorder->Flush(absl::Seconds(20), std::move(done)); });
  EXPECT_TRUE(flushed.ok()) << flushed;
  RunOn(program_->loop, [&] {
    EXPECT_EQ(recorder->counters().rejected, 0U);
    EXPECT_GE(recorder->counters().written, 1U);
    recorder.reset();
  });
  const auto described = cluster_->Kubectl({"describe", "configmap", "evented"});
  ASSERT_TRUE(described.ok()) << described.status();
  EXPECT_THAT(*described, HasSubstr("the same again"));
  EXPECT_THAT(*described, HasSubstr("x3"));
}

}  // namespace
}  // namespace rekindle::kube
