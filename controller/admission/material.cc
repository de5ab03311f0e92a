#include "controller/admission/material.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"

namespace rekindle::admission {
namespace {

using apiserver::KeyPair;

constexpr char kAuthorityName[] = "rekindle-webhook-ca";
constexpr char kServingName[] = "rekindle-webhook";
constexpr absl::string_view kNextSince = "rekindle.io/next-authority-since";
constexpr absl::string_view kFormerUntil = "rekindle.io/former-authorities-until";

absl::StatusOr<std::string> Decoded(const Json& secret, const char* key) {
  std::string out;
  if (absl::Base64Unescape(json::String(secret, {"data", key}), &out) && !out.empty()) return out;
  return absl::InvalidArgumentError(absl::StrCat("data[", key, "] is missing or no base64"));
}

absl::StatusOr<KeyPair> PairOf(const Json& secret, const std::string& stem) {
  KeyPair pair;
  RK_ASSIGN_OR_RETURN(pair.certificate, Decoded(secret, (stem + ".crt").c_str()));
  RK_ASSIGN_OR_RETURN(pair.key, Decoded(secret, (stem + ".key").c_str()));
  if (apiserver::KeyFits(pair)) return pair;
  return absl::InvalidArgumentError(
      absl::StrCat("data[", stem, ".crt] and data[", stem, ".key] are no certificate and its key"));
}

// What is wrong with a certificate now; empty when nothing is.
std::string Outside(const std::string& certificate, absl::Time now) {
  const absl::StatusOr<apiserver::Validity> when = apiserver::ValidityOf(certificate);
  if (!when.ok()) return std::string(when.status().message());
  if (now < when->begin) return absl::StrCat("begins at ", api::FormatTime(when->begin));
  return now >= when->end ? absl::StrCat("ended at ", api::FormatTime(when->end)) : "";
}

absl::StatusOr<KeyPair> NewServing(const KeyPair& authority, const std::vector<std::string>& names,
                                   absl::Time now, const CertPolicy& policy) {
  return apiserver::Issue(authority, {.common_name = kServingName, .names = names}, now,
                          policy.serving_life);
}

}  // namespace

std::string Bundle(const Material& material) {
  return absl::StrCat(material.authority.certificate,
                      material.next.has_value() ? material.next->certificate : "", material.former);
}

absl::StatusOr<Material> FromSecret(const Json& secret) {
  Material out;
  RK_ASSIGN_OR_RETURN(out.authority, PairOf(secret, "ca"));
  RK_ASSIGN_OR_RETURN(out.serving, PairOf(secret, "tls"));
  if (json::Find(secret, {"data", "next.crt"}) != nullptr) {
    RK_ASSIGN_OR_RETURN(out.next, PairOf(secret, "next"));
  }
  if (json::Find(secret, {"data", "former.crt"}) != nullptr) {
    RK_ASSIGN_OR_RETURN(out.former, Decoded(secret, "former.crt"));
    // It goes into configurations, which take nothing else.
    if (!apiserver::ValidityOf(out.former).ok()) {
      return absl::InvalidArgumentError("data[former.crt] is no certificate");
    }
  }
  const auto when = [&](absl::string_view key) {
    // A time that somebody spoilt counts as long ago.
    return api::ParseTime(json::String(secret, {"metadata", "annotations", key}))
        .value_or(absl::InfinitePast());
  };
  out.next_since = when(kNextSince);
  out.former_until = when(kFormerUntil);
  return out;
}

void IntoSecret(const Material& material, Json& secret) {
  const auto put = [&](const char* key, const std::string& text) {
    secret["data"][key] = absl::Base64Escape(text);
  };
  const auto note = [&](absl::string_view key, bool there, absl::Time when) {
    Json& annotations = secret["metadata"]["annotations"];
    if (!annotations.is_object()) annotations = Json::object();
    if (there) {
      annotations[std::string(key)] = api::FormatTime(when);
    } else {
      annotations.erase(std::string(key));
    }
  };
  secret["data"] = Json::object();
  put("ca.crt", material.authority.certificate);
  put("ca.key", material.authority.key);
  put("tls.crt", material.serving.certificate);
  put("tls.key", material.serving.key);
  if (material.next.has_value()) {
    put("next.crt", material.next->certificate);
    put("next.key", material.next->key);
  }
  if (!material.former.empty()) put("former.crt", material.former);
  note(kNextSince, material.next.has_value(), material.next_since);
  note(kFormerUntil, !material.former.empty(), material.former_until);
}

absl::string_view CertStepName(CertStep step) {
  switch (step) {
    case CertStep::kKeep:
      return "keep";
    case CertStep::kMake:
      return "make";
    case CertStep::kRestore:
      return "restore";
    case CertStep::kRenew:
      return "renew";
    case CertStep::kStage:
      return "stage";
    case CertStep::kSwitch:
      return "switch";
    case CertStep::kForget:
      break;
  }
  return "forget";
}

Decision Decide(const absl::StatusOr<Material>& stored, const std::optional<Material>& mine,
                const std::vector<std::string>& names, absl::Time now, bool trusted,
                const CertPolicy& policy) {
  if (!stored.ok()) {
    const std::string why(stored.status().message());
    const bool good = mine.has_value() && Outside(mine->authority.certificate, now).empty();
    return {good ? CertStep::kRestore : CertStep::kMake, why};
  }
  if (const std::string wrong = Outside(stored->authority.certificate, now); !wrong.empty()) {
    return {CertStep::kMake, absl::StrCat("the authority ", wrong)};
  }
  const std::string& serving = stored->serving.certificate;
  if (!apiserver::SignedBy(serving, stored->authority.certificate)) {
    return {CertStep::kRenew, "the certificate is not by the authority"};
  }
  if (const std::string wrong = Outside(serving, now); !wrong.empty()) {
    return {CertStep::kRenew, absl::StrCat("the certificate ", wrong)};
  }
  if (apiserver::MustBeRenewed(serving, names, now).value_or(true)) {
    return {CertStep::kRenew, "the certificate ends soon or lacks a name"};
  }
  const absl::StatusOr<apiserver::Validity> life =
      apiserver::ValidityOf(stored->authority.certificate);
  if (life.ok() && life->end - now < policy.stage_before) {
    if (!stored->next.has_value()) {
      return {CertStep::kStage, absl::StrCat("the authority ends at ", api::FormatTime(life->end))};
    }
    if (trusted && now - stored->next_since >= policy.settle) {
      return {CertStep::kSwitch, "all who call trust the next authority"};
    }
  }
  if (!stored->former.empty() && now >= stored->former_until) {
    return {CertStep::kForget, "former authorities have had their time"};
  }
  return {};
}

absl::StatusOr<Material> Carry(CertStep step, const absl::StatusOr<Material>& stored,
                               const std::optional<Material>& mine,
                               const std::vector<std::string>& names, absl::Time now,
                               const CertPolicy& policy) {
  Material out = stored.ok() ? *stored : mine.value_or(Material());
  switch (step) {
    case CertStep::kKeep:
    case CertStep::kRestore:
      return out;
    case CertStep::kMake: {
      Material made;
      RK_ASSIGN_OR_RETURN(made.authority, apiserver::MakeAuthority(kAuthorityName, now));
      RK_ASSIGN_OR_RETURN(made.serving, NewServing(made.authority, names, now, policy));
      // One that begins later was made by somebody whose clock is ahead, and is in use there.
      if (stored.ok() && Outside(stored->authority.certificate, now).find("begins") == 0) {
        made.former = stored->authority.certificate;
        made.former_until = now + policy.overlap;
      }
      return made;
    }
    case CertStep::kRenew: {
      RK_ASSIGN_OR_RETURN(out.serving, NewServing(out.authority, names, now, policy));
      return out;
    }
    case CertStep::kStage: {
      RK_ASSIGN_OR_RETURN(out.next, apiserver::MakeAuthority(kAuthorityName, now));
      out.next_since = now;
      return out;
    }
    case CertStep::kSwitch: {
      if (!out.next.has_value()) return absl::InternalError("there is no next authority");
      out.former = out.authority.certificate;
      out.former_until = now + policy.overlap;
      out.authority = *std::exchange(out.next, std::nullopt);
      RK_ASSIGN_OR_RETURN(out.serving, NewServing(out.authority, names, now, policy));
      return out;
    }
    case CertStep::kForget:
      out.former.clear();
      return out;
  }
  return out;
}

}  // namespace rekindle::admission
