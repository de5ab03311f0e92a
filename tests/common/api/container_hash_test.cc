#include "common/api/container_hash.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::api {
namespace {

TEST(ContainerHash, PlainHashVectorsOf132) {
  EXPECT_EQ(PlainHash("test_container", "foo/image:v1"), 0x8e45cbd0U);
  EXPECT_EQ(PlainHash("web", "shop/web:2.4"), 760054243U);
  EXPECT_EQ(PlainHash("web", "shop/web:2.5"), 2262760512U);
  EXPECT_EQ(OldPlainHash(Json::parse(R"({"name":"web","image":"shop/web:2.4"})")), 3690406446U);
  EXPECT_EQ(OldPlainHash(Json::parse(R"({"name":"web","image":"shop/web:2.5","resources":
      {"limits":{"cpu":"500m"},"requests":{"cpu":"250m"}}})")),
            1429001912U);
}

TEST(ContainerHash, EnvHashVectorsOf133) {
  EXPECT_EQ(EnvHash({}), kNoEnvHash);
  EXPECT_EQ(EnvHash({{"CFG", "blue"}}), 3562455241U);
  EXPECT_EQ(EnvHash({{"CFG", "green"}}), 3028320268U);
  EXPECT_EQ(EnvHash({{"CFG", ""}}), 3154087111U);
  EXPECT_EQ(EnvHash({{"ZONE", "eu"}, {"CFG", "blue"}}), 2988664719U);
}

}  // namespace
}  // namespace rekindle::api
