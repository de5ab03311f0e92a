#ifndef REKINDLE_CONTROLLER_RUNTIME_SELECTION_H_
#define REKINDLE_CONTROLLER_RUNTIME_SELECTION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace rekindle {

// Which controllers run. "NAME" switches one on, "-NAME" off, "*" all on that are not named; what
// is neither named nor covered by "*" is off, which "-*" says aloud. The order of `asked` does not
// matter; `available` gives the order of the result. Spaces around an entry are cut.
// Errors: kInvalidArgument naming the entry: empty, unknown (with those that there are), on and off
// at once. Pure; the caller names the flag.
absl::StatusOr<std::vector<std::string>> SelectControllers(
    const std::vector<std::string>& asked, const std::vector<std::string>& available);

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_RUNTIME_SELECTION_H_
