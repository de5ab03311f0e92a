#include "controller/apiserver/registry/decode_cache.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::apiserver {
namespace {

Change ChangeAt(Revision revision, const std::string& text, const std::string& before = "") {
  Change out;
  out.revision = revision;
  out.text = std::make_shared<const std::string>(text);
  if (!before.empty()) out.before = std::make_shared<const std::string>(before);
  return out;
}

class DecodeCacheTest : public testing::Test {
 protected:
  DecodeCache::Decode Counting() {
    return [this](const std::string& text) -> absl::StatusOr<Json> {
      ++decoded;
      return Json(text);
    };
  }
  std::atomic<int> decoded{0};
};

TEST_F(DecodeCacheTest, OnceForEachSideAndVersion) {
  DecodeCache cache;
  const Change change = ChangeAt(5, "now", "then");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(**cache.Get(change, DecodeCache::Side::kAfter, "v1", Counting()), "now");
    EXPECT_EQ(**cache.Get(change, DecodeCache::Side::kBefore, "v1", Counting()), "then");
    EXPECT_EQ(**cache.Get(change, DecodeCache::Side::kAfter, "v2", Counting()), "now");
  }
  EXPECT_EQ(decoded, 3);
  EXPECT_EQ(cache.Get(change, DecodeCache::Side::kAfter, "v1", Counting())->get(),
            cache.Get(change, DecodeCache::Side::kAfter, "v1", Counting())->get());
}

TEST_F(DecodeCacheTest, IsBounded) {
  DecodeCache cache(100);
  for (Revision i = 1; i <= 50; ++i) {
    ASSERT_TRUE(
        cache.Get(ChangeAt(i, std::string(30, 'x')), DecodeCache::Side::kAfter, "v1", Counting())
            .ok());
    EXPECT_LE(cache.bytes(), 100u);
  }
  EXPECT_EQ(decoded, 50);
  // The first is forgotten, the last is not.
  (void)cache.Get(ChangeAt(50, std::string(30, 'x')), DecodeCache::Side::kAfter, "v1", Counting());
  EXPECT_EQ(decoded, 50);
  (void)cache.Get(ChangeAt(1, std::string(30, 'x')), DecodeCache::Side::kAfter, "v1", Counting());
  EXPECT_EQ(decoded, 51);
}

TEST_F(DecodeCacheTest, FaultsAreNotKept) {
  DecodeCache cache;
  const Change change = ChangeAt(1, "x");
  EXPECT_FALSE(cache
                   .Get(change, DecodeCache::Side::kAfter, "v1",
                        [](const std::string&) { return absl::InternalError("bad"); })
                   .ok());
  EXPECT_TRUE(cache.Get(change, DecodeCache::Side::kAfter, "v1", Counting()).ok());
  EXPECT_FALSE(cache.Get(change, DecodeCache::Side::kBefore, "v1", Counting()).ok());
}

TEST_F(DecodeCacheTest, ManyAtOnceDecodeOnce) {
  DecodeCache cache;
  const Change change = ChangeAt(1, "x");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [&] { EXPECT_EQ(**cache.Get(change, DecodeCache::Side::kAfter, "v1", Counting()), "x"); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(decoded, 1);
}

}  // namespace
}  // namespace rekindle::apiserver
