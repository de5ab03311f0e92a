#include "controller/nodes/registration.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

#include "common/api/names.h"
#include "common/base/status_macros.h"
#include "common/base/text.h"

namespace rekindle::nodes {
namespace {

constexpr absl::string_view kNodeOrganization = "rekindle:node";
constexpr size_t kLongest = 300;  // of a text that is quoted

struct HostPort {
  std::string host;  // without brackets; empty: none is given
  std::string port;
};

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", PrintableText(text.substr(0, kLongest)), "\"");
}

absl::StatusOr<HostPort> SplitAddress(absl::string_view text) {
  const auto wrong = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("address: ", Quoted(text), " ", why));
  };
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return wrong("has no port");
  absl::string_view host = text.substr(0, colon);
  const absl::string_view port = text.substr(colon + 1);
  int number = 0;
  const bool digits = !port.empty() && std::all_of(port.begin(), port.end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(port, &number) || number < 1 || number > 65535) {
    return wrong("has no port from 1 to 65535");
  }
  const bool bracketed = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  const bool plain = std::all_of(host.begin(), host.end(), [&](unsigned char c) {
    return bracketed ? absl::ascii_isxdigit(c) || c == ':' || c == '.'
                     : absl::ascii_isalnum(c) || c == '-' || c == '.';
  });
  if (!plain || host.size() > 253) return wrong("has no host or address in front of the port");
  return HostPort{std::string(host), std::string(port)};
}

bool Has(const net::PeerCertificate& certificate, absl::string_view name) {
  return std::any_of(certificate.alt_names.begin(), certificate.alt_names.end(),
                     [&](const std::string& one) { return absl::EqualsIgnoreCase(one, name); });
}

absl::Status CheckIdentity(const controller::v1::RegisterRequest& request,
                           const net::PeerCertificate& certificate) {
  if (std::find(certificate.organizations.begin(), certificate.organizations.end(),
                kNodeOrganization) == certificate.organizations.end()) {
    return absl::PermissionDeniedError(absl::StrCat(
        "certificate ", Quoted(certificate.name), ": its organization is not ", kNodeOrganization));
  }
  if (!api::IsDns1123Subdomain(request.node_name())) {
    return absl::InvalidArgumentError(
        absl::StrCat("node_name: ", Quoted(request.node_name()), " is no name of a node"));
  }
  if (certificate.name != request.node_name()) {
    return absl::PermissionDeniedError(absl::StrCat("certificate ", Quoted(certificate.name),
                                                    ": is not that of node ",
                                                    Quoted(request.node_name())));
  }
  return absl::OkStatus();
}

}  // namespace

std::string PeerAddress(absl::string_view peer) {
  const bool ipv4 = absl::ConsumePrefix(&peer, "ipv4:");
  if (!ipv4 && !absl::ConsumePrefix(&peer, "ipv6:")) return "";
  const size_t colon = peer.rfind(':');
  if (colon == absl::string_view::npos) return "";
  std::string host =
      absl::StrReplaceAll(peer.substr(0, colon), {{"%5B", ""}, {"%5D", ""}, {"[", ""}, {"]", ""}});
  // A node that speaks IPv4 to a socket for both.
  if (!ipv4 && absl::StartsWithIgnoreCase(host, "::ffff:")) host = host.substr(7);
  return host;
}

absl::StatusOr<NodeEndpoint> JudgeRegistration(const controller::v1::RegisterRequest& request,
                                               const net::PeerCertificate& certificate,
                                               absl::string_view peer) {
  RK_RETURN_IF_ERROR(CheckIdentity(request, certificate));
  RK_ASSIGN_OR_RETURN(HostPort address, SplitAddress(request.address()));
  if (address.host.empty()) {
    address.host = std::string(peer);
    if (peer.empty()) {
      return absl::InvalidArgumentError(
          "address: has no host, and where the call comes from is not known");
    }
  } else if (address.host != peer && !Has(certificate, address.host)) {
    return absl::PermissionDeniedError(
        absl::StrCat("address: ", Quoted(address.host), " is neither a name of certificate ",
                     Quoted(certificate.name), " nor where it calls from"));
  }
  NodeEndpoint out;
  out.node = request.node_name();
  out.server_name = request.server_name().empty() ? request.node_name() : request.server_name();
  if (!Has(certificate, out.server_name)) {
    return absl::PermissionDeniedError(absl::StrCat("server_name: certificate ",
                                                    Quoted(certificate.name), " has no name ",
                                                    Quoted(out.server_name)));
  }
  const bool ipv6 = absl::StrContains(address.host, ':');
  out.target = absl::StrCat(ipv6 ? "[" : "", address.host, ipv6 ? "]" : "", ":", address.port);
  return out;
}

}  // namespace rekindle::nodes
