#include "controller/apiserver/registry/object_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::apiserver {
namespace {

using testing::UnorderedElementsAre;

api::ObjectMeta Meta(const std::string& uid,
                     const std::vector<std::pair<std::string, bool>>& owners = {}) {
  api::ObjectMeta out;
  out.uid = uid;
  for (const auto& [owner, blocks] : owners) {
    out.owners.push_back({.uid = owner, .block_owner_deletion = blocks});
  }
  return out;
}

Key Place(const std::string& name) { return {"pods", "n", name}; }

TEST(ObjectIndex, KnowsWhoDependsOnWhom) {
  ObjectIndex index;
  EXPECT_FALSE(index.Set(Place("a"), Meta("u1")));
  EXPECT_TRUE(index.Set(Place("b"), Meta("u2", {{"u1", false}})));
  EXPECT_TRUE(index.Set(Place("c"), Meta("u3", {{"u1", true}, {"u9", false}})));
  EXPECT_FALSE(index.Set(Place("c"), Meta("u3", {{"u1", true}, {"u9", false}})));
  EXPECT_THAT(index.Dependents("u1"), UnorderedElementsAre("u2", "u3"));
  EXPECT_THAT(index.Dependents("u9"), UnorderedElementsAre("u3"));
  EXPECT_TRUE(index.IsBlocked("u1"));
  EXPECT_FALSE(index.IsBlocked("u9"));
  EXPECT_EQ(index.Remove(Place("c")).uid, "u3");
  EXPECT_THAT(index.Dependents("u1"), UnorderedElementsAre("u2"));
  EXPECT_FALSE(index.IsBlocked("u1"));
  EXPECT_FALSE(index.HasDependents("u9"));
}

TEST(ObjectIndex, OwnersMayCome) {
  ObjectIndex index;
  EXPECT_TRUE(index.Set(Place("b"), Meta("u2", {{"u1", false}})));
  EXPECT_EQ(index.Find("u1"), nullptr);
  index.Set(Place("a"), Meta("u1"));
  EXPECT_TRUE(index.HasDependents("u1"));
  EXPECT_TRUE(index.Set(Place("b"), Meta("u2")));
  EXPECT_FALSE(index.HasDependents("u1"));
}

TEST(ObjectIndex, AnotherObjectOfTheNameReplacesTheFirst) {
  ObjectIndex index;
  index.Set(Place("a"), Meta("u1", {{"u0", true}}));
  index.Set(Place("a"), Meta("u2"));
  EXPECT_EQ(index.Find("u1"), nullptr);
  EXPECT_FALSE(index.HasDependents("u0"));
  EXPECT_EQ(index.FindKey(Place("a"))->uid, "u2");
  EXPECT_EQ(index.size(), 1u);
}

TEST(ObjectIndex, RemovingTheUnknownIsNothing) {
  ObjectIndex index;
  EXPECT_EQ(index.Remove(Place("a")).uid, "");
  index.Set(Place("a"), Meta("u1"));
  EXPECT_THAT(index.KeysOf("pods"), UnorderedElementsAre(Place("a")));
  index.Remove(Place("a"));
  EXPECT_EQ(index.Remove(Place("a")).uid, "");
  EXPECT_TRUE(index.KeysOf("pods").empty());
}

TEST(ObjectIndex, ReadsFinalizersAndDeletion) {
  ObjectIndex index;
  api::ObjectMeta meta = Meta("u1");
  meta.deletion_time = absl::UnixEpoch();
  meta.finalizers = {"foregroundDeletion"};
  index.Set(Place("a"), meta);
  EXPECT_TRUE(index.Find("u1")->deleting);
  EXPECT_TRUE(index.Find("u1")->foreground);
  EXPECT_FALSE(index.Find("u1")->orphan);
}

}  // namespace
}  // namespace rekindle::apiserver
