// A thousand nodes at once; tests/bench/fleet has five thousand, with TLS.
#include <string>
#include <vector>

#include "tests/controller/fleet/fleet_fixture.h"
#include "tests/fakes/sim_daemons.h"

namespace rekindle::fleet {
namespace {

class FleetManyTest : public FleetTest {};

TEST_F(FleetManyTest, AThousandNodesEachRestartOnce) {
  constexpr int kNodes = 1000;
  const TempDir dir;
  SimDaemons daemons({.nodes = kNodes,
                      .shortest = absl::Milliseconds(5),
                      .longest = absl::Milliseconds(20),
                      .directory = dir.path()});
  FleetOptions options = Quick();
  options.calls.in_all = 300;
  options.most_idle = kNodes - 1;
  options.idle_at_least = absl::ZeroDuration();
  options.link.connect_timeout = absl::Seconds(60);  // under a sanitizer
  Make(options);
  std::vector<HeardPtr> calls;
  for (int i = 0; i < kNodes; ++i) calls.push_back(std::make_shared<Heard>());
  RunOn(loop_, [&] {
    for (int i = 0; i < kNodes; ++i) {
      const std::string node = absl::StrCat("node-", i);
      ASSERT_TRUE(fleet_->SetEndpoint(node, {.target = daemons.targets()[i]}).ok());
      StartRestart(node, absl::StrCat("r", i), absl::Minutes(2), calls[i]);
    }
  });
  for (const HeardPtr& heard : calls) {
    ASSERT_EQ(heard->ended.Get(absl::Seconds(100)), absl::OkStatus());
    ASSERT_EQ(heard->progress.size(), 2);
  }
  const FleetStats stats = Stats();
  EXPECT_EQ(stats.connected, kNodes);
  EXPECT_TRUE(AwaitStats([](const FleetStats& now) { return now.connections == kNodes - 1; }));
  EXPECT_EQ(stats.calls[0].ended.at(absl::StatusCode::kOk), kNodes);
  const auto begun = daemons.begun();
  EXPECT_EQ(begun.size(), kNodes);
  for (const auto& [id, times] : begun) EXPECT_EQ(times, 1) << id;
  Discard();
}

}  // namespace
}  // namespace rekindle::fleet
