#ifndef REKINDLE_COMMON_NET_PEER_CERTIFICATE_H_
#define REKINDLE_COMMON_NET_PEER_CERTIFICATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rekindle::net {

// What a verified certificate says about whoever showed it. Texts are as they are in it: not every
// one is UTF-8.
struct PeerCertificate {
  std::string name;                        // the last common name
  std::vector<std::string> organizations;  // in their order
  std::vector<std::string> alt_names;      // DNS names, and addresses as texts
};

// Reads the certificate that a TLS handshake has verified. A connection outlives its certificate,
// so the validity is checked again here. Errors: kUnauthenticated: not a certificate, or not valid
// at `now`. Threads: any; pure.
absl::StatusOr<PeerCertificate> ReadPeerCertificate(absl::string_view pem, absl::Time now);

}  // namespace rekindle::net

#endif  // REKINDLE_COMMON_NET_PEER_CERTIFICATE_H_
