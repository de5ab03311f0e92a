#include "common/api/inplace_book.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/time.h"

namespace rekindle::api {
namespace {

constexpr char kExample[] =
    R"({"revision":"shop-6c9f7d","updateTimestamp":"2026-03-04T05:06:07Z","lastContainerStatuses":{"store":{"imageID":"reg.example/store@sha256:aa11"}},"updateImages":true,"nextContainerImages":{"front":"reg.example/front:8"},"preCheckBeforeNext":{"containersRequiredReady":["store"]},"containerBatchesRecord":[{"timestamp":"2026-03-04T05:06:07Z","containers":["store"]}]})";

TEST(InPlaceState, ExampleOf41RoundTripsByteForByte) {
  const auto state = ParseInPlaceState(kExample);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->revision, "shop-6c9f7d");
  EXPECT_EQ(state->last_image_ids.at("store").view(), "reg.example/store@sha256:aa11");
  EXPECT_EQ(state->next_images.at("front"), "reg.example/front:8");
  EXPECT_EQ(state->must_be_ready, std::vector<std::string>{"store"});
  EXPECT_TRUE(state->images);
  EXPECT_FALSE(state->resources);
  EXPECT_EQ(FormatInPlaceState(*state), kExample);
}

TEST(InPlaceState, NullMapsAndCreationTimestampAreAccepted) {
  const auto state = ParseInPlaceState(
      R"({"revision":"r","updateTimestamp":null,"lastContainerStatuses":null,
          "nextContainerRefMetadata":{"a":{"creationTimestamp":null,"labels":{"z":"eu"}}},
          "containerBatchesRecord":[{"timestamp":"2026-03-04T05:06:07Z","containers":[]}]})");
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->next_metadata.at("a").labels.Get("z"), "eu");
  EXPECT_TRUE(state->HasNext());
  const std::string text = FormatInPlaceState(*state);
  EXPECT_NE(text.find(R"("lastContainerStatuses":null)"), std::string::npos);
  EXPECT_NE(text.find(R"("containers":[])"), std::string::npos);
  EXPECT_NE(text.find(R"("creationTimestamp":null)"), std::string::npos);
  EXPECT_EQ(*ParseInPlaceState(text), *state);
  EXPECT_FALSE(ParseInPlaceState("{").ok());
  EXPECT_FALSE(ParseInPlaceState("[]").ok());
  EXPECT_FALSE(
      ParseInPlaceState(R"({"nextContainerResources":{"a":{"limits":{"cpu":"x"}}}})").ok());
}

TEST(Grace, ExampleOf42RoundTripsByteForByte) {
  constexpr char kGrace[] =
      R"({"revision":"shop-6c9f7d","containerImages":{"web":"shop/web:2.5"},"metaDataPatch":"eyJtZXRhZGF0YSI6eyJhbm5vdGF0aW9ucyI6eyJ0ZWFtIjoiYmx1ZSJ9fX0=","graceSeconds":45})";
  const auto grace = ParseGrace(kGrace);
  ASSERT_TRUE(grace.ok());
  EXPECT_EQ(grace->metadata_patch, R"({"metadata":{"annotations":{"team":"blue"}}})");
  EXPECT_EQ(grace->grace_seconds, 45);
  EXPECT_EQ(FormatGrace(*grace), kGrace);
  EXPECT_FALSE(ParseGrace(R"({"metaDataPatch":"%%"})").ok());
}

TEST(RuntimeMeta, ShapeOf43) {
  constexpr char kMeta[] =
      R"({"containers":[{"name":"web","containerID":"containerd://a1","restartCount":2,"hashes":{"plainHash":760054243,"extractedEnvFromMetadataHash":86995377}},{"name":"log","containerID":"containerd://b1","restartCount":0,"hashes":{"plainHash":7}}]})";
  const auto meta = ParseRuntimeMeta(kMeta);
  ASSERT_TRUE(meta.ok());
  ASSERT_EQ(meta->size(), 2U);
  EXPECT_EQ((*meta)[0].plain_hash, 760054243U);
  EXPECT_EQ((*meta)[1].env_hash, 0U);
  EXPECT_EQ(FormatRuntimeMeta(*meta), kMeta);
}

}  // namespace
}  // namespace rekindle::api
