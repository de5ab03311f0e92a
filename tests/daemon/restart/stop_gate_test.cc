#include "daemon/restart/stop_gate.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::restart {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StopGateTest : public testing::Test {
 protected:
  std::unique_ptr<StopGate::Pass> Enter(const std::string& sandbox, int name) {
    return gate_.Enter(sandbox, [this, name] { let_through_.push_back(name); });
  }

  StopGate gate_{2};
  std::vector<int> let_through_;
};

TEST_F(StopGateTest, LetsTheLimitThroughAndTheOthersInTheirOrder) {
  auto first = Enter("a", 1);
  auto second = Enter("a", 2);
  auto third = Enter("a", 3);
  auto fourth = Enter("a", 4);
  EXPECT_TRUE(first->open());
  EXPECT_TRUE(second->open());
  EXPECT_FALSE(third->open());
  second.reset();
  EXPECT_THAT(let_through_, ElementsAre(3));
  EXPECT_TRUE(third->open());
  first.reset();
  EXPECT_THAT(let_through_, ElementsAre(3, 4));
  third.reset();
  fourth.reset();
  EXPECT_TRUE(Enter("a", 5)->open());
}

TEST_F(StopGateTest, SandboxesDoNotWaitForEachOther) {
  auto first = Enter("a", 1);
  auto second = Enter("a", 2);
  EXPECT_TRUE(Enter("b", 3)->open());
  EXPECT_FALSE(Enter("a", 4)->open());
}

TEST_F(StopGateTest, WhoeverGivesUpWaitingIsPassedOver) {
  auto first = Enter("a", 1);
  auto second = Enter("a", 2);
  auto third = Enter("a", 3);
  auto fourth = Enter("a", 4);
  third.reset();
  first.reset();
  EXPECT_THAT(let_through_, ElementsAre(4));
}

TEST_F(StopGateTest, AClosedGateLetsNobodyThrough) {
  auto first = Enter("a", 1);
  auto second = Enter("a", 2);
  auto third = Enter("a", 3);
  gate_.Close();
  first.reset();
  second.reset();
  EXPECT_THAT(let_through_, IsEmpty());
  EXPECT_FALSE(third->open());
}

}  // namespace
}  // namespace rekindle::restart
