// Any text as the two annotations, split at the first zero byte: an error, none, or a handler whose
// parts keep their promises.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <variant>

#include "daemon/hooks/annotation.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace hooks = rekindle::hooks;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t split = std::min(text.find('\0'), text.size());
  const auto handler = hooks::ParsePreStopHandler(text.substr(0, split),
                                                  text.substr(std::min(split + 1, text.size())));
  if (!handler.ok() || !handler->has_value()) return 0;
  if (const auto* exec = std::get_if<hooks::ExecAction>(&**handler)) {
    if (exec->command.empty()) std::abort();
  } else if (const auto* http = std::get_if<hooks::HttpGetAction>(&**handler)) {
    if (http->port == 0 || http->path.empty()) std::abort();
  } else if (const auto* tcp = std::get_if<hooks::TcpSocketAction>(&**handler)) {
    if (tcp->port == 0) std::abort();
  }
  return 0;
}
