#include "tests/bed/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::bed {
namespace {

TEST(LocalRegistryTest, ServesNewImagesToARealPull) {
  absl::StatusOr<std::unique_ptr<Bed>> bed = Bed::Up();
  ASSERT_TRUE(bed.ok()) << bed.status();
  CriClient& cri = (*bed)->cri();
  absl::StatusOr<std::unique_ptr<LocalRegistry>> open = LocalRegistry::Start(bed->get());
  ASSERT_TRUE(open.ok()) << open.status();
  absl::StatusOr<std::string> image = (*open)->PushNew(kServerImage, "shop/server:7", 300'000);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_FALSE(cri.ImageStatus(*image)->has_value());
  absl::StatusOr<std::string> pulled = cri.PullImage(*image);
  ASSERT_TRUE(pulled.ok()) << pulled.status();
  EXPECT_TRUE(cri.ImageStatus(*image)->has_value());
  EXPECT_EQ(cri.PullImage((*open)->Reference("shop/server:8")).status().code(),
            absl::StatusCode::kNotFound);

  PodSpec spec;
  spec.containers[0].image = *pulled;
  absl::StatusOr<Pod> pod = (*bed)->RunPod(spec);
  ASSERT_TRUE(pod.ok()) << pod.status();
  EXPECT_EQ(WaitHttp(pod->ip, 8080, "/file?/extra").value_or("").size(), 300'000u);
}

TEST(LocalRegistryTest, AsksForCredentials) {
  absl::StatusOr<std::unique_ptr<Bed>> bed = Bed::Up();
  ASSERT_TRUE(bed.ok()) << bed.status();
  absl::StatusOr<std::unique_ptr<LocalRegistry>> guarded =
      LocalRegistry::Start(bed->get(), {.user = "reader", .password = "secret"});
  ASSERT_TRUE(guarded.ok()) << guarded.status();
  absl::StatusOr<std::string> image = (*guarded)->PushNew(kServerImage, "server:1");
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_FALSE((*bed)->cri().PullImage(*image).ok());
  v1::AuthConfig auth;
  auth.set_username("reader");
  auth.set_password("wrong");
  EXPECT_FALSE((*bed)->cri().PullImage(*image, &auth).ok());
  auth.set_password("secret");
  absl::StatusOr<std::string> pulled = (*bed)->cri().PullImage(*image, &auth);
  EXPECT_TRUE(pulled.ok()) << pulled.status();
}

}  // namespace
}  // namespace rekindle::bed
