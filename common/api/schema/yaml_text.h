#ifndef REKINDLE_COMMON_API_SCHEMA_YAML_TEXT_H_
#define REKINDLE_COMMON_API_SCHEMA_YAML_TEXT_H_

#include <string>

#include "common/json/json_fwd.h"

namespace rekindle::api {

// A tree as YAML for files that people read and diff: block style, members in byte order, texts
// quoted where YAML 1.1 or 1.2 would read them as something else. Thread-safe.
std::string YamlText(const Json& tree);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_SCHEMA_YAML_TEXT_H_
