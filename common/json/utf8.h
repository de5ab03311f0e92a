#ifndef REKINDLE_COMMON_JSON_UTF8_H_
#define REKINDLE_COMMON_JSON_UTF8_H_

#include "absl/strings/string_view.h"

namespace rekindle::json {

// Whether `text` is UTF-8, without surrogates and overlong forms. Threads: any.
bool IsUtf8(absl::string_view text);

}  // namespace rekindle::json

#endif  // REKINDLE_COMMON_JSON_UTF8_H_
