#include "daemon/restart/transitions.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace rekindle::restart {
namespace {

constexpr Phase kAllPhases[] = {Phase::kAccepted,  Phase::kDraining,  Phase::kStaged,
                                Phase::kPreStop,   Phase::kStopping,  Phase::kStarting,
                                Phase::kPostStart, Phase::kVerifying, Phase::kDone,
                                Phase::kFailed,    Phase::kCancelled};

TEST(Transitions, EveryPhaseIsReachable) {
  for (Method method : {Method::kReplace, Method::kHot}) {
    std::set<Phase> reached = {Phase::kAccepted};
    bool grew = true;
    while (grew) {
      grew = false;
      for (Phase from : std::vector<Phase>(reached.begin(), reached.end())) {
        for (Phase to : kAllPhases) {
          if (MayMove(method, from, to) && reached.insert(to).second) grew = true;
        }
      }
    }
    EXPECT_EQ(reached.size(), std::size(kAllPhases)) << MethodName(method);
  }
}

TEST(Transitions, ADelegatedRestartCreatesNothing) {
  for (Phase from : kAllPhases) {
    EXPECT_FALSE(MayMove(Method::kDelegate, from, Phase::kStaged)) << PhaseName(from);
    EXPECT_FALSE(MayMove(Method::kDelegate, from, Phase::kPostStart)) << PhaseName(from);
  }
  EXPECT_TRUE(MayMove(Method::kDelegate, Phase::kAccepted, Phase::kStopping));
  EXPECT_TRUE(MayMove(Method::kDelegate, Phase::kVerifying, Phase::kStarting));
  EXPECT_TRUE(IsTouched(Method::kDelegate, Phase::kStarting));
  EXPECT_FALSE(MayCancel(Method::kDelegate, Phase::kPreStop));
}

TEST(Transitions, NothingLeavesAnEnd) {
  for (Phase from : kAllPhases) {
    if (!IsTerminal(from)) continue;
    for (Phase to : kAllPhases) {
      EXPECT_FALSE(MayMove(Method::kReplace, from, to)) << PhaseName(from) << PhaseName(to);
    }
  }
}

TEST(Transitions, CancellingEndsWhereTheContainerIsTouched) {
  for (Phase phase : {Phase::kAccepted, Phase::kDraining, Phase::kStaged}) {
    EXPECT_TRUE(MayMove(Method::kReplace, phase, Phase::kCancelled)) << PhaseName(phase);
  }
  for (Phase phase : {Phase::kPreStop, Phase::kStopping, Phase::kStarting, Phase::kPostStart,
                      Phase::kVerifying}) {
    EXPECT_FALSE(MayMove(Method::kReplace, phase, Phase::kCancelled)) << PhaseName(phase);
    EXPECT_TRUE(IsTouched(Method::kReplace, phase)) << PhaseName(phase);
  }
  // The old container of a hot restart notices nothing until its own stop begins.
  EXPECT_TRUE(MayMove(Method::kHot, Phase::kVerifying, Phase::kCancelled));
  EXPECT_FALSE(MayMove(Method::kHot, Phase::kPreStop, Phase::kCancelled));
}

TEST(Transitions, TheOldContainerOfAHotRestartStopsLast) {
  EXPECT_FALSE(MayMove(Method::kHot, Phase::kStaged, Phase::kStopping));
  EXPECT_FALSE(MayMove(Method::kReplace, Phase::kVerifying, Phase::kStopping));
}

TEST(Transitions, EveryPhaseHasAName) {
  std::set<absl::string_view> names;
  for (Phase phase : kAllPhases) names.insert(PhaseName(phase));
  EXPECT_EQ(names.size(), std::size(kAllPhases));
  EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace rekindle::restart
