#ifndef REKINDLE_CONTROLLER_APISERVER_REST_YAML_BODY_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_YAML_BODY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rekindle::apiserver {

// A YAML document as JSON text. Members that are there twice stay so, for who validates to see.
// JSON is given back as it is. Errors: kInvalidArgument with the line: not YAML, several documents,
// nested too deeply, aliases that would make much of little. Pure. Threads: any.
absl::StatusOr<std::string> YamlToJson(absl::string_view text);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_YAML_BODY_H_
