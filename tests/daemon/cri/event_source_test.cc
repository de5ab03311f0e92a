#include "daemon/cri/event_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::cri {
namespace {

using testing::ElementsAre;
using Source = EventSource;

// Scenario 42: containerd 1.7 is never asked for CRI events.
TEST(EventSourceTest, BelowContainerdTwoNeverTheCri) {
  for (const char* version : {"1.6.20~ds1", "v1.7.0", "1.7.24", "1", "", "x", "dev.2", "-2.0"}) {
    SCOPED_TRACE(version);
    EXPECT_THAT(EventSourcesOf("containerd", version),
                ElementsAre(Source::kContainerd, Source::kRelist));
  }
}

TEST(EventSourceTest, FromContainerdTwoTheCriFirst) {
  for (const char* version : {"2.0.0", "v2.1.4", "2", "10.0.1", "2.0.0-rc.1"}) {
    SCOPED_TRACE(version);
    EXPECT_THAT(EventSourcesOf("containerd", version),
                ElementsAre(Source::kCri, Source::kContainerd, Source::kRelist));
  }
}

TEST(EventSourceTest, OthersHaveNoStreamOfContainerd) {
  EXPECT_THAT(EventSourcesOf("cri-o", "1.30.0"), ElementsAre(Source::kCri, Source::kRelist));
  EXPECT_THAT(EventSourcesOf("", ""), ElementsAre(Source::kCri, Source::kRelist));
}

}  // namespace
}  // namespace rekindle::cri
