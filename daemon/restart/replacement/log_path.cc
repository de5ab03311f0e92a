#include "daemon/restart/replacement/log_path.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rekindle::restart {
namespace {

bool IsNumber(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

}  // namespace

std::string NextLogPath(absl::string_view path, uint32_t current, uint32_t next) {
  const std::size_t base = path.rfind('/') == absl::string_view::npos ? 0 : path.rfind('/') + 1;
  // The extension, unless the last dot starts the name or stands before a number of ours.
  std::size_t dot = path.rfind('.');
  if (dot == absl::string_view::npos || dot <= base || IsNumber(path.substr(dot + 1))) {
    dot = path.size();
  }
  const absl::string_view extension = path.substr(dot);
  absl::string_view stem = path.substr(0, dot);
  const std::string old = absl::StrCat(current);
  if (stem.substr(base) == old) {
    return absl::StrCat(stem.substr(0, base), next, extension);
  }
  absl::ConsumeSuffix(&stem, absl::StrCat(".", old));
  return absl::StrCat(stem, ".", next, extension);
}

std::string AbsoluteLogPath(absl::string_view directory, absl::string_view path) {
  if (directory.empty() || path.empty()) return "";
  return absl::StrCat(absl::StripSuffix(directory, "/"), "/", absl::StripPrefix(path, "/"));
}

}  // namespace rekindle::restart
