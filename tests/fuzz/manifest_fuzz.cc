// Manifests and references from registries and users: no crash, no exception, sane sums.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"

#include "daemon/images/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto manifest = rekindle::images::ParseManifest(text);
  if (manifest.ok()) {
    int64_t sum = 0;
    for (const auto& layer : manifest->layers) {
      if (layer.size_bytes < 0 || __builtin_add_overflow(sum, layer.size_bytes, &sum)) std::abort();
    }
  } else if (!absl::IsInvalidArgument(manifest.status())) {
    std::abort();
  }
  if (rekindle::images::ParseReference(text).host.empty()) std::abort();
  return 0;
}
