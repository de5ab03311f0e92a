#include "controller/fleet/link_states.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <gtest/gtest.h>

namespace rekindle::fleet {
namespace {

TEST(LinkStatesTest, NoPairTwiceAndEveryStateIsLeft) {
  std::set<std::pair<LinkState, LinkEvent>> pairs;
  std::set<LinkState> left;
  std::set<LinkState> entered;
  for (const LinkTransition& row : kLinkTransitions) {
    EXPECT_TRUE(pairs.emplace(row.from, row.event).second);
    EXPECT_EQ(NextLinkState(row.from, row.event), row.to);
    left.insert(row.from);
    entered.insert(row.to);
  }
  EXPECT_EQ(left.size(), 5);
  EXPECT_EQ(left, entered);
}

TEST(LinkStatesTest, CloseLeadsHomeFromEverywhereAndNothingElseIsPossible) {
  for (int state = 0; state <= static_cast<int>(LinkState::kPausing); ++state) {
    const auto from = static_cast<LinkState>(state);
    EXPECT_EQ(NextLinkState(from, LinkEvent::kClose), LinkState::kIdle);
    for (int event = 0; event < static_cast<int>(LinkEvent::kClose); ++event) {
      const bool listed = std::any_of(
          std::begin(kLinkTransitions), std::end(kLinkTransitions), [&](const auto& row) {
            return row.from == from && row.event == static_cast<LinkEvent>(event);
          });
      EXPECT_EQ(NextLinkState(from, static_cast<LinkEvent>(event)).has_value(), listed);
    }
  }
}

}  // namespace
}  // namespace rekindle::fleet
