#ifndef REKINDLE_CLI_YAML_TREE_H_
#define REKINDLE_CLI_YAML_TREE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/json/json_fwd.h"

namespace rekindle::cli {

// The documents of a YAML or JSON text as trees. Plain scalars get the types of YAML's core schema,
// quoted ones stay text; the items of a `List` become documents of their own; empty documents are
// left out. Errors: kInvalidArgument with the line of the fault.
absl::StatusOr<std::vector<Json>> ReadYaml(const std::string& text);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_YAML_TREE_H_
