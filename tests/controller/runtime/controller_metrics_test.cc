#include "controller/runtime/controller_metrics.h"

#include <fstream>
#include <iterator>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <gmock/gmock.h>

#include "common/client/resource.h"

namespace rekindle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<std::string> kNoWarnings;

client::CallReport Report(absl::string_view verb, const client::ApiResource& resource,
                          absl::Status status, int attempts = 1) {
  return {.verb = verb,
          .resource = resource,
          .status = std::move(status),
          .took = absl::Milliseconds(20),
          .attempts = attempts,
          .warnings = kNoWarnings};
}

TEST(ControllerMetricsTest, Calls) {
  ControllerMetrics metrics("1.2.3");
  const client::ApiResource lease = client::LeaseResource();
  metrics.ObserveCall(Report("get", lease, absl::OkStatus()));
  metrics.ObserveCall(Report("get", lease, absl::OkStatus()));
  metrics.ObserveCall(Report("update", lease, absl::AbortedError("conflict"), 3));
  metrics.ObserveCall(Report("watch", client::PodResource(), absl::OkStatus()));
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("rekindle_controller_api_calls_total{code=\"OK\","
                              "group=\"coordination.k8s.io\",resource=\"leases\",verb=\"get\"} 2"));
  EXPECT_THAT(text, HasSubstr("code=\"ABORTED\",group=\"coordination.k8s.io\",resource=\"leases\","
                              "verb=\"update\"} 1"));
  EXPECT_THAT(
      text,
      HasSubstr("rekindle_controller_api_repeats_total{resource=\"leases\",verb=\"update\"} 2"));
  EXPECT_THAT(text, HasSubstr("rekindle_controller_api_call_duration_seconds_count{resource="
                              "\"leases\",verb=\"get\"} 2"));
  // A watch lasts as long as it lasts.
  EXPECT_THAT(text, HasSubstr("resource=\"pods\",verb=\"watch\"} 1"));
  EXPECT_THAT(text, Not(HasSubstr("duration_seconds_count{resource=\"pods\"")));
  EXPECT_THAT(text, HasSubstr("rekindle_controller_build_info{version=\"1.2.3\"} 1"));
}

TEST(ControllerMetricsTest, Runs) {
  ControllerMetrics metrics("1");
  metrics.ObserveRun("recreate", {.took = absl::Milliseconds(20)});
  metrics.ObserveRun("recreate", {.took = absl::Minutes(2), .late = true});
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("reconcile_duration_seconds_count{controller=\"recreate\"} 1"));
  EXPECT_THAT(text, HasSubstr("reconciles_late_total{controller=\"recreate\"} 1"));
}

ManagerState State() {
  ManagerState state;
  state.phase = ManagerPhase::kRunning;
  state.leading = true;
  state.caches = {{.name = "pods", .synced = true, .objects = 7, .counters = {.lists = 2}}};
  ManagerState::OneController one;
  one.name = "recreate";
  one.counters = {.done = 5, .again = 1, .retry = 2, .terminal = 3};
  one.due = 4;
  one.waiting = 6;
  one.working = 8;
  one.caches = {{.name = "requests", .broken = 1, .counters = {.failures = 9}}};
  state.controllers = {one};
  state.events = {.written = 10, .overflowed = 11, .rejected = 12};
  state.events_suppressed = 13;
  state.events_waiting = 14;
  return state;
}

TEST(ControllerMetricsTest, StateOfTheManager) {
  ControllerMetrics metrics("1");
  metrics.SetState(State());
  metrics.SetState(State());  // what is counted elsewhere is not counted twice
  const std::string text = metrics.Text();
  const std::string prefix = "rekindle_controller_";
  for (const char* line : {
           "leading 1",
           "ready 1",
           "cache_objects{cache=\"pods\",controller=\"\"} 7",
           "cache_synced{cache=\"pods\",controller=\"\"} 1",
           "cache_lists_total{cache=\"pods\",controller=\"\"} 2",
           "cache_synced{cache=\"requests\",controller=\"recreate\"} 0",
           "cache_broken_objects{cache=\"requests\",controller=\"recreate\"} 1",
           "cache_failures_total{cache=\"requests\",controller=\"recreate\"} 9",
           "reconciles_total{controller=\"recreate\",outcome=\"done\"} 5",
           "reconciles_total{controller=\"recreate\",outcome=\"again\"} 1",
           "reconciles_total{controller=\"recreate\",outcome=\"retry\"} 2",
           "reconciles_total{controller=\"recreate\",outcome=\"terminal\"} 3",
           "queue_depth{controller=\"recreate\",state=\"due\"} 4",
           "queue_depth{controller=\"recreate\",state=\"waiting\"} 6",
           "queue_depth{controller=\"recreate\",state=\"working\"} 8",
           "events_total{outcome=\"written\"} 10",
           "events_total{outcome=\"overflowed\"} 11",
           "events_total{outcome=\"rejected\"} 12",
           "events_total{outcome=\"suppressed\"} 13",
           "events_waiting 14",
       }) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("\n", prefix, line, "\n")));
  }
  ManagerState standby = State();
  standby.phase = ManagerPhase::kSyncing;
  standby.leading = false;
  metrics.SetState(standby);
  EXPECT_THAT(metrics.Text(), HasSubstr("rekindle_controller_leading 0\n"));
  EXPECT_THAT(metrics.Text(), HasSubstr("rekindle_controller_ready 0\n"));
}

TEST(ControllerMetricsTest, SourcesAreAskedAtEachScrape) {
  ControllerMetrics metrics("1");
  double now = 3;
  metrics.AddSource("rekindle_x_total", "X.", true, {{"kind", "a"}}, [&] { return now; });
  metrics.AddSource("rekindle_x_total", "X.", true, {{"kind", "b"}}, [] { return 1; });
  metrics.AddSource("rekindle_y", "Y.", false, {}, [&] { return -now; });
  EXPECT_THAT(metrics.Text(), HasSubstr("rekindle_x_total{kind=\"a\"} 3\n"));
  now = 5;
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("rekindle_x_total{kind=\"a\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("rekindle_x_total{kind=\"b\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("rekindle_y -5\n"));
}

// Every family is in docs/metrics.md, and what is there of this program exists.
TEST(ControllerMetricsTest, AreDocumented) {
  ControllerMetrics metrics("1");
  metrics.ObserveCall(Report("get", client::PodResource(), absl::OkStatus(), 2));
  metrics.ObserveRun("c", {});
  metrics.SetState(State());
  std::set<std::string> names;
  for (const absl::string_view line : absl::StrSplit(metrics.Text(), '\n')) {
    if (!absl::StartsWith(line, "# TYPE ")) continue;
    names.insert(std::string(std::vector<absl::string_view>(absl::StrSplit(line, ' '))[2]));
  }
  EXPECT_EQ(names.size(), 18U);
  std::ifstream in(RK_SOURCE_DIR "/docs/metrics.md");
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  for (const std::string& name : names) {
    EXPECT_THAT(page, HasSubstr(absl::StrCat("`", name, "`"))) << name;
  }
  size_t at = page.find("## The controllers");
  ASSERT_NE(at, std::string::npos);
  while ((at = page.find("`rekindle_controller_", at)) != std::string::npos) {
    const std::string name = page.substr(at + 1, page.find('`', at + 1) - at - 1);
    EXPECT_TRUE(names.contains(name)) << name << " is documented and does not exist";
    ++at;
  }
}

}  // namespace
}  // namespace rekindle
