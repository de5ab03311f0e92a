#include "daemon/config/config.h"

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "daemon/config/keys.h"
#include "daemon/config/yaml_file.h"

namespace rekindle::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

DaemonConfig Valid() {
  DaemonConfig config;
  config.node_name = "node";
  return config;
}

std::string FileText(const std::string& path) {
  std::ifstream in(std::string(RK_SOURCE_DIR "/") + path);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Validate, AcceptsDefaultsAndAFullTcpSetup) {
  EXPECT_TRUE(Validate(Valid(), {}).ok());
  DaemonConfig config = Valid();
  config.listen = "0.0.0.0:10240";
  config.tls_cert = config.tls_key = config.tls_client_ca = "/x";
  EXPECT_TRUE(Validate(config, {}).ok());
}

TEST(Validate, ListenNeedsAllTlsFiles) {
  DaemonConfig config = Valid();
  config.listen = "0.0.0.0:10240";
  config.tls_key = "/k";
  const absl::Status status = Validate(config, {{"listen", "--listen"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("--listen: listen: needs tls_cert as well"));
  EXPECT_THAT(message, HasSubstr("needs tls_client_ca as well"));
  EXPECT_EQ(message.find("tls_key"), std::string::npos);
}

TEST(Validate, AControllerNeedsListenAndItsHelpersNeedIt) {
  DaemonConfig config = Valid();
  config.controller = "controller:10250";
  EXPECT_THAT(std::string(Validate(config, {}).message()), HasSubstr("controller: needs listen"));
  config.listen = "0.0.0.0:10240";
  config.tls_cert = config.tls_key = config.tls_client_ca = "/x";
  EXPECT_TRUE(Validate(config, {}).ok());
  config.controller.clear();
  config.advertise = ":1";
  config.controller_name = "c";
  const std::string message(Validate(config, {}).message());
  EXPECT_THAT(message, HasSubstr("advertise: is of no use without controller"));
  EXPECT_THAT(message, HasSubstr("controller_name: is of no use without controller"));
}

TEST(AdvertisedAddress, OfWhatIsConfigured) {
  const struct {
    const char* listen;
    const char* advertise;
    const char* expected;
  } kRows[] = {
      {"10.0.0.1:10240", "", "10.0.0.1:10240"},
      {"0.0.0.0:10240", "", ":10240"},
      {"[::]:10240", "", ":10240"},
      {"[fd00::1]:10240", "", "[fd00::1]:10240"},
      {"node-1:0", "", "node-1:7777"},
      {"0.0.0.0:10240", "host:1", "host:1"},
      {"0.0.0.0:10240", ":5", ":5"},
  };
  for (const auto& row : kRows) {
    DaemonConfig config = Valid();
    config.listen = row.listen;
    config.advertise = row.advertise;
    EXPECT_EQ(AdvertisedAddress(config, 7777), row.expected);
  }
}

TEST(Keys, AddressesForTheControllerAreChecked) {
  const struct {
    const char* key;
    const char* value;
    bool ok;
  } kRows[] = {
      {"advertise", ":10240", true},     {"advertise", "h:1", true},
      {"advertise", ":0", false},        {"advertise", ":x", false},
      {"advertise", "h", false},         {"controller", "h:1", true},
      {"controller", ":1", false},       {"controller", "", true},
      {"controller_name", "a.b", true},  {"controller_name", "fd00::1", true},
      {"controller_name", "a/b", false},
  };
  for (const auto& row : kRows) {
    DaemonConfig config = Valid();
    EXPECT_EQ(FindKey(row.key)->set({row.value}, config).ok(), row.ok) << row.key << row.value;
  }
}

TEST(Validate, HttpOnlyOnLoopbackUnlessAllowed) {
  const struct {
    const char* address;
    bool ok;
  } kRows[] = {
      {"127.0.0.1:1", true},     {"127.9.9.9:0", true},        {"[::1]:1", true},
      {"localhost:1", true},     {"0.0.0.0:1", false},         {"[::]:1", false},
      {"10.0.0.1:1", false},     {"127.example.org:1", false}, {"127.0.0.1.example.org:1", false},
      {"node.example:1", false},
  };
  for (const auto& row : kRows) {
    DaemonConfig config = Valid();
    config.http_listen = row.address;
    const absl::Status status = Validate(config, {{"http_listen", "f.yaml:3"}});
    EXPECT_EQ(status.ok(), row.ok) << row.address;
    if (!row.ok) {
      EXPECT_THAT(std::string(status.message()), HasSubstr("f.yaml:3: http_listen: "));
    }
    config.allow_remote_http = true;
    EXPECT_TRUE(Validate(config, {}).ok()) << row.address;
  }
}

TEST(Validate, StoresAtLeastTheActiveOperations) {
  DaemonConfig config = Valid();
  config.max_stored_operations = 10;
  EXPECT_THAT(std::string(Validate(config, {}).message()),
              HasSubstr("max_stored_operations: 10 is less than max_active_operations (4096)"));
}

TEST(ParseHostPort, SplitsAddresses) {
  EXPECT_EQ(ParseHostPort("[::1]:10240")->host, "::1");
  EXPECT_EQ(ParseHostPort("node-1.example:80")->host, "node-1.example");
  EXPECT_EQ(ParseHostPort("1.2.3.4:65535")->port, 65535);
  for (const char* bad : {"", ":", "a", "a:", "a:x", "a:-1", "[::1]", "::1:80", "[a", "a/b:1"}) {
    EXPECT_FALSE(ParseHostPort(bad).ok()) << bad;
  }
}

TEST(PlanReload, NothingChanged) {
  const ReloadPlan plan = PlanReload(Valid(), Valid());
  EXPECT_EQ(plan.config, Valid());
  EXPECT_THAT(plan.applied, IsEmpty());
  EXPECT_THAT(plan.need_restart, IsEmpty());
}

TEST(PlanReload, AppliesWhatMayChangeAndNamesTheRest) {
  DaemonConfig loaded = Valid();
  loaded.socket = "/elsewhere.sock";
  loaded.listen = "a:1";
  loaded.verbosity = 3;
  loaded.rate_limit_burst = 7;
  loaded.shutdown_grace = absl::Seconds(1);
  const ReloadPlan plan = PlanReload(Valid(), loaded);
  EXPECT_THAT(plan.applied, ElementsAre("shutdown_grace", "verbosity"));
  EXPECT_THAT(plan.need_restart, ElementsAre("socket", "listen", "rate_limit_burst"));
  EXPECT_EQ(plan.config.verbosity, 3u);
  EXPECT_EQ(plan.config.rate_limit_burst, Valid().rate_limit_burst);
  EXPECT_EQ(plan.config.socket, Valid().socket);
  EXPECT_EQ(plan.config.listen, "");
}

TEST(Keys, PrintSetAndCopyAgree) {
  for (const Key& key : Keys()) {
    EXPECT_EQ(FindKey(key.name), &key);
    DaemonConfig from = Valid();
    DaemonConfig to = Valid();
    key.copy(from, to);
    EXPECT_EQ(from, to) << key.name;
    EXPECT_FALSE(key.help.empty()) << key.name;
    EXPECT_FALSE(key.allowed.empty()) << key.name;
  }
  EXPECT_EQ(FindKey("no_such_key"), nullptr);
}

// The file that is installed as an example: every key is in it, commented, with its default, and
// it loads both as it is and with every comment mark in front of a key taken away.
TEST(ExampleFile, ShowsEveryKeyWithItsDefault) {
  const std::string text = FileText("systemd/rekindled.yaml");
  std::string uncommented;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = text.find('\n', begin);
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    // "#key: value" is a setting; "# text" is a comment.
    if (line.size() > 1 && line[0] == '#' && line[1] != ' ' && line[1] != '#') line.erase(0, 1);
    absl::StrAppend(&uncommented, line, "\n");
  }
  for (const std::string& variant : {text, uncommented}) {
    DaemonConfig config;
    Origins origins;
    const absl::Status status = ReadYaml(variant, "rekindled.yaml", config, origins);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(Validate(config, origins).ok());
    if (variant == text) continue;
    for (const Key& key : Keys()) EXPECT_TRUE(origins.contains(key.name)) << key.name;
    DaemonConfig defaults;
    defaults.node_name = config.node_name;
    EXPECT_EQ(config, defaults);
  }
}

TEST(Documentation, HasOneSectionForEveryKey) {
  const std::string text = FileText("docs/configuration.md");
  for (const Key& key : Keys()) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("\n### `", key.name, "`\n"))) << key.name;
  }
}

}  // namespace
}  // namespace rekindle::config
