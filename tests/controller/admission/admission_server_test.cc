// The whole of it over real TLS: the API is of the mind, the client is our own transport, which
// trusts what the webhook configurations say, as an API server does.
#include "controller/admission/admission_server.h"

#include <atomic>
#include <memory>

#include <gmock/gmock.h>

#include "common/base/asio_loop.h"
#include "common/client/http/curl_transport.h"
#include "tests/controller/admission/clusters.h"
#include "tests/controller/admission/reviews.h"
#include "tests/fakes/await.h"
#include "tests/fakes/fake_transport.h"

namespace rekindle::admission {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kRestart[] = "/mutate-apps-kruise-io-containerrecreaterequest?timeout=10s";

class AdmissionServerTest : public ::testing::Test {
 protected:
  AdmissionServerTest() {
    InstallManifests(api_);
    api_.Put("/api/v1/pods", CartPod());
    api_.Put("/api/v1/nodes", NodeOne());
    RunOn(loop_, [this] {
      client_ = std::make_unique<client::ApiClient>(
          loop_, transport_, credentials_,
          client::ApiClient::Options{.requests_per_second = 100'000, .burst = 100'000});
    });
  }
  ~AdmissionServerTest() override {
    RunOn(loop_, [this] {
      caller_.reset();
      server_.reset();
      client_.reset();
    });
    loop_.Stop();
  }

  void Make(uint16_t port = 0, const std::string& client_ca = "") {
    AdmissionServer::Options options{.registration = kRegistration,
                                     .address = "127.0.0.1",
                                     .port = port,
                                     .client_ca = client_ca,
                                     .look_again = absl::Milliseconds(20)};
    RunOn(loop_, [&] {
      server_ = std::make_unique<AdmissionServer>(loop_, *client_, options, client::SystemRandom());
      server_->Start();
    });
  }
  bool Await(const std::function<bool()>& holds) { return AwaitOn(loop_, holds); }
  // Until it listens and all configurations trust it.
  void AwaitReady() {
    ASSERT_TRUE(Await([this] { return server_->health().ok() && server_->certificates().ok(); }))
        << server_->health() << server_->certificates();
    RunOn(loop_, [this] {
      auto made = client::CurlTransport::Make(
          loop_, {.server = absl::StrCat("https://127.0.0.1:", server_->port()),
                  .tls_server_name = ServerNames(kRegistration)[0]});
      ASSERT_TRUE(made.ok()) << made.status();
      caller_ = *std::move(made);
    });
  }

  // As an API server calls: with the bundle that the configuration has now.
  client::HttpRequest Call(const std::string& target, const std::string& body) const {
    client::HttpRequest request{.method = "POST", .target = target, .body = body};
    request.headers = {{"Content-Type", "application/json"},
                       {"Accept", "application/json, */*"},
                       {"User-Agent", "kube-apiserver-admission"}};
    request.tls = std::make_shared<client::TlsIdentity>(
        client::TlsIdentity{.ca = *TrustedBundles(api_).rbegin()});
    return request;
  }
  absl::StatusOr<client::HttpReply> Post(client::HttpRequest request) {
    return AwaitReply<client::HttpReply>(
        loop_, [this, request](auto done) { caller_->Start(request, nullptr, std::move(done)); });
  }
  static std::string Restart() {
    return ReviewOf("CREATE", "containerrecreaterequests", RestartRequest()).dump();
  }
  Material Stored() const {
    const auto read = FromSecret(*api_.Find(kSecrets, "rekindle-system", "rekindle-webhook-tls"));
    EXPECT_TRUE(read.ok()) << read.status();
    return read.value_or(Material());
  }
  // What another replica would have written.
  Material Do(CertStep step) {
    const auto made =
        Carry(step, Stored(), std::nullopt, ServerNames(kRegistration), absl::Now(), CertPolicy());
    EXPECT_TRUE(made.ok()) << made.status();
    Json secret = *api_.Find(kSecrets, "rekindle-system", "rekindle-webhook-tls");
    IntoSecret(*made, secret);
    api_.Put(kSecrets, secret);
    return made.value_or(Material());
  }

  AsioLoop loop_{"admission"};
  FakeApi api_;
  FakeTransport transport_{loop_, api_};
  FakeCredentials credentials_;
  std::unique_ptr<client::ApiClient> client_;
  std::unique_ptr<AdmissionServer> server_;
  std::unique_ptr<client::CurlTransport> caller_;
};

TEST_F(AdmissionServerTest, ReviewsOverTls) {
  Make();
  AwaitReady();
  const auto review = Post(Call(kRestart, Restart()));
  ASSERT_TRUE(review.ok()) << review.status();
  EXPECT_EQ(review->head.status, 200);
  EXPECT_EQ(review->head.content_type, "application/json");
  const Json stored = Patched(RestartRequest(), J(review->body)["response"]);
  EXPECT_EQ(stored["spec"]["containers"][0]["statusContext"]["containerID"], "containerd://aa");
  const auto converted = Post(
      Call("/convert?timeout=30s", ConversionOf("apps.kruise.io/v1alpha1", {CloneSet()}).dump()));
  ASSERT_TRUE(converted.ok()) << converted.status();
  EXPECT_EQ(J(converted->body)["response"]["result"]["status"], "Success");
  // What no review is.
  const auto garbage = Post(Call(kRestart, "{"));
  ASSERT_TRUE(garbage.ok()) << garbage.status();
  EXPECT_EQ(garbage->head.status, 400);
  EXPECT_THAT(garbage->body, HasSubstr("no AdmissionReview"));
  const auto nowhere = Post(Call("/mutate-pods", Restart()));
  ASSERT_TRUE(nowhere.ok()) << nowhere.status();
  EXPECT_EQ(nowhere->head.status, 404);
  // Larger than any two objects.
  const auto large = Post(Call(kRestart, std::string(9 * 1024 * 1024, ' ')));
  ASSERT_TRUE(large.ok()) << large.status();
  EXPECT_EQ(large->head.status, 413);
}

TEST_F(AdmissionServerTest, WhoTrustsAnotherAuthorityIsNotAnswered) {
  Make();
  AwaitReady();
  client::HttpRequest request = Call(kRestart, Restart());
  request.tls = std::make_shared<client::TlsIdentity>(
      client::TlsIdentity{.ca = apiserver::MakeAuthority("other", absl::Now())->certificate});
  EXPECT_EQ(Post(request).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(AdmissionServerTest, CallersMayHaveToShowWhoTheyAre) {
  const apiserver::KeyPair authority = *apiserver::MakeAuthority("callers", absl::Now());
  Make(0, authority.certificate);
  AwaitReady();
  client::HttpRequest request = Call(kRestart, Restart());
  auto reply = Post(request);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->head.status, 401);
  const auto as = [&](const apiserver::KeyPair& signer) {
    const auto pair =
        apiserver::Issue(signer, {.common_name = "kube-apiserver"}, absl::Now(), absl::Hours(1));
    request.tls = std::make_shared<client::TlsIdentity>(
        client::TlsIdentity{request.tls->ca, pair->certificate, pair->key});
    const auto got = Post(request);
    return got.ok() ? got->head.status : 0;
  };
  EXPECT_EQ(as(authority), 200);
  EXPECT_EQ(as(*apiserver::MakeAuthority("others", absl::Now())), 401);
}

TEST_F(AdmissionServerTest, NotReadyBeforeItCanBeCalled) {
  transport_.refuse = true;
  Make();
  ASSERT_TRUE(Await([this] {
    return absl::StrContains(server_->health().message(), "read Secret");
  })) << server_->health();
  EXPECT_EQ(server_->port(), 0);
  EXPECT_THAT(std::string(server_->health().message()),
              StartsWith("webhooks: there is no certificate yet"));
  RunOn(loop_, [this] { transport_.refuse = false; });
  AwaitReady();
  // A configuration that somebody takes away makes no replica unready; it is shown, though.
  api_.Remove(kValidating, "", "rekindle");
  ASSERT_TRUE(Await([this] { return !server_->certificates().ok(); }));
  EXPECT_TRUE(server_->health().ok());
  EXPECT_THAT(std::string(server_->certificates().message()),
              HasSubstr("ValidatingWebhookConfiguration rekindle is not there"));
}

TEST_F(AdmissionServerTest, APortThatIsTakenIsSaid) {
  Make();
  AwaitReady();
  std::unique_ptr<AdmissionServer> first = std::move(server_);
  Make(first->port());
  ASSERT_TRUE(Await([this] {
    return absl::StrContains(server_->health().message(), "cannot listen on 127.0.0.1:");
  })) << server_->health();
  RunOn(loop_, [&] { first.reset(); });
  EXPECT_TRUE(Await([this] { return server_->health().ok(); }));
}

TEST_F(AdmissionServerTest, StopAnswersWhoWaits) {
  Latch asked;
  Make();
  AwaitReady();
  api_.Intercept([&](const FakeApi::Request& request) -> std::optional<FakeApi::Answer> {
    if (!absl::StrContains(request.path, "/pods/")) return std::nullopt;
    asked.Open();
    return FakeApi::Answer{.status = 0, .after = FakeApi::After::kHang};
  });
  Slot<absl::StatusOr<client::HttpReply>> reply;
  const client::HttpRequest request = Call(kRestart, Restart());
  loop_.Post([&] {
    caller_->Start(request, nullptr,
                   [&](absl::StatusOr<client::HttpReply> got) { reply.Set(std::move(got)); });
  });
  asked.Wait();
  RunOn(loop_, [this] { server_->Stop(); });
  const auto got = reply.Get();
  ASSERT_TRUE(got.has_value() && got->ok());
  EXPECT_THAT((*got)->body, HasSubstr("the controller stops"));
  EXPECT_FALSE(server_->health().ok());
  EXPECT_EQ(server_->port(), 0);
}

// Callers that go on all the time, each on the connections that it has, with new ones in between.
class Load {
 public:
  Load(Loop& loop, client::CurlTransport& caller, std::function<client::HttpRequest()> request)
      : loop_(loop), caller_(caller), request_(std::move(request)) {
    RunOn(loop_, [this] {
      for (int i = 0; i < 8; ++i) Fire();
    });
  }
  // No call is under way afterwards.
  void End() {
    stop_ = true;
    EXPECT_TRUE(AwaitOn(loop_, [this] { return under_way_ == 0; }));
  }
  // So many more have been answered.
  bool AwaitMore(int count) {
    const int enough = good_ + count;
    return AwaitOn(loop_, [this, enough] { return good_ >= enough || bad_ > 0; });
  }
  int good() const { return good_; }
  int bad() const { return bad_; }
  std::string why() const { return why_; }

 private:
  void Fire() {
    if (stop_) return;
    ++under_way_;
    if (++fired_ % 25 == 0) caller_.RetireConnections(false);
    caller_.Start(request_(), nullptr, [this](absl::StatusOr<client::HttpReply> reply) {
      --under_way_;
      if (reply.ok() && reply->head.status == 200 &&
          absl::StrContains(reply->body, "\"allowed\":true")) {
        ++good_;
      } else if (bad_++ == 0) {
        why_ = reply.ok() ? reply->body : reply.status().ToString();
      }
      Fire();
    });
  }

  Loop& loop_;
  client::CurlTransport& caller_;
  const std::function<client::HttpRequest()> request_;
  std::atomic<bool> stop_{false};
  std::atomic<int> good_{0};
  std::atomic<int> bad_{0};
  std::string why_;
  int fired_ = 0;
  int under_way_ = 0;
};

TEST_F(AdmissionServerTest, CertificatesAndAuthoritiesChangeUnderLoad) {
  Make();
  AwaitReady();
  const std::string body = Restart();
  Load load(loop_, *caller_, [&] { return Call(kRestart, body); });
  ASSERT_TRUE(load.AwaitMore(50));
  const std::string first = Stored().authority.certificate;
  for (int i = 0; i < 3; ++i) {
    const Material renewed = Do(CertStep::kRenew);
    ASSERT_TRUE(load.AwaitMore(50));
    EXPECT_EQ(Stored().serving.certificate, renewed.serving.certificate);
  }
  const std::string staged = Bundle(Do(CertStep::kStage));
  ASSERT_TRUE(Await([&] { return TrustedBundles(api_) == std::set<std::string>{staged}; }));
  ASSERT_TRUE(load.AwaitMore(50));
  const Material switched = Do(CertStep::kSwitch);
  ASSERT_TRUE(
      Await([&] { return TrustedBundles(api_) == std::set<std::string>{Bundle(switched)}; }));
  ASSERT_TRUE(load.AwaitMore(50));
  Do(CertStep::kForget);
  ASSERT_TRUE(Await([&] {
    return TrustedBundles(api_) == std::set<std::string>{switched.authority.certificate};
  }));
  ASSERT_TRUE(load.AwaitMore(50));
  load.End();
  EXPECT_EQ(load.bad(), 0) << load.why();
  EXPECT_NE(switched.authority.certificate, first);
  // The new one is what is shown.
  client::HttpRequest request = Call(kRestart, body);
  request.tls = std::make_shared<client::TlsIdentity>(
      client::TlsIdentity{.ca = switched.authority.certificate});
  EXPECT_TRUE(Post(request).ok());
}

}  // namespace
}  // namespace rekindle::admission
