#include "controller/plan/recreate/hook.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::plan {
namespace {


absl::StatusOr<std::optional<Hook>> Read(const std::string& handler) {
  Json container = Json::parse(R"({"name": "app", "ports": [
    {"containerPort": 8080, "name": "http"}, {"containerPort": 9090, "name": "admin"},
    {"containerPort": 70000, "name": "wrong"}]})");
  container["lifecycle"]["preStop"] = Json::parse(handler);
  return ReadHook(container, "preStop", "spec.containers[0]");
}

struct GoodCase {
  const char* handler;
  Hook hook;
};

TEST(HookTest, Kinds) {
  const GoodCase cases[] = {
      {R"({"exec": {"command": ["/bin/drain", "--all"]}})", ExecHook{{"/bin/drain", "--all"}}},
      {R"({"httpGet": {"port": 80}})", HttpGetHook{.host = "", .port = 80, .path = "/"}},
      {R"({"httpGet": {"port": "http", "path": "quit?now=1", "scheme": "HTTP"}})",
       HttpGetHook{.host = "", .port = 8080, .path = "/quit?now=1"}},
      {R"({"httpGet": {"port": "admin", "path": "/quit", "scheme": "HTTPS", "host": "10.0.0.1",
           "httpHeaders": [{"name": "X-A", "value": "1"}, {"name": "X-A", "value": "2"}]}})",
       HttpGetHook{.host = "10.0.0.1",
                   .port = 9090,
                   .path = "/quit",
                   .https = true,
                   .headers = {{"X-A", "1"}, {"X-A", "2"}}}},
      {R"({"httpGet": {"port": ""}})", HttpGetHook{.host = "", .port = 80, .path = "/"}},
      {R"({"httpGet": {"port": "8081"}})", HttpGetHook{.host = "", .port = 8081, .path = "/"}},
      {R"({"tcpSocket": {"port": "admin"}})", TcpSocketHook{.host = "", .port = 9090}},
      {R"({"tcpSocket": {"port": 22, "host": "127.0.0.1"}})",
       TcpSocketHook{.host = "127.0.0.1", .port = 22}},
      {R"({"sleep": {"seconds": 0}})", SleepHook{}},
      {R"({"sleep": {"seconds": 7}})", SleepHook{absl::Seconds(7)}},
  };
  for (const GoodCase& c : cases) {
    const auto hook = Read(c.handler);
    ASSERT_TRUE(hook.ok()) << c.handler << ": " << hook.status();
    ASSERT_TRUE(hook->has_value()) << c.handler;
    EXPECT_TRUE(**hook == c.hook) << c.handler;
  }
}

TEST(HookTest, NoHook) {
  for (const char* text : {"{}", R"({"lifecycle": {}})", R"({"lifecycle": {"preStop": null}})",
                           R"({"lifecycle": {"postStart": {"exec": {"command": ["a"]}}}})"}) {
    const auto hook = ReadHook(Json::parse(text), "preStop", "spec.containers[0]");
    ASSERT_TRUE(hook.ok()) << text;
    EXPECT_FALSE(hook->has_value()) << text;
  }
}

struct BadCase {
  const char* handler;
  const char* message;
};

TEST(HookTest, Mistakes) {
  const std::string at = "spec.containers[0].lifecycle.preStop";
  const BadCase cases[] = {
      {"{}", ": has none of exec, httpGet, tcpSocket, sleep"},
      {R"({"grpc": {"port": 1}})", ": has none of exec, httpGet, tcpSocket, sleep"},
      {R"({"exec": {"command": ["a"]}, "sleep": {"seconds": 1}})", ": has both exec and sleep"},
      {R"({"exec": "a"})", ".exec: is no object"},
      {R"({"exec": {"command": []}})", ".exec.command: has no word"},
      {R"({"exec": {"command": [1]}})", ".exec.command: has a word that is no text"},
      {R"({"httpGet": {}})", ".httpGet.port: httpGet needs it"},
      {R"({"httpGet": {"port": 0}})", ".httpGet.port: 0 is not within 1 to 65535"},
      {R"({"httpGet": {"port": 65536}})", ".httpGet.port: 65536 is not within 1 to 65535"},
      {R"({"httpGet": {"port": "wrong"}})", ".httpGet.port: 70000 is not within 1 to 65535"},
      {R"({"httpGet": {"port": "grpc"}})",
       ".httpGet.port: the container has no port named \"grpc\""},
      {R"({"httpGet": {"port": true}})", ".httpGet.port: is neither a number nor a name"},
      {R"({"httpGet": {"port": 80, "path": 1}})", ".httpGet.path: is no text"},
      {R"({"httpGet": {"port": 80, "scheme": "FTP"}})",
       ".httpGet.scheme: \"FTP\" is neither HTTP nor HTTPS"},
      {R"({"httpGet": {"port": 80, "httpHeaders": {}}})", ".httpGet.httpHeaders: is no list"},
      {R"({"httpGet": {"port": 80, "httpHeaders": [{"value": "1"}]}})",
       ".httpGet.httpHeaders: an entry has no name"},
      {R"({"tcpSocket": {"port": ""}})", ".tcpSocket.port: the container has no port named \"\""},
      {R"({"sleep": {"seconds": -1}})", ".sleep.seconds: is no whole number from 0 on"},
      {R"({"sleep": {"seconds": 1.5}})", ".sleep.seconds: is no whole number from 0 on"},
  };
  for (const BadCase& c : cases) {
    const auto hook = Read(c.handler);
    EXPECT_EQ(hook.status().code(), absl::StatusCode::kInvalidArgument) << c.handler;
    EXPECT_EQ(hook.status().message(), at + c.message) << c.handler;
  }
}

}  // namespace
}  // namespace rekindle::plan
