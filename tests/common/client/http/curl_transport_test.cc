#include "common/client/http/curl_transport.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/asio_loop.h"
#include "tests/fakes/await.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::client {
namespace {

using ::testing::HasSubstr;

// Remembers what it was given; may refuse.
class Body final : public BodyReader {
 public:
  absl::Status Consume(absl::string_view bytes) override {
    std::lock_guard<std::mutex> lock(mutex_);
    text_.append(bytes.data(), bytes.size());
    return refuse ? absl::DataLossError("refused") : absl::OkStatus();
  }
  absl::Status Finish() override {
    finished = true;
    return absl::OkStatus();
  }
  std::string text() {
    std::lock_guard<std::mutex> lock(mutex_);
    return text_;
  }
  std::atomic<bool> finished{false};
  bool refuse = false;

 private:
  std::mutex mutex_;
  std::string text_;
};

class CurlTransportTest : public ::testing::Test {
 protected:
  ~CurlTransportTest() override {
    RunOn(loop_, [&] { transport_.reset(); });
  }
  void Connect(CurlTransport::Options options = {}) {
    if (options.server.empty()) options.server = server_->url();
    auto made = CurlTransport::Make(loop_, options);
    ASSERT_TRUE(made.ok()) << made.status();
    RunOn(loop_, [&] { transport_ = *std::move(made); });
  }
  void Plain() {
    server_ = std::make_unique<FakeApiServer>(api_);
    Connect();
  }
  void Secure(const std::string& client_ca = "") {
    const PemPair own = ca_.Issue({.cn = "server"});
    server_ = std::make_unique<FakeApiServer>(
        api_, FakeApiServer::Tls{own.certificate, own.key, client_ca});
  }
  absl::StatusOr<HttpReply> Call(HttpRequest request,
                                 std::shared_ptr<BodyReader> reader = nullptr) {
    if (request.tls == nullptr && server_ != nullptr) request.tls = identity_;
    return AwaitReply<HttpReply>(loop_, [&](auto done) {
      transport_->Start(std::move(request), std::move(reader), std::move(done));
    });
  }
  void Answer(FakeApi::Answer answer) {
    api_.Intercept([answer](const FakeApi::Request&) { return answer; });
  }

  FakeApi api_;
  TestCa ca_;
  std::shared_ptr<const TlsIdentity> identity_ =
      std::make_shared<const TlsIdentity>(TlsIdentity{.ca = ca_.pem()});
  std::unique_ptr<FakeApiServer> server_;
  AsioLoop loop_{"test-loop"};
  std::unique_ptr<CurlTransport> transport_;
};

TEST_F(CurlTransportTest, AnyAnswerIsAReply) {
  Plain();
  FakeApi::Answer answer = FakeApi::Plain(429, "busy");
  answer.headers = {
      {"Retry-After", "7"}, {"Warning", "299 - \"old \\\"version\\\"\""}, {"Warning", "x"}};
  Answer(answer);
  const auto reply = Call({.target = "/x"});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->head.status, 429);
  EXPECT_EQ(reply->head.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(reply->head.retry_after, absl::Seconds(7));
  EXPECT_THAT(reply->head.warnings, ::testing::ElementsAre("old \"version\""));
  EXPECT_EQ(reply->body, "busy");
}

TEST_F(CurlTransportTest, RequestsArriveAsTheyAre) {
  Plain();
  Answer(FakeApi::Plain(200, ""));
  const std::string large(300'000, 'x');
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    const auto reply =
        Call({.method = method,
              .target = "/a/b?c=d%2Ce",
              .headers = {{"Authorization", "Bearer t"}, {"Content-Type", "application/x"}},
              .body = large});
    ASSERT_TRUE(reply.ok()) << method << reply.status();
    const FakeApi::Request seen = api_.requests().back();
    EXPECT_EQ(seen.method, method);
    EXPECT_EQ(seen.path, "/a/b");
    EXPECT_EQ(seen.Query("c"), "d,e");
    EXPECT_EQ(seen.Header("authorization"), "Bearer t");
    EXPECT_EQ(seen.Header("content-type"), "application/x");
    EXPECT_EQ(seen.body, large) << method;
    EXPECT_EQ(seen.Header("expect"), "");
  }
  ASSERT_TRUE(Call({.method = "DELETE", .target = "/a"}).ok());
  EXPECT_EQ(api_.requests().back().method, "DELETE");
  // All of them over one connection.
  EXPECT_EQ(server_->connections(), 1);
}

TEST_F(CurlTransportTest, ReadersGetSuccessfulBodiesOnly) {
  Plain();
  Answer(FakeApi::Plain(200, std::string(100'000, 'y')));
  auto body = std::make_shared<Body>();
  auto reply = Call({.target = "/"}, body);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(body->text().size(), 100'000U);
  EXPECT_TRUE(body->finished);
  EXPECT_EQ(reply->body, "");
  Answer(FakeApi::Plain(500, "no"));
  body = std::make_shared<Body>();
  reply = Call({.target = "/"}, body);
  EXPECT_EQ(reply->body, "no");
  EXPECT_EQ(body->text(), "");
  EXPECT_FALSE(body->finished);
  Answer(FakeApi::Plain(200, "abc"));
  body->refuse = true;
  EXPECT_EQ(Call({.target = "/"}, body).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(CurlTransportTest, WhatBreaksIsUnavailable) {
  Plain();
  Answer({.status = 0, .after = FakeApi::After::kBreak});
  EXPECT_TRUE(absl::IsUnavailable(Call({.target = "/"}).status()));
  Answer({.body = "half", .after = FakeApi::After::kBreak});
  auto body = std::make_shared<Body>();
  EXPECT_TRUE(absl::IsUnavailable(Call({.target = "/"}, body).status()));
  EXPECT_FALSE(body->finished);
  Answer({.body = "half", .after = FakeApi::After::kBreak, .stream = true});
  EXPECT_TRUE(absl::IsUnavailable(Call({.target = "/"}, body).status()));
  // Nobody listens.
  const std::string url = server_->url();
  RunOn(loop_, [&] { transport_.reset(); });
  server_.reset();
  Connect({.server = url});
  EXPECT_TRUE(absl::IsUnavailable(Call({.target = "/"}).status()));
}

TEST_F(CurlTransportTest, EveryWaitHasItsEnd) {
  Plain();
  Answer({.status = 0, .after = FakeApi::After::kHang});
  EXPECT_TRUE(
      absl::IsDeadlineExceeded(Call({.target = "/", .timeout = absl::Milliseconds(200)}).status()));
  EXPECT_TRUE(absl::IsDeadlineExceeded(
      Call({.target = "/", .head_timeout = absl::Milliseconds(200)}).status()));
  Answer({.body = "x", .after = FakeApi::After::kHang, .stream = true});
  EXPECT_TRUE(absl::IsDeadlineExceeded(Call({.target = "/",
                                             .timeout = absl::Milliseconds(400),
                                             .head_timeout = absl::Milliseconds(300)})
                                           .status()));
  // What was silent is not used again.
  Answer(FakeApi::Plain(200, ""));
  EXPECT_TRUE(Call({.target = "/"}).ok());
}

TEST_F(CurlTransportTest, BodiesAreBounded) {
  Plain();
  Answer(FakeApi::Plain(200, std::string(10'000, 'z')));
  EXPECT_TRUE(absl::IsResourceExhausted(Call({.target = "/", .max_body_bytes = 9'999}).status()));
  EXPECT_TRUE(Call({.target = "/", .max_body_bytes = 10'000}).ok());
}

TEST_F(CurlTransportTest, CancelledCallsSayNothingAndTheirReadersRest) {
  Plain();
  Answer({.body = "first", .after = FakeApi::After::kHang, .stream = true});
  auto body = std::make_shared<Body>();
  std::atomic<bool> called{false};
  Transport::CallId call = 0;
  RunOn(loop_, [&] {
    call = transport_->Start({.target = "/"}, body,
                             [&](const absl::StatusOr<HttpReply>&) { called = true; });
  });
  ASSERT_TRUE(AwaitOn(loop_, [&] { return body->text() == "first"; }));
  RunOn(loop_, [&] {
    EXPECT_TRUE(transport_->Cancel(call));
    EXPECT_FALSE(transport_->Cancel(call));
  });
  Answer(FakeApi::Plain(200, "other"));
  EXPECT_TRUE(Call({.target = "/"}).ok());
  EXPECT_FALSE(called);
  EXPECT_FALSE(body->finished);
}

TEST_F(CurlTransportTest, AdmissionIsAskedBeforeTheFirstByte) {
  Plain();
  Answer(FakeApi::Plain(200, ""));
  std::atomic<int> asked{0};
  HttpRequest request = {.method = "POST", .target = "/", .body = "x"};
  request.admit = [&] {
    ++asked;
    return absl::FailedPreconditionError("not now");
  };
  EXPECT_EQ(Call(request).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(api_.requests().empty());
  request.admit = [&] {
    ++asked;
    return absl::OkStatus();
  };
  EXPECT_TRUE(Call(request).ok());
  EXPECT_EQ(asked, 2);
}

TEST_F(CurlTransportTest, RetiredConnectionsAreNotUsedAndStreamsEnd) {
  Plain();
  Answer(FakeApi::Plain(200, ""));
  ASSERT_TRUE(Call({.target = "/"}).ok());
  ASSERT_TRUE(Call({.target = "/"}).ok());
  EXPECT_EQ(server_->connections(), 1);
  RunOn(loop_, [&] { transport_->RetireConnections(false); });
  ASSERT_TRUE(Call({.target = "/"}).ok());
  EXPECT_EQ(server_->connections(), 2);

  Answer({.body = "x", .after = FakeApi::After::kHang, .stream = true});
  auto body = std::make_shared<Body>();
  Slot<absl::Status> ended;
  RunOn(loop_, [&] {
    HttpRequest request = {.target = "/", .long_lived = true};
    transport_->Start(std::move(request), body,
                      [&](const absl::StatusOr<HttpReply>& got) { ended.Set(got.status()); });
  });
  ASSERT_TRUE(AwaitOn(loop_, [&] { return body->text() == "x"; }));
  RunOn(loop_, [&] { transport_->RetireConnections(true); });
  EXPECT_TRUE(absl::IsUnavailable(ended.Get().value_or(absl::OkStatus())));
}

TEST_F(CurlTransportTest, TheServersCertificateIsChecked) {
  Secure();
  Connect();
  Answer(FakeApi::Plain(200, "ok"));
  EXPECT_TRUE(Call({.target = "/"}).ok());

  HttpRequest foreign = {.target = "/"};
  foreign.tls = std::make_shared<const TlsIdentity>(TlsIdentity{.ca = TestCa("other").pem()});
  const absl::Status distrusted = Call(foreign).status();
  EXPECT_EQ(distrusted.code(), absl::StatusCode::kFailedPrecondition) << distrusted;
  EXPECT_THAT(std::string(distrusted.message()), HasSubstr("TLS"));
  // Without any authority of its own the system's count, which do not know it either.
  foreign.tls = std::make_shared<const TlsIdentity>();
  EXPECT_FALSE(Call(foreign).ok());

  // The name must fit: the certificate is for localhost and 127.0.0.1.
  Connect({.server = server_->url(), .tls_server_name = "elsewhere.example"});
  EXPECT_EQ(Call({.target = "/"}).status().code(), absl::StatusCode::kFailedPrecondition);
  Connect({.server = server_->url(), .tls_server_name = "localhost"});
  EXPECT_TRUE(Call({.target = "/"}).ok());
  EXPECT_THAT(api_.requests().back().Header("host"), HasSubstr("127.0.0.1"));
  Connect({.server = server_->url(), .insecure_skip_verify = true});
  EXPECT_TRUE(Call(foreign).ok());
}

TEST_F(CurlTransportTest, ConnectionsBelongToTheirCertificate) {
  Secure(ca_.pem());
  Connect();
  Answer(FakeApi::Plain(200, "ok"));
  const auto as = [&](const std::string& name) {
    const PemPair pair = ca_.Issue({.cn = name});
    HttpRequest request = {.target = "/"};
    request.tls =
        std::make_shared<const TlsIdentity>(TlsIdentity{ca_.pem(), pair.certificate, pair.key});
    EXPECT_TRUE(Call(request).ok());
    return api_.requests().back().peer;
  };
  EXPECT_EQ(as("alice"), "alice");
  EXPECT_EQ(as("bob"), "bob");
}

TEST_F(CurlTransportTest, ServersThatAreNone) {
  for (const char* url : {"", "ftp://h", "https://", "https://u:p@h", "https://h?x", "h:1 2"}) {
    const auto made = CurlTransport::Make(loop_, {.server = url});
    EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument) << url;
  }
}

}  // namespace
}  // namespace rekindle::client
