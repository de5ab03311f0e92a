// Request bodies in protobuf: no crash, errors of the two codes that are promised, and a tree that
// prints as JSON and is read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "common/json/parse.h"
#include "common/json/tree.h"
#include "controller/apiserver/surface/protobuf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto decoded = rekindle::apiserver::DecodeProtobuf(bytes);
  if (!decoded.ok()) {
    if (decoded.status().code() != absl::StatusCode::kInvalidArgument &&
        decoded.status().code() != absl::StatusCode::kUnimplemented) {
      std::abort();
    }
    return 0;
  }
  // Numbers that are no JSON (not a number, infinite) print as null.
  const std::string text = rekindle::json::Dump(*decoded);
  const auto again = rekindle::json::ParseChecked(text, nullptr, {.max_depth = 1000});
  if (!again.ok() || rekindle::json::Dump(*again) != text) std::abort();
  return 0;
}
