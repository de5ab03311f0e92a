#include "daemon/kubelet/ownership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::kubelet {
namespace {

namespace v1 = ::runtime::v1;
using testing::HasSubstr;

v1::PodSandbox SandboxFrom(const std::string& source) {
  v1::PodSandbox sandbox;
  sandbox.mutable_metadata()->set_name("web-0");
  sandbox.mutable_metadata()->set_namespace_("shop");
  sandbox.mutable_metadata()->set_uid("uid-1");
  if (!source.empty()) (*sandbox.mutable_annotations())[kConfigSourceAnnotation] = source;
  return sandbox;
}

v1::ContainerStatus Kubelets() {
  v1::ContainerStatus status;
  status.mutable_metadata()->set_name("main");
  status.mutable_metadata()->set_attempt(3);
  auto& labels = *status.mutable_labels();
  labels[kPodNameLabel] = "web-0";
  labels[kPodNamespaceLabel] = "shop";
  labels[kPodUidLabel] = "uid-1";
  labels[kContainerNameLabel] = "main";
  (*status.mutable_annotations())[kHashAnnotation] = "542029a8";
  (*status.mutable_annotations())[kRestartCountAnnotation] = "3";
  return status;
}

TEST(OwnershipTest, TheSourceOfAPodTellsWhoseItIs) {
  EXPECT_FALSE(OwnedByKubelet(SandboxFrom("")));
  for (const char* source : {"api", "file", "http"}) {
    EXPECT_TRUE(OwnedByKubelet(SandboxFrom(source))) << source;
    EXPECT_EQ(IsStaticPod(SandboxFrom(source)), std::string(source) != "api") << source;
  }
  EXPECT_FALSE(IsStaticPod(SandboxFrom("")));
  v1::PodSandbox mirror = SandboxFrom("api");
  (*mirror.mutable_annotations())[kConfigMirrorAnnotation] = "d0c1";
  EXPECT_TRUE(IsStaticPod(mirror));
}

TEST(OwnershipTest, AContainerOfTheKubelet) {
  EXPECT_TRUE(CheckKubeletContainer(SandboxFrom("api"), Kubelets()).ok());
  EXPECT_FALSE(WasMadeForDeletion(Kubelets()));
  v1::ContainerStatus late = Kubelets();
  (*late.mutable_annotations())[kDeletionGraceAnnotation] = "30";
  EXPECT_TRUE(WasMadeForDeletion(late));
}

TEST(OwnershipTest, EverythingThatMakesItAForeignOne) {
  struct Row {
    void (*change)(v1::ContainerStatus&);
    const char* message;
  };
  const Row rows[] = {
      {[](v1::ContainerStatus& s) { s.mutable_labels()->erase(kPodUidLabel); }, kPodUidLabel},
      {[](v1::ContainerStatus& s) { (*s.mutable_labels())[kPodUidLabel] = "uid-2"; }, "uid-2"},
      {[](v1::ContainerStatus& s) { (*s.mutable_labels())[kPodNameLabel] = "web-1"; }, "web-1"},
      {[](v1::ContainerStatus& s) { (*s.mutable_labels())[kPodNamespaceLabel] = "x"; },
       kPodNamespaceLabel},
      {[](v1::ContainerStatus& s) { (*s.mutable_labels())[kContainerNameLabel] = "side"; },
       kContainerNameLabel},
      {[](v1::ContainerStatus& s) { s.mutable_annotations()->erase(kHashAnnotation); },
       kHashAnnotation},
      {[](v1::ContainerStatus& s) { s.mutable_annotations()->erase(kRestartCountAnnotation); },
       "missing"},
      {[](v1::ContainerStatus& s) {
         (*s.mutable_annotations())[kRestartCountAnnotation] = "three";
       },
       "not a number"},
      {[](v1::ContainerStatus& s) { (*s.mutable_annotations())[kRestartCountAnnotation] = "2"; },
       "its attempt 3"},
  };
  for (const Row& row : rows) {
    v1::ContainerStatus status = Kubelets();
    row.change(status);
    const absl::Status checked = CheckKubeletContainer(SandboxFrom("api"), status);
    EXPECT_EQ(checked.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(checked.message()), HasSubstr(row.message));
  }
}

}  // namespace
}  // namespace rekindle::kubelet
