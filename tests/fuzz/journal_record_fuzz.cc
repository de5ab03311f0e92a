// Any bytes as a journal record: an error, or a record that encodes and decodes to itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "daemon/restart/journal/record_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using rekindle::restart::DecodeRecord;
  const auto record = DecodeRecord({reinterpret_cast<const char*>(data), size});
  if (!record.ok()) return 0;
  const auto again = DecodeRecord(rekindle::restart::EncodeRecord(*record));
  if (!again.ok() || !(*again == *record)) std::abort();
  return 0;
}
