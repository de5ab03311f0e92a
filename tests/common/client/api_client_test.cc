#include "common/client/api_client.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <gmock/gmock.h>

#include "common/client/bodies.h"
#include "tests/common/client/client_fixture.h"

namespace rekindle::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ApiClientTest : public ClientFixture {
 protected:
  FakeApi::Answer RetryAfter(int code, int seconds) {
    FakeApi::Answer out = FakeApi::Plain(code, "Too many requests, please try again later.\n");
    out.headers = {{"Retry-After", std::to_string(seconds)}};
    return out;
  }
  absl::StatusOr<Json> Create(const std::string& name) {
    return Await<Json>([&](auto done) {
      client_->Create(Ref(name), Pod(name), {.field_manager = "rekindle"}, std::move(done));
    });
  }
  absl::Duration Elapsed() const { return loop_.Monotonic() - start_; }
  absl::Duration start_ = loop_.Monotonic();
};

TEST_F(ApiClientTest, WritesAndReadsObjects) {
  Client();
  const absl::StatusOr<Json> created = Create("a");
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_FALSE(json::String(*created, {"metadata", "uid"}).empty());
  EXPECT_EQ(api_.requests().back().Query("fieldManager"), "rekindle");
  EXPECT_EQ(api_.requests().back().Header("user-agent"), "rekindle");

  ASSERT_TRUE(Get("a").ok());
  Json changed = *created;
  changed["metadata"]["labels"]["x"] = "1";
  const absl::StatusOr<Json> updated =
      Await<Json>([&](auto done) { client_->Update(Ref("a"), changed, {}, std::move(done)); });
  ASSERT_TRUE(updated.ok()) << updated.status();

  // The version that it was made from is stale now.
  const absl::StatusOr<Json> stale =
      Await<Json>([&](auto done) { client_->Update(Ref("a"), changed, {}, std::move(done)); });
  EXPECT_TRUE(absl::IsAborted(stale.status())) << stale.status();

  const absl::StatusOr<Json> patched = Await<Json>([&](auto done) {
    client_->Patch(Ref("a"), PatchType::kMerge, {{"metadata", {{"labels", {{"x", nullptr}}}}}}, {},
                   std::move(done));
  });
  ASSERT_TRUE(patched.ok()) << patched.status();
  EXPECT_EQ(api_.requests().back().Header("content-type"), "application/merge-patch+json");
  EXPECT_EQ(json::Find(*patched, {"metadata", "labels", "x"}), nullptr);

  const absl::StatusOr<Json> foreign = Await<Json>(
      [&](auto done) { client_->Delete(Ref("a"), {.uid = "another"}, std::move(done)); });
  EXPECT_TRUE(absl::IsAborted(foreign.status())) << foreign.status();
  EXPECT_EQ(api_.Count(kPods), 1U);
  EXPECT_TRUE(Await<Json>([&](auto done) {
                client_->Delete(Ref("a"),
                                {.uid = std::string(json::String(*created, {"metadata", "uid"}))},
                                std::move(done));
              }).ok());
  EXPECT_EQ(api_.Count(kPods), 0U);
}

TEST_F(ApiClientTest, RefusalsCarryTheStatus) {
  Client();
  const absl::Status missing = Get("nope").status();
  EXPECT_TRUE(absl::IsNotFound(missing));
  const std::optional<api::ApiError> error = api::FromStatus(missing);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->reason, "NotFound");
  EXPECT_EQ(error->code, 404);
  EXPECT_EQ(error->name, "nope");

  // A body that is no Status (scenario 45).
  api_.Fail("GET", "a", false, FakeApi::Plain(500, "boom"));
  const std::optional<api::ApiError> plain = api::FromStatus(Get("a").status());
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->reason, "InternalError");
  EXPECT_THAT(plain->message, HasSubstr("boom"));
}

TEST_F(ApiClientTest, NamesThatMakeNoPathAreRefusedBeforeAnythingIsSent) {
  Client();
  for (const char* name : {"", "..", "a/b", "a?b", "a%2fb", "a b"}) {
    const absl::StatusOr<Json> got =
        Await<Json>([&](auto done) { client_->Delete(Ref(name), {}, std::move(done)); });
    EXPECT_EQ(got.status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
  EXPECT_TRUE(api_.requests().empty());
}

// Scenario 43: the wait is exact, and writes are repeated as well.
TEST_F(ApiClientTest, RetryAfterIsHonoured) {
  Client();
  api_.Fail("POST", "pods", false, RetryAfter(429, 3), 2);
  ASSERT_TRUE(Create("a").ok());
  EXPECT_EQ(api_.CountRequests("POST", "pods", false), 3U);
  EXPECT_GE(Elapsed(), absl::Seconds(6));
  EXPECT_LT(Elapsed(), absl::Seconds(6.2));
}

TEST_F(ApiClientTest, RetriesEndAfterTenAndWithinTheTimeout) {
  Client({.timeout = absl::Minutes(10)});
  api_.Fail("GET", "pods", false, RetryAfter(503, 1), 11);
  EXPECT_TRUE(absl::IsUnavailable(Get("a").status()));
  EXPECT_EQ(api_.CountRequests("GET", "pods", false), 11U);

  api_.ForgetRequests();
  Client({.timeout = absl::Seconds(5)});
  start_ = loop_.Monotonic();
  api_.Fail("GET", "pods", false, RetryAfter(429, 20), 1);
  EXPECT_TRUE(absl::IsResourceExhausted(Get("a").status()));
  EXPECT_LT(Elapsed(), absl::Seconds(1));  // waiting would be in vain
}

// Scenario 44.
TEST_F(ApiClientTest, WithoutTheHeaderTheErrorSurfacesAtOnce) {
  Client();
  api_.Fail("POST", "pods", false, FakeApi::Status(429, "TooManyRequests", "budget"));
  const absl::Status status = Create("a").status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ(api_.CountRequests("POST", "pods", false), 1U);
}

TEST_F(ApiClientTest, BrokenReadsAreRepeatedAndBrokenWritesAreNot) {
  Client();
  api_.Put(kPods, Pod("a"));
  const FakeApi::Answer broken = {.status = 0, .after = FakeApi::After::kBreak};
  api_.Fail("GET", "pods", false, broken, 2);
  EXPECT_TRUE(Get("a").ok());
  EXPECT_EQ(api_.CountRequests("GET", "pods", false), 3U);

  // Half a JSON, twice: the reader starts again each time.
  api_.Fail("GET", "pods", false,
            {.body = R"({"kind":"Pod","met)", .after = FakeApi::After::kBreak});
  api_.Fail("GET", "pods", false, {.body = R"({"kind":"Pod","met)"});
  EXPECT_TRUE(Get("a").ok());

  api_.Fail("POST", "pods", false, broken);
  EXPECT_TRUE(absl::IsUnavailable(Create("b").status()));
  EXPECT_EQ(api_.CountRequests("POST", "pods", false), 1U);
}

// Scenario 46.
TEST_F(ApiClientTest, RejectedCredentialsAreMadeAnewOnce) {
  Client();
  api_.Put(kPods, Pod("a"));
  api_.RequireTokens({"new"});
  credentials_.token = "old";
  credentials_.next_token = "new";
  EXPECT_TRUE(Get("a").ok());
  EXPECT_EQ(credentials_.rejections, 1);

  api_.RequireTokens({"newer"});
  EXPECT_TRUE(absl::IsUnauthenticated(Get("a").status()));
  EXPECT_EQ(credentials_.rejections, 3);  // both attempts were refused
}

TEST_F(ApiClientTest, MissingCredentialsEndTheCall) {
  Client();
  credentials_.error = absl::NotFoundError("token file");
  const absl::Status status = Get("a").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(status.message(), HasSubstr("credentials: token file"));
  EXPECT_TRUE(api_.requests().empty());
}

TEST_F(ApiClientTest, RequestsAreSpreadByTheRateLimitInTheirOrder) {
  Client({.requests_per_second = 10, .burst = 5});
  std::vector<int> order;
  for (int i = 0; i < 25; ++i) {
    client_->Get(Ref("p" + std::to_string(i)),
                 [&order, i](const absl::StatusOr<Json>&) { order.push_back(i); });
  }
  loop_.Advance(absl::Milliseconds(50));
  EXPECT_EQ(order.size(), 5U);
  loop_.Advance(absl::Seconds(1));
  EXPECT_NEAR(static_cast<double>(order.size()), 15, 1);
  loop_.Advance(absl::Seconds(1.2));
  ASSERT_EQ(order.size(), 25U);
  for (int i = 0; i < 25; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST_F(ApiClientTest, SoManyAreUnderWayAtATime) {
  Client({.requests_per_second = 1000, .burst = 1000, .most_at_once = 3});
  transport_.latency = absl::Seconds(1);
  // A watch takes no place.
  client_->Read({.verb = "watch",
                 .resource = PodResource(),
                 .target = kPods + "?watch=true",
                 .timeout = absl::Minutes(5),
                 .long_lived = true},
                std::make_shared<JsonBody>(1 << 20), [](const absl::Status&) {});
  std::vector<int> order;
  std::vector<ApiClient::CallId> calls;
  for (int i = 0; i < 10; ++i) {
    calls.push_back(client_->Get(Ref("p" + std::to_string(i)),
                                 [&order, i](const absl::StatusOr<Json>&) { order.push_back(i); }));
  }
  loop_.Advance(absl::Milliseconds(500));
  EXPECT_EQ(transport_.calls(), 4U);
  EXPECT_TRUE(client_->Cancel(calls[1]));  // its place is free
  EXPECT_TRUE(client_->Cancel(calls[9]));  // it has none
  loop_.Advance(absl::Milliseconds(100));
  EXPECT_EQ(transport_.calls(), 4U);
  loop_.Advance(absl::Seconds(10));
  EXPECT_THAT(order, ElementsAre(0, 2, 3, 4, 5, 6, 7, 8));
}

TEST_F(ApiClientTest, WhatRunsInTheBackgroundGetsATenthWhileOthersWait) {
  Client({.requests_per_second = 1000, .burst = 1000, .most_at_once = 1});
  transport_.latency = absl::Milliseconds(10);
  std::string order;
  const auto create = [&](bool background) {
    client_->Create(
        {PodResource(), {"ns", "a"}, ""}, Pod("a"), {.background = background},
        [&order, background](const absl::StatusOr<Json>&) { order += background ? 'b' : '.'; });
  };
  for (int i = 0; i < 3; ++i) create(true);
  for (int i = 0; i < 20; ++i) create(false);
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(order, ".........b.........b..b");
  // Alone it has all turns, and comes to its end in time.
  api_.Fail("POST", "pods", false, {.status = 0, .after = FakeApi::After::kHang}, 100);
  order.clear();
  create(true);
  create(true);
  loop_.Advance(absl::Seconds(31));
  EXPECT_EQ(order, "bb");
  EXPECT_EQ(client_->calls(), 0U);
}

TEST_F(ApiClientTest, WhoWaitsForAPlaceEndsInTimeToo) {
  Client({.most_at_once = 1, .timeout = absl::Seconds(10)});
  api_.Fail("GET", "pods", false, {.status = 0, .after = FakeApi::After::kHang}, 100);
  std::vector<absl::Duration> ended;
  const absl::Duration begin = loop_.Monotonic();
  for (int i = 0; i < 3; ++i) {
    client_->Get(Ref("a"), [&](const absl::StatusOr<Json>& got) {
      EXPECT_TRUE(absl::IsDeadlineExceeded(got.status())) << got.status();
      ended.push_back(loop_.Monotonic() - begin);
    });
  }
  loop_.Advance(absl::Seconds(11));
  ASSERT_EQ(ended.size(), 3U);
  for (const absl::Duration after : ended) EXPECT_LE(after, absl::Seconds(10.1));
}

TEST_F(ApiClientTest, EveryCallEnds) {
  Client({.requests_per_second = 1, .burst = 1, .timeout = absl::Seconds(10)});
  api_.Fail("GET", "pods", false, {.status = 0, .after = FakeApi::After::kHang}, 100);
  int ended = 0;
  for (int i = 0; i < 30; ++i) {
    client_->Get(Ref("a"), [&](const absl::StatusOr<Json>& got) {
      EXPECT_TRUE(absl::IsDeadlineExceeded(got.status())) << got.status();
      ++ended;
    });
  }
  loop_.Advance(absl::Seconds(25));
  EXPECT_EQ(ended, 30);
  EXPECT_EQ(client_->calls(), 0U);
  EXPECT_EQ(transport_.calls(), 0U);
}

TEST_F(ApiClientTest, CancelledCallsSayNothing) {
  Client();
  bool called = false;
  const ApiClient::CallId call =
      client_->Get(Ref("a"), [&](const absl::StatusOr<Json>&) { called = true; });
  EXPECT_TRUE(client_->Cancel(call));
  EXPECT_FALSE(client_->Cancel(call));
  // And one that is on its way.
  const ApiClient::CallId sent =
      client_->Get(Ref("a"), [&](const absl::StatusOr<Json>&) { called = true; });
  loop_.Settle();
  EXPECT_EQ(transport_.calls(), 1U);
  EXPECT_TRUE(client_->Cancel(sent));
  EXPECT_EQ(transport_.calls(), 0U);
  loop_.Advance(absl::Minutes(1));
  EXPECT_FALSE(called);
}

TEST_F(ApiClientTest, ShutdownEndsEverything) {
  Client();
  api_.Fail("GET", "pods", false, {.status = 0, .after = FakeApi::After::kHang});
  absl::Status first;
  client_->Get(Ref("a"), [&](const absl::StatusOr<Json>& got) { first = got.status(); });
  loop_.Advance(absl::Seconds(1));
  client_->Shutdown();
  EXPECT_TRUE(absl::IsCancelled(first));
  EXPECT_TRUE(absl::IsCancelled(Get("a").status()));
  EXPECT_EQ(transport_.calls(), 0U);
}

TEST_F(ApiClientTest, TheGateStopsWritesOnly) {
  auto gate = std::make_shared<WriteGate>();
  Client({.gate = gate});
  api_.Put(kPods, Pod("a"));
  EXPECT_EQ(Create("b").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Get("a").ok());
  EXPECT_EQ(api_.CountRequests("POST", "", false), 0U);
  gate->OpenUntil(loop_.Monotonic() + absl::Seconds(10));
  EXPECT_TRUE(Create("b").ok());
  loop_.Advance(absl::Seconds(10));
  EXPECT_EQ(Create("c").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ApiClientTest, TheGateStopsWhatWaitsInAQueueOrOnTheWire) {
  auto gate = std::make_shared<WriteGate>();
  Client({.requests_per_second = 0.1, .burst = 1, .timeout = absl::Minutes(2), .gate = gate});
  gate->OpenUntil(loop_.Monotonic() + absl::Seconds(5));
  ASSERT_TRUE(Create("a").ok());
  // Its turn comes in ten seconds.
  EXPECT_EQ(Create("b").status().code(), absl::StatusCode::kFailedPrecondition);
  // A retry that the server asks for comes too late as well.
  Client({.gate = gate});
  gate->OpenUntil(loop_.Monotonic() + absl::Seconds(5));
  api_.Fail("POST", "pods", false, RetryAfter(429, 6));
  EXPECT_EQ(Create("c").status().code(), absl::StatusCode::kFailedPrecondition);
  // And a connection that takes its time.
  transport_.latency = absl::Seconds(6);
  gate->OpenUntil(loop_.Monotonic() + absl::Seconds(5));
  EXPECT_EQ(Create("d").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(api_.Count(kPods), 1U);
}

TEST_F(ApiClientTest, ReportsTellWhatHappened) {
  std::vector<std::string> reports;
  Client({.observer = [&](const CallReport& report) {
    reports.push_back(absl::StrCat(report.verb, " ", report.resource.plural, " ",
                                   absl::StatusCodeToString(report.status.code()), " ",
                                   report.attempts, " ", absl::StrJoin(report.warnings, ",")));
  }});
  api_.Fail("GET", "pods", false, RetryAfter(429, 1));
  (void)Get("a");
  FakeApi::Answer warned = FakeApi::Plain(200, "{}");
  warned.headers = {{"Warning", "old version"}};
  api_.Fail("GET", "pods", false, warned);
  (void)Get("a");
  EXPECT_THAT(reports,
              ::testing::ElementsAre("get pods NOT_FOUND 2 ", "get pods OK 1 old version"));
}

}  // namespace
}  // namespace rekindle::client
