#ifndef REKINDLE_TESTS_CONFORMANCE_SUITE_H_
#define REKINDLE_TESTS_CONFORMANCE_SUITE_H_

#include <functional>

#include "absl/status/statusor.h"

#include "tests/conformance/http.h"

namespace rekindle::conformance {

// main() of a program whose tests are the cases of cases/, one each. They run against the server
// that the environment names (README.md), else against the one that `start` starts and that lives
// until main ends. Exit code 2 when there is none.
int SuiteMain(int argc, char** argv, const std::function<absl::StatusOr<Endpoint>()>& start);

}  // namespace rekindle::conformance

#endif  // REKINDLE_TESTS_CONFORMANCE_SUITE_H_
