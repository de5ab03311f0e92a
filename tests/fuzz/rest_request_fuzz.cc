// A request of any bytes through routing, roles, negotiation and decoding of its body: first line
// method and target, then headers, an empty line, and the body.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

#include "controller/apiserver/rest/api_handler.h"
#include "tests/controller/apiserver/rest/rest_fakes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using rekindle::apiserver::ApiHandler;
  using rekindle::apiserver::HttpReply;
  static auto* registry = new rekindle::apiserver::FakeRegistry;
  static auto* surface = new rekindle::apiserver::FakeSurface;
  static auto* handler =
      new ApiHandler({.registry = registry, .surface = surface, .random = [] { return 7u; }});
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits("\n\n", 1));
  rekindle::apiserver::HttpRequest request;
  request.body = std::string(parts.second);
  bool first = true;
  for (absl::string_view line : absl::StrSplit(parts.first, '\n')) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (first) {
      request.method = std::string(pair.first);
      request.target = std::string(pair.second);
      first = false;
    } else {
      request.headers[absl::AsciiStrToLower(pair.first)] = std::string(pair.second);
    }
  }
  request.certificate = rekindle::net::PeerName{"root", {"system:masters"}};
  const ApiHandler::Outcome outcome = handler->Handle(request);
  if (const auto* reply = std::get_if<HttpReply>(&outcome)) {
    if (reply->status < 200 || reply->status > 599) std::abort();
    for (const auto& [name, value] : reply->headers) {
      if (value.find_first_of("\r\n") != std::string::npos) std::abort();
    }
  }
  request.certificate.reset();
  // Whoever does not say who he is sees nothing of the objects.
  const ApiHandler::Outcome refused = handler->Handle(request);
  if (std::holds_alternative<rekindle::apiserver::WatchPlan>(refused)) std::abort();
  return 0;
}
