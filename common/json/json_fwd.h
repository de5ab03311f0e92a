#ifndef REKINDLE_COMMON_JSON_JSON_FWD_H_
#define REKINDLE_COMMON_JSON_JSON_FWD_H_

#include <nlohmann/json_fwd.hpp>

namespace rekindle {

// The JSON tree of the project. Object members are kept in byte order of their keys. Headers
// include only this file; <nlohmann/json.hpp> belongs into .cc files, because it is slow to
// compile.
using Json = nlohmann::json;

}  // namespace rekindle

#endif  // REKINDLE_COMMON_JSON_JSON_FWD_H_
