#include "daemon/hooks/annotation.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::hooks {
namespace {

using ::testing::HasSubstr;

constexpr char kPorts[] =
    R"([{"name":"web","containerPort":8080,"protocol":"TCP"},{"containerPort":9090},
        {"name":"bad","containerPort":70000},{"name":"none"},7])";

TEST(PreStopAnnotation, ReadsWhatKubeletsWrite) {
  struct Row {
    const char* json;
    Handler handler;
  };
  const Row rows[] = {
      {R"({"exec":{"command":["/bin/sh","-c","sleep 1"]}})",
       ExecAction{{"/bin/sh", "-c", "sleep 1"}}},
      {R"({"exec":{"command":["a"]},"httpGet":null})", ExecAction{{"a"}}},
      {R"({"httpGet":{"path":"/drain","port":8081,"scheme":"HTTP"}})",
       HttpGetAction{"", 8081, "/drain", false, {}}},
      {R"({"httpGet":{"port":"web","host":"10.0.0.7","scheme":"HTTPS",
           "httpHeaders":[{"name":"A","value":"1"},{"name":"B"}]}})",
       HttpGetAction{"10.0.0.7", 8080, "/", true, {{"A", "1"}, {"B", ""}}}},
      {R"({"httpGet":{"port":"8082","scheme":"https"}})", HttpGetAction{"", 8082, "/", true, {}}},
      {R"({"httpGet":{"port":""}})", HttpGetAction{"", 80, "/", false, {}}},
      {R"({"httpGet":{"port":65535,"httpHeaders":null,"host":null}})",
       HttpGetAction{"", 65535, "/", false, {}}},
      {R"({"tcpSocket":{"port":1}})", TcpSocketAction{"", 1}},
      {R"({"tcpSocket":{"port":"web","host":"::1"}})", TcpSocketAction{"::1", 8080}},
      {R"({"sleep":{"seconds":4}})", SleepAction{absl::Seconds(4)}},
      {R"({"sleep":{"seconds":0},"more":1})", SleepAction{absl::ZeroDuration()}},
  };
  for (const Row& row : rows) {
    const auto parsed = ParsePreStopHandler(row.json, kPorts);
    ASSERT_TRUE(parsed.ok()) << row.json << parsed.status();
    ASSERT_TRUE(parsed->has_value()) << row.json;
    EXPECT_EQ(**parsed, row.handler) << row.json;
  }
}

TEST(PreStopAnnotation, MayBeMissing) {
  for (const char* json : {"", "  ", "null"}) {
    const auto parsed = ParsePreStopHandler(json, "");
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_FALSE(parsed->has_value());
  }
}

TEST(PreStopAnnotation, ErrorsNameTheField) {
  struct Row {
    const char* json;
    const char* says;
  };
  const Row rows[] = {
      {"{", "not JSON"},
      {"\xff", "not JSON"},
      {"[]", "not an object"},
      {"{}", "none of exec"},
      {R"({"exec":null})", "none of exec"},
      {R"({"exec":7})", "exec: not an object"},
      {R"({"exec":{"command":["a"]},"sleep":{"seconds":1}})", "both exec and sleep"},
      {R"({"exec":{}})", "exec.command"},
      {R"({"exec":{"command":[]}})", "exec.command"},
      {R"({"exec":{"command":"a"}})", "exec.command"},
      {R"({"exec":{"command":["a",1]}})", "exec.command"},
      {R"({"httpGet":{}})", "httpGet.port: missing"},
      {R"({"httpGet":{"port":0}})", "httpGet.port"},
      {R"({"httpGet":{"port":65536}})", "httpGet.port"},
      {R"({"httpGet":{"port":-1}})", "httpGet.port"},
      {R"({"httpGet":{"port":18446744073709551615}})", "httpGet.port"},
      {R"({"httpGet":{"port":80.5}})", "httpGet.port"},
      {R"({"httpGet":{"port":true}})", "httpGet.port"},
      {R"({"httpGet":{"port":"0"}})", "httpGet.port"},
      {R"({"httpGet":{"port":"99999999999"}})", "httpGet.port"},
      {R"({"httpGet":{"port":"nope"}})", "no port named \"nope\""},
      {R"({"httpGet":{"port":"bad"}})", "containerPort of \"bad\""},
      {R"({"httpGet":{"port":"none"}})", "containerPort of \"none\""},
      {R"({"httpGet":{"port":80,"scheme":"FTP"}})", "httpGet.scheme"},
      {R"({"httpGet":{"port":80,"path":1}})", "httpGet.path"},
      {R"({"httpGet":{"port":80,"host":{}}})", "httpGet.host"},
      {R"({"httpGet":{"port":80,"httpHeaders":{}}})", "httpGet.httpHeaders"},
      {R"({"httpGet":{"port":80,"httpHeaders":[1]}})", "httpGet.httpHeaders"},
      {R"({"httpGet":{"port":80,"httpHeaders":[{"value":"x"}]}})", "httpGet.httpHeaders.name"},
      {R"({"tcpSocket":{"port":""}})", "tcpSocket.port: empty"},
      {R"({"tcpSocket":{}})", "tcpSocket.port: missing"},
      {R"({"sleep":{}})", "sleep.seconds"},
      {R"({"sleep":{"seconds":-1}})", "sleep.seconds"},
      {R"({"sleep":{"seconds":1.5}})", "sleep.seconds"},
      {R"({"sleep":{"seconds":"1"}})", "sleep.seconds"},
      {R"({"sleep":{"seconds":9223372036854775808}})", "sleep.seconds"},
  };
  for (const Row& row : rows) {
    const auto parsed = ParsePreStopHandler(row.json, kPorts);
    ASSERT_FALSE(parsed.ok()) << row.json;
    EXPECT_TRUE(absl::IsInvalidArgument(parsed.status()));
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(row.says)) << row.json;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("io.kubernetes.container."));
  }
}

TEST(PreStopAnnotation, PortsAreReadOnlyForNames) {
  EXPECT_TRUE(ParsePreStopHandler(R"({"tcpSocket":{"port":80}})", "garbage").ok());
  for (const char* ports : {"", "garbage", "{}"}) {
    const auto parsed = ParsePreStopHandler(R"({"tcpSocket":{"port":"web"}})", ports);
    EXPECT_TRUE(absl::IsInvalidArgument(parsed.status()));
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(kPortsAnnotation));
  }
}

TEST(PreStopAnnotation, SurvivesDepthAndSize) {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  EXPECT_FALSE(ParsePreStopHandler(deep, "").ok());
  EXPECT_FALSE(ParsePreStopHandler(absl::StrCat(R"({"exec":)", deep, "}"), "").ok());
  EXPECT_FALSE(ParsePreStopHandler(std::string(2 << 20, ' ') + "{}", "").ok());
}

TEST(PreStopAnnotation, ReadsMapsOfAnnotations) {
  std::map<std::string, std::string> annotations = {
      {kPreStopHandlerAnnotation, R"({"tcpSocket":{"port":"web"}})"}, {kPortsAnnotation, kPorts}};
  EXPECT_EQ(ParsePreStopAnnotation(annotations).value(), Handler(TcpSocketAction{"", 8080}));
  annotations.clear();
  EXPECT_EQ(ParsePreStopAnnotation(annotations).value(), std::nullopt);
}

}  // namespace
}  // namespace rekindle::hooks
