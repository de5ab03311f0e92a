#include "daemon/hooks/pod_address.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::hooks {
namespace {

TEST(PodAddress, IsThePodOrRefused) {
  const std::vector<std::string> both = {"10.0.0.7", "fd00::7"};
  struct Row {
    const char* host;
    std::vector<std::string> pod_ips;
    const char* address;  // null: refused
  };
  const Row own_namespace[] = {
      {"", both, "10.0.0.7"},
      {"", {"fd00::7"}, "fd00::7"},
      {"", {}, "127.0.0.1"},
      {"10.0.0.7", both, "10.0.0.7"},
      {"::ffff:10.0.0.7", both, "10.0.0.7"},
      {"fd00::7", both, "fd00::7"},
      {"fd00:0:0::7", both, "fd00::7"},
      {"localhost", both, "127.0.0.1"},
      {"127.0.0.1", both, "127.0.0.1"},
      {"::1", both, "::1"},
      {"10.0.0.8", both, nullptr},
      {"fd00::8", both, nullptr},
      {"10.0.0.07", both, nullptr},
      {"10.7", both, nullptr},
      {"0.0.0.0", both, nullptr},
      {"::", both, nullptr},
      {"127.0.0.2", both, nullptr},
      {"169.254.169.254", both, nullptr},
      {"kubernetes.default", both, nullptr},
      {"10.0.0.7:80", both, nullptr},
      {" 10.0.0.7", both, nullptr},
      {"fe80::1%lo", both, nullptr},
      {"", {"not an address"}, nullptr},
      {"10.0.0.7", {"not an address", "10.0.0.7"}, "10.0.0.7"},
  };
  for (const Row& row : own_namespace) {
    const auto endpoint = PodEndpoint(row.host, 8080, {"c", "/run/netns/x", row.pod_ips});
    if (row.address == nullptr) {
      EXPECT_TRUE(absl::IsInvalidArgument(endpoint.status())) << row.host;
      continue;
    }
    ASSERT_TRUE(endpoint.ok()) << row.host << endpoint.status();
    EXPECT_EQ(endpoint->address().to_string(), row.address) << row.host;
    EXPECT_EQ(endpoint->port(), 8080);
  }
}

TEST(PodAddress, HostNetworkIsTheLoopbackOnly) {
  EXPECT_EQ(PodEndpoint("", 1, {"c", "", {}})->address().to_string(), "127.0.0.1");
  EXPECT_EQ(PodEndpoint("::1", 1, {"c", "", {}})->address().to_string(), "::1");
  EXPECT_TRUE(absl::IsInvalidArgument(PodEndpoint("10.0.0.7", 1, {"c", "", {}}).status()));
}

TEST(PodAddress, PortZeroIsNone) {
  const auto endpoint = PodEndpoint("", 0, {"c", "", {}});
  EXPECT_TRUE(absl::IsInvalidArgument(endpoint.status()));
  EXPECT_THAT(std::string(endpoint.status().message()), ::testing::HasSubstr("port"));
}

// A caller that lost the namespace must not send a pod's request through the node's network.
TEST(PodAddress, PodAddressesNeedANamespace) {
  const auto endpoint = PodEndpoint("", 80, {"c", "", {"10.0.0.7"}});
  EXPECT_TRUE(absl::IsInvalidArgument(endpoint.status()));
  EXPECT_THAT(std::string(endpoint.status().message()), ::testing::HasSubstr("netns_path"));
}

}  // namespace
}  // namespace rekindle::hooks
