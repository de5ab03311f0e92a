#include "daemon/kubelet/verification.h"

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/kubelet/ownership.h"
#include "daemon/kubelet/reservation.h"

namespace rekindle::kubelet {
namespace {

namespace v1 = ::runtime::v1;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Listed {
  uint32_t attempt;
  v1::ContainerState state;
  bool ours = false;
  const char* name = "main";
  int count = -1;  // -1: as the attempt
};

// Newest first, as the listing is; each container's ID is "c<attempt>".
std::vector<v1::Container> Listing(const std::vector<Listed>& all) {
  std::vector<v1::Container> containers;
  for (const Listed& one : all) {
    v1::Container& container = containers.emplace_back();
    container.set_id(absl::StrCat("c", one.attempt));
    container.mutable_metadata()->set_name(one.name);
    container.mutable_metadata()->set_attempt(one.attempt);
    container.set_state(one.state);
    (*container.mutable_annotations())[kRestartCountAnnotation] =
        absl::StrCat(one.count < 0 ? static_cast<int>(one.attempt) : one.count);
    if (one.ours) (*container.mutable_annotations())[kOperationAnnotation] = "r1/main";
  }
  return containers;
}

constexpr auto kRunning = v1::CONTAINER_RUNNING;
constexpr auto kDead = v1::CONTAINER_EXITED;
constexpr auto kCreated = v1::CONTAINER_CREATED;

TEST(VerificationTest, OneThatRunsIsWell) {
  const Repair repair = Judge(Listing({{5, kRunning, true}, {4, kDead}}), "main");
  EXPECT_TRUE(repair.ok());
  EXPECT_EQ(repair.current, "c5");
  EXPECT_EQ(repair.note, "");
}

TEST(VerificationTest, OlderOnesThatRunAreStopped) {
  const Repair repair =
      Judge(Listing({{6, kRunning}, {5, kRunning, true}, {4, kDead}, {3, kRunning}}), "main");
  EXPECT_EQ(repair.current, "c6");
  EXPECT_THAT(repair.stop, ElementsAre("c5", "c3"));
  EXPECT_THAT(repair.remove, IsEmpty());
  EXPECT_THAT(repair.note, HasSubstr("attempt 5"));
}

TEST(VerificationTest, OtherNamesDoNotCount) {
  EXPECT_TRUE(Judge(Listing({{5, kRunning, true}, {4, kRunning, false, "side"}}), "main").ok());
}

TEST(VerificationTest, WhatWeCreatedAndNeverStartedGoes) {
  EXPECT_THAT(Judge(Listing({{6, kRunning}, {5, kCreated, true}, {4, kDead}}), "main").remove,
              ElementsAre("c5"));
  // The kubelet's own is the kubelet's.
  EXPECT_TRUE(Judge(Listing({{5, kCreated}, {4, kDead}}), "main").ok());
}

TEST(VerificationTest, ADeadRecordOfOursInTheKubeletsWay) {
  // The newest says that it is the fourth restart, so that the next one is to be called 5.
  const Repair repair = Judge(Listing({{4, kDead}, {5, kDead, true}}), "main");
  EXPECT_THAT(repair.remove, ElementsAre("c5"));
  EXPECT_THAT(repair.note, HasSubstr("in the kubelet's way"));
  // One whose restart count did not move stands in its own way (spec scenario 56).
  EXPECT_THAT(Judge(Listing({{5, kDead, true, "main", 4}, {4, kDead}}), "main").remove,
              ElementsAre("c5"));
  // In nobody's way: the kubelet goes on with 6.
  EXPECT_TRUE(Judge(Listing({{5, kDead, true}, {4, kDead}}), "main").ok());
  // Not ours.
  EXPECT_TRUE(Judge(Listing({{4, kDead}, {5, kDead}}), "main").ok());
  // Something runs.
  EXPECT_TRUE(Judge(Listing({{6, kRunning}, {7, kDead, true}}), "main").ok());
}

TEST(VerificationTest, NoneAtAllIsTheKubeletsToMake) {
  EXPECT_TRUE(Judge({}, "main").ok());
  EXPECT_EQ(Judge(Listing({{4, kDead}}), "main").current, "");
}

}  // namespace
}  // namespace rekindle::kubelet
