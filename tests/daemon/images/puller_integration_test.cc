// Pulls from a real registry through a real containerd.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/asio_loop.h"
#include "daemon/images/runtime_puller.h"
#include "tests/bed/bed.h"
#include "tests/bed/registry.h"
#include "tests/bed/shared_bed.h"
#include "tests/fakes/await.h"

namespace rekindle::images {
namespace {

using ResultSlot = Slot<absl::StatusOr<Result>>;

constexpr size_t kBigLayer = 64 << 20;

class PullerIntegrationTest : public bed::SharedBedTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(SharedBedTest::SetUp());
    connection_ = std::make_shared<cri::Connection>(bed_->endpoint());
    RuntimePullerOptions options;
    options.progress_interval = absl::Milliseconds(10);
    RunOn(loop_, [&] { puller_ = std::make_unique<RuntimePuller>(loop_, connection_, options); });
  }
  void TearDown() override {
    RunOn(loop_, [this] { puller_.reset(); });
  }

  void StartRegistry(const bed::RegistryOptions& options) {
    auto registry = bed::LocalRegistry::Start(bed_, options);
    ASSERT_TRUE(registry.ok()) << registry.status();
    registry_ = *std::move(registry);
  }
  std::shared_ptr<ResultSlot> Pull(const std::string& image, Credentials credentials = {}) {
    auto slot = std::make_shared<ResultSlot>();
    RunOn(loop_, [&] {
      seen_.clear();
      id_ = puller_->Pull(
          image, std::move(credentials), [this](const Progress& now) { seen_.push_back(now); },
          [slot](auto result) { slot->Set(std::move(result)); });
    });
    return slot;
  }

  AsioLoop loop_{"test"};
  std::shared_ptr<cri::Connection> connection_;
  std::unique_ptr<RuntimePuller> puller_;
  std::unique_ptr<bed::LocalRegistry> registry_;
  Puller::PullId id_ = 0;
  std::vector<Progress> seen_;  // the loop's thread
};

// Scenario 46.
TEST_F(PullerIntegrationTest, ProgressGrowsToTheSumOfTheLayers) {
  ASSERT_NO_FATAL_FAILURE(StartRegistry({}));
  auto image = registry_->PushNew(bed::kServerImage, "big:1", kBigLayer);
  ASSERT_TRUE(image.ok()) << image.status();
  auto result = Pull(*image)->Get(absl::Seconds(120));
  ASSERT_TRUE(result.has_value() && result->ok()) << result->status();
  EXPECT_THAT((*result)->image_id, testing::StartsWith("sha256:"));
  RunOn(loop_, [this] {
    ASSERT_FALSE(seen_.empty());
    for (size_t i = 1; i < seen_.size(); ++i) {
      EXPECT_GE(seen_[i].done_bytes, seen_[i - 1].done_bytes);
    }
    EXPECT_GT(seen_.back().total_bytes, int64_t{kBigLayer});
    EXPECT_LE(seen_.back().done_bytes, seen_.back().total_bytes);
    // Something between nothing and all was seen: it is progress, not an afterthought.
    EXPECT_TRUE(std::any_of(seen_.begin(), seen_.end(), [](const Progress& now) {
      return now.done_bytes > 0 && now.done_bytes < now.total_bytes;
    }));
  });
}

// Scenario 47.
TEST_F(PullerIntegrationTest, ACancelledPullCanBeRepeated) {
  ASSERT_NO_FATAL_FAILURE(StartRegistry({}));
  auto image = registry_->PushNew(bed::kServerImage, "big:2", kBigLayer);
  ASSERT_TRUE(image.ok()) << image.status();
  auto slot = Pull(*image);
  ASSERT_TRUE(AwaitOn(loop_, [this] { return !seen_.empty() && seen_.back().done_bytes > 0; }));
  RunOn(loop_, [this] { puller_->Cancel(id_); });
  auto cancelled = slot->Get();
  ASSERT_TRUE(cancelled.has_value());
  EXPECT_EQ(cancelled->status().code(), absl::StatusCode::kCancelled);
  auto again = Pull(*image)->Get(absl::Seconds(120));
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->ok()) << again->status();
}

// Scenario 48, and what a missing tag and wrong credentials look like.
TEST_F(PullerIntegrationTest, CredentialsGoWhereTheyBelong) {
  ASSERT_NO_FATAL_FAILURE(StartRegistry({.user = "alice", .password = "secret"}));
  auto image = registry_->PushNew(bed::kServerImage, "private:1");
  ASSERT_TRUE(image.ok()) << image.status();
  const Credentials good{"alice", "secret", "", ""};
  auto code = [&](const std::string& what, const Credentials& credentials) {
    auto result = Pull(what, credentials)->Get(absl::Seconds(60));
    return result.has_value() ? result->status().code() : absl::StatusCode::kDeadlineExceeded;
  };
  EXPECT_EQ(code(*image, {}), absl::StatusCode::kUnknown);
  EXPECT_EQ(code(*image, {"alice", "wrong", "", ""}), absl::StatusCode::kUnknown);
  EXPECT_EQ(code(*image, {"alice", "secret", "", "registry.test"}), absl::StatusCode::kUnknown);
  EXPECT_EQ(code(registry_->Reference("nothing:1"), good), absl::StatusCode::kNotFound);
  EXPECT_EQ(code(*image, {"alice", "secret", "", registry_->address()}), absl::StatusCode::kOk);
}

}  // namespace
}  // namespace rekindle::images
