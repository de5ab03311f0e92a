#include "controller/apiserver/rest/target.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/status_macros.h"
#include "common/json/utf8.h"

namespace rekindle::apiserver {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("request target: ", what));
}

absl::StatusOr<std::string> Decode(absl::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
      if (high < 0 || low < 0) return Bad("a percent sign without two hexadecimal digits");
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  if (!json::IsUtf8(out)) return Bad("not UTF-8");
  for (const char c : out) {
    // Selectors may hold line breaks and tabs; nothing has a use for NUL.
    const bool control = absl::ascii_iscntrl(static_cast<unsigned char>(c));
    if (c == '\0' || (control && !plus_is_space)) return Bad("a control character");
  }
  return out;
}

absl::Status AddSegment(absl::string_view raw, Target& target) {
  RK_ASSIGN_OR_RETURN(std::string segment, Decode(raw, /*plus_is_space=*/false));
  if (segment.empty()) return Bad("an empty part of the path");
  if (segment == "." || segment == "..") return Bad("\".\" and \"..\" are not resolved");
  if (segment.find('/') != std::string::npos || segment.find('\\') != std::string::npos) {
    return Bad("a slash inside a part of the path");
  }
  absl::StrAppend(&target.path, "/", segment);
  target.segments.push_back(std::move(segment));
  return absl::OkStatus();
}

}  // namespace

absl::string_view Target::Parameter(absl::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return {};
}

bool Target::Flag(absl::string_view name) const {
  const absl::string_view value = Parameter(name);
  return value == "true" || value == "1";
}

absl::StatusOr<Target> ParseTarget(absl::string_view text) {
  text = text.substr(0, text.find('#'));
  if (text.empty() || text[0] != '/') return Bad("must begin with a slash");
  const size_t question = text.find('?');
  absl::string_view path = text.substr(1, question == text.npos ? text.npos : question - 1);
  Target target;
  if (!path.empty() && path.back() == '/') path.remove_suffix(1);
  if (!path.empty()) {
    for (absl::string_view part : absl::StrSplit(path, '/')) {
      RK_RETURN_IF_ERROR(AddSegment(part, target));
    }
  }
  if (target.path.empty()) target.path = "/";
  if (question == text.npos) return target;
  for (absl::string_view part : absl::StrSplit(text.substr(question + 1), '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    RK_ASSIGN_OR_RETURN(std::string key, Decode(pair.first, true));
    RK_ASSIGN_OR_RETURN(std::string value, Decode(pair.second, true));
    target.query.emplace_back(std::move(key), std::move(value));
  }
  return target;
}

std::optional<ResourcePath> ParseResourcePath(const std::vector<std::string>& segments) {
  ResourcePath out;
  size_t at = 0;
  if (segments.size() >= 3 && segments[0] == "api") {
    out.version = segments[1];
    at = 2;
  } else if (segments.size() >= 4 && segments[0] == "apis") {
    out.group = segments[1];
    out.version = segments[2];
    at = 3;
  } else {
    return std::nullopt;
  }
  if (segments[at] == "watch" && segments.size() > at + 1) {
    out.watch = true;
    ++at;
  }
  const size_t left = segments.size() - at;
  // /namespaces/NS/P, but not /namespaces/NS/status and /namespaces/NS/finalize.
  const bool own_part =
      left == 3 && (segments[at + 2] == "status" || segments[at + 2] == "finalize");
  if (segments[at] == "namespaces" && left >= 3 && !(out.group.empty() && own_part)) {
    out.name_space = segments[at + 1];
    at += 2;
  }
  if (segments.size() - at > 3) return std::nullopt;
  out.plural = segments[at];
  if (segments.size() > at + 1) out.name = segments[at + 1];
  if (segments.size() > at + 2) out.subresource = segments[at + 2];
  return out;
}

}  // namespace rekindle::apiserver
