#include "tests/bench/usage.h"

#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace rekindle::bench {
namespace {

absl::Status Gone(pid_t pid) {
  return absl::UnavailableError(absl::StrCat("process ", pid, " is gone"));
}

}  // namespace

absl::StatusOr<size_t> ResidentBytes(pid_t pid, absl::string_view kind) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    absl::string_view rest = line;
    size_t kilobytes = 0;
    if (absl::ConsumePrefix(&rest, kind) && absl::ConsumePrefix(&rest, ":") &&
        absl::ConsumeSuffix(&rest, " kB") && absl::SimpleAtoi(rest, &kilobytes)) {
      return kilobytes * 1024;
    }
  }
  return Gone(pid);
}

absl::StatusOr<absl::Duration> ProcessorTime(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  const std::string stat{std::istreambuf_iterator<char>(file), {}};
  // The name, in brackets, may hold anything.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return Gone(pid);
  const std::vector<std::string> fields = absl::StrSplit(stat.substr(name_end + 1), ' ');
  int64_t user = 0;
  int64_t system = 0;
  if (fields.size() < 14 || !absl::SimpleAtoi(fields[12], &user) ||
      !absl::SimpleAtoi(fields[13], &system)) {
    return Gone(pid);
  }
  return absl::Seconds(static_cast<double>(user + system) /
                       static_cast<double>(::sysconf(_SC_CLK_TCK)));
}

}  // namespace rekindle::bench
