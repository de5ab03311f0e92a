#include "controller/apiserver/rest/server.h"

#include <zlib.h>

#include "tests/controller/apiserver/rest/rest_fixture.h"

namespace rekindle::apiserver {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class RestServerTest : public RestFixture {};

TEST_F(RestServerTest, AnswersWithWhatTheRegistrySays) {
  Start();
  auto connection = Connect();
  ASSERT_TRUE(connection->ok());
  EXPECT_EQ(connection->alpn(), "http/1.1");
  connection->Send(Request("GET", std::string(kPods) + "/p"));
  const std::string answer = connection->ReadAnswer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nCache-Control: no-cache, private\r\n"));
  EXPECT_THAT(answer, EndsWith("{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"}}\n"));
  const Call call = registry_.last();
  EXPECT_EQ(call.verb, Verb::kGet);
  EXPECT_EQ(call.kind->info->kind, "Pod");
  EXPECT_EQ(call.name_space, "ns");
  EXPECT_EQ(call.name, "p");
  EXPECT_EQ(call.user.name, "root");
  EXPECT_THAT(call.user.groups, ElementsAre("system:masters", "system:authenticated"));
  // The connection stays.
  connection->Send(Request(
      "POST", kPods, "Content-Type: application/json\r\nUser-Agent: kubectl/1\r\n", "{\"a\":1}"));
  EXPECT_THAT(connection->ReadAnswer(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(registry_.last().body, "{\"a\":1}");
  EXPECT_EQ(registry_.last().user_agent, "kubectl/1");
}

TEST_F(RestServerTest, RequestsMayFollowEachOtherAtOnce) {
  Start();
  auto connection = Connect();
  connection->Send(Request("GET", "/version") + Request("POST", kPods, "", "{\"b\":2}") +
                   Request("GET", "/healthz", "Connection: close\r\n"));
  const std::string all = connection->ReadAll();
  EXPECT_THAT(all, HasSubstr("{\"accept\":\"\"}"));
  EXPECT_THAT(all, HasSubstr("{\"kind\":\"Pod\""));
  EXPECT_THAT(all, EndsWith("\r\n\r\nok"));
}

TEST_F(RestServerTest, OldClientsAreToldThatTheyMayStay) {
  Start();
  auto connection = Connect();
  connection->Send("GET /version HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(connection->ReadAnswer(), HasSubstr("\r\nConnection: keep-alive\r\n"));
  connection->Send("GET /version HTTP/1.0\r\n\r\n");
  EXPECT_THAT(connection->ReadAll(), HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(RestServerTest, ErrorsAreStatusObjects) {
  Start();
  registry_.Answer([](const Call&) -> absl::StatusOr<Reply> {
    return api::ToStatus(api::NotFound({"", "pods", "Pod", "p"}));
  });
  const std::string answer = Ask(Request("GET", std::string(kPods) + "/p"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(answer, HasSubstr("\"message\":\"pods \\\"p\\\" not found\""));
  registry_.Answer(
      [](const Call&) -> absl::StatusOr<Reply> { return absl::InternalError("a bug"); });
  EXPECT_THAT(Ask(Request("GET", kPods)), HasSubstr("Internal error occurred: a bug"));
  registry_.Answer([](const Call&) -> absl::StatusOr<Reply> {
    return api::ToStatus(api::TooManyRequests("wait", 7));
  });
  EXPECT_THAT(Ask(Request("GET", kPods)), HasSubstr("\r\nRetry-After: 7\r\n"));
}

TEST_F(RestServerTest, PathsThatAreNothing) {
  Start();
  for (const char* path : {"/apis/nobody/v1/pods", "/nothing", "/"}) {
    const std::string answer = Ask(Request("GET", path));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 ")) << path;
    EXPECT_THAT(answer, EndsWith("\r\n\r\n404 page not found\n")) << path;
    EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain")) << path;
  }
  for (const char* path : {"/api/v1/nothing", "/api/v1/namespaces/ns/nodes", "/api/v1/pods/p",
                           "/api/v1/namespaces/ns/pods/p/nothing"}) {
    const std::string answer = Ask(Request("GET", path));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 ")) << path;
    EXPECT_THAT(answer, HasSubstr("the server could not find the requested resource")) << path;
  }
  for (const char* path : {"/api/../x", "/api/v1/%ff", "/api//v1"}) {
    const std::string answer = Ask(Request("GET", path));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 ")) << path;
    EXPECT_THAT(answer, HasSubstr("\"reason\":\"BadRequest\"")) << path;
  }
}

TEST_F(RestServerTest, MethodsThatAreNotOffered) {
  Start();
  const std::string pod = std::string(kPods) + "/p";
  for (const auto& [method, path] :
       std::vector<std::pair<std::string, std::string>>{{"OPTIONS", kPods},
                                                        {"POST", pod},
                                                        {"PUT", kPods},
                                                        {"POST", "/api/v1/pods"},
                                                        {"DELETE", "/api/v1/pods"},
                                                        {"POST", "/version"}}) {
    const std::string answer = Ask(Request(method, path));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 ")) << method << path;
    EXPECT_THAT(answer, HasSubstr("the server does not allow this method")) << method << path;
  }
  auto connection = Connect();
  connection->Send(Request("HEAD", kPods, "Connection: close\r\n"));
  EXPECT_THAT(connection->ReadAll(), AllOf(StartsWith("HTTP/1.1 405 "), EndsWith("\r\n\r\n")));
}

TEST_F(RestServerTest, WhoAsksAndWhetherHeMay) {
  Start();
  const std::string pods = Request("GET", kPods);
  const auto as = [&](const KeyPair* pair, const std::string& request) {
    auto connection = Connect(pair);
    connection->Send(request);
    return connection->ReadAnswer();
  };
  const KeyPair bob = Client("bob", {"dev"});
  EXPECT_THAT(as(&bob, pods),
              AllOf(StartsWith("HTTP/1.1 403 "),
                    HasSubstr("pods is forbidden: User \\\"bob\\\" cannot list resource "
                              "\\\"pods\\\" in API group \\\"\\\" in the namespace \\\"ns\\\"")));
  EXPECT_THAT(as(nullptr, pods), AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr("system:anonymous")));
  EXPECT_THAT(as(nullptr, Request("GET", kPods, "Authorization: Bearer t-reader\r\n")),
              StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(as(nullptr, Request("DELETE", kPods, "Authorization: Bearer t-reader\r\n")),
              StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(as(nullptr, Request("GET", kPods, "Authorization: Bearer wrong\r\n")),
              AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("\"reason\":\"Unauthorized\"")));
  // A certificate of somebody else's authority.
  const TestCa other;
  const PemPair foreign = other.Issue({.cn = "root", .o = "system:masters"});
  const KeyPair pair{foreign.certificate, foreign.key};
  EXPECT_THAT(as(&pair, pods), StartsWith("HTTP/1.1 401 "));
  const auto expired =
      Issue(pki_.authority, {.common_name = "root", .organizations = {"system:masters"}},
            absl::Now() - absl::Hours(2), absl::Hours(1));
  ASSERT_TRUE(expired.ok());
  EXPECT_THAT(as(&*expired, pods), StartsWith("HTTP/1.1 401 "));
}

TEST_F(RestServerTest, FormsOfAnswers) {
  Start();
  EXPECT_THAT(Ask(Request("GET", kPods, "Accept: application/yaml\r\n")),
              AllOf(HasSubstr("Content-Type: application/yaml"), HasSubstr("kind: Pod\n")));
  const std::string table = "Accept: application/json;as=Table;v=v1;g=meta.k8s.io\r\n";
  EXPECT_THAT(Ask(Request("GET", std::string(kPods) + "?includeObject=Object", table)),
              AllOf(HasSubstr("\"kind\":\"Table\""), HasSubstr("\"include\":2"),
                    HasSubstr("\"columns\":true"), HasSubstr("\"of\":\"Pod\"")));
  EXPECT_THAT(
      Ask(Request("GET", kPods,
                  "Accept: application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io\r\n")),
      HasSubstr("{\"apiVersion\":\"meta.k8s.io/v1\",\"kind\":\"PartialObjectMetadata\","
                "\"metadata\":{\"name\":\"p\"}}"));
  EXPECT_THAT(Ask(Request("GET", kPods, "Accept: text/html\r\n")),
              AllOf(StartsWith("HTTP/1.1 406 "), HasSubstr("only the following media types")));
  EXPECT_THAT(Ask(Request("GET", kPods, "User-Agent: curl/7\r\n")), HasSubstr("{\n  \"kind\""));
  EXPECT_THAT(Ask(Request("GET", std::string(kPods) + "?pretty=true")), HasSubstr("{\n  \"kind\""));
  registry_.Answer([](const Call& call) -> absl::StatusOr<Reply> {
    return call.as_text ? Reply{.text = "{\"spliced\":1}"} : Reply{.body = {{"kind", "Pod"}}};
  });
  EXPECT_THAT(Ask(Request("GET", kPods)), EndsWith("{\"spliced\":1}\n"));
  EXPECT_THAT(Ask(Request("GET", kPods, "Accept: application/yaml\r\n")), HasSubstr("kind: Pod"));
}

TEST_F(RestServerTest, WarningsBecomeHeaders) {
  Start();
  registry_.Answer([](const Call&) -> absl::StatusOr<Reply> {
    return Reply{.code = 201, .body = {{"kind", "Pod"}}, .warnings = {"a \"b\"", "c\r\nX: y"}};
  });
  const std::string answer = Ask(Request("POST", kPods, "", "{}"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 201 Created\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nWarning: 299 - \"a \\\"b\\\"\"\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nWarning: 299 - \"c  X: y\"\r\n"));
}

TEST_F(RestServerTest, LargeAnswersAreCompressedWhenAsked) {
  Start({.gzip_from_bytes = 1000});
  registry_.Answer([](const Call&) -> absl::StatusOr<Reply> {
    return Reply{.body = {{"kind", "Pod"}, {"data", std::string(100'000, 'x')}}};
  });
  const std::string packed = Ask(Request("GET", kPods, "Accept-Encoding: gzip\r\n"));
  EXPECT_THAT(packed, HasSubstr("\r\nContent-Encoding: gzip\r\n"));
  const std::string body = packed.substr(packed.find("\r\n\r\n") + 4);
  EXPECT_LT(body.size(), 2000);
  std::string text(200'000, '\0');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
  std::string input = body;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  EXPECT_THAT(text, AllOf(StartsWith("{\"data\":\"xxx"), EndsWith("\"kind\":\"Pod\"}\n")));
  EXPECT_THAT(Ask(Request("GET", kPods)), Not(HasSubstr("Content-Encoding")));
}

TEST_F(RestServerTest, DiscoveryAndHealth) {
  Start();
  EXPECT_THAT(Ask(Request("GET", "/apis?timeout=32s", "Accept: application/json\r\n")),
              AllOf(HasSubstr("{\"accept\":\"application/json\"}"), HasSubstr("Vary: Accept")));
  const std::string fresh = Ask(Request("GET", "/apis", "If-None-Match: \"e\"\r\n"));
  EXPECT_THAT(fresh, AllOf(StartsWith("HTTP/1.1 304 "), Not(HasSubstr("Content-Length"))));
  auto nobody = Connect(nullptr);
  nobody->Send(Request("GET", "/readyz") + Request("POST", "/livez"));
  EXPECT_THAT(nobody->ReadAnswer(), EndsWith("\r\n\r\nok"));
  EXPECT_THAT(nobody->ReadAnswer(), StartsWith("HTTP/1.1 405 "));
}

TEST_F(RestServerTest, AccessReviewsAreAnsweredFromTheRoles) {
  Start();
  const std::string path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const std::string question =
      R"({"spec":{"resourceAttributes":{"verb":"delete","resource":"pods","namespace":"ns"}}})";
  EXPECT_THAT(Ask(Request("POST", path, "", question)),
              AllOf(StartsWith("HTTP/1.1 201 "), HasSubstr("\"allowed\":true"),
                    HasSubstr("\"kind\":\"SelfSubjectAccessReview\"")));
  const KeyPair bob = Client("bob", {});
  auto connection = Connect(&bob);
  connection->Send(Request("POST", path, "", question) + Request("POST", path, "", "{}"));
  EXPECT_THAT(connection->ReadAnswer(),
              AllOf(StartsWith("HTTP/1.1 201 "), HasSubstr("\"allowed\":false")));
  EXPECT_THAT(connection->ReadAnswer(), StartsWith("HTTP/1.1 422 "));
  connection->Send(Request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "", "{}"));
  EXPECT_THAT(connection->ReadAnswer(), HasSubstr("\"username\":\"bob\""));
  connection->Send(Request("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", "",
                           R"({"spec":{"namespace":"ns"}})"));
  EXPECT_THAT(connection->ReadAnswer(), HasSubstr("\"nonResourceRules\""));
}

TEST_F(RestServerTest, StopsWhileRequestsAreUnderWay) {
  Start();
  Latch begun;
  Latch go_on;
  registry_.Answer([&](const Call&) -> absl::StatusOr<Reply> {
    begun.Open();
    go_on.Wait();
    return Reply{.body = {{"kind", "Pod"}}};
  });
  auto connection = Connect();
  auto idle = Connect();
  idle->Send(Request("GET", "/version"));
  idle->ReadAnswer();
  connection->Send(Request("GET", kPods));
  begun.Wait();
  std::thread stopping([&] { server_.reset(); });
  EXPECT_EQ(idle->ReadAll(), "");  // closed at once
  go_on.Open();
  EXPECT_THAT(connection->ReadAll(),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Connection: close")));
  stopping.join();
}

// A client cannot make series by inventing paths.
TEST_F(RestServerTest, MetricsCountWhatIsServed) {
  Start();
  registry_.Answer([](const Call&) -> absl::StatusOr<Reply> {
    return Reply{.body = {{"kind", "PodList"}, {"items", Json::array()}}};
  });
  metrics_.AddSource("rekindle_depth", "How deep it is.", false, [] { return 7.0; });
  Ask(Request("GET", kPods));
  Ask(Request("GET", kPods));
  Ask(Request("GET", "/api/v1/namespaces/ns/invented"));
  Ask(Request("GET", "/invented"));
  const std::string text = Ask(Request("GET", "/metrics"));
  EXPECT_THAT(text, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(text, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(text, ContainsRegex("apiserver_request_total\\{[^}]*code=\"200\"[^}]*"
                                  "resource=\"pods\"[^}]*verb=\"LIST\"[^}]*\\} 2\n"));
  EXPECT_THAT(text, ContainsRegex("apiserver_request_duration_seconds_count\\{[^}]*"
                                  "resource=\"pods\"[^}]*\\} 2\n"));
  EXPECT_THAT(text, HasSubstr("rekindle_depth 7\n"));
  EXPECT_THAT(text, Not(HasSubstr("invented")));
  auto nobody = Connect(nullptr);
  nobody->Send(Request("GET", "/metrics"));
  EXPECT_THAT(nobody->ReadAnswer(), StartsWith("HTTP/1.1 403 "));
}

}  // namespace
}  // namespace rekindle::apiserver
