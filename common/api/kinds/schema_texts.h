#ifndef REKINDLE_COMMON_API_KINDS_SCHEMA_TEXTS_H_
#define REKINDLE_COMMON_API_KINDS_SCHEMA_TEXTS_H_

#include <string>
#include <utility>
#include <vector>

namespace rekindle::api {

// Names and contents of this folder's .schema files, as they were when the library was built.
std::vector<std::pair<std::string, std::string>> SchemaTexts();

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_KINDS_SCHEMA_TEXTS_H_
