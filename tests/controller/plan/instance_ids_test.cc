#include <set>

#include <gtest/gtest.h>

#include "controller/plan/cloneset.h"

namespace rekindle::plan {
namespace {

TEST(InstanceIds, AreSafeAndNeverRepeat) {
  std::set<std::string> seen;
  const std::vector<std::string> ids =
      MakeInstanceIds(500, 42, [](const std::string& id) { return id[0] == 'b'; });
  for (const std::string& id : ids) {
    EXPECT_EQ(id.size(), 5U);
    EXPECT_EQ(id.find_first_not_of("bcdfghjklmnpqrstvwxz2456789"), std::string::npos);
    EXPECT_NE(id[0], 'b');
    EXPECT_TRUE(seen.insert(id).second);
  }
  EXPECT_EQ(ids, MakeInstanceIds(500, 42, [](const std::string& id) { return id[0] == 'b'; }));
}

}  // namespace
}  // namespace rekindle::plan
