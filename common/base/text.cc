#include "common/base/text.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace rekindle {
namespace {

constexpr size_t kLongestWord = 256;  // beyond it nobody means a name; bounds the quadratic search
constexpr size_t kLongestQuoted = 80;

std::string Quoted(absl::string_view text) {
  std::string shown = PrintableText(text.substr(0, kLongestQuoted));
  return absl::StrCat("\"", shown, text.size() > kLongestQuoted ? "..." : "", "\"");
}

// Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replace, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDurationText(absl::string_view text) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) || duration == absl::InfiniteDuration() ||
      duration == -absl::InfiniteDuration()) {
    const bool number = !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
    return absl::InvalidArgumentError(absl::StrCat(
        Quoted(text), number ? " has no unit; write" : " is not a duration such as",
        number ? absl::StrCat(" ", text.substr(0, 20), "s or ", text.substr(0, 20), "m")
               : std::string(" 30s, 2m or 1h30m")));
  }
  if (duration < absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " is negative"));
  }
  return duration;
}

std::string DurationText(absl::Duration duration) {
  return duration == absl::ZeroDuration() ? "0s" : absl::FormatDuration(duration);
}

absl::StatusOr<uint64_t> ParseNumberText(absl::string_view text, uint64_t min, uint64_t max) {
  uint64_t number = 0;
  if (text.empty() || !std::all_of(text.begin(), text.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(text, &number) || number < min || number > max) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(text), " is not a whole number from ", min, " to ", max));
  }
  return number;
}

std::vector<std::string> NearestWords(absl::string_view word,
                                      const std::vector<std::string>& candidates, size_t limit) {
  if (word.empty() || word.size() > kLongestWord) return {};
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestWord) continue;
    const bool contains = word.size() >= 3 && absl::StrContains(candidate, word);
    const size_t distance = contains ? 1 : EditDistance(word, candidate);
    // A third of the word may be wrong; more is another word.
    if (distance <= std::max<size_t>(1, std::max(word.size(), candidate.size()) / 3)) {
      near.emplace_back(distance, candidate);
    }
  }
  std::sort(near.begin(), near.end());
  near.erase(std::unique(near.begin(), near.end()), near.end());
  std::vector<std::string> words;
  for (auto& [distance, candidate] : near) {
    if (words.size() == limit) break;
    words.push_back(std::move(candidate));
  }
  return words;
}

std::string PrintableText(absl::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c == '\n' || c == '\r' || c == '\t') {
      c = ' ';
    } else if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      c = '?';
    }
  }
  return out;
}

}  // namespace rekindle
