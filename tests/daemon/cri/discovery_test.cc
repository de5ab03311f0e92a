#include "daemon/cri/discovery.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::cri {
namespace {

using testing::HasSubstr;

absl::StatusOr<std::string> Find(const std::string& value, const std::set<std::string>& there) {
  return FindRuntimeEndpoint(value, [&](const std::string& path) { return there.contains(path); });
}

TEST(DiscoveryTest, TakesTheFirstUsualSocket) {
  struct Row {
    std::set<std::string> there;
    const char* endpoint;
  };
  for (const Row& row : {
           Row{{"/run/containerd/containerd.sock", "/run/crio/crio.sock"},
               "unix:///run/containerd/containerd.sock"},
           Row{{"/run/crio/crio.sock"}, "unix:///run/crio/crio.sock"},
           Row{{"/run/k3s/containerd/containerd.sock"},
               "unix:///run/k3s/containerd/containerd.sock"},
           Row{{"/var/run/containerd/containerd.sock"},
               "unix:///var/run/containerd/containerd.sock"},
       }) {
    auto found = Find("", row.there);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, row.endpoint);
  }
}

TEST(DiscoveryTest, NamesWhatItLookedFor) {
  auto found = Find("", {});
  EXPECT_EQ(found.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("/run/crio/crio.sock"));
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("--runtime-endpoint"));
}

TEST(DiscoveryTest, AnExplicitSocketNeedNotBeThereYet) {
  for (const char* value : {"unix:///x/y.sock", "unix:/x/y.sock", "/x/y.sock"}) {
    auto found = Find(value, {"/run/crio/crio.sock"});
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, "unix:///x/y.sock");
  }
}

TEST(DiscoveryTest, RefusesWhatIsNoSocketAndQuotesIt) {
  for (const std::string& value :
       {std::string("tcp://127.0.0.1:1234"), std::string("x/y.sock"), std::string("unix://"),
        std::string("unix://x/y.sock"), std::string("/run/"), std::string(" "),
        "/" + std::string(200, 'a')}) {
    SCOPED_TRACE(value);
    auto found = Find(value, {});
    EXPECT_EQ(found.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(found.status().message()),
                HasSubstr("--runtime-endpoint \"" + value + "\""));
  }
}

TEST(DiscoveryTest, AFileIsNoSocket) {
  EXPECT_FALSE(IsSocket("/proc/self/status"));
  EXPECT_FALSE(IsSocket("/nonexistent"));
}

}  // namespace
}  // namespace rekindle::cri
