#include "controller/fleet/verdict.h"

#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace rekindle::fleet {
namespace {

using absl::StatusCode;
using node::v1::Operation;

TEST(VerdictTest, EveryCode) {
  const struct {
    StatusCode code;
    Verdict verdict;
  } rows[] = {
      {StatusCode::kOk, Verdict::kDone},
      {StatusCode::kCancelled, Verdict::kRepeat},
      {StatusCode::kUnknown, Verdict::kRepeat},
      {StatusCode::kInvalidArgument, Verdict::kRefused},
      {StatusCode::kDeadlineExceeded, Verdict::kRepeat},
      {StatusCode::kNotFound, Verdict::kRefused},
      {StatusCode::kAlreadyExists, Verdict::kRepeat},
      {StatusCode::kPermissionDenied, Verdict::kRefused},
      {StatusCode::kResourceExhausted, Verdict::kRepeat},
      {StatusCode::kFailedPrecondition, Verdict::kRefused},
      {StatusCode::kAborted, Verdict::kRepeat},
      {StatusCode::kOutOfRange, Verdict::kRepeat},
      {StatusCode::kUnimplemented, Verdict::kRepeat},
      {StatusCode::kInternal, Verdict::kRepeat},
      {StatusCode::kUnavailable, Verdict::kRepeat},
      {StatusCode::kDataLoss, Verdict::kRepeat},
      {StatusCode::kUnauthenticated, Verdict::kRefused},
  };
  for (const auto& row : rows) EXPECT_EQ(JudgeRestart(row.code), row.verdict) << row.code;
  EXPECT_EQ(std::size(rows), 17);
}

Operation Stopping() {
  Operation out;
  out.set_id("r/c");
  out.set_phase(node::v1::PHASE_STOPPING);
  out.mutable_created()->set_seconds(7);
  out.add_history()->set_phase(node::v1::PHASE_ACCEPTED);
  out.add_history()->set_phase(node::v1::PHASE_STOPPING);
  return out;
}

TEST(NewsTest, WhatIsTold) {
  const struct {
    const char* name;
    std::function<void(Operation&)> change;
    bool news;
  } rows[] = {
      {"the same again", [](Operation&) {}, false},
      {"a later phase",
       [](Operation& now) {
         now.set_phase(node::v1::PHASE_STARTING);
         now.add_history()->set_phase(node::v1::PHASE_STARTING);
       },
       true},
      {"an earlier phase",
       [](Operation& now) {
         now.set_phase(node::v1::PHASE_ACCEPTED);
         now.mutable_history()->RemoveLast();
       },
       false},
      {"another message in the same phase", [](Operation& now) { now.set_message("waits"); }, true},
      {"created anew",
       [](Operation& now) {
         now.mutable_created()->set_seconds(8);
         now.set_phase(node::v1::PHASE_ACCEPTED);
         now.mutable_history()->RemoveLast();
       },
       true},
  };
  for (const auto& row : rows) {
    Operation now = Stopping();
    row.change(now);
    EXPECT_EQ(IsNews(Stopping(), now), row.news) << row.name;
  }
}

TEST(ConnectReasonTest, KeepsWhatAPersonWants) {
  EXPECT_EQ(
      ConnectReason("failed to connect to all addresses; last error: UNKNOWN: "
                    "ipv4:10.0.0.7:10240: Failed to connect to remote host: Connection refused"),
      "10.0.0.7:10240: Failed to connect to remote host: Connection refused");
  EXPECT_EQ(ConnectReason("DNS resolution failed for node-7:10240"),
            "DNS resolution failed for node-7:10240");
  EXPECT_EQ(ConnectReason(""), "");
}

}  // namespace
}  // namespace rekindle::fleet
