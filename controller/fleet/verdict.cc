#include "controller/fleet/verdict.h"

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include <google/protobuf/util/message_differencer.h>

namespace rekindle::fleet {

namespace {

struct VerdictRow {
  absl::StatusCode code;
  Verdict verdict;
};

// What is not here is repeated: it comes from the connection (kUnavailable, kUnknown, kInternal,
// kCancelled by a daemon that stops), from a daemon that has no room (kResourceExhausted) or cannot
// work now (kUnavailable, kDeadlineExceeded of its runtime, kAborted), or from something else that
// listens there for the moment (kUnimplemented).
constexpr VerdictRow kVerdicts[] = {
    {absl::StatusCode::kOk, Verdict::kDone},
    {absl::StatusCode::kInvalidArgument, Verdict::kRefused},
    {absl::StatusCode::kNotFound, Verdict::kRefused},
    {absl::StatusCode::kFailedPrecondition, Verdict::kRefused},
    {absl::StatusCode::kPermissionDenied, Verdict::kRefused},
    {absl::StatusCode::kUnauthenticated, Verdict::kRefused},
};

}  // namespace

Verdict JudgeRestart(absl::StatusCode code) {
  for (const VerdictRow& row : kVerdicts) {
    if (row.code == code) return row.verdict;
  }
  return Verdict::kRepeat;
}

bool IsNews(const node::v1::Operation& last, const node::v1::Operation& now) {
  using google::protobuf::util::MessageDifferencer;
  if (!MessageDifferencer::Equals(last.created(), now.created())) return true;
  // Each phase is appended to the history, so a shorter one is of before.
  if (now.history_size() != last.history_size()) return now.history_size() > last.history_size();
  return !MessageDifferencer::Equals(last, now);
}

std::string ConnectReason(absl::string_view message) {
  constexpr absl::string_view kLast = "last error: ";
  if (const size_t at = message.rfind(kLast); at != absl::string_view::npos) {
    message.remove_prefix(at + kLast.size());
  }
  // The name of a code that says nothing.
  for (const absl::string_view code : {"UNKNOWN: ", "UNAVAILABLE: ", "INTERNAL: "}) {
    if (absl::ConsumePrefix(&message, code)) break;
  }
  for (const absl::string_view family : {"ipv4:", "ipv6:"}) {
    if (absl::ConsumePrefix(&message, family)) break;
  }
  return std::string(absl::StripAsciiWhitespace(message));
}

}  // namespace rekindle::fleet
