#ifndef REKINDLE_TEST_CLI_RUN_PLAN_H_
#define REKINDLE_TEST_CLI_RUN_PLAN_H_

#include <atomic>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/app.h"

namespace rekindle::cli {

struct PlanRun {
  int code;
  std::string out;
  std::string err;
};

// Runs the tool with `arguments` at 2026-03-02 10:00:00 UTC, without any daemon.
inline PlanRun RunPlan(const std::vector<std::string>& arguments, const std::string& input = "") {
  std::ostringstream out;
  std::ostringstream err;
  std::istringstream in(input);
  std::atomic<bool> interrupted{false};
  Io io{.out = out,
        .err = err,
        .in = in,
        .out_is_tty = false,
        .width = 100,
        .getenv = [](const std::string&) { return std::optional<std::string>(); },
        .now = [] { return absl::FromUnixSeconds(1'772'445'600); },
        .new_request_id = [] { return std::string(); },
        .interrupted = interrupted};
  const int code = Run(arguments, io);
  return {code, out.str(), err.str()};
}

}  // namespace rekindle::cli

#endif  // REKINDLE_TEST_CLI_RUN_PLAN_H_
