#include "controller/fleet/endpoint.h"

#include <sys/un.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace rekindle::fleet {

namespace {

// What may be in a host name or an address; keeps gRPC's resolvers ("dns:", "xds:", lists of
// addresses) out of reach of whoever names an endpoint.
bool IsHostCharacter(char c) { return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_'; }
bool IsAddress6Character(char c) { return absl::ascii_isxdigit(c) || c == ':' || c == '.'; }

bool IsHost(absl::string_view host) {
  if (absl::ConsumePrefix(&host, "[")) {
    return absl::ConsumeSuffix(&host, "]") && !host.empty() &&
           std::all_of(host.begin(), host.end(), &IsAddress6Character);
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), &IsHostCharacter);
}

bool IsHostPort(absl::string_view target) {
  const size_t colon = target.rfind(':');
  if (colon == absl::string_view::npos || !IsHost(target.substr(0, colon))) return false;
  const absl::string_view digits = target.substr(colon + 1);
  int port = 0;
  return std::all_of(digits.begin(), digits.end(), &absl::ascii_isdigit) &&
         absl::SimpleAtoi(digits, &port) && port >= 1 && port <= 65535;
}

bool IsSocketPath(absl::string_view path) {
  return path.size() > 1 && path[0] == '/' && path.size() < sizeof(sockaddr_un::sun_path);
}

}  // namespace

absl::Status CheckEndpoint(const Endpoint& endpoint) {
  absl::string_view rest = endpoint.target;
  if (absl::ConsumePrefix(&rest, "unix:")) {
    if (IsSocketPath(rest)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("target: \"", endpoint.target,
                                                   "\": unix: takes an absolute path of at most ",
                                                   sizeof(sockaddr_un::sun_path) - 1, " bytes"));
  }
  if (!IsHostPort(rest)) {
    return absl::InvalidArgumentError(
        absl::StrCat("target: \"", endpoint.target, "\" is neither HOST:PORT nor unix:/PATH"));
  }
  const std::string& name = endpoint.server_name;
  const bool named =
      std::all_of(name.begin(), name.end(), [](char c) { return IsHostCharacter(c) || c == ':'; });
  if (named) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("server_name: \"", name, "\" is no DNS name or address"));
}

}  // namespace rekindle::fleet
