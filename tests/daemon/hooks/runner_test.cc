#include "daemon/hooks/runner.h"

#include <string>

#include "absl/strings/match.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tests/daemon/hooks/hook_testing.h"
#include "tests/fakes/sim_loop.h"

namespace rekindle::hooks {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const HookTarget kHostNetwork{"c1", "", {}};

std::string Text(const absl::Status& status) { return std::string(status.message()); }

// exec and sleep on simulated time.
class SimRunnerTest : public ::testing::Test {
 protected:
  void Run(const Handler& handler, absl::Duration limit) {
    runner_->Run(handler, kHostNetwork, limit, [this](absl::Status status) {
      ++replies_;
      status_ = std::move(status);
      at_ = loop_.Monotonic();
    });
    EXPECT_EQ(replies_, 0) << "replied inline";
  }

  void Answer(int exit_code) {
    cri::v1::ExecSyncResponse response;
    response.set_exit_code(exit_code);
    response.set_stdout("password1");
    response.set_stderr("password2");
    runtime_.calls.at(0).reply(response);
  }

  SimLoop loop_;
  boost::asio::io_context io_;
  ExecRuntime runtime_;
  std::unique_ptr<PodHookRunner> runner_ =
      std::make_unique<PodHookRunner>(loop_, io_, runtime_, "1");
  int replies_ = 0;
  absl::Status status_;
  absl::Duration at_;
};

TEST_F(SimRunnerTest, ExecRunsTheCommandInTheContainer) {
  Run(ExecAction{{"/bin/drain", "--now"}}, absl::Seconds(5));
  ASSERT_THAT(runtime_.calls, SizeIs(1));
  EXPECT_EQ(runtime_.calls[0].container, "c1");
  EXPECT_THAT(runtime_.calls[0].command, ElementsAre("/bin/drain", "--now"));
  EXPECT_EQ(runtime_.calls[0].timeout, absl::Seconds(5));
  Answer(0);
  EXPECT_EQ(replies_, 1);
  EXPECT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(loop_.pending_timers(), 0u);
}

TEST_F(SimRunnerTest, ExecFailuresSayNothingOfTheOutput) {
  struct Row {
    absl::StatusOr<int> outcome;
    absl::StatusCode code;
    const char* says;
  };
  const Row rows[] = {
      {3, absl::StatusCode::kAborted, "exec: exit code 3"},
      {-1, absl::StatusCode::kAborted, "exec: exit code -1"},
      {absl::UnknownError("password3"), absl::StatusCode::kUnavailable, "could not run"},
      {absl::NotFoundError("password3"), absl::StatusCode::kUnavailable, "NOT_FOUND"},
      {absl::InvalidArgumentError("password3"), absl::StatusCode::kUnavailable, "could not run"},
      {absl::DeadlineExceededError("password3"), absl::StatusCode::kDeadlineExceeded, "cut off"},
  };
  for (const Row& row : rows) {
    replies_ = 0;
    runtime_.calls.clear();
    Run(ExecAction{{"x"}}, absl::Seconds(5));
    if (row.outcome.ok()) {
      Answer(*row.outcome);
    } else {
      runtime_.calls.at(0).reply(row.outcome.status());
    }
    EXPECT_EQ(replies_, 1);
    EXPECT_EQ(status_.code(), row.code) << status_;
    EXPECT_THAT(Text(status_), AllOf(HasSubstr(row.says), Not(HasSubstr("password"))));
  }
}

TEST_F(SimRunnerTest, ExecIsCutOffAtTheLimitAndItsLateAnswerIgnored) {
  const absl::Duration start = loop_.Monotonic();
  Run(ExecAction{{"x"}}, absl::Seconds(5));
  loop_.Advance(absl::Seconds(4.999));
  EXPECT_EQ(replies_, 0);
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(replies_, 1);
  EXPECT_EQ(at_ - start, absl::Seconds(5));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status_)) << status_;
  Answer(0);
  EXPECT_EQ(replies_, 1);
}

TEST_F(SimRunnerTest, ExecWithoutACommandMayNotRun) {
  Run(ExecAction{}, absl::Seconds(5));
  loop_.Settle();
  EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
  EXPECT_THAT(Text(status_), HasSubstr("exec.command"));
  EXPECT_THAT(runtime_.calls, IsEmpty());
}

TEST_F(SimRunnerTest, SleepEndsAtItsTimeOrAtTheLimit) {
  struct Row {
    absl::Duration sleep, limit, at;
    absl::StatusCode code;
  };
  const Row rows[] = {
      {absl::Seconds(4), absl::Seconds(30), absl::Seconds(4), absl::StatusCode::kOk},
      {absl::ZeroDuration(), absl::Seconds(30), absl::ZeroDuration(), absl::StatusCode::kOk},
      {absl::Seconds(30), absl::Seconds(30), absl::Seconds(30), absl::StatusCode::kOk},
      {absl::Seconds(31), absl::Seconds(30), absl::Seconds(30),
       absl::StatusCode::kDeadlineExceeded},
      {absl::InfiniteDuration(), absl::InfiniteDuration(), absl::Hours(24),
       absl::StatusCode::kDeadlineExceeded},
      {absl::Seconds(-1), absl::Seconds(30), absl::ZeroDuration(),
       absl::StatusCode::kInvalidArgument},
      {absl::Seconds(1), absl::ZeroDuration(), absl::ZeroDuration(),
       absl::StatusCode::kDeadlineExceeded},
      {absl::Seconds(1), absl::Seconds(-1), absl::ZeroDuration(),
       absl::StatusCode::kDeadlineExceeded},
  };
  for (const Row& row : rows) {
    replies_ = 0;
    const absl::Duration start = loop_.Monotonic();
    Run(SleepAction{row.sleep}, row.limit);
    loop_.Advance(absl::Hours(25));
    EXPECT_EQ(replies_, 1);
    EXPECT_EQ(at_ - start, row.at);
    EXPECT_EQ(status_.code(), row.code) << status_;
  }
}

TEST_F(SimRunnerTest, NoReplyAfterDestruction) {
  Run(ExecAction{{"x"}}, absl::Seconds(5));
  runner_->Run(SleepAction{absl::Seconds(1)}, kHostNetwork, absl::Seconds(5),
               [this](absl::Status) { ++replies_; });
  runner_->Run(ExecAction{}, kHostNetwork, absl::Seconds(5), [this](absl::Status) { ++replies_; });
  EXPECT_EQ(runner_->running(), 3u);
  runner_.reset();
  Answer(0);
  loop_.Advance(absl::Seconds(60));
  EXPECT_EQ(replies_, 0);
}

TEST_F(SimRunnerTest, TheReplyMayDestroyTheRunner) {
  runner_->Run(SleepAction{absl::Seconds(1)}, kHostNetwork, absl::Seconds(5),
               [this](absl::Status) { runner_.reset(); });
  loop_.Advance(absl::Seconds(60));
  EXPECT_EQ(runner_, nullptr);
}

HttpGetAction Get(uint16_t port, std::string path = "/") {
  HttpGetAction action;
  action.port = port;
  action.path = std::move(path);
  return action;
}

TEST(HttpGetHook, SendsTheRequestAsAsked) {
  TestServer server({.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"});
  RunnerOnLoop on;
  HttpGetAction action = Get(server.port(), "drain me?q=a b%20c#top");
  action.headers = {
      {"X-Token", "1"}, {"X-Token", "2"}, {"Content-Length", "99"}, {"Connection", "keep-alive"}};
  EXPECT_EQ(on.Run(action, kHostNetwork), absl::OkStatus());
  ASSERT_THAT(server.requests(), SizeIs(1));
  EXPECT_THAT(server.requests()[0],
              AllOf(HasSubstr("GET /drain%20me?q=a%20b%20c HTTP/1.1\r\n"),
                    HasSubstr(absl::StrCat("Host: 127.0.0.1:", server.port(), "\r\n")),
                    HasSubstr("User-Agent: rekindle/9.8.7\r\n"), HasSubstr("Accept: */*\r\n"),
                    HasSubstr("X-Token: 1\r\n"), HasSubstr("X-Token: 2\r\n"),
                    HasSubstr("Connection: close\r\n"), Not(HasSubstr("Content-Length")),
                    Not(HasSubstr("keep-alive"))));
}

TEST(HttpGetHook, GivenHeadersReplaceTheUsualOnes) {
  TestServer server({.answer = "HTTP/1.1 204 No Content\r\n\r\n"});
  RunnerOnLoop on;
  HttpGetAction action = Get(server.port());
  action.headers = {{"host", "app.example"}, {"Accept", ""}, {"User-Agent", "me"}};
  EXPECT_EQ(on.Run(action, kHostNetwork), absl::OkStatus());
  ASSERT_THAT(server.requests(), SizeIs(1));
  EXPECT_THAT(server.requests()[0],
              AllOf(HasSubstr("ost: app.example\r\n"), HasSubstr("User-Agent: me\r\n"),
                    Not(HasSubstr("Accept")), Not(HasSubstr("127.0.0.1"))));
}

TEST(HttpGetHook, AnswersDecideTheOutcome) {
  struct Row {
    const char* name;
    std::string answer;
    absl::StatusCode code;
  };
  const Row rows[] = {
      {"200", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", absl::StatusCode::kOk},
      {"200 until close", "HTTP/1.0 200 OK\r\n\r\nhello", absl::StatusCode::kOk},
      {"201 chunked", "HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
       absl::StatusCode::kOk},
      {"long body", "HTTP/1.1 200 OK\r\n\r\n" + std::string(1 << 20, 'b'), absl::StatusCode::kOk},
      {"length a lie", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nshort",
       absl::StatusCode::kOk},
      {"broken chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
       absl::StatusCode::kOk},
      {"redirect", "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n",
       absl::StatusCode::kOk},
      {"399", "HTTP/1.1 399 X\r\n\r\n", absl::StatusCode::kOk},
      {"interim", "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", absl::StatusCode::kOk},
      {"interim, then bad", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 X\r\n\r\n",
       absl::StatusCode::kAborted},
      {"400", "HTTP/1.1 400 Bad\r\n\r\n", absl::StatusCode::kAborted},
      {"503", "HTTP/1.1 503 secret\r\n\r\nsecret", absl::StatusCode::kAborted},
      {"101", "HTTP/1.1 101 Switching\r\n\r\n", absl::StatusCode::kAborted},
      {"no HTTP", "hello there\r\n\r\n", absl::StatusCode::kUnavailable},
      {"closed", "", absl::StatusCode::kUnavailable},
      {"cut off", "HTTP/1.1 200 OK\r\nConte", absl::StatusCode::kUnavailable},
      {"huge header", "HTTP/1.1 200 OK\r\nX: " + std::string(64 << 10, 'h') + "\r\n\r\n",
       absl::StatusCode::kUnavailable},
      {"many headers",
       "HTTP/1.1 200 OK\r\n" +
           [] {
             std::string lines;
             for (int i = 0; i < 10000; ++i) absl::StrAppend(&lines, "X", i, ": y\r\n");
             return lines;
           }(),
       absl::StatusCode::kUnavailable},
  };
  RunnerOnLoop on;
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    TestServer server({.answer = row.answer});
    const absl::Status status = on.Run(Get(server.port()), kHostNetwork);
    EXPECT_EQ(status.code(), row.code) << status;
    EXPECT_EQ(server.connections(), 1);
    EXPECT_THAT(Text(status), Not(HasSubstr("secret")));
  }
}

TEST(HttpGetHook, EndlessInterimResponsesEnd) {
  std::string answer;
  for (int i = 0; i < 50; ++i) answer += "HTTP/1.1 103 Early\r\n\r\n";
  TestServer server({.answer = answer, .hold = true});
  RunnerOnLoop on;
  EXPECT_TRUE(absl::IsUnavailable(on.Run(Get(server.port()), kHostNetwork)));
}

TEST(HttpGetHook, SilentServersAreCutOffAtTheLimit) {
  for (const char* answer :
       {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\nbody without end"}) {
    TestServer server({.answer = answer, .hold = true});
    RunnerOnLoop on;
    const absl::Time start = absl::Now();
    const absl::Status status = on.Run(Get(server.port()), kHostNetwork, absl::Milliseconds(150));
    EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
    EXPECT_GE(absl::Now() - start, absl::Milliseconds(150));
    EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  }
}

TEST(HttpGetHook, OnlyThePodItselfIsReached) {
  TestServer server({.answer = "HTTP/1.1 200 OK\r\n\r\n"});
  RunnerOnLoop on;
  for (const char* host : {"192.0.2.1", "example.com", "169.254.169.254", "127.0.0.2", "0.0.0.0",
                           "127.0.0.1.", "::", "[::1]", "10.0.0.1\r\nX: y"}) {
    HttpGetAction action = Get(server.port());
    action.host = host;
    const absl::Status status = on.Run(action, kHostNetwork);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << host << ": " << status;
    EXPECT_THAT(Text(status), HasSubstr("host"));
    const absl::Status tcp = on.Run(TcpSocketAction{host, server.port()}, kHostNetwork);
    EXPECT_TRUE(absl::IsInvalidArgument(tcp)) << host << ": " << tcp;
  }
  for (const char* host : {"localhost", "127.0.0.1", "::ffff:127.0.0.1"}) {
    HttpGetAction action = Get(server.port());
    action.host = host;
    EXPECT_EQ(on.Run(action, kHostNetwork), absl::OkStatus()) << host;
  }
  EXPECT_EQ(server.connections(), 3);
}

TEST(HttpGetHook, BadHeadersMayNotRun) {
  RunnerOnLoop on;
  for (const auto& header : std::vector<std::pair<std::string, std::string>>{
           {"", "x"}, {"a b", "x"}, {"X:", "y"}, {"X", "a\r\nY: b"}, {"X", std::string(1, '\0')}}) {
    HttpGetAction action = Get(1);
    action.headers = {header};
    const absl::Status status = on.Run(action, kHostNetwork);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(Text(status), HasSubstr("headers"));
  }
}

TEST(HttpGetHook, RefusedConnectionIsUnavailable) {
  uint16_t port = 0;
  { port = TestServer({}).port(); }
  RunnerOnLoop on;
  EXPECT_TRUE(absl::IsUnavailable(on.Run(Get(port), kHostNetwork)));
  EXPECT_TRUE(absl::IsUnavailable(on.Run(TcpSocketAction{"", port}, kHostNetwork)));
}

// A certificate that nobody could verify: self-signed, without a name.
void GiveCertificate(boost::asio::ssl::context& context) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  SSL_CTX_use_certificate(context.native_handle(), certificate);
  SSL_CTX_use_PrivateKey(context.native_handle(), key);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

TEST(HttpGetHook, TlsDoesNotVerifyTheServer) {
  boost::asio::ssl::context tls(boost::asio::ssl::context::tls_server);
  GiveCertificate(tls);
  TestServer server({.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .tls = &tls});
  RunnerOnLoop on;
  HttpGetAction action = Get(server.port(), "/secure");
  action.tls = true;
  EXPECT_EQ(on.Run(action, kHostNetwork), absl::OkStatus());
  ASSERT_THAT(server.requests(), SizeIs(1));
  EXPECT_THAT(server.requests()[0], HasSubstr("GET /secure "));
}

TEST(HttpGetHook, TlsToAPlainServerIsRepeatedPlainly) {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor acceptor(io, {boost::asio::ip::address_v4::loopback(), 0});
  std::thread server([&] {
    for (int i = 0; i < 2; ++i) {
      boost::system::error_code error;
      auto socket = acceptor.accept();
      char bytes[4096];
      const size_t got = socket.read_some(boost::asio::buffer(bytes), error);
      const bool http = absl::StartsWith(absl::string_view(bytes, got), "GET ");
      const std::string answer = http ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                                      : "HTTP/1.1 400 Bad Request\r\n\r\n";
      boost::asio::write(socket, boost::asio::buffer(answer), error);
      while (!error) socket.read_some(boost::asio::buffer(bytes), error);
    }
  });
  RunnerOnLoop on;
  HttpGetAction action = Get(acceptor.local_endpoint().port());
  action.tls = true;
  EXPECT_EQ(on.Run(action, kHostNetwork), absl::OkStatus());
  server.join();
}

TEST(TcpSocketHook, ConnectsOnceAndCloses) {
  TestServer server({.hold = true});
  RunnerOnLoop on;
  EXPECT_EQ(on.Run(TcpSocketAction{"", server.port()}, kHostNetwork), absl::OkStatus());
  // The second connection is accepted only after the first was closed.
  EXPECT_EQ(on.Run(TcpSocketAction{"", server.port()}, kHostNetwork), absl::OkStatus());
}

TEST(TcpSocketHook, Ipv6LoopbackWorks) {
  TestServer server({.address = "::1", .hold = true});
  RunnerOnLoop on;
  EXPECT_EQ(on.Run(TcpSocketAction{"::1", server.port()}, kHostNetwork), absl::OkStatus());
}

TEST(TcpSocketHook, ANamespaceThatIsNoneIsUnavailable) {
  RunnerOnLoop on;
  for (const char* path : {"/no/such/netns", "/proc/self/exe", "/dev/null"}) {
    const HookTarget target{"c", path, {"10.0.0.7"}};
    const absl::Status status = on.Run(TcpSocketAction{"", 80}, target);
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_THAT(Text(status), HasSubstr(path));
  }
}

TEST(HttpGetHook, DestructionWithHooksInFlightIsSafe) {
  TestServer server({.hold = true});
  RunnerOnLoop on;
  bool replied = false;
  on.OnLoop([&] {
    for (int i = 0; i < 20; ++i) {
      on.runner()->Run(Get(server.port()), kHostNetwork, absl::Seconds(30),
                       [&](absl::Status) { replied = true; });
      on.runner()->Run(TcpSocketAction{"", 80}, HookTarget{"c", "/no/such/netns", {"10.0.0.7"}},
                       absl::Seconds(30), [&](absl::Status) { replied = true; });
    }
  });
  // The namespace that is none may have been answered already; nothing comes from here on.
  on.OnLoop([&] {
    replied = false;
    on.runner().reset();
  });
  on.OnLoop([] {});
  EXPECT_FALSE(replied);
}

}  // namespace
}  // namespace rekindle::hooks
