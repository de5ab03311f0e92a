#ifndef REKINDLE_COMMON_BASE_TEXT_H_
#define REKINDLE_COMMON_BASE_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rekindle {

// What people write and read: durations, numbers, near misses. Used by the configuration file, the
// flags and the command line tool, so that all of them accept the same spellings.
// All functions are pure. Threads: any.

// A duration with units: "30s", "2m", "1h30m", "250ms", "0". Never negative, never infinite.
// Errors: kInvalidArgument; the message quotes the text and says why, without naming a field.
absl::StatusOr<absl::Duration> ParseDurationText(absl::string_view text);

// The shortest spelling that ParseDurationText reads back: "24h", "1m30s", "0s".
std::string DurationText(absl::Duration duration);

// A whole decimal number within [min, max].
// Errors: kInvalidArgument; the message names the range.
absl::StatusOr<uint64_t> ParseNumberText(absl::string_view text, uint64_t min, uint64_t max);

// The candidates that look most like `word`, best first, at most `limit`; empty when none is near
// enough to be what was meant. Words over 256 characters are never near.
std::vector<std::string> NearestWords(absl::string_view word,
                                      const std::vector<std::string>& candidates, size_t limit);

// `text` with control characters (line breaks, terminal escapes) replaced by spaces or '?', so that
// text from elsewhere can be printed on a terminal or in a log line.
std::string PrintableText(absl::string_view text);

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_TEXT_H_
