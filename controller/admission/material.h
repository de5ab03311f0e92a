#ifndef REKINDLE_CONTROLLER_ADMISSION_MATERIAL_H_
#define REKINDLE_CONTROLLER_ADMISSION_MATERIAL_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/json/json_fwd.h"
#include "controller/apiserver/pki/pki.h"

namespace rekindle::admission {

// The certificates of the webhooks, as their Secret holds them (docs/formats/webhook-secret.md).
struct Material {
  apiserver::KeyPair authority;
  apiserver::KeyPair serving;
  // The authority that will be next, while all that call are told of it.
  std::optional<apiserver::KeyPair> next;
  absl::Time next_since;
  // Certificates of former authorities, of which somebody may still show a certificate.
  std::string former;
  absl::Time former_until;
};

// What those who call must trust, PEM: the authority, the next one, former ones.
std::string Bundle(const Material& material);

// Reads the Secret. Errors: kInvalidArgument naming the key under `data` that is missing or cannot
// be used. Threads: any.
absl::StatusOr<Material> FromSecret(const Json& secret);

// Writes it into `secret`: `data` is replaced, annotations of ours too, all else stays.
void IntoSecret(const Material& material, Json& secret);

// One change of the Secret.
enum class CertStep {
  kKeep,     // nothing to do
  kMake,     // a new authority and certificate
  kRestore,  // what this process has, the Secret is gone or spoilt
  kRenew,    // a new certificate by the same authority
  kStage,    // a next authority, which takes over when all who call trust it
  kSwitch,   // it takes over
  kForget,   // nobody shows certificates of former authorities any more
};
absl::string_view CertStepName(CertStep step);  // "keep", "make", ...

struct CertPolicy {
  absl::Duration serving_life = apiserver::kCertificateLife;
  // More than a certificate's life, so that none outlives its authority.
  absl::Duration stage_before = apiserver::kCertificateLife + absl::Hours(24 * 35);
  // From the moment at which all configurations have the next authority, for API servers that have
  // not heard of them yet.
  absl::Duration settle = absl::Minutes(10);
  // How long a former authority is trusted; replicas look at the Secret much more often.
  absl::Duration overlap = absl::Hours(24);
};

struct Decision {
  CertStep step = CertStep::kKeep;
  std::string why;
};

// What has to be done. `stored`: what the Secret holds, or why it cannot be used (kNotFound: there
// is none). `mine`: what this process has in use. `names`: of the server. `trusted`: every
// configuration has the Secret's bundle. Pure. Threads: any.
Decision Decide(const absl::StatusOr<Material>& stored, const std::optional<Material>& mine,
                const std::vector<std::string>& names, absl::Time now, bool trusted,
                const CertPolicy& policy);

// Carries a decision out; not for kKeep. Makes keys, else pure. Errors: those of MakeAuthority and
// Issue.
absl::StatusOr<Material> Carry(CertStep step, const absl::StatusOr<Material>& stored,
                               const std::optional<Material>& mine,
                               const std::vector<std::string>& names, absl::Time now,
                               const CertPolicy& policy);

}  // namespace rekindle::admission

#endif  // REKINDLE_CONTROLLER_ADMISSION_MATERIAL_H_
