#include "common/net/http_server.h"

#include <string>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>

namespace rekindle::net {
namespace {

using boost::asio::ip::tcp;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class HttpServerTest : public ::testing::Test {
 protected:
  void Start(HttpServer::Options options = {}) {
    auto server = HttpServer::Start(
        loop_, options,
        {{"/metrics", [] { return HttpResponse{.body = "a_metric 1\n"}; }},
         {"/readyz", [] { return HttpResponse{.status = 503, .body = "runtime: gone\n"}; }}});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  tcp::socket Connect() {
    tcp::socket socket(io_);
    socket.connect(tcp::endpoint(boost::asio::ip::address_v4::loopback(), server_->port()));
    return socket;
  }

  // Sends `request` and reads until the server hangs up.
  std::string Ask(const std::string& request) {
    tcp::socket socket = Connect();
    boost::system::error_code error;
    boost::asio::write(socket, boost::asio::buffer(request), error);
    std::string answer;
    boost::asio::read(socket, boost::asio::dynamic_buffer(answer), error);
    return answer;
  }

  static std::string Get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  }

  boost::asio::io_context io_;
  AsioLoop loop_{"test-loop"};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersItsPaths) {
  Start();
  const std::string metrics = Ask(Get("/metrics?x=1"));
  EXPECT_THAT(metrics, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(metrics, HasSubstr("\r\n\r\na_metric 1\n"));
  EXPECT_THAT(Ask(Get("/readyz")), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Ask(Get("/")), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Ask(Get("/metrics/")), StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  Start();
  const std::string head = Ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(head, HasSubstr("Content-Length: 11"));
  EXPECT_THAT(head, Not(HasSubstr("a_metric")));
}

TEST_F(HttpServerTest, KeepsAConnectionForFurtherRequests) {
  Start();
  const std::string both = Ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" + Get("/readyz"));
  EXPECT_THAT(both, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(both, HasSubstr("HTTP/1.1 503 "));
}

TEST_F(HttpServerTest, RefusesWhatItDoesNotTake) {
  Start();
  EXPECT_THAT(Ask("POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'y')), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Ask("\x16\x03\x01garbage\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask(Get("/metrics")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, SilentClientIsCutOff) {
  Start({.timeout = absl::Milliseconds(50)});
  EXPECT_EQ(Ask(""), "");
}

TEST_F(HttpServerTest, ConnectionsAreBounded) {
  Start({.max_connections = 2});
  std::vector<tcp::socket> held;
  for (int i = 0; i < 2; ++i) {
    held.push_back(Connect());
    // Answered: so it is counted.
    boost::asio::write(
        held.back(), boost::asio::buffer(std::string("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")));
    char byte = 0;
    boost::asio::read(held.back(), boost::asio::buffer(&byte, 1));
  }
  EXPECT_EQ(Ask(Get("/metrics")), "");
}

TEST_F(HttpServerTest, StopsWithOpenConnections) {
  Start();
  tcp::socket socket = Connect();
  boost::asio::write(socket, boost::asio::buffer(std::string("GET /metrics HT")));
  server_.reset();
  char byte = 0;
  boost::system::error_code error;
  EXPECT_EQ(boost::asio::read(socket, boost::asio::buffer(&byte, 1), error), 0);
}

TEST_F(HttpServerTest, ListensOnLoopbackUnlessToldOtherwise) {
  EXPECT_EQ(HttpServer::Start(loop_, {.address = "0.0.0.0"}, {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(HttpServer::Start(loop_, {.address = "localhost"}, {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(HttpServer::Start(loop_, {.address = "0.0.0.0", .allow_remote = true}, {}).ok());
  Start();
  EXPECT_EQ(HttpServer::Start(loop_, {.port = server_->port()}, {}).status().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace rekindle::net
