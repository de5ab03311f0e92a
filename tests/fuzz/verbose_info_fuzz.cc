// The verbose info parser on any input: no crash, no exception, and errors of the two kinds that
// its header promises.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/cri/verbose_info.h"

namespace {

void Check(const absl::Status& status) {
  if (status.ok() || absl::IsInvalidArgument(status) || absl::IsUnimplemented(status)) return;
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto container = rekindle::cri::ParseContainerInfo(text);
  Check(container.status());
  // What is accepted can be sent: strings are UTF-8, sizes are sane.
  if (container.ok() && container->config.SerializeAsString().size() > 2 * size + 64) std::abort();
  Check(rekindle::cri::ParseSandboxInfo(text).status());
  return 0;
}
