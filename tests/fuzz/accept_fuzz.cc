// Accept headers and paths of what is no resource: no crash, every answer is whole.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "controller/apiserver/surface/accept.h"
#include "controller/apiserver/surface/server_surface.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace apiserver = rekindle::apiserver;
  static const auto& catalog =
      *new std::shared_ptr<const apiserver::Catalog>(apiserver::Catalog::Make({}));
  static const auto& surface = *new apiserver::ServerSurface();
  // Path, Accept and If-None-Match, one a line.
  absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = [&] {
    const size_t end = text.find('\n');
    const absl::string_view out = text.substr(0, end);
    text.remove_prefix(end == absl::string_view::npos ? text.size() : end + 1);
    return out;
  };
  const absl::string_view path = line();
  const absl::string_view accept = line();
  double last = 1;
  for (const apiserver::MediaType& one : apiserver::ParseAccept(accept)) {
    if (one.type.empty() || one.subtype.empty()) std::abort();
    if (!(one.quality > 0 && one.quality <= last)) std::abort();
    last = one.quality;
  }
  const auto reply = surface.Get(*catalog, path, accept, line());
  if (!reply.has_value()) return 0;
  if (reply->status != 200 && reply->status != 304 && reply->status != 406) std::abort();
  if ((reply->status == 304) != reply->body.empty()) std::abort();
  return 0;
}
