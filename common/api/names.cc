#include "common/api/names.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace rekindle::api {
namespace {

constexpr size_t kMaxLabel = 63;
constexpr size_t kMaxSubdomain = 253;

bool LowerAlnum(char c) {
  return absl::ascii_islower(static_cast<unsigned char>(c)) ||
         absl::ascii_isdigit(static_cast<unsigned char>(c));
}
bool Alnum(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

bool DnsPart(absl::string_view part) {
  return !part.empty() && LowerAlnum(part.front()) && LowerAlnum(part.back()) &&
         std::all_of(part.begin(), part.end(), [](char c) { return LowerAlnum(c) || c == '-'; });
}

bool NamePart(absl::string_view part) {
  return !part.empty() && part.size() <= kMaxLabel && Alnum(part.front()) && Alnum(part.back()) &&
         std::all_of(part.begin(), part.end(),
                     [](char c) { return Alnum(c) || c == '-' || c == '_' || c == '.'; });
}

}  // namespace

bool IsDns1123Label(absl::string_view name) { return name.size() <= kMaxLabel && DnsPart(name); }

bool IsDns1123Subdomain(absl::string_view name) {
  if (name.size() > kMaxSubdomain) return false;
  for (const absl::string_view part : absl::StrSplit(name, '.')) {
    if (!DnsPart(part)) return false;
  }
  return true;
}

bool IsQualifiedName(absl::string_view name) {
  const size_t slash = name.find('/');
  if (slash == absl::string_view::npos) return NamePart(name);
  return IsDns1123Subdomain(name.substr(0, slash)) && NamePart(name.substr(slash + 1));
}

bool IsLabelValue(absl::string_view value) { return value.empty() || NamePart(value); }

std::pair<std::string, int32_t> SplitOrdinal(absl::string_view pod_name) {
  const size_t dash = pod_name.rfind('-');
  int32_t ordinal = -1;
  if (dash == absl::string_view::npos || dash == 0) return {std::string(), -1};
  const absl::string_view digits = pod_name.substr(dash + 1);
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(digits, &ordinal)) {
    return {std::string(), -1};
  }
  return {std::string(pod_name.substr(0, dash)), ordinal};
}

absl::string_view AfterLastDash(absl::string_view name) {
  const size_t dash = name.rfind('-');
  return dash == absl::string_view::npos ? name : name.substr(dash + 1);
}

bool SameRevision(absl::string_view label, absl::string_view revision_name) {
  if (label.empty() || revision_name.empty()) return false;
  return label == revision_name || AfterLastDash(label) == AfterLastDash(revision_name);
}

std::string RandomSuffix(size_t count, const std::function<uint32_t()>& random) {
  constexpr absl::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  // The largest multiple of the alphabet's size; numbers above it would prefer some letters.
  constexpr uint32_t kFair = UINT32_MAX - UINT32_MAX % kAlphabet.size();
  std::string out;
  while (out.size() < count) {
    const uint32_t number = random();
    if (number < kFair) out += kAlphabet[number % kAlphabet.size()];
  }
  return out;
}

std::string GeneratedName(absl::string_view base, const std::function<uint32_t()>& random) {
  constexpr size_t kSuffix = 5;
  return absl::StrCat(base.substr(0, kMaxLabel - kSuffix), RandomSuffix(kSuffix, random));
}

}  // namespace rekindle::api
