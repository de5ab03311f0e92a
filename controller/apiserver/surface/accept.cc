#include "controller/apiserver/surface/accept.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace rekindle::apiserver {
namespace {

constexpr size_t kMost = 64;

// What may be in a name. '@' is not in the standard but in names that clients ask for.
bool IsToken(absl::string_view text) {
  if (text.empty()) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("!#$%&'*+-.^_`|~@").find(c) != absl::string_view::npos;
  });
}

// Cuts `text` at the first `mark` outside quotes.
absl::string_view Cut(absl::string_view& text, char mark) {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == mark && !quoted) {
      const absl::string_view out = text.substr(0, i);
      text.remove_prefix(i + 1);
      return out;
    }
  }
  const absl::string_view out = text;
  text = {};
  return out;
}

std::string Unquoted(absl::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  std::string out;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && i + 2 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

std::optional<MediaType> Read(absl::string_view text) {
  MediaType out;
  absl::string_view name = absl::StripAsciiWhitespace(Cut(text, ';'));
  const size_t slash = name.find('/');
  if (slash == absl::string_view::npos) return std::nullopt;
  out.type = absl::AsciiStrToLower(name.substr(0, slash));
  out.subtype = absl::AsciiStrToLower(name.substr(slash + 1));
  if (!IsToken(out.type) || !IsToken(out.subtype)) return std::nullopt;
  if (out.type == "*" && out.subtype != "*") return std::nullopt;
  while (!text.empty()) {
    absl::string_view pair = absl::StripAsciiWhitespace(Cut(text, ';'));
    if (pair.empty()) continue;
    const absl::string_view key = absl::StripAsciiWhitespace(Cut(pair, '='));
    if (!IsToken(key)) return std::nullopt;
    std::string value = Unquoted(absl::StripAsciiWhitespace(pair));
    const std::string lower = absl::AsciiStrToLower(key);
    if (lower != "q") {
      out.parameters.emplace_back(lower, std::move(value));
    } else if (!absl::SimpleAtod(value, &out.quality) || !(out.quality >= 0 && out.quality <= 1)) {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace

absl::string_view MediaType::Parameter(absl::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return "";
}

bool MediaType::Includes(absl::string_view name) const {
  if (type == "*") return true;
  const size_t slash = name.find('/');
  return name.substr(0, slash) == type && (subtype == "*" || name.substr(slash + 1) == subtype);
}

std::vector<MediaType> ParseAccept(absl::string_view header) {
  std::vector<MediaType> out;
  if (absl::StripAsciiWhitespace(header).empty()) {
    MediaType all;
    all.type = all.subtype = "*";
    out.push_back(std::move(all));
    return out;
  }
  for (size_t i = 0; i < kMost && !header.empty(); ++i) {
    std::optional<MediaType> one = Read(Cut(header, ','));
    if (one.has_value() && one->quality > 0) out.push_back(*std::move(one));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const MediaType& a, const MediaType& b) { return a.quality > b.quality; });
  return out;
}

}  // namespace rekindle::apiserver
