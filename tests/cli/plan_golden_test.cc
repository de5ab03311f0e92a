// `rekindle plan` over the cases of tests/testdata/plan: one folder each, with the new object, what
// is there now, and what the command prints. The command stands in the head of new.yaml.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/app.h"
#include "gtest/gtest.h"

#include "tests/cli/run_plan.h"
#include "tests/fakes/golden.h"

namespace rekindle::cli {
namespace {

constexpr char kFolder[] = RK_SOURCE_DIR "/tests/testdata/plan/";
constexpr absl::string_view kPrompt = "# $ rekindle ";

std::vector<std::string> Cases() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.is_directory()) out.push_back(entry.path().filename().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// The arguments of the command line in the head of new.yaml, with files as paths.
std::vector<std::string> ArgumentsOf(const std::string& name) {
  std::ifstream file(absl::StrCat(kFolder, name, "/new.yaml"));
  std::string line;
  while (std::getline(file, line)) {
    absl::string_view rest = line;
    if (!absl::ConsumePrefix(&rest, kPrompt)) continue;
    std::vector<std::string> out = absl::StrSplit(rest, ' ');
    for (std::string& word : out) {
      if (word == "new.yaml" || word == "now.yaml") word = absl::StrCat(kFolder, name, "/", word);
    }
    return out;
  }
  return {};
}

class PlanGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(PlanGolden, PrintsWhatIsRecorded) {
  const std::vector<std::string> arguments = ArgumentsOf(GetParam());
  ASSERT_FALSE(arguments.empty()) << "new.yaml has no line \"" << kPrompt << "...\"";
  const PlanRun run = RunPlan(arguments);
  EXPECT_EQ(run.code, kExitOk) << run.err;
  EXPECT_EQ(run.err, "");
  const bool json = std::find(arguments.begin(), arguments.end(), "json") != arguments.end();
  ExpectGolden(absl::StrCat("plan/", GetParam(), json ? "/plan.json" : "/plan.txt"), run.out);
}

INSTANTIATE_TEST_SUITE_P(Cases, PlanGolden, ::testing::ValuesIn(Cases()),
                         [](const auto& one) { return one.param; });

TEST(PlanGolden, NoCaseIsLost) { EXPECT_GE(Cases().size(), 90U); }

}  // namespace
}  // namespace rekindle::cli
