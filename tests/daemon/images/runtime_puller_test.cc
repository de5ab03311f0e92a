#include "daemon/images/runtime_puller.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/asio_loop.h"
#include "containerd/v1/content.pb.h"
#include "cri/v1/api.pb.h"
#include "tests/fakes/await.h"
#include "tests/fakes/fake_cri_server.h"

namespace rekindle::images {
namespace {

namespace content = ::containerd::services::content::v1;
namespace v1 = ::runtime::v1;

const std::string kIndex = "sha256:" + std::string(64, '1');
const std::string kManifest = "sha256:" + std::string(64, '2');
const std::string kOtherManifest = "sha256:" + std::string(64, '3');
const std::string kSmall = "sha256:" + std::string(64, '4');
const std::string kBig = "sha256:" + std::string(64, '5');

using ResultSlot = Slot<absl::StatusOr<Result>>;

class RuntimePullerTest : public testing::Test {
 protected:
  RuntimePullerTest() {
    options_.progress_interval = absl::Milliseconds(5);
    server_.Script("PullImage", [](const auto&, auto* response) {
      static_cast<v1::PullImageResponse*>(response)->set_image_ref("sha256:done");
      return grpc::Status::OK;
    });
  }
  ~RuntimePullerTest() override {
    RunOn(loop_, [this] { puller_.reset(); });
  }

  std::shared_ptr<ResultSlot> Pull(const std::string& image, Credentials credentials = {},
                                   bool with_progress = true) {
    auto slot = std::make_shared<ResultSlot>();
    RunOn(loop_, [&] {
      if (puller_ == nullptr) {
        puller_ = std::make_unique<RuntimePuller>(loop_, connection_, options_);
      }
      std::function<void(const Progress&)> progress;
      if (with_progress) progress = [this](const Progress& now) { seen_.push_back(now); };
      id_ = puller_->Pull(image, std::move(credentials), progress,
                          [slot](auto result) { slot->Set(std::move(result)); });
    });
    return slot;
  }
  bool AwaitProgress(int64_t done, int64_t total) {
    return AwaitOn(loop_, [=, this] {
      return !seen_.empty() && seen_.back().done_bytes == done && seen_.back().total_bytes == total;
    });
  }

  // The content store: blobs that are there, and what is under way.
  void ServeContent() {
    server_.Script("List", [this](const auto&, auto* response) {
      std::lock_guard<std::mutex> lock(mutex_);
      for (const auto& [digest, blob] : blobs_) {
        auto* info = static_cast<content::ListContentResponse*>(response)->add_info();
        FillInfo(digest, *info);
      }
      return grpc::Status::OK;
    });
    server_.Script("Info", [this](const auto& request, auto* response) {
      std::lock_guard<std::mutex> lock(mutex_);
      const auto& digest = static_cast<const content::InfoRequest&>(request).digest();
      if (!blobs_.contains(digest)) return grpc::Status(grpc::StatusCode::NOT_FOUND, "no");
      FillInfo(digest, *static_cast<content::InfoResponse*>(response)->mutable_info());
      return grpc::Status::OK;
    });
    server_.Script("Read", [this](const auto& request, auto* response) {
      std::lock_guard<std::mutex> lock(mutex_);
      const auto& digest = static_cast<const content::ReadContentRequest&>(request).digest();
      static_cast<content::ReadContentResponse*>(response)->set_data(blobs_[digest].text);
      return grpc::Status::OK;
    });
    server_.Script("ListStatuses", [this](const auto&, auto* response) {
      std::lock_guard<std::mutex> lock(mutex_);
      for (const auto& [ref, offset] : under_way_) {
        auto* status = static_cast<content::ListStatusesResponse*>(response)->add_statuses();
        status->set_ref(ref);
        status->set_offset(offset);
      }
      return grpc::Status::OK;
    });
  }
  void AddBlob(const std::string& digest, const std::string& text, int64_t size,
               const std::string& source = "app", absl::Duration age = absl::ZeroDuration()) {
    std::lock_guard<std::mutex> lock(mutex_);
    blobs_[digest] = {text, size, source, absl::Now() - age};
  }
  void SetUnderWay(const std::string& ref, int64_t offset) {
    std::lock_guard<std::mutex> lock(mutex_);
    under_way_[ref] = offset;
  }
  void EndUnderWay(const std::string& ref) {
    std::lock_guard<std::mutex> lock(mutex_);
    under_way_.erase(ref);
  }
  static std::string ManifestText() {
    return R"({"layers":[{"digest":")" + kSmall + R"(","size":100},{"digest":")" + kBig +
           R"(","size":1000}]})";
  }

  struct Blob {
    std::string text;
    int64_t size;
    std::string source;
    absl::Time created;
  };
  void FillInfo(const std::string& digest, content::Info& info) {
    const Blob& blob = blobs_[digest];
    info.set_digest(digest);
    info.set_size(blob.size);
    info.mutable_created_at()->set_seconds(absl::ToUnixSeconds(blob.created));
    (*info.mutable_labels())["containerd.io/distribution.source.localhost"] = blob.source;
  }

  // Before the server, whose handlers may outlive the call that they answer.
  std::mutex mutex_;
  std::map<std::string, Blob> blobs_;
  std::map<std::string, int64_t> under_way_;
  FakeCriServer server_;
  AsioLoop loop_{"test"};
  std::shared_ptr<cri::Connection> connection_ =
      std::make_shared<cri::Connection>(server_.endpoint());
  RuntimePullerOptions options_;
  std::unique_ptr<RuntimePuller> puller_;
  Puller::PullId id_ = 0;
  std::vector<Progress> seen_;  // the loop's thread
};

TEST_F(RuntimePullerTest, GivesTheImageId) {
  auto result = Pull("busybox", {}, false)->Get();
  ASSERT_TRUE(result.has_value() && result->ok()) << result->status();
  EXPECT_EQ((*result)->image_id, "sha256:done");
  v1::PullImageRequest request;
  ASSERT_TRUE(request.ParseFromString(server_.seen("PullImage").request_text));
  EXPECT_EQ(request.image().image(), "busybox");
  EXPECT_FALSE(request.has_auth());
  EXPECT_GT(server_.seen("PullImage").deadline, absl::Minutes(100));
}

// Scenario 48, the part of this layer: the runtime needs server_address to decide.
TEST_F(RuntimePullerTest, HandsCredentialsOver) {
  ASSERT_TRUE(Pull("localhost:5000/app",
                   {.username = "u",
                    .password = "p",
                    .identity_token = "",
                    .server_address = "localhost:5000"},
                   false)
                  ->Get()
                  .has_value());
  v1::PullImageRequest request;
  ASSERT_TRUE(request.ParseFromString(server_.seen("PullImage").request_text));
  EXPECT_EQ(request.auth().username(), "u");
  EXPECT_EQ(request.auth().password(), "p");
  EXPECT_EQ(request.auth().server_address(), "https://localhost:5000");
}

TEST_F(RuntimePullerTest, RefusesBadRequestsWithoutACall) {
  struct Row {
    const char* name;
    std::string image;
    Credentials credentials;
    const char* field;
  };
  for (const Row& row : {
           Row{"empty image", "", {}, "image"},
           Row{"two kinds", "a", {"u", "secret1", "secret2", ""}, "credentials"},
           Row{"no user", "a", {"", "secret1", "", ""}, "credentials.username"},
       }) {
    SCOPED_TRACE(row.name);
    auto result = Pull(row.image, row.credentials)->Get();
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(result->status().code(), absl::StatusCode::kInvalidArgument);
    const std::string message(result->status().message());
    EXPECT_THAT(message, testing::HasSubstr(row.field));
    EXPECT_THAT(message, testing::Not(testing::HasSubstr("secret")));
  }
  EXPECT_EQ(server_.seen("PullImage").calls, 0);
}

TEST_F(RuntimePullerTest, ErrorsKeepTheirCodes) {
  server_.Fail("PullImage", {grpc::StatusCode::NOT_FOUND, "no such tag"});
  EXPECT_EQ(Pull("a")->Get()->status().code(), absl::StatusCode::kNotFound);
  server_.Fail("PullImage", {grpc::StatusCode::UNKNOWN, "401"});
  EXPECT_EQ(Pull("a")->Get()->status().code(), absl::StatusCode::kUnknown);
  server_.Stop();
  EXPECT_EQ(Pull("a")->Get()->status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(RuntimePullerTest, CancelReachesTheRuntime) {
  server_.Hold("PullImage");
  auto slot = Pull("a");
  ASSERT_TRUE(server_.AwaitSeen("PullImage", [](const auto& seen) { return seen.running == 1; }));
  RunOn(loop_, [this] {
    puller_->Cancel(id_);
    puller_->Cancel(id_ + 1);
  });
  EXPECT_EQ(slot->Get()->status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(server_.AwaitSeen("PullImage", [](const auto& seen) { return seen.cancelled == 1; }));
}

TEST_F(RuntimePullerTest, GoingAwayGivesPullsUp) {
  server_.Hold("PullImage");
  auto slot = Pull("a");
  ASSERT_TRUE(server_.AwaitSeen("PullImage", [](const auto& seen) { return seen.running == 1; }));
  RunOn(loop_, [this] { puller_.reset(); });
  EXPECT_TRUE(server_.AwaitSeen("PullImage", [](const auto& seen) { return seen.cancelled == 1; }));
  EXPECT_FALSE(slot->is_set());
}

// Scenario 46, with everything that must not confuse: another image's pull, an old manifest of the
// same repository, a blob that is no manifest, and an index of several platforms.
TEST_F(RuntimePullerTest, ProgressGrowsToTheSumOfTheLayers) {
  ServeContent();
  server_.Hold("PullImage");
  AddBlob(kOtherManifest, R"({"layers":[{"digest":")" + kOtherManifest + R"(","size":9}]})", 80,
          "app", absl::Hours(1));
  SetUnderWay("layer-sha256:" + std::string(64, '9'), 77);
  auto slot = Pull("localhost:5000/app:v1");
  ASSERT_TRUE(AwaitOn(loop_, [this] { return seen_.size() > 3; }));
  AddBlob("sha256:" + std::string(64, '8'), R"({"architecture":"amd64"})", 30);
  AddBlob(kIndex,
          R"({"manifests":[{"digest":")" + kOtherManifest.substr(0, 70) + R"(e"},{"digest":")" +
              kManifest + R"("}]})",
          60, "other,app");
  AddBlob(kManifest, ManifestText(), 200, "elsewhere");
  ASSERT_TRUE(AwaitProgress(0, 1100));
  SetUnderWay("layer-" + kBig, 400);
  ASSERT_TRUE(AwaitProgress(400, 1100));
  AddBlob(kSmall, "", 100);
  ASSERT_TRUE(AwaitProgress(500, 1100));
  // Between two looks a blob may be in neither list: that is no step back.
  EndUnderWay("layer-" + kBig);
  const size_t before = [this] {
    size_t size = 0;
    RunOn(loop_, [&] { size = seen_.size(); });
    return size;
  }();
  ASSERT_TRUE(AwaitOn(loop_, [=, this] { return seen_.size() > before + 5; }));
  AddBlob(kBig, "", 1000);
  ASSERT_TRUE(AwaitProgress(1100, 1100));
  server_.Release("PullImage");
  ASSERT_TRUE(slot->Get()->ok());
  RunOn(loop_, [this] {
    EXPECT_TRUE(std::is_sorted(seen_.begin(), seen_.end(), [](const auto& a, const auto& b) {
      return a.done_bytes < b.done_bytes || a.elapsed < b.elapsed;
    }));
    for (size_t i = 1; i < seen_.size(); ++i) {
      EXPECT_GE(seen_[i].done_bytes, seen_[i - 1].done_bytes);
    }
  });
}

TEST_F(RuntimePullerTest, ADigestNeedsNoSearch) {
  ServeContent();
  server_.Hold("PullImage");
  AddBlob(kManifest, ManifestText(), 200, "app", absl::Hours(5));
  AddBlob(kSmall, "", 100);
  auto slot = Pull("localhost:5000/app@" + kManifest);
  ASSERT_TRUE(AwaitProgress(100, 1100));
  EXPECT_EQ(server_.seen("List").calls, 0);
  server_.Release("PullImage");
  ASSERT_TRUE(slot->Get()->ok());
}

TEST_F(RuntimePullerTest, WithoutAContentStoreTheTimeAloneIsTold) {
  server_.Fail("List", {grpc::StatusCode::UNIMPLEMENTED, "unknown service"});
  server_.Hold("PullImage");
  auto slot = Pull("a");
  ASSERT_TRUE(server_.AwaitSeen("List", [](const auto& list) { return list.calls > 0; }));
  size_t before = 0;
  RunOn(loop_, [&] { before = seen_.size(); });
  ASSERT_TRUE(AwaitOn(loop_, [=, this] { return seen_.size() > before + 5; }));
  EXPECT_EQ(server_.seen("List").calls, 1);  // not asked again
  server_.Release("PullImage");
  ASSERT_TRUE(slot->Get()->ok());
  RunOn(loop_, [this] {
    EXPECT_EQ(seen_.back().total_bytes, 0);
    EXPECT_GT(seen_.back().elapsed, absl::ZeroDuration());
  });
}

}  // namespace
}  // namespace rekindle::images
