#include "daemon/hooks/pod_address.h"

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <boost/asio/ip/address.hpp>

namespace rekindle::hooks {
namespace {

using boost::asio::ip::address;
using boost::asio::ip::tcp;

// IPv4 in IPv6 clothes is the IPv4 address.
address Plain(const address& a) {
  if (a.is_v6() && a.to_v6().is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, a.to_v6());
  }
  return a;
}

absl::Status Refused(const std::string& host) {
  return absl::InvalidArgumentError(
      absl::StrCat("host: \"", absl::CHexEscape(host), "\" is not an address of the pod"));
}

}  // namespace

absl::StatusOr<tcp::endpoint> PodEndpoint(const std::string& host, uint16_t port,
                                          const HookTarget& target) {
  if (port == 0) return absl::InvalidArgumentError("port: 0 is not a port");
  if (target.netns_path.empty() && !target.pod_ips.empty()) {
    return absl::InvalidArgumentError("netns_path: empty although the pod has its own addresses");
  }
  const address loopback4 = boost::asio::ip::address_v4::loopback();
  const address loopback6 = boost::asio::ip::address_v6::loopback();
  if (host == "localhost") return tcp::endpoint(loopback4, port);

  boost::system::error_code error;
  if (host.empty()) {
    if (target.pod_ips.empty()) return tcp::endpoint(loopback4, port);
    const address first = boost::asio::ip::make_address(target.pod_ips.front(), error);
    if (error) {
      return absl::InvalidArgumentError(absl::StrCat(
          "pod_ips: \"", absl::CHexEscape(target.pod_ips.front()), "\" is not an address"));
    }
    return tcp::endpoint(Plain(first), port);
  }

  address wanted = boost::asio::ip::make_address(host, error);
  if (error) return Refused(host);
  wanted = Plain(wanted);
  if (wanted == loopback4 || wanted == loopback6) return tcp::endpoint(wanted, port);
  for (const std::string& ip : target.pod_ips) {
    const address own = boost::asio::ip::make_address(ip, error);
    if (!error && Plain(own) == wanted) return tcp::endpoint(wanted, port);
  }
  return Refused(host);
}

}  // namespace rekindle::hooks
