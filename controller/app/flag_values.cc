#include "controller/app/flag_values.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/api/names.h"
#include "common/base/status_macros.h"
#include "common/base/text.h"

namespace rekindle {

absl::StatusOr<ListenAddress> ParseListen(absl::string_view flag, const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        flag, ": \"", PrintableText(text), "\" must be ADDRESS:PORT, such as 127.0.0.1:6443"));
  }
  ListenAddress out;
  out.host = text.substr(0, colon);
  if (out.host.size() >= 2 && out.host.front() == '[' && out.host.back() == ']') {
    out.host = out.host.substr(1, out.host.size() - 2);
  }
  const absl::StatusOr<uint64_t> port = ParseNumberText(text.substr(colon + 1), 0, 65535);
  if (!port.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(flag, ": the port of \"", PrintableText(text),
                                                   "\": ", port.status().message()));
  }
  out.port = static_cast<uint16_t>(*port);
  return out;
}

std::string ListenText(const ListenAddress& address) {
  const std::string& host = address.host;
  if (host.empty()) return absl::StrCat("[::]:", address.port);
  const bool six = absl::StrContains(host, ':');
  return absl::StrCat(six ? "[" : "", host, six ? "]:" : ":", address.port);
}

absl::StatusOr<absl::Duration> ParseDurationFlag(absl::string_view flag, const std::string& text,
                                                 absl::Duration least) {
  const absl::StatusOr<absl::Duration> duration = ParseDurationText(text);
  if (!duration.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(flag, ": ", duration.status().message()));
  }
  if (*duration < least) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": must be at least ", DurationText(least)));
  }
  return *duration;
}

bool IsLoopbackAddress(const std::string& address) {
  return address == "::1" || absl::StartsWith(address, "127.");
}

absl::Status CheckNameFlag(absl::string_view flag, const std::string& name) {
  if (api::IsDns1123Subdomain(name)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      flag, ": \"", PrintableText(name),
      "\" is no name of an object: lower-case letters, digits, '-' and '.', at most 253"));
}

}  // namespace rekindle
