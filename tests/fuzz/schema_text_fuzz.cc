// The schema language: a text is read or refused with its line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"

#include "common/api/schema/schema.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto schema = rekindle::api::Schema::Parse({{"f", text}});
  if (!schema.ok() && !absl::IsInvalidArgument(schema.status())) std::abort();
  return 0;
}
