#ifndef REKINDLE_CONTROLLER_PLAN_RECREATE_EXPAND_H_
#define REKINDLE_CONTROLLER_PLAN_RECREATE_EXPAND_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace rekindle::plan {

// Expands references to variables as the kubelet does (node-runtime 3.16): "$$" becomes "$",
// "$(NAME)" what `value` says of NAME and stays as it is without a value; a lone "$" stays; what
// was put in is not looked at again. None when the result would be longer than `limit`: values that
// are made from one another can double with each. Pure. Threads: any.
std::optional<std::string> ExpandVariables(
    absl::string_view text,
    absl::FunctionRef<std::optional<std::string>(absl::string_view name)> value, size_t limit);

// The names in `text` that ExpandVariables would ask for, in order, each once. Pure. Threads: any.
std::vector<std::string> VariablesIn(absl::string_view text);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_RECREATE_EXPAND_H_
