#include "controller/app/command_line.h"

#include <gmock/gmock.h>

namespace rekindle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Action = ControllerCommandLine::Action;

absl::StatusOr<ControllerCommandLine> Parse(const std::vector<std::string>& args) {
  return ParseControllerCommandLine(args, "1.2.3");
}

std::string Error(const std::vector<std::string>& args) {
  const auto line = Parse(args);
  EXPECT_EQ(line.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(line.status().message());
}

TEST(ControllerCommandLineTest, Serve) {
  const auto line = Parse({"--embedded", "--data-dir", "/d", "--listen", "[::1]:0", "--name", "a",
                           "--name", "b", "--token-file", "/t", "--keep-history", "90s"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->action, Action::kServe);
  EXPECT_EQ(line->embedded.data_dir, "/d");
  EXPECT_EQ(line->embedded.address, "::1");
  EXPECT_EQ(line->embedded.port, 0);
  EXPECT_THAT(line->embedded.names, ElementsAre("a", "b"));
  EXPECT_EQ(line->embedded.token_file, "/t");
  EXPECT_EQ(line->embedded.keep_history, absl::Seconds(90));
  EXPECT_EQ(line->embedded.keep_events, absl::Hours(1));
  const auto defaults = Parse({"--embedded"});
  ASSERT_TRUE(defaults.ok());
  EXPECT_EQ(defaults->embedded.data_dir, "/var/lib/rekindle-controller");
  EXPECT_EQ(defaults->embedded.address, "127.0.0.1");
  EXPECT_EQ(defaults->embedded.port, 6443);
}

TEST(ControllerCommandLineTest, Commands) {
  const auto backup = Parse({"backup", "/f", "--data-dir", "/d"});
  ASSERT_TRUE(backup.ok()) << backup.status();
  EXPECT_EQ(backup->action, Action::kBackup);
  EXPECT_EQ(backup->file, "/f");
  EXPECT_EQ(backup->embedded.data_dir, "/d");
  const auto restore = Parse({"--data-dir", "/d", "restore", "/f"});
  ASSERT_TRUE(restore.ok()) << restore.status();
  EXPECT_EQ(restore->action, Action::kRestore);
  EXPECT_EQ(restore->embedded.data_dir, "/d");
  const auto config = Parse({"kubeconfig", "--user", "u", "--group", "g", "--group", "h"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->action, Action::kKubeconfig);
  EXPECT_THAT(config->groups, ElementsAre("g", "h"));
}

TEST(ControllerCommandLineTest, HelpAndVersion) {
  EXPECT_EQ(Parse({"--version"})->text, "rekindle-controller 1.2.3\n");
  const auto help = Parse({"--help"});
  ASSERT_TRUE(help.ok());
  EXPECT_EQ(help->action, Action::kPrint);
  for (const char* word : {"--embedded", "--listen", "--data-dir", "backup", "restore",
                           "kubeconfig", "--keep-history"}) {
    EXPECT_THAT(help->text, HasSubstr(word));
  }
  EXPECT_THAT(Parse({"backup", "--help"})->text, HasSubstr("FILE"));
}

TEST(ControllerCommandLineTest, MistakesNameTheFlag) {
  EXPECT_THAT(Error({}), HasSubstr("--embedded"));
  EXPECT_THAT(Error({"--embedded", "--listen", "6443"}), HasSubstr("--listen"));
  EXPECT_THAT(Error({"--embedded", "--listen", "127.0.0.1:70000"}), HasSubstr("--listen"));
  EXPECT_THAT(Error({"--embedded", "--keep-history", "1s"}), HasSubstr("at least 10s"));
  EXPECT_THAT(Error({"--embedded", "--keep-events", "soon"}), HasSubstr("--keep-events"));
  EXPECT_THAT(Error({"--embedded", "--nonsense"}), HasSubstr("--nonsense"));
  EXPECT_THAT(Error({"backup"}), HasSubstr("FILE"));
  EXPECT_THAT(Error({"--embedded", "--data-dir", ""}), HasSubstr("--data-dir"));
}

}  // namespace
}  // namespace rekindle
