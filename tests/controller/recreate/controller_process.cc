#include "tests/controller/recreate/controller_process.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/status_macros.h"
#include "tests/bed/http.h"

namespace rekindle {
namespace {

constexpr size_t kLastWords = 3000;

}  // namespace

absl::StatusOr<std::unique_ptr<ControllerProcess>> ControllerProcess::Start(
    const std::string& program, const std::vector<std::string>& flags, const std::string& log) {
  std::vector<std::string> argv = {program};
  argv.insert(argv.end(), flags.begin(), flags.end());
  RK_ASSIGN_OR_RETURN(std::unique_ptr<bed::ChildProcess> process,
                      bed::ChildProcess::Start(argv, log));
  return std::unique_ptr<ControllerProcess>(new ControllerProcess(std::move(process), log));
}

std::string ControllerProcess::LastWords() const {
  const std::string log = Log();
  return log.substr(log.size() > kLastWords ? log.size() - kLastWords : 0);
}

absl::StatusOr<std::string> ControllerProcess::Said(absl::string_view before,
                                                    absl::Duration limit) const {
  std::string said;
  bed::WaitUntil(
      [&] {
        const bool running = Running();
        const std::string log = Log();
        const size_t at = log.find(std::string(before));
        const size_t from = at + before.size();
        const size_t end = log.find_first_of(" ,;\n", from);
        if (at == std::string::npos || end == std::string::npos) return !running;
        said = log.substr(from, end - from);
        return true;
      },
      limit);
  if (!said.empty()) return said;
  const std::string what = absl::StrCat("\"", before, "\" expected of the controller:\n");
  if (!Running()) return absl::UnavailableError(absl::StrCat("ended; ", what, LastWords()));
  return absl::DeadlineExceededError(absl::StrCat(what, LastWords()));
}

absl::StatusOr<int> ControllerProcess::MetricsPort() const {
  RK_ASSIGN_OR_RETURN(const std::string text, Said("health and metrics: port "));
  int port = 0;
  if (!absl::SimpleAtoi(text, &port)) return absl::InternalError(absl::StrCat("port ", text));
  return port;
}

absl::Status ControllerProcess::AwaitLeading(absl::Duration limit) const {
  RK_ASSIGN_OR_RETURN(const int port, MetricsPort());
  std::string last;
  const bool leads = bed::WaitUntil(
      [&] {
        const auto text = bed::HttpGet("127.0.0.1", port, "/readyz");
        last = text.ok() ? *text : text.status().ToString();
        return absl::StartsWith(last, "ready: leading\n") || !Running();
      },
      limit);
  if (leads && Running()) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat("does not lead: ", last, "\n", LastWords()));
}

absl::StatusOr<double> ControllerProcess::Metric(absl::string_view name) const {
  RK_ASSIGN_OR_RETURN(const int port, MetricsPort());
  RK_ASSIGN_OR_RETURN(const std::string text, bed::HttpGet("127.0.0.1", port, "/metrics"));
  double sum = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::StartsWith(line, name)) continue;
    const char next = line.size() > name.size() ? line[name.size()] : '\n';
    double value = 0;
    if ((next == '{' || next == ' ') &&
        absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value)) {
      sum += value;
    }
  }
  return sum;
}

}  // namespace rekindle
