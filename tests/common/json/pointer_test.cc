#include "common/json/pointer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::json {
namespace {

TEST(Pointer, EscapesSlashAndTildeBothWays) {
  EXPECT_EQ(EscapeSegment("a/b~c"), "a~1b~0c");
  for (const std::string text : {"a/b~c", "~1", "~0", "/", ""}) {
    EXPECT_EQ(UnescapeSegment(EscapeSegment(text)), text);
  }
}

TEST(Pointer, FindsValuesAndNamesTheMissingStep) {
  const Json tree = {{"a", {{"x/y", {10, 20}}}}};
  ASSERT_TRUE(AtPointer(tree, "/a/x~1y/1").ok());
  EXPECT_EQ(**AtPointer(tree, "/a/x~1y/1"), 20);
  EXPECT_EQ(**AtPointer(tree, ""), tree);
  EXPECT_EQ(AtPointer(tree, "/a/x~1y/2").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(AtPointer(tree, "/a/x~1y/01").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(AtPointer(tree, "a").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace rekindle::json
