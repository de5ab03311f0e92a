#include "controller/admission/front.h"

#include <memory>

#include <gmock/gmock.h>

#include "common/base/asio_loop.h"
#include "tests/controller/admission/reviews.h"
#include "tests/fakes/await.h"
#include "tests/fakes/fake_transport.h"

namespace rekindle::admission {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kRestartPath[] = "/mutate-apps-kruise-io-containerrecreaterequest";

TEST(TimeForTest, LeavesTimeForTheAnswer) {
  const std::pair<const char*, absl::Duration> table[] = {
      {"/x?timeout=10s", absl::Seconds(9)},       {"/x?timeout=2s", absl::Milliseconds(1800)},
      {"/x?timeout=1s", absl::Milliseconds(900)}, {"/x?a=b&timeout=500ms", absl::Milliseconds(400)},
      {"/x?timeout=10ms", absl::Milliseconds(5)}, {"/x?timeout=30s", absl::Seconds(29)},
      {"/x?timeout=24h", absl::Seconds(29)},      {"/x", absl::Seconds(9)},
      {"/x?timeout=", absl::Seconds(9)},          {"/x?timeout=-5s", absl::Seconds(9)},
      {"/x?timeout=soon", absl::Seconds(9)},
  };
  for (const auto& [target, time] : table) EXPECT_EQ(TimeFor(target), time) << target;
}

// A front whose objects come from an API of the mind, over a real loop.
class FrontTest : public ::testing::Test {
 protected:
  FrontTest() {
    RunOn(loop_, [this] {
      client_ = std::make_unique<client::ApiClient>(loop_, transport_, credentials_,
                                                    client::ApiClient::Options());
    });
    api_.Put("/api/v1/pods", CartPod());
    api_.Put("/api/v1/nodes", NodeOne());
  }
  ~FrontTest() override {
    RunOn(loop_, [this] {
      lookup_.reset();
      client_.reset();
    });
    loop_.Stop();
  }

  ReviewFront& Front(ReviewFront::Options options = {}, ObjectLookup::Cached cached = nullptr) {
    lookup_ = std::make_unique<ObjectLookup>(loop_, *client_, std::move(cached));
    front_ = std::make_unique<ReviewFront>(loop_, *lookup_, std::move(options));
    return *front_;
  }
  net::HttpsReply Post(const std::string& target, const std::string& body) {
    net::HttpsRequest request{.method = "POST", .target = target, .body = body};
    request.headers["content-type"] = "application/json";
    return std::get<net::HttpsReply>(front_->Handle(request));
  }
  static std::string Restart() {
    return ReviewOf("CREATE", "containerrecreaterequests", RestartRequest()).dump();
  }

  AsioLoop loop_{"front"};
  FakeApi api_;
  FakeTransport transport_{loop_, api_};
  FakeCredentials credentials_;
  std::unique_ptr<client::ApiClient> client_;
  std::unique_ptr<ObjectLookup> lookup_;
  std::unique_ptr<ReviewFront> front_;
};

TEST_F(FrontTest, RulesSeeTheObjectsOfNow) {
  Front();
  Json response = J(Post(kRestartPath, Restart()).body)["response"];
  EXPECT_TRUE(response["allowed"].get<bool>()) << response;
  Json pod = CartPod();
  pod["status"]["phase"] = "Failed";
  api_.Put("/api/v1/pods", pod);
  response = J(Post(kRestartPath, Restart()).body)["response"];
  EXPECT_EQ(response["status"]["message"], "not allowed to recreate containers in an inactive Pod");
  api_.Remove("/api/v1/pods", "shop", "cart-0");
  response = J(Post(kRestartPath, Restart()).body)["response"];
  EXPECT_EQ(response["status"]["code"], 400);
  EXPECT_EQ(response["status"]["message"], "no found Pod named cart-0");
}

TEST_F(FrontTest, ACacheIsAskedFirst) {
  Front({}, [](const client::ApiResource& resource, const client::ObjectKey& key) {
    return resource.plural == "nodes" && key.name == "n1" ? std::optional<Json>(NodeOne())
                                                          : std::nullopt;
  });
  EXPECT_TRUE(J(Post(kRestartPath, Restart()).body)["response"]["allowed"].get<bool>());
  EXPECT_EQ(api_.CountRequests("GET", "/nodes/", false), 0U);
  EXPECT_EQ(api_.CountRequests("GET", "/pods/cart-0", false), 1U);
}

TEST_F(FrontTest, AnApiThatDoesNotAnswerIsNotWaitedForTooLong) {
  api_.Intercept([](const FakeApi::Request&) {
    return FakeApi::Answer{.status = 0, .after = FakeApi::After::kHang};
  });
  Front();
  const absl::Duration begun = loop_.Monotonic();
  const Json response =
      J(Post(absl::StrCat(kRestartPath, "?timeout=300ms"), Restart()).body)["response"];
  EXPECT_LT(loop_.Monotonic() - begun, absl::Seconds(20));
  EXPECT_EQ(response["status"]["code"], 500);
  EXPECT_THAT(response["status"]["message"].get<std::string>(),
              HasSubstr("Pod shop/cart-0 was not read within the time of this review"));
  // The call is given up as well.
  EXPECT_TRUE(AwaitOn(loop_, [this] { return client_->calls() == 0; }));
}

TEST_F(FrontTest, WhoeverWaitsIsToldOfTheEnd) {
  Latch asked;
  api_.Intercept([&](const FakeApi::Request&) {
    asked.Open();
    return FakeApi::Answer{.status = 0, .after = FakeApi::After::kHang};
  });
  Front();
  Json response;
  std::thread review([&] {
    response = J(Post(absl::StrCat(kRestartPath, "?timeout=30s"), Restart()).body)["response"];
  });
  asked.Wait();
  lookup_->Stop();
  review.join();
  EXPECT_EQ(response["status"]["code"], 500);
  EXPECT_THAT(response["status"]["message"].get<std::string>(), HasSubstr("the controller stops"));
}

TEST_F(FrontTest, NamesThatMakeNoPathAreErrorsOfTheObject) {
  Front();
  const Json request =
      RestartRequest(R"({"podName":"../../secrets/x","containers":[{"name":"cart"}]})");
  const Json response =
      J(Post(kRestartPath, ReviewOf("CREATE", "containerrecreaterequests", request).dump())
            .body)["response"];
  EXPECT_FALSE(response["allowed"].get<bool>());
  EXPECT_TRUE(api_.requests().empty());
}

TEST_F(FrontTest, RefusalsBeforeTheBody) {
  const ReviewFront& front = Front({.max_admission_bytes = 1000, .max_conversion_bytes = 2000});
  net::HttpsRequest request{.method = "POST", .target = kRestartPath};
  request.headers = {{"content-type", "application/json; charset=utf-8"},
                     {"content-length", "1000"}};
  EXPECT_FALSE(front.Refusal(request).has_value());
  const auto refused = [&](const char* member, const std::string& value) {
    net::HttpsRequest other = request;
    if (std::string(member) == "method") other.method = value;
    if (std::string(member) == "target") other.target = value;
    other.headers[member] = value;
    const auto reply = front.Refusal(other);
    return reply.has_value() ? reply->status : 0;
  };
  EXPECT_EQ(refused("content-length", "1001"), 413);
  EXPECT_EQ(refused("content-type", "text/yaml"), 415);
  EXPECT_EQ(refused("method", "GET"), 405);
  EXPECT_EQ(refused("target", "/"), 404);
  EXPECT_EQ(refused("target", "/mutate-core-v1-pod"), 404);
  EXPECT_EQ(refused("target", "/convert?timeout=30s"), 0);
  request.target = "/convert";
  request.headers["content-length"] = "2001";
  EXPECT_EQ(front.Refusal(request)->status, 413);
}

TEST_F(FrontTest, ABodyInChunksHasItsLimitToo) {
  Front({.max_admission_bytes = 100, .max_conversion_bytes = 200});
  EXPECT_EQ(Post(kRestartPath, std::string(101, ' ')).status, 413);
  EXPECT_EQ(Post("/convert", std::string(150, ' ')).status, 400);
  EXPECT_EQ(Post("/convert", std::string(201, ' ')).status, 413);
}

TEST_F(FrontTest, HealthIsAnsweredAtOnce) {
  const ReviewFront& front = Front();
  EXPECT_EQ(front.Immediate({.method = "GET", .target = "/healthz?x"})->body, "ok\n");
  EXPECT_FALSE(front.Immediate({.method = "GET", .target = "/convert"}).has_value());
}

TEST_F(FrontTest, EveryReviewIsReported) {
  std::vector<std::string> seen;
  Front({.observer = [&](const ReviewReport& report) {
    seen.push_back(absl::StrCat(report.webhook, " ", OutcomeName(report.outcome), " ",
                                report.why.empty() ? "-" : "because"));
  }});
  Post(kRestartPath, Restart());
  Post(kRestartPath, ReviewOf("CREATE", "containerrecreaterequests", RestartRequest("{}")).dump());
  Post(kRestartPath, "{");
  Post("/convert", ConversionOf("apps.kruise.io/v1alpha1", {CloneSet()}).dump());
  Post("/convert", ConversionOf("apps.kruise.io/v1alpha1", {Json(1)}).dump());
  EXPECT_THAT(seen, ElementsAre("mcontainerrecreaterequest.kb.io patched -",
                                "mcontainerrecreaterequest.kb.io denied because",
                                "mcontainerrecreaterequest.kb.io malformed because",
                                "convert converted -", "convert unconverted because"));
}

}  // namespace
}  // namespace rekindle::admission
