#include "cli/render.h"

#include <string>

#include "absl/strings/str_join.h"
#include "cli/output.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/cli/samples.h"
#include "tests/fakes/golden.h"

namespace rekindle::cli {
namespace {

const Style kPlain = {.now = kStart + absl::Seconds(2), .width = 100};
const Style kColors = {.now = kStart + absl::Seconds(2), .colors = true, .width = 100};
const Style kWideStyle = {.now = kStart + absl::Seconds(2), .wide = true, .width = 100};

TEST(Render, Pods) {
  ExpectGolden("cli/ps.txt", RenderPods(SamplePods(), kPlain));
  ExpectGolden("cli/ps_wide.txt", RenderPods(SamplePods(), kWideStyle));
  ExpectGolden("cli/ps_colors.txt", RenderPods(SamplePods(), kColors));
  EXPECT_EQ(RenderPods({}, kPlain), "no pods\n");
}

TEST(Render, Operations) {
  ExpectGolden("cli/ops.txt", RenderOperations(SampleOperations(), kPlain));
  EXPECT_EQ(RenderOperations({}, kPlain), "no operations\n");
}

TEST(Render, OneOperation) {
  ExpectGolden("cli/op_done.txt", RenderOperation(SampleOperation("app", v1::PHASE_DONE), kPlain));
  ExpectGolden("cli/op_failed.txt",
               RenderOperation(SampleOperation("app", v1::PHASE_FAILED), kPlain));
  ExpectGolden("cli/op_stopping.txt",
               RenderOperation(SampleOperation("app", v1::PHASE_STOPPING), kPlain));
}

TEST(Render, NodeInfo) {
  ExpectGolden("cli/info.txt", RenderNodeInfo(SampleInfo(), kPlain));
  v1::NodeInfo degraded = SampleInfo();
  degraded.set_runtime_ready(false);
  degraded.set_runtime_reason("no runtime answers on the usual sockets");
  degraded.set_accepting(false);
  degraded.set_accepting_reason("the journal's disk is full");
  degraded.set_quarantined_records(2);
  ExpectGolden("cli/info_degraded.txt", RenderNodeInfo(degraded, kPlain));
}

TEST(Render, ChangesAndOutcomes) {
  std::string text;
  const v1::ListOperationsResponse sample = SampleOperations();
  for (const auto& operation : sample.operations()) {
    text += RenderChange(operation, kPlain);
    text += RenderOutcome(operation, kPlain);
  }
  ExpectGolden("cli/changes.txt", text);
}

TEST(Render, LiveLinesFitTheTerminal) {
  const v1::ListOperationsResponse sample = SampleOperations();
  const std::vector<v1::Operation> operations(sample.operations().begin(),
                                              sample.operations().end());
  ExpectGolden("cli/live.txt", absl::StrJoin(RenderLive(operations, kPlain), "\n"));
  ExpectGolden("cli/live_colors.txt", absl::StrJoin(RenderLive(operations, kColors), "\n"));
  for (size_t width : {0, 1, 5, 10, 16, 40}) {
    Style style = kPlain;
    style.width = width;
    for (const std::string& line : RenderLive(operations, style)) EXPECT_LE(line.size(), width);
  }
}

TEST(Render, PullProgress) {
  v1::PullProgress progress;
  progress.set_done_bytes(5 << 20);
  progress.set_total_bytes(20 << 20);
  *progress.mutable_elapsed() = Span(absl::Milliseconds(2500));
  EXPECT_EQ(RenderPullProgress("app:1", progress, kPlain), "app:1  5.0 of 20.0 MiB  25 %  2.5 s");
  progress.set_total_bytes(0);
  EXPECT_EQ(RenderPullProgress("app:1", progress, kPlain), "app:1  5.0 MiB  2.5 s");
}

TEST(Render, NamesOfValuesFromANewerDaemon) {
  EXPECT_EQ(PhaseName(static_cast<v1::Phase>(99)), "unknown");
  EXPECT_EQ(PhaseName(v1::PHASE_PRE_STOP), "pre-stop");
  EXPECT_EQ(MethodName(v1::METHOD_UNSPECIFIED), "unknown");
}

TEST(Output, JsonAndYamlOfMessages) {
  ExpectGolden("cli/op_done.json", ToJson(SampleOperation("app", v1::PHASE_DONE), false));
  ExpectGolden("cli/op_done.yaml", ToYaml(SampleOperation("app", v1::PHASE_DONE)));
  ExpectGolden("cli/ps.yaml", ToYaml(SamplePods()));
  const std::string line = ToJson(SampleOperation("app", v1::PHASE_FAILED), true);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(Output, YamlQuotesWhatAReaderWouldTakeForSomethingElse) {
  v1::NodeInfo info;
  info.set_node_name("true");
  info.set_daemon_version("1.0");
  info.set_runtime_name("a: b");
  info.set_runtime_version("tail:");
  info.set_runtime_endpoint("unix:///run/x.sock");
  const std::string yaml = ToYaml(info);
  EXPECT_THAT(yaml, ::testing::HasSubstr("nodeName: \"true\"\n"));
  EXPECT_THAT(yaml, ::testing::HasSubstr("daemonVersion: \"1.0\"\n"));
  EXPECT_THAT(yaml, ::testing::HasSubstr("runtimeName: \"a: b\"\n"));
  EXPECT_THAT(yaml, ::testing::HasSubstr("runtimeVersion: \"tail:\"\n"));
  EXPECT_THAT(yaml, ::testing::HasSubstr("runtimeEndpoint: unix:///run/x.sock\n"));
  EXPECT_THAT(yaml, ::testing::HasSubstr("runtimeReady: false\n"));
}

TEST(Output, AgesAndSpans) {
  EXPECT_EQ(AgeText(absl::Seconds(-3)), "0s");
  EXPECT_EQ(AgeText(absl::Seconds(59)), "59s");
  EXPECT_EQ(AgeText(absl::Seconds(192)), "3m12s");
  EXPECT_EQ(AgeText(absl::Minutes(125)), "2h5m");
  EXPECT_EQ(AgeText(absl::Hours(99)), "4d3h");
  EXPECT_EQ(AgeText(absl::Hours(48)), "2d");
  EXPECT_EQ(SpanText(absl::Milliseconds(137)), "137 ms");
  EXPECT_EQ(SpanText(absl::Milliseconds(1349)), "1.3 s");
  EXPECT_EQ(SpanText(absl::Seconds(125)), "2m5s");
}

TEST(Output, TablesAlignCharactersNotBytes) {
  Table table({"A", "B"});
  table.AddRow({std::string("\xc3\xbc"), std::string("x")});
  table.AddRow({std::string("yy\x1b"), std::string("")});
  EXPECT_EQ(table.Render(false), "A    B\n\xc3\xbc    x\nyy?  -\n");
}

}  // namespace
}  // namespace rekindle::cli
