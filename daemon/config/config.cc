#include "daemon/config/config.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/text.h"
#include "daemon/config/keys.h"

namespace rekindle::config {
namespace {

constexpr size_t kLongestHost = 253;  // a DNS name

std::string OriginOf(const Origins& origins, absl::string_view key) {
  const auto it = origins.find(key);
  return it == origins.end() ? "default" : it->second;
}

}  // namespace

absl::StatusOr<HostPort> ParseHostPort(absl::string_view text) {
  const auto wrong = [text](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", PrintableText(text.substr(0, kLongestHost)), "\" ", why));
  };
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return wrong("has no port");
  absl::string_view host = text.substr(0, colon);
  const bool bracketed = absl::StartsWith(host, "[") && absl::EndsWith(host, "]");
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool plain = std::all_of(host.begin(), host.end(), [bracketed](unsigned char c) {
    return bracketed ? absl::ascii_isxdigit(c) || c == ':' || c == '.'
                     : absl::ascii_isalnum(c) || c == '-' || c == '.';
  });
  if (host.empty() || host.size() > kLongestHost || !plain) {
    return wrong("has no host or address in front of the port");
  }
  const auto port = ParseNumberText(text.substr(colon + 1), 0, 65535);
  if (!port.ok()) return wrong("has no port from 0 to 65535");
  return HostPort{std::string(host), static_cast<uint16_t>(*port)};
}

bool IsLoopbackHost(absl::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  // Four numbers, the first of them 127: a name such as 127.example.org is no loopback address.
  return absl::StartsWith(host, "127.") && std::count(host.begin(), host.end(), '.') == 3 &&
         std::all_of(host.begin(), host.end(),
                     [](unsigned char c) { return absl::ascii_isdigit(c) || c == '.'; });
}

std::string AdvertisedAddress(const DaemonConfig& config, int port) {
  if (!config.advertise.empty()) return config.advertise;
  const auto address = ParseHostPort(config.listen);
  if (!address.ok()) return "";
  const int own = address->port == 0 ? port : address->port;
  if (address->host == "0.0.0.0" || address->host == "::") return absl::StrCat(":", own);
  const bool ipv6 = absl::StrContains(address->host, ':');
  return absl::StrCat(ipv6 ? "[" : "", address->host, ipv6 ? "]" : "", ":", own);
}

absl::Status Validate(const DaemonConfig& config, const Origins& origins) {
  std::vector<std::string> errors;
  const auto error = [&](absl::string_view key, absl::string_view what) {
    errors.push_back(absl::StrCat(OriginOf(origins, key), ": ", key, ": ", what));
  };
  if (!config.listen.empty()) {
    const std::array<std::pair<absl::string_view, const std::string*>, 3> needed = {
        {{"tls_cert", &config.tls_cert},
         {"tls_key", &config.tls_key},
         {"tls_client_ca", &config.tls_client_ca}}};
    for (const auto& [key, value] : needed) {
      if (value->empty())
        error("listen",
              absl::StrCat("needs ", key, " as well; TCP is served with mutual TLS only"));
    }
  }
  if (!config.controller.empty() && config.listen.empty()) {
    error("controller", "needs listen as well; the controller calls the daemon there");
  }
  for (const auto& [key, value] : std::array<std::pair<absl::string_view, const std::string*>, 2>{
           {{"controller_name", &config.controller_name}, {"advertise", &config.advertise}}}) {
    if (!value->empty() && config.controller.empty()) {
      error(key, "is of no use without controller");
    }
  }
  if (!config.http_listen.empty() && !config.allow_remote_http) {
    const auto address = ParseHostPort(config.http_listen);
    if (!address.ok() || !IsLoopbackHost(address->host)) {
      error("http_listen",
            absl::StrCat("\"", config.http_listen,
                         "\" is not a loopback address (127.0.0.0/8, [::1] or localhost); set "
                         "allow_remote_http: true to serve it all the same"));
    }
  }
  if (config.max_stored_operations < config.max_active_operations) {
    error("max_stored_operations",
          absl::StrCat(config.max_stored_operations, " is less than max_active_operations (",
                       config.max_active_operations, ")"));
  }
  if (errors.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
}

ReloadPlan PlanReload(const DaemonConfig& running, const DaemonConfig& loaded) {
  ReloadPlan plan{.config = running, .applied = {}, .need_restart = {}};
  for (const Key& key : Keys()) {
    if (key.print(running) == key.print(loaded)) continue;
    if (key.applies == Applies::kOnReload) {
      key.copy(loaded, plan.config);
      plan.applied.emplace_back(key.name);
    } else {
      plan.need_restart.emplace_back(key.name);
    }
  }
  return plan;
}

std::string EffectiveConfigYaml(const DaemonConfig& config) {
  std::string out;
  for (const Key& key : Keys()) absl::StrAppend(&out, key.name, ": ", key.print(config), "\n");
  return out;
}

}  // namespace rekindle::config
