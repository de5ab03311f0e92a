#include "daemon/kubelet/replacement_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/kubelet/ownership.h"

namespace rekindle::kubelet {
namespace {

namespace v1 = ::runtime::v1;
using testing::HasSubstr;

v1::ContainerStatus OldOne() {
  v1::ContainerStatus old;
  old.mutable_metadata()->set_name("main");
  old.mutable_metadata()->set_attempt(4);
  (*old.mutable_labels())[kPodUidLabel] = "uid-1";
  (*old.mutable_labels())[kContainerNameLabel] = "main";
  (*old.mutable_annotations())[kHashAnnotation] = "542029a8";
  (*old.mutable_annotations())[kRestartCountAnnotation] = "4";
  return old;
}

v1::CreateContainerRequest NewOne() {
  v1::CreateContainerRequest request;
  request.mutable_sandbox_config()->mutable_metadata()->set_uid("uid-1");
  request.mutable_sandbox_config()->set_log_directory("/var/log/pods/shop_web-0_uid-1");
  v1::ContainerConfig& config = *request.mutable_config();
  config.mutable_metadata()->set_name("main");
  config.mutable_metadata()->set_attempt(5);
  *config.mutable_labels() = OldOne().labels();
  *config.mutable_annotations() = OldOne().annotations();
  (*config.mutable_annotations())[kRestartCountAnnotation] = "5";
  config.set_log_path("main/5.log");
  return request;
}

TEST(ReplacementGuardTest, OneThatTheKubeletTakes) {
  EXPECT_TRUE(CheckReplacement(OldOne(), NewOne()).ok());
}

// Spec scenarios 55 and 56, and the rest of the invariants.
TEST(ReplacementGuardTest, EverythingThatItWouldNotTake) {
  struct Row {
    void (*change)(v1::CreateContainerRequest&);
    const char* message;
  };
  const Row rows[] = {
      {[](v1::CreateContainerRequest& r) {
         (*r.mutable_config()->mutable_annotations())[kHashAnnotation] = "0";
       },
       kHashAnnotation},
      {[](v1::CreateContainerRequest& r) {
         (*r.mutable_config()->mutable_annotations())[kRestartCountAnnotation] = "4";
       },
       "its attempt 5"},
      {[](v1::CreateContainerRequest& r) {
         r.mutable_config()->mutable_metadata()->set_attempt(4);
       },
       "not above"},
      {[](v1::CreateContainerRequest& r) {
         (*r.mutable_config()->mutable_labels())[kPodUidLabel] = "uid-2";
       },
       kPodUidLabel},
      {[](v1::CreateContainerRequest& r) { (*r.mutable_config()->mutable_labels())["x"] = "y"; },
       "labels"},
      {[](v1::CreateContainerRequest& r) { r.mutable_config()->set_log_path("main/4.log"); },
       "main/4.log"},
      // Its removal by the kubelet would cost files of the kubelet's working directory.
      {[](v1::CreateContainerRequest& r) { r.mutable_config()->clear_log_path(); }, "its log is"},
      {[](v1::CreateContainerRequest& r) { r.mutable_sandbox_config()->clear_log_directory(); },
       "no log directory"},
      {[](v1::CreateContainerRequest& r) {
         r.mutable_config()->mutable_metadata()->set_name("side");
       },
       "side"},
      {[](v1::CreateContainerRequest& r) {
         r.mutable_sandbox_config()->mutable_metadata()->set_uid("uid-2");
       },
       "uid-2"},
  };
  for (const Row& row : rows) {
    v1::CreateContainerRequest request = NewOne();
    row.change(request);
    const absl::Status checked = CheckReplacement(OldOne(), request);
    EXPECT_EQ(checked.code(), absl::StatusCode::kFailedPrecondition) << row.message;
    EXPECT_THAT(std::string(checked.message()), HasSubstr(row.message));
  }
}

}  // namespace
}  // namespace rekindle::kubelet
