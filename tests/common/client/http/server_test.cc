// The client's parts together, over real sockets and TLS.
#include <map>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/asio_loop.h"
#include "common/base/blocking.h"
#include "common/client/access.h"
#include "common/client/decoders.h"
#include "common/client/informer.h"
#include "tests/fakes/await.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/temp_dir.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::client {
namespace {

constexpr char kPods[] = "/api/v1/pods";

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    const PemPair own = ca_.Issue({.cn = "server"});
    server_ = std::make_unique<FakeApiServer>(
        api_, FakeApiServer::Tls{own.certificate, own.key, ca_.pem()});
    WriteFile(dir_ / "ca.pem", ca_.pem());
    config_.cluster.server = server_->url();
    config_.cluster.authority.path = dir_ / "ca.pem";
  }
  ~ServerTest() override {
    RunOn(loop_, [&] {
      informer_.reset();
      client_.reset();
      access_.reset();
    });
  }

  void Open() {
    RunOn(loop_, [&] {
      CredentialOptions options = {.token_age = absl::Seconds(50),
                                   .tls_poll = absl::Milliseconds(50)};
      auto access = ApiAccess::Open(loop_, blocking_, config_, options);
      ASSERT_TRUE(access.ok()) << access.status();
      access_ = *std::move(access);
      client_ = access_->NewClient({.requests_per_second = 1000, .burst = 1000});
    });
  }
  void Follow() {
    RunOn(loop_, [&] {
      ReflectorOptions options = {.collection = {.resource = PodResource()}, .page_limit = 100};
      options.pauses.initial = absl::Milliseconds(20);
      options.pauses.max = absl::Milliseconds(200);
      informer_ = std::make_unique<Informer<Json>>(*client_, options, TreeDecoder(PodResource()));
      informer_->AddHandler(
          {.added = [this](const ObjectKey& key, const auto&) { ++seen_[key.name]; },
           .deleted = [this](const ObjectKey& key, const auto&, bool) { seen_.erase(key.name); }});
      informer_->Start();
    });
  }
  Json Pod(const std::string& name) {
    return {{"metadata", {{"name", name}, {"namespace", "ns"}}}};
  }
  absl::StatusOr<Json> Get(const std::string& name) {
    return AwaitReply<Json>(loop_, [&](auto done) {
      client_->Get({PodResource(), {"ns", name}, ""}, std::move(done));
    });
  }

  FakeApi api_;
  TestCa ca_;
  TempDir dir_;
  std::unique_ptr<FakeApiServer> server_;
  ClientConfig config_;
  AsioLoop loop_{"test-loop"};
  BlockingPool blocking_{loop_, 1, "blocking"};
  std::unique_ptr<ApiAccess> access_;
  std::unique_ptr<ApiClient> client_;
  std::unique_ptr<Informer<Json>> informer_;
  std::map<std::string, int> seen_;  // the loop's
};

// Everything that can happen to a connection happens, and the cache ends up right, with each object
// told once.
TEST_F(ServerTest, ACacheSurvivesWhatNetworksDo) {
  for (int i = 0; i < 250; ++i) api_.Put(kPods, Pod("first" + std::to_string(i)));
  Open();
  Follow();
  ASSERT_TRUE(AwaitOn(loop_, [&] { return informer_->synced(); }));
  for (int round = 0; round < 30; ++round) {
    api_.Put(kPods, Pod("r" + std::to_string(round)));
    if (round % 2 == 0) api_.Remove(kPods, "ns", "first" + std::to_string(round));
    switch (round % 6) {
      case 0:
        api_.EndWatches();
        break;
      case 1:
        api_.BreakWatches();
        break;
      case 2:
        server_->CutAll();
        break;
      case 3:
        api_.Fail("GET", "pods", true, FakeApi::Plain(429, "busy"));
        api_.EndWatches();
        break;
      case 4:
        api_.SendRaw("{\"type\":\"ADDED\",\"obj");
        api_.BreakWatches();
        break;
      case 5:
        api_.Compact();
        api_.EndWatches();
        break;
    }
    if (round % 3 == 0) {
      const std::string name = "r" + std::to_string(round);
      ASSERT_TRUE(AwaitOn(loop_, [&] { return seen_.contains(name); })) << round;
    }
  }
  api_.Put(kPods, Pod("last"));
  ASSERT_TRUE(AwaitOn(loop_, [&] { return seen_.contains("last"); }));
  RunOn(loop_, [&] {
    EXPECT_EQ(informer_->size(), api_.Count(kPods));
    EXPECT_EQ(seen_.size(), api_.Count(kPods));
    for (const auto& [name, times] : seen_) EXPECT_EQ(times, 1) << name;
  });
}

// Scenario 46 over the wire: the file is read again after a refusal.
TEST_F(ServerTest, ARotatedTokenIsTakenUp) {
  api_.Put(kPods, Pod("a"));
  api_.RequireTokens({"one"});
  WriteFile(dir_ / "token", "one");
  config_.user.token_file = dir_ / "token";
  Open();
  EXPECT_TRUE(Get("a").ok());
  WriteFile(dir_ / "token", "two");
  api_.RequireTokens({"two"});
  const auto got = Get("a");
  EXPECT_TRUE(got.ok()) << got.status();
}

// Scenario 47: a rotated certificate reaches calls and ends the streams of the old one.
TEST_F(ServerTest, ARotatedCertificateIsTakenUp) {
  const PemPair first = ca_.Issue({.cn = "first"});
  const PemPair second = ca_.Issue({.cn = "second"});
  WriteFile(dir_ / "c.pem", first.certificate);
  WriteFile(dir_ / "k.pem", first.key);
  config_.user.certificate.path = dir_ / "c.pem";
  config_.user.key.path = dir_ / "k.pem";
  Open();
  Follow();
  ASSERT_TRUE(AwaitOn(loop_, [&] { return informer_->synced() && api_.watches() == 1; }));
  EXPECT_EQ(api_.requests().back().peer, "first");
  api_.ForgetRequests();
  WriteFile(dir_ / "k.pem", second.key);
  WriteFile(dir_ / "c.pem", second.certificate);
  // The watch comes back as somebody else, without a list.
  ASSERT_TRUE(AwaitOn(loop_, [&] {
    const auto requests = api_.requests();
    return !requests.empty() && requests.back().IsWatch() && requests.back().peer == "second";
  }));
  EXPECT_EQ(api_.CountRequests("GET", "pods", false), 0U);
  EXPECT_TRUE(absl::IsNotFound(Get("a").status()));
  EXPECT_EQ(api_.requests().back().peer, "second");
}

TEST_F(ServerTest, AServerThatStandsStillDoesNotHoldUpTheLoop) {
  Open();
  server_->Freeze(true);
  Slot<absl::Status> ended;
  RunOn(loop_, [&] {
    client_ = access_->NewClient({.timeout = absl::Milliseconds(300)});
    client_->Get({PodResource(), {"ns", "a"}, ""},
                 [&](const absl::StatusOr<Json>& got) { ended.Set(got.status()); });
  });
  EXPECT_TRUE(absl::IsDeadlineExceeded(ended.Get().value_or(absl::OkStatus())));
  server_->Freeze(false);
  // The connection that was silent is not used again.
  RunOn(loop_, [&] { client_ = access_->NewClient({}); });
  EXPECT_TRUE(absl::IsNotFound(Get("a").status()));
}

TEST_F(ServerTest, ConfigurationsThatCannotWorkSaySoBeforeAnyRequest) {
  config_.source = "F, context \"x\"";
  config_.cluster_name = "c";
  config_.cluster.authority.path = dir_ / "absent";
  RunOn(loop_, [&] {
    const auto access = ApiAccess::Open(loop_, blocking_, config_);
    EXPECT_THAT(std::string(access.status().message()),
                ::testing::StartsWith("F, context \"x\": unable to read certificate-authority"));
  });
}

}  // namespace
}  // namespace rekindle::client
