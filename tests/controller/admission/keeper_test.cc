#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include <gmock/gmock.h>

#include "controller/admission/certificate_keeper.h"
#include "tests/controller/admission/clusters.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/sim_loop.h"

namespace rekindle::admission {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(KeeperStatesTest, NothingIsADeadEnd) {
  std::set<KeeperState> reached = {KeeperState::kIdle};
  for (size_t round = 0; round < std::size(kKeeperTransitions); ++round) {
    for (const KeeperTransition& row : kKeeperTransitions) {
      if (reached.count(row.from) != 0) reached.insert(row.to);
    }
  }
  EXPECT_THAT(reached, SizeIs(6));  // all but kStopped
  for (const KeeperState state : reached) {
    EXPECT_TRUE(std::any_of(std::begin(kKeeperTransitions), std::end(kKeeperTransitions),
                            [&](const KeeperTransition& row) { return row.from == state; }));
    EXPECT_EQ(NextState(state, KeeperEvent::kStop), KeeperState::kStopped);
  }
  // One row for each pair.
  for (const KeeperTransition& a : kKeeperTransitions) {
    EXPECT_EQ(std::count_if(std::begin(kKeeperTransitions), std::end(kKeeperTransitions),
                            [&](const KeeperTransition& b) {
                              return a.from == b.from && a.event == b.event;
                            }),
              1);
  }
  EXPECT_EQ(NextState(KeeperState::kResting, KeeperEvent::kWritten), std::nullopt);
}

// One replica.
struct Replica {
  Replica(SimLoop& loop, FakeApi& api, const CertPolicy& policy = {})
      : transport(loop, api), client(loop, transport, credentials, {}) {
    keeper = std::make_unique<CertificateKeeper>(
        client,
        CertificateKeeper::Options{
            .registration = kRegistration,
            .policy = policy,
            .serve = [this](const apiserver::KeyPair& pair) { shown.push_back(pair); },
            .note = [this](const std::string& text) { notes.push_back(text); },
            .changed = [this](const absl::Status& status) { statuses.push_back(status); }},
        [] { return 0.5; });
  }
  bool Settled() const { return keeper->state() == KeeperState::kResting && keeper->status().ok(); }

  FakeTransport transport;
  FakeCredentials credentials;
  client::ApiClient client;
  std::vector<apiserver::KeyPair> shown;
  std::vector<std::string> notes;
  std::vector<absl::Status> statuses;
  std::unique_ptr<CertificateKeeper> keeper;
};

class KeeperTest : public ::testing::Test {
 protected:
  KeeperTest() { InstallManifests(api_); }

  bool AwaitAll(std::vector<Replica*> replicas, absl::Duration limit = absl::Minutes(5)) {
    return loop_.AdvanceUntil(
        [&] {
          return std::all_of(replicas.begin(), replicas.end(),
                             [](const Replica* one) { return one->Settled(); });
        },
        limit);
  }
  std::optional<Json> Secret() const {
    return api_.Find(kSecrets, "rekindle-system", "rekindle-webhook-tls");
  }
  Material Stored() const {
    auto read = FromSecret(Secret().value_or(Json::object()));
    EXPECT_TRUE(read.ok()) << read.status();
    return read.value_or(Material());
  }
  // Every certificate that any of them shows is trusted by all who call.
  bool AllTrusted(const std::vector<Replica*>& replicas) const {
    for (const std::string& bundle : TrustedBundles(api_)) {
      for (const Replica* one : replicas) {
        if (one->shown.empty()) return false;
        bool signed_by_one = false;
        size_t at = 0;
        const std::string end = "-----END CERTIFICATE-----\n";
        while (at < bundle.size()) {
          const size_t next = bundle.find(end, at);
          if (next == std::string::npos) break;
          signed_by_one |= apiserver::SignedBy(one->shown.back().certificate,
                                               bundle.substr(at, next + end.size() - at));
          at = next + end.size();
        }
        if (!signed_by_one) return false;
      }
    }
    return true;
  }

  SimLoop loop_;
  FakeApi api_;
};

TEST_F(KeeperTest, MakesAllThatIsMissing) {
  Replica one(loop_, api_);
  EXPECT_EQ(one.keeper->status().code(), absl::StatusCode::kUnavailable);
  one.keeper->Start();
  ASSERT_TRUE(AwaitAll({&one}));
  EXPECT_THAT(one.shown, SizeIs(1));
  EXPECT_EQ(Secret()->value("type", ""), "kubernetes.io/tls");
  EXPECT_EQ(Stored().serving.certificate, one.shown[0].certificate);
  EXPECT_THAT(TrustedBundles(api_), ElementsAre(Bundle(Stored())));
  EXPECT_TRUE(AllTrusted({&one}));
  EXPECT_THAT(one.statuses, SizeIs(1));
  // Once all is well it only looks.
  api_.ForgetRequests();
  loop_.Advance(absl::Minutes(10));
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    EXPECT_EQ(api_.CountRequests(method, "", false), 0U) << method;
  }
  EXPECT_GE(api_.CountRequests("GET", "/secrets/rekindle-webhook-tls", false), 10U);
  EXPECT_THAT(one.shown, SizeIs(1));
}

TEST_F(KeeperTest, AsksForNothingButItsOwn) {
  Replica one(loop_, api_);
  one.keeper->Start();
  ASSERT_TRUE(AwaitAll({&one}));
  loop_.Advance(absl::Minutes(2));
  const std::set<std::string> allowed = {
      "GET /api/v1/namespaces/rekindle-system/secrets/rekindle-webhook-tls",
      "POST /api/v1/namespaces/rekindle-system/secrets",
      "GET " + kMutating + "/rekindle",
      "PATCH " + kMutating + "/rekindle",
      "GET " + kValidating + "/rekindle",
      "PATCH " + kValidating + "/rekindle",
      "GET " + kDefinitions + "/clonesets.apps.kruise.io",
      "PATCH " + kDefinitions + "/clonesets.apps.kruise.io",
      "GET " + kDefinitions + "/statefulsets.apps.kruise.io",
      "PATCH " + kDefinitions + "/statefulsets.apps.kruise.io",
      "GET " + kDefinitions + "/containerrecreaterequests.apps.kruise.io",
      "PATCH " + kDefinitions + "/containerrecreaterequests.apps.kruise.io"};
  std::set<std::string> asked;
  for (const FakeApi::Request& request : api_.requests()) {
    asked.insert(request.method + " " + request.path);
  }
  EXPECT_EQ(asked, allowed);
}

TEST_F(KeeperTest, TwoAtOnceAgree) {
  Replica one(loop_, api_);
  Replica two(loop_, api_);
  one.keeper->Start();
  two.keeper->Start();
  ASSERT_TRUE(AwaitAll({&one, &two}));
  EXPECT_EQ(one.shown.back().certificate, two.shown.back().certificate);
  EXPECT_EQ(one.shown.size() + two.shown.size(), 2U);  // nobody showed what did not count
  EXPECT_THAT(TrustedBundles(api_), ElementsAre(Bundle(Stored())));
  EXPECT_EQ(api_.CountRequests("POST", "/secrets", false), 2U);
}

TEST_F(KeeperTest, ASecretThatIsDeletedComesBackAsItWas) {
  Replica one(loop_, api_);
  Replica two(loop_, api_);
  one.keeper->Start();
  two.keeper->Start();
  ASSERT_TRUE(AwaitAll({&one, &two}));
  const Json data = (*Secret())["data"];
  api_.Remove(kSecrets, "rekindle-system", "rekindle-webhook-tls");
  ASSERT_TRUE(loop_.AdvanceUntil([&] { return Secret().has_value(); }, absl::Minutes(2)));
  EXPECT_EQ((*Secret())["data"], data);
  loop_.Advance(absl::Minutes(2));
  EXPECT_THAT(one.shown, SizeIs(1));
  EXPECT_THAT(one.notes.empty() ? two.notes : one.notes, Not(IsEmpty()));
}

TEST_F(KeeperTest, ASecretThatIsSpoiltIsMended) {
  Replica one(loop_, api_);
  one.keeper->Start();
  ASSERT_TRUE(AwaitAll({&one}));
  const Json data = (*Secret())["data"];
  Json spoilt = *Secret();
  spoilt["data"]["tls.key"] = "bm8=";
  spoilt["metadata"]["labels"]["mine"] = "stays";
  api_.Put(kSecrets, spoilt);
  ASSERT_TRUE(loop_.AdvanceUntil([&] { return (*Secret())["data"] == data; }, absl::Minutes(2)));
  EXPECT_EQ((*Secret())["metadata"]["labels"]["mine"], "stays");
  EXPECT_THAT(one.notes.back(), HasSubstr("data[tls.crt] and data[tls.key]"));
}

TEST_F(KeeperTest, AnEmptySecretOfTheUsersIsFilled) {
  api_.Put(kSecrets,
           {{"metadata", {{"name", "rekindle-webhook-tls"}, {"namespace", "rekindle-system"}}}});
  Replica one(loop_, api_);
  one.keeper->Start();
  ASSERT_TRUE(AwaitAll({&one}));
  EXPECT_TRUE(AllTrusted({&one}));
}

TEST_F(KeeperTest, ABundleThatIsRemovedComesBack) {
  Replica one(loop_, api_);
  one.keeper->Start();
  ASSERT_TRUE(AwaitAll({&one}));
  api_.Put(kMutating, WebhookConfiguration(Phase::kMutate));
  api_.Put(kDefinitions, Definition("clonesets"));
  EXPECT_THAT(TrustedBundles(api_), SizeIs(2));
  ASSERT_TRUE(
      loop_.AdvanceUntil([&] { return TrustedBundles(api_).size() == 1; }, absl::Minutes(2)));
  EXPECT_THAT(TrustedBundles(api_), ElementsAre(Bundle(Stored())));
}

TEST_F(KeeperTest, WhatIsNotInstalledIsSaidAndComesLater) {
  api_.Remove(kMutating, "", "rekindle");
  Json foreign = Definition("clonesets");
  foreign["spec"]["conversion"] = {{"strategy", "None"}};
  api_.Put(kDefinitions, foreign);
  Replica one(loop_, api_);
  one.keeper->Start();
  ASSERT_TRUE(loop_.AdvanceUntil([&] { return one.keeper->state() == KeeperState::kResting; },
                                 absl::Minutes(1)));
  EXPECT_EQ(one.keeper->status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(one.keeper->status().message()),
              AllOf(HasSubstr("MutatingWebhookConfiguration rekindle is not there"),
                    HasSubstr("CustomResourceDefinition clonesets.apps.kruise.io is not converted "
                              "by service rekindle-system/rekindle-controller")));
  // The others have what they need, and it serves.
  EXPECT_THAT(one.shown, SizeIs(1));
  EXPECT_EQ((*api_.Find(kDefinitions, "", "clonesets.apps.kruise.io"))["spec"], foreign["spec"]);
  InstallManifests(api_);
  EXPECT_TRUE(AwaitAll({&one}));
}

TEST_F(KeeperTest, ErrorsAreShownAndTriedAgain) {
  Replica one(loop_, api_);
  one.transport.refuse = true;
  one.keeper->Start();
  loop_.Advance(absl::Minutes(3));
  EXPECT_EQ(one.keeper->state(), KeeperState::kBackingOff);
  EXPECT_THAT(std::string(one.keeper->status().message()),
              HasSubstr("read Secret rekindle-system/rekindle-webhook-tls"));
  EXPECT_THAT(one.shown, IsEmpty());
  one.transport.refuse = false;
  EXPECT_TRUE(AwaitAll({&one}, absl::Minutes(1)));
  // A right that is missing is named, and what was in use stays in use.
  api_.Put(kMutating, WebhookConfiguration(Phase::kMutate));
  api_.Fail("PATCH", "mutatingwebhookconfigurations", false,
            FakeApi::Status(403, "Forbidden", "no patch for you"), 1000);
  loop_.Advance(absl::Minutes(2));
  EXPECT_EQ(one.keeper->status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(
      std::string(one.keeper->status().message()),
      AllOf(HasSubstr("MutatingWebhookConfiguration rekindle"), HasSubstr("no patch for you")));
  EXPECT_THAT(one.shown, SizeIs(1));
  // The ones behind it were not forgotten for it.
  EXPECT_EQ(TrustedBundles(api_).count(Bundle(Stored())), 1U);
}

TEST_F(KeeperTest, SomebodyElseWhoAlwaysWritesFirst) {
  Replica one(loop_, api_);
  api_.Fail("POST", "/secrets", false, FakeApi::Status(409, "AlreadyExists", "there already"),
            1000);
  one.keeper->Start();
  loop_.Advance(absl::Minutes(1));
  EXPECT_EQ(one.keeper->status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_LT(api_.CountRequests("POST", "/secrets", false), 40U);  // with pauses
  EXPECT_THAT(one.shown, IsEmpty());
}

TEST_F(KeeperTest, ACertificateIsRenewedBeforeItEnds) {
  Replica one(loop_, api_);
  Replica two(loop_, api_);
  one.keeper->Start();
  two.keeper->Start();
  ASSERT_TRUE(AwaitAll({&one, &two}));
  const std::string bundle = Bundle(Stored());
  const apiserver::Validity first = *apiserver::ValidityOf(one.shown[0].certificate);
  loop_.JumpWallClock(first.end - absl::Hours(24 * 29) - loop_.Now());
  ASSERT_TRUE(loop_.AdvanceUntil([&] { return one.shown.size() == 2 && two.shown.size() == 2; },
                                 absl::Minutes(2)));
  EXPECT_EQ(one.shown[1].certificate, two.shown[1].certificate);
  EXPECT_GT(apiserver::ValidityOf(one.shown[1].certificate)->end, first.end);
  EXPECT_THAT(TrustedBundles(api_), ElementsAre(bundle));
  EXPECT_TRUE(AllTrusted({&one, &two}));
}

TEST_F(KeeperTest, AnAuthorityIsReplacedUnderEverybodysFeet) {
  const CertPolicy policy{.settle = absl::Minutes(2), .overlap = absl::Minutes(20)};
  Replica one(loop_, api_, policy);
  Replica two(loop_, api_, policy);
  one.keeper->Start();
  two.keeper->Start();
  ASSERT_TRUE(AwaitAll({&one, &two}));
  const std::string old = Stored().authority.certificate;
  const apiserver::Validity life = *apiserver::ValidityOf(old);
  loop_.JumpWallClock(life.end - policy.stage_before + absl::Hours(1) - loop_.Now());
  // Whatever the order of their steps: what anybody shows, everybody trusts.
  bool always = true;
  const absl::Time end = loop_.Now() + absl::Minutes(6);
  ASSERT_TRUE(loop_.AdvanceUntil(
      [&] {
        always = always && AllTrusted({&one, &two});
        return loop_.Now() > end;
      },
      absl::Hours(1)));
  EXPECT_TRUE(always);
  const Material now = Stored();
  EXPECT_NE(now.authority.certificate, old);
  EXPECT_EQ(now.former, old);
  EXPECT_FALSE(now.next.has_value());
  EXPECT_TRUE(apiserver::SignedBy(one.shown.back().certificate, now.authority.certificate));
  EXPECT_EQ(one.shown.back().certificate, two.shown.back().certificate);
  // Then nobody trusts the old one any more.
  loop_.Advance(absl::Minutes(20));
  EXPECT_THAT(TrustedBundles(api_), ElementsAre(now.authority.certificate));
  EXPECT_TRUE(AllTrusted({&one, &two}));
}

TEST_F(KeeperTest, AnAuthorityIsNotReplacedWhileSomebodyCannotHearOfIt) {
  const CertPolicy policy{.settle = absl::Minutes(2)};
  Replica one(loop_, api_, policy);
  one.keeper->Start();
  ASSERT_TRUE(AwaitAll({&one}));
  const std::string old = Stored().authority.certificate;
  api_.Fail("PATCH", "customresourcedefinitions/clonesets", false,
            FakeApi::Status(403, "Forbidden", "no"), 100'000);
  loop_.JumpWallClock(apiserver::ValidityOf(old)->end - policy.stage_before + absl::Hours(1) -
                      loop_.Now());
  loop_.Advance(absl::Minutes(20));
  EXPECT_EQ(Stored().authority.certificate, old);
  EXPECT_TRUE(Stored().next.has_value());
  EXPECT_TRUE(AllTrusted({&one}));
}

TEST_F(KeeperTest, StopEndsItAtAnyMoment) {
  for (int step = 0; step < 40; ++step) {
    FakeApi api;
    InstallManifests(api);
    SimLoop loop;
    Replica one(loop, api);
    one.keeper->Start();
    loop.Advance(absl::Microseconds(500) * step);
    one.keeper->Stop();
    EXPECT_EQ(one.keeper->state(), KeeperState::kStopped);
    const size_t asked = api.requests().size();
    loop.Advance(absl::Minutes(5));
    EXPECT_LE(api.requests().size(), asked + 1);  // one may have been on its way
    one.keeper.reset();
  }
}

}  // namespace
}  // namespace rekindle::admission
