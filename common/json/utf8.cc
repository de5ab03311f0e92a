#include "common/json/utf8.h"

#include <simdjson.h>

namespace rekindle::json {

bool IsUtf8(absl::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

}  // namespace rekindle::json
