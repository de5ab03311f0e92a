#include "daemon/kubelet/reservation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/kubelet/ownership.h"

namespace rekindle::kubelet {
namespace {

namespace v1 = ::runtime::v1;

v1::CreateContainerRequest RealOne() {
  v1::CreateContainerRequest request;
  request.set_pod_sandbox_id("box");
  request.mutable_sandbox_config()->mutable_metadata()->set_uid("uid-1");
  request.mutable_sandbox_config()->set_log_directory("/var/log/pods/shop_web-0_uid-1");
  v1::ContainerConfig& config = *request.mutable_config();
  config.mutable_metadata()->set_name("main");
  config.mutable_metadata()->set_attempt(5);
  config.mutable_image()->set_image("sha256:feed");
  config.set_log_path("main/5.log");
  config.add_mounts()->set_host_path("/data");
  config.add_devices()->set_host_path("/dev/fuse");
  (*config.mutable_labels())[kPodUidLabel] = "uid-1";
  (*config.mutable_labels())[kPodNameLabel] = "web-0";
  (*config.mutable_labels())[kPodNamespaceLabel] = "shop";
  (*config.mutable_labels())[kContainerNameLabel] = "main";
  (*config.mutable_annotations())[kHashAnnotation] = "542029a8";
  auto& security = *config.mutable_linux()->mutable_security_context();
  security.mutable_namespace_options()->set_pid(v1::CONTAINER);
  security.mutable_run_as_user();
  return request;
}

v1::Container AsListed(const v1::CreateContainerRequest& request) {
  v1::Container container;
  *container.mutable_metadata() = request.config().metadata();
  *container.mutable_labels() = request.config().labels();
  *container.mutable_annotations() = request.config().annotations();
  return container;
}

TEST(ReservationTest, ItOccupiesTheNameAndNothingElse) {
  for (const auto kind : {PlaceholderKind::kUnlabelled, PlaceholderKind::kPodUid}) {
    const v1::CreateContainerRequest held = BuildPlaceholder(RealOne(), 6, kind, "r1/main");
    EXPECT_EQ(held.pod_sandbox_id(), "box");
    // Of it the runtime makes the name that is reserved (spec/node-runtime 1.4 rule 3).
    EXPECT_EQ(held.sandbox_config().metadata().uid(), "uid-1");
    EXPECT_EQ(held.config().metadata().name(), "main");
    EXPECT_EQ(held.config().metadata().attempt(), 6u);
    EXPECT_EQ(held.config().image().image(), "sha256:feed");
    // What a kubelet deletes with it matches no log: neither that of attempt 6 nor of another.
    EXPECT_EQ(held.config().log_path(), ".rekindle-reserved-main-6");
    EXPECT_EQ(held.sandbox_config().log_directory(), "/var/log/pods/shop_web-0_uid-1");
    EXPECT_EQ(held.config().mounts_size(), 0);
    EXPECT_EQ(held.config().devices_size(), 0);
    EXPECT_FALSE(held.config().command().empty());
    EXPECT_EQ(held.config().linux().security_context().namespace_options().pid(), v1::CONTAINER);
    EXPECT_TRUE(held.config().linux().security_context().has_run_as_user());
    EXPECT_TRUE(IsPlaceholder(AsListed(held)));
    EXPECT_EQ(MadeBy(AsListed(held)), "r1/main");
    // Every list for placeholders finds it.
    const v1::ContainerFilter filter = PlaceholderFilter("box", "main");
    for (const auto& [label, value] : filter.label_selector()) {
      EXPECT_EQ(held.config().labels().at(label), value);
    }
  }
  EXPECT_FALSE(IsPlaceholder(AsListed(RealOne())));
  EXPECT_EQ(MadeBy(AsListed(RealOne())), "");
}

TEST(ReservationTest, NoKindIsTakenForTheContainer) {
  const v1::ContainerConfig bare =
      BuildPlaceholder(RealOne(), 6, PlaceholderKind::kUnlabelled, "r1/main").config();
  for (const char* label : {kPodUidLabel, kPodNameLabel, kPodNamespaceLabel, kContainerNameLabel}) {
    EXPECT_FALSE(bare.labels().contains(label)) << label;
  }
  const v1::ContainerConfig with_uid =
      BuildPlaceholder(RealOne(), 6, PlaceholderKind::kPodUid, "r1/main").config();
  EXPECT_EQ(with_uid.labels().at(kPodUidLabel), "uid-1");
  EXPECT_NE(with_uid.labels().at(kContainerNameLabel), "main");
}

}  // namespace
}  // namespace rekindle::kubelet
