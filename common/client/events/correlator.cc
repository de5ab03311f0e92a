#include "common/client/events/correlator.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace rekindle::client {
namespace {

constexpr absl::string_view kFolded = "(combined from similar events): ";
// Cannot be part of a name.
constexpr absl::string_view kSeparator = "\x1f";

std::string KeyOf(const EventSubject& subject) {
  return absl::StrJoin({subject.api_version, subject.kind, subject.name_space, subject.name,
                        subject.uid, subject.field_path},
                       kSeparator);
}

}  // namespace

std::optional<EventCorrelator::Verdict> EventCorrelator::Consider(const EventSubject& subject,
                                                                  const EventText& text,
                                                                  absl::Duration now) {
  const std::string object = KeyOf(subject);
  const std::string kind =
      absl::StrJoin({object, std::string(text.warning ? "W" : "N"), text.reason}, kSeparator);
  Similar& similar = similar_.Get(kind, limits_.most_remembered);
  if (now - similar.last > limits_.similar_within) similar.messages.clear();
  similar.last = now;
  Verdict out = {.message = text.message};
  const bool known = similar.messages.contains(text.message);
  if (known || similar.messages.size() < limits_.most_similar) {
    similar.messages.insert(text.message);
    out.key = absl::StrJoin({kind, text.message}, kSeparator);
  } else {
    out.key = kind;
    out.message = absl::StrCat(kFolded, text.message);
  }
  TokenBucket& bucket = buckets_.Get(object, limits_.most_remembered,
                                     1.0 / absl::ToDoubleSeconds(limits_.refill), limits_.burst);
  if (bucket.Take(now) > absl::ZeroDuration()) {
    ++suppressed_;
    return std::nullopt;
  }
  out.count = ++seen_.Get(out.key, limits_.most_remembered).count;
  return out;
}

}  // namespace rekindle::client
