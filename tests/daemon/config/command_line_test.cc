#include "daemon/config/command_line.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "daemon/config/keys.h"

namespace rekindle::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() {
    host_.hostname = "node-7";
    host_.version = "1.2.3";
    host_.read_file = [this](const std::string& path) -> absl::StatusOr<std::string> {
      const auto it = files_.find(path);
      if (it == files_.end()) return absl::NotFoundError("No such file or directory");
      return it->second;
    };
  }

  absl::StatusOr<CommandLine> Parse(const std::vector<std::string>& args) const {
    return ParseCommandLine(args, host_);
  }
  std::string ErrorOf(const std::vector<std::string>& args) const {
    const auto result = Parse(args);
    EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(result.status().message());
  }

  Host host_;
  std::map<std::string, std::string> files_;
};

TEST_F(CommandLineTest, DefaultsWithoutAnyFile) {
  const auto result = Parse({});
  ASSERT_TRUE(result.ok()) << result.status();
  DaemonConfig want;
  want.node_name = "node-7";
  EXPECT_EQ(result->config, want);
  EXPECT_EQ(result->action, Action::kRun);
  EXPECT_EQ(result->config_file, "");
}

TEST_F(CommandLineTest, FlagsOverrideTheFile) {
  files_["/etc/rekindle/rekindled.yaml"] = "verbosity: 1\nnode_name: from-file\n";
  const auto result = Parse(
      {"-v", "3", "--socket-admin-gids", "1,2", "--socket-group", "", "--keep-operations=2h"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->config.verbosity, 3u);
  EXPECT_EQ(result->config.node_name, "from-file");
  EXPECT_THAT(result->config.socket_admin_gids, ElementsAre(1, 2));
  EXPECT_EQ(result->config.socket_group, "");
  EXPECT_EQ(result->config.keep_operations, absl::Hours(2));
  EXPECT_EQ(result->config_file, "/etc/rekindle/rekindled.yaml");
  EXPECT_EQ(result->origins.at("verbosity"), "--verbosity");
  EXPECT_EQ(result->origins.at("node_name"), "/etc/rekindle/rekindled.yaml:2");
}

TEST_F(CommandLineTest, ChosenFileMustExist) {
  EXPECT_THAT(ErrorOf({"--config", "/no.yaml"}),
              HasSubstr("--config: /no.yaml: No such file or directory"));
}

TEST_F(CommandLineTest, DefaultFileThatCannotBeReadIsAnError) {
  host_.read_file = [](const std::string&) { return absl::UnavailableError("Permission denied"); };
  EXPECT_THAT(ErrorOf({}), HasSubstr("/etc/rekindle/rekindled.yaml: Permission denied"));
}

TEST_F(CommandLineTest, MistakesNameFlagAndWhatIsAllowed) {
  EXPECT_THAT(ErrorOf({"--verbosity", "x"}),
              HasSubstr("--verbosity: \"x\" is not a whole number from 0 to 9; allowed: a number"));
  EXPECT_THAT(ErrorOf({"--keep-operations", "9"}),
              HasSubstr("--keep-operations: \"9\" has no unit"));
  EXPECT_THAT(ErrorOf({"--listn=x"}),
              HasSubstr("unknown argument \"--listn=x\"; did you mean --listen?"));
  EXPECT_THAT(ErrorOf({"stray"}), HasSubstr("unknown argument \"stray\""));
  EXPECT_THAT(ErrorOf({"--listen"}), HasSubstr("--listen"));
  EXPECT_THAT(ErrorOf({"--listen", "0.0.0.0:1"}), HasSubstr("--listen: listen: needs tls_cert"));
}

TEST_F(CommandLineTest, FileAndFlagMistakesAreToldTogether) {
  files_["/c.yaml"] = "verbosity: 77\n";
  const std::string error = ErrorOf({"--config=/c.yaml", "--log-format=xml"});
  EXPECT_THAT(error, HasSubstr("/c.yaml:1: verbosity: "));
  EXPECT_THAT(error, HasSubstr("\n--log-format: "));
}

TEST_F(CommandLineTest, CheckConfigPrintsWhatIsInForce) {
  const auto result = Parse({"--check-config", "--http-listen=off"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->action, Action::kPrint);
  EXPECT_EQ(result->text, EffectiveConfigYaml(result->config));
  EXPECT_THAT(result->text, HasSubstr("http_listen: \"off\"\n"));
}

TEST_F(CommandLineTest, HelpShowsEveryFlagWithAllowedValuesAndDefault) {
  const auto result = Parse({"--help"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->action, Action::kPrint);
  for (const Key& key : Keys()) {
    EXPECT_THAT(result->text, HasSubstr(FlagName(key))) << key.name;
    EXPECT_THAT(result->text, HasSubstr(std::string(key.allowed))) << key.name;
  }
  EXPECT_THAT(result->text, HasSubstr("Default: 24h."));
  EXPECT_THAT(result->text, HasSubstr("Exit codes"));
}

TEST_F(CommandLineTest, Version) { EXPECT_EQ(Parse({"--version"})->text, "rekindled 1.2.3\n"); }

TEST(ThisMachine, ReadsFilesAndTellsWhenThereIsNone) {
  const Host host = Host::ThisMachine("1");
  EXPECT_FALSE(host.hostname.empty());
  EXPECT_TRUE(absl::IsNotFound(host.read_file("/no/such/file").status()));
  EXPECT_FALSE(host.read_file("/").ok());
  EXPECT_EQ(host.read_file("/dev/null").value(), "");
  EXPECT_GT(host.read_file("/dev/zero")->size(), size_t{256} << 10);
}

TEST_F(CommandLineTest, HealthCheckNeedsTheConfigurationToFindTheSocket) {
  files_["/etc/rekindle/rekindled.yaml"] = "socket: /run/other.sock\n";
  auto result = Parse({"--health-check=liveness"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->action, Action::kCheckHealth);
  EXPECT_EQ(result->health_service, "liveness");
  EXPECT_EQ(result->config.socket, "/run/other.sock");
  result = Parse({"--health-check", "readiness"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->health_service, "");
  EXPECT_THAT(ErrorOf({"--health-check=mood"}), HasSubstr("--health-check"));
  files_["/etc/rekindle/rekindled.yaml"] = "sockett: /run/other.sock\n";
  EXPECT_THAT(ErrorOf({"--health-check=liveness"}), HasSubstr("unknown key \"sockett\""));
}

}  // namespace
}  // namespace rekindle::config
