#ifndef REKINDLE_COMMON_JSON_YAML_H_
#define REKINDLE_COMMON_JSON_YAML_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/json/json_fwd.h"

namespace rekindle::json {

// The documents of a YAML or JSON text as trees. Plain scalars get the types of YAML's core schema,
// quoted ones stay text; the items of a `List` become documents of their own; empty documents are
// left out. Errors: kInvalidArgument with the line of the fault; also for text that is nested over
// 200 levels deep or that aliases blow up to over a million values. Never throws. Threads: any.
absl::StatusOr<std::vector<Json>> ReadYaml(const std::string& text);

// Whether yaml-cpp gets through the documents of `text`: YAML::LoadAll of 0.7 does not come back,
// and takes memory without end, where a document is followed by something that begins none, such as
// `"a",`. To be asked before it. Errors: kInvalidArgument with the line. Never throws. Threads:
// any.
absl::Status CheckYamlDocuments(const std::string& text);

}  // namespace rekindle::json

#endif  // REKINDLE_COMMON_JSON_YAML_H_
