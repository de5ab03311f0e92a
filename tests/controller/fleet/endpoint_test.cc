#include "controller/fleet/endpoint.h"

#include <string>

#include <gmock/gmock.h>

namespace rekindle::fleet {
namespace {

using ::testing::HasSubstr;

TEST(EndpointTest, WhatIsTaken) {
  const std::string longest = "unix:/" + std::string(106, 'x');
  for (const Endpoint& endpoint : std::initializer_list<Endpoint>{
           {"10.0.0.7:10240", "rekindled"},
           {"[fd00::7]:10240", "fd00::7"},
           {"[::ffff:10.0.0.7]:1", ""},
           {"node-7.example:65535", "node-7"},
           {"unix:/run/rekindle/rekindled.sock", ""},
           {longest, ""},
       }) {
    EXPECT_TRUE(CheckEndpoint(endpoint).ok()) << endpoint.target << CheckEndpoint(endpoint);
  }
}

TEST(EndpointTest, WhatIsRefusedNamesTheField) {
  const std::string too_long = "unix:/" + std::string(107, 'x');
  for (const std::string& target : {std::string(),
                                    std::string("10.0.0.7"),
                                    std::string("10.0.0.7:"),
                                    std::string(":10240"),
                                    std::string("10.0.0.7:0"),
                                    std::string("10.0.0.7:65536"),
                                    std::string("10.0.0.7:+1"),
                                    std::string("10.0.0.7: 1"),
                                    std::string("dns:///evil.example:1"),
                                    std::string("ipv4:10.0.0.7:1,10.0.0.8:1"),
                                    std::string("fd00::7:10240"),
                                    std::string("[fd00::7:10240"),
                                    std::string("[]:1"),
                                    std::string("[x]:1"),
                                    std::string("unix:"),
                                    std::string("unix:relative"),
                                    std::string("unix:/"),
                                    too_long,
                                    std::string("unix-abstract:x"),
                                    std::string("a b:1")}) {
    const absl::Status status = CheckEndpoint({.target = target});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << target;
    EXPECT_THAT(std::string(status.message()), HasSubstr("target: ")) << target;
  }
  const absl::Status name = CheckEndpoint({.target = "10.0.0.7:1", .server_name = "a b"});
  EXPECT_EQ(name.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(name.message()), HasSubstr("server_name: \"a b\""));
}

}  // namespace
}  // namespace rekindle::fleet
