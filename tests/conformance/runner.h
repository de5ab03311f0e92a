#ifndef REKINDLE_TESTS_CONFORMANCE_RUNNER_H_
#define REKINDLE_TESTS_CONFORMANCE_RUNNER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "tests/conformance/http.h"
#include "tests/conformance/script.h"

namespace rekindle::conformance {

// Runs cases against one server. Each case has a namespace of its own, `$NS`, which is deleted
// afterwards; `$N` is a name of its own, `$G` the group of the kind that all share. Names differ
// from run to run, so that one may follow another at once. Threads: owned by one.
class Runner {
 public:
  // Errors: kUnavailable when the server does not answer.
  static absl::StatusOr<std::unique_ptr<Runner>> Make(Endpoint endpoint);

  // "1.20": from /version.
  std::string Version() const;
  // Why the case is not for this server; empty: it is.
  std::string NotForIt(const Case& one) const;
  // Errors: kFailedPrecondition with file line, request and answer for what is not as it should be.
  absl::Status Run(const Case& one);
  // Removes the shared kind.
  void CleanUp();

 private:
  class Play;
  explicit Runner(Endpoint endpoint) : http_(std::move(endpoint)) {}

  Http http_;
  int minor_ = 0;
  int count_ = 0;
  std::map<std::string, std::string> values_;
};

}  // namespace rekindle::conformance

#endif  // REKINDLE_TESTS_CONFORMANCE_RUNNER_H_
