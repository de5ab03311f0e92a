#include "daemon/config/yaml_file.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "daemon/config/keys.h"

namespace rekindle::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::Status Read(absl::string_view text, DaemonConfig& config) {
  Origins origins;
  return ReadYaml(text, "f.yaml", config, origins);
}

std::string ErrorOf(absl::string_view text) {
  DaemonConfig config;
  const absl::Status status = Read(text, config);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(status.message());
}

TEST(ReadYaml, ReadsEveryKindOfValue) {
  DaemonConfig config;
  Origins origins;
  const absl::Status status = ReadYaml(
      "# comment\n"
      "runtime_endpoint: unix:///run/containerd/containerd.sock\n"
      "node_name: node-1\n"
      "socket_admin_gids:\n  - 0\n  - 100\n"
      "listen: \"[::]:10240\"\n"
      "http_listen: off\n"
      "allow_remote_http: true\n"
      "keep_operations: 48h\n"
      "log_format: journal\n"
      "verbosity: 2\n",
      "f.yaml", config, origins);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(config.runtime_endpoint, "unix:///run/containerd/containerd.sock");
  EXPECT_EQ(config.node_name, "node-1");
  EXPECT_THAT(config.socket_admin_gids, ElementsAre(0, 100));
  EXPECT_EQ(config.listen, "[::]:10240");
  EXPECT_EQ(config.http_listen, "");
  EXPECT_TRUE(config.allow_remote_http);
  EXPECT_EQ(config.keep_operations, absl::Hours(48));
  EXPECT_EQ(config.log_format, LogFormatChoice::kJournal);
  EXPECT_EQ(config.verbosity, 2u);
  EXPECT_EQ(origins["keep_operations"], "f.yaml:10");
}

TEST(ReadYaml, EmptyFilesMeanDefaults) {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "{}"}) {
    DaemonConfig config;
    EXPECT_TRUE(Read(text, config).ok()) << text;
    EXPECT_EQ(config, DaemonConfig()) << text;
  }
}

TEST(ReadYaml, EveryMistakeNamesLineKeyAndWhatIsAllowed) {
  const struct {
    const char* text;
    const char* want;
  } kRows[] = {
      {"listn: x\n", "f.yaml:1: unknown key \"listn\"; did you mean \"listen\"?"},
      {"a: 1\n", "f.yaml:1: unknown key \"a\""},
      {"\nverbosity: 99\n",
       "f.yaml:2: verbosity: \"99\" is not a whole number from 0 to 9; allowed: a number from 0 to "
       "9"},
      {"verbosity:\n", "f.yaml:1: verbosity: has no value; allowed: a number from 0 to 9"},
      {"keep_operations: 30\n", "f.yaml:1: keep_operations: \"30\" has no unit; write 30s or 30m"},
      {"keep_operations: -5m\n", "f.yaml:1: keep_operations: \"-5m\" is negative"},
      {"keep_operations: 1s\n",
       "keep_operations: \"1s\" is out of range; allowed: a duration from 1m to 8760h"},
      {"shutdown_grace: 11m\n", "shutdown_grace: \"11m\" is out of range"},
      {"allow_remote_http: yes\n", "allow_remote_http: \"yes\" is neither true nor false"},
      {"log_format: xml\n",
       "log_format: \"xml\" is not one of them; allowed: auto, text or journal"},
      {"state_dir: var/lib\n", "state_dir: \"var/lib\" is not an absolute path"},
      {"state_dir: \"\"\n", "state_dir: \"\" is not an absolute path"},
      {"listen: 10240\n", "listen: \"10240\" has no port"},
      {"listen: \":10240\"\n", "listen: \":10240\" has no host or address"},
      {"listen: host:99999\n", "listen: \"host:99999\" has no port from 0 to 65535"},
      {"http_listen: \"a b:1\"\n", "http_listen: \"a b:1\" has no host"},
      {"runtime_endpoint: tcp://1.2.3.4\n",
       "runtime_endpoint: \"tcp://1.2.3.4\" is not the address"},
      {"node_name: \"a b\"\n", "node_name: \"a b\" is not a node name"},
      {"socket_admin_gids: 100\n",
       "socket_admin_gids: must be a list; allowed: a list of numeric group IDs"},
      {"socket_admin_gids: [wheel]\n", "socket_admin_gids: \"wheel\" is not a whole number"},
      {"visible_paths: [pods]\n", "visible_paths: \"pods\" is not an absolute path"},
      {"visible_paths: [/a, /a]\n", "visible_paths: \"/a\" is listed twice"},
      {"socket_group: 100\n", "socket_group: \"100\" is not the name of a group"},
      {"socket_group: a b\n", "socket_group: \"a b\" is not the name of a group"},
      {"socket_group: gggggggggggggggggggggggggggggggggggg\n", "is not the name of a group"},
      {"socket_admin_gids: [1, 1]\n", "socket_admin_gids: \"1\" is listed twice"},
      {"verbosity: [1]\n", "verbosity: must not be a list"},
      {"verbosity: {a: 1}\n", "f.yaml:1: verbosity: must not be a mapping"},
      {"verbosity: 1\nverbosity: 2\n",
       "f.yaml:2: verbosity: is given twice; the first is at f.yaml:1"},
      {"- verbosity\n", "f.yaml:1: the file must be a mapping of keys to values, not a list"},
      {"verbosity\n", "f.yaml:1: the file must be a mapping, one \"key: value\" a line"},
      {"verbosity: 1\n---\nverbosity: 2\n", "more than one document"},
      {"node_name: &n a\n", "f.yaml:1: anchors (&name) are not allowed"},
      {"node_name: &n a\nsocket: *n\n", "f.yaml:2: aliases (*name) are not allowed"},
      {"node_name: !!str a\n", "f.yaml:1: tags (!name) are not allowed"},
      {"socket_admin_gids: [[1]]\n", "f.yaml:1: a list within a list or mapping is not allowed"},
      {"[a]: 1\n", "f.yaml:1: a key must be a plain word"},
      {"node_name: x\n? {a: b}\n: 1\n", "f.yaml:2: a key must be a plain word"},
      {"socket_admin_gids: [1\n", "not valid YAML"},
      {"\tverbosity: 1\n", "f.yaml:1: "},
  };
  for (const auto& row : kRows) EXPECT_THAT(ErrorOf(row.text), HasSubstr(row.want)) << row.text;
}

TEST(ReadYaml, ReportsAllMistakesAtOnce) {
  const std::string error = ErrorOf("listn: x\nverbosity: 99\nkeep_operations: 5\n");
  EXPECT_THAT(error, HasSubstr("f.yaml:1: "));
  EXPECT_THAT(error, HasSubstr("\nf.yaml:2: "));
  EXPECT_THAT(error, HasSubstr("\nf.yaml:3: "));
}

TEST(ReadYaml, BoundsWhatItTakesIn) {
  EXPECT_THAT(ErrorOf(std::string(kLargestConfigFile + 1, '#')),
              HasSubstr("is larger than 256 KiB"));
  EXPECT_THAT(ErrorOf("a: " + std::string(100000, '[')), HasSubstr("levels deep"));
  EXPECT_THAT(ErrorOf("a: " + std::string(100000, '{')), HasSubstr("levels deep"));
  std::string many;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&many, "k", i, ": 1\n");
  const std::string error = ErrorOf(many);
  EXPECT_THAT(error, HasSubstr("f.yaml:20: "));
  EXPECT_EQ(error.find("f.yaml:21: "), std::string::npos);
  EXPECT_EQ(ErrorOf("\"a\\x1b[31m\": 1\n").find('\x1b'), std::string::npos);
}

TEST(EffectiveConfigYaml, ReadsBackAsItself) {
  DaemonConfig config;
  config.node_name = "node";
  config.socket_group = "ops-team.a_1";
  config.socket_admin_gids = {7, 8};
  config.visible_paths = {"/var/lib/kubelet/pods", "/a \"b\", c"};
  config.http_listen = "";
  config.tls_cert = "/a \"quoted\" \\ path: # x";
  config.shutdown_grace = absl::Milliseconds(1500);
  DaemonConfig again;
  const absl::Status status = Read(EffectiveConfigYaml(config), again);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(again, config);
}

}  // namespace
}  // namespace rekindle::config
