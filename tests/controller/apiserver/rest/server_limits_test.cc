#include "tests/controller/apiserver/rest/rest_fixture.h"

namespace rekindle::apiserver {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

class RestLimitsTest : public RestFixture {};

TEST_F(RestLimitsTest, BodiesHaveAnEnd) {
  Start({.http = {.max_body_bytes = 1000}});
  EXPECT_THAT(Ask(Request("POST", kPods, "", std::string(1000, ' '))), StartsWith("HTTP/1.1 200 "));
  const std::string large = Ask(Request("POST", kPods, "", std::string(1001, ' ')));
  EXPECT_THAT(large, AllOf(StartsWith("HTTP/1.1 413 "),
                           HasSubstr("Request entity too large: limit is 1000")));
  // 10 MB that are announced are not waited for.
  EXPECT_THAT(Ask(Request("POST", kPods, "Content-Length: 10000000\r\n")),
              StartsWith("HTTP/1.1 413 "));
  // In chunks nobody says the size before.
  std::string chunks = Request("POST", kPods, "Transfer-Encoding: chunked\r\n");
  for (int i = 0; i < 20; ++i) chunks += "64\r\n" + std::string(100, ' ') + "\r\n";
  EXPECT_THAT(Ask(chunks + "0\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
}

TEST_F(RestLimitsTest, WhoMayNotAskIsNotListenedTo) {
  Start();
  auto nobody = Connect(nullptr);
  nobody->Send(Request("POST", kPods, "Content-Length: 1000000\r\n"));
  EXPECT_THAT(nobody->ReadAnswer(), StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(nobody->ReadAll(), "");
}

TEST_F(RestLimitsTest, AllBodiesTogetherHaveAnEnd) {
  Start({.http = {.max_bodies_bytes = 1000}});
  auto first = Connect();
  first->Send(Request("POST", kPods, "Content-Length: 900\r\n") + "{");
  // Answered: the first one has been read by then or will be refused in its place.
  auto second = Connect();
  second->Send(Request("POST", kPods, "Content-Length: 1001\r\n"));
  EXPECT_THAT(second->ReadAnswer(),
              AllOf(StartsWith("HTTP/1.1 429 "), HasSubstr("Retry-After: 1")));
  EXPECT_THAT(Ask(Request("POST", kPods, "", "{}")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(RestLimitsTest, HeadersHaveAnEnd) {
  Start({.http = {.max_header_bytes = 2000}});
  EXPECT_THAT(Ask(Request("GET", kPods, "X: " + std::string(1500, 'x') + "\r\n")),
              StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Ask(Request("GET", kPods, "X: " + std::string(3000, 'x') + "\r\n")),
              AllOf(StartsWith("HTTP/1.1 431 "), HasSubstr("larger than 2000 bytes")));
  EXPECT_THAT(Ask("GET /" + std::string(200'000, 'a')), StartsWith("HTTP/1.1 431 "));
}

TEST_F(RestLimitsTest, WhatIsNotHttp) {
  Start();
  EXPECT_THAT(Ask("\x16\x03\x01garbage\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask("GET /version HTTP/1.1\r\nno colon\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(
      Ask("GET /version HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
      StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask("GET /version HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask(Request("GET", "/version")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(RestLimitsTest, SlowClientsAreToldAndCutOff) {
  Start({.http = {.header_timeout = absl::Milliseconds(100),
                  .body_timeout = absl::Milliseconds(100)}});
  auto header = Connect();
  header->Send("GET /version HTTP/1.1\r\nHost");
  EXPECT_THAT(header->ReadAnswer(), StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(header->ReadAll(), "");
  auto body = Connect();
  body->Send(Request("POST", kPods, "Content-Length: 10\r\n") + "{");
  EXPECT_THAT(body->ReadAnswer(), StartsWith("HTTP/1.1 408 "));
  auto silent = Connect();
  EXPECT_EQ(silent->ReadAll(), "");
}

TEST_F(RestLimitsTest, NoHandshakeNoConnection) {
  Start({.http = {.handshake_timeout = absl::Milliseconds(100)}});
  boost::asio::io_context io;
  boost::asio::ip::tcp::socket socket(io);
  socket.connect({boost::asio::ip::address_v4::loopback(), server_->port()});
  char byte = 0;
  boost::system::error_code error;
  EXPECT_EQ(boost::asio::read(socket, boost::asio::buffer(&byte, 1), error), 0);
}

TEST_F(RestLimitsTest, SilentConnectionsGiveWayToNewOnes) {
  Start({.http = {.max_connections = 4}});
  auto working = Connect();
  working->Send(Request("GET", "/version"));
  EXPECT_THAT(working->ReadAnswer(), StartsWith("HTTP/1.1 200 "));
  std::vector<std::unique_ptr<RestConnection>> silent;
  for (int i = 0; i < 40; ++i) silent.push_back(Connect());
  EXPECT_LE(server_->connections(), 4);
  EXPECT_THAT(Ask(Request("GET", "/version")), StartsWith("HTTP/1.1 200 "));
  working->Send(Request("GET", "/version"));
  EXPECT_THAT(working->ReadAnswer(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(RestLimitsTest, WhenAllWorkersAreBusyClientsComeAgain) {
  Start({.http = {.workers = 1, .queued = 1}});
  Latch begun;
  Latch go_on;
  registry_.Answer([&](const Call&) -> absl::StatusOr<Reply> {
    begun.Open();
    go_on.Wait();
    return Reply{.body = {{"kind", "Pod"}}};
  });
  auto first = Connect();
  first->Send(Request("GET", kPods));
  begun.Wait();
  // Of two more one waits and one is sent away; which one is a matter of chance.
  auto second = Connect();
  second->Send(Request("GET", kPods));
  auto third = Connect();
  third->Send(Request("GET", kPods));
  std::string busy;
  {
    auto fourth = Connect();
    fourth->Send(Request("GET", kPods));
    busy = fourth->ReadUntil("\r\n\r\n");
    EXPECT_THAT(busy, AllOf(StartsWith("HTTP/1.1 429 "), HasSubstr("\r\nRetry-After: 1\r\n"),
                            HasSubstr("text/plain")));
    fourth->ReadUntil("later.\n");
    // Health is answered all the same.
    fourth->Send(Request("GET", "/healthz"));
    EXPECT_THAT(fourth->ReadAnswer(), EndsWith("ok"));
  }
  go_on.Open();
  EXPECT_THAT(first->ReadAnswer(), StartsWith("HTTP/1.1 200 "));
  // The one that waited still needs the latches.
  EXPECT_THAT((std::vector<std::string>{second->ReadAnswer().substr(0, 13),
                                        third->ReadAnswer().substr(0, 13)}),
              UnorderedElementsAre("HTTP/1.1 200 ", "HTTP/1.1 429 "));
}

TEST_F(RestLimitsTest, AClientMayWaitForTheGoAhead) {
  Start();
  auto connection = Connect();
  connection->Send(Request("POST", kPods, "Expect: 100-continue\r\nContent-Length: 2\r\n"));
  EXPECT_EQ(connection->ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  connection->Send("{}");
  EXPECT_THAT(connection->ReadAnswer(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(RestLimitsTest, AddressesAndCertificatesAreChecked) {
  Start();
  RestServer::Options options;
  options.http.certificate = pki_.server.certificate;
  options.http.key = pki_.server.key;
  options.http.client_ca = pki_.authority.certificate;
  options.http.address = "localhost";
  EXPECT_EQ(RestServer::Start(options, *handler_, registry_, surface_).status().code(),
            absl::StatusCode::kInvalidArgument);
  options.http.address = "127.0.0.1";
  options.http.port = server_->port();
  EXPECT_EQ(RestServer::Start(options, *handler_, registry_, surface_).status().code(),
            absl::StatusCode::kUnavailable);
  options.http.key = admin_.key;
  EXPECT_EQ(RestServer::Start(options, *handler_, registry_, surface_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace rekindle::apiserver
