#ifndef REKINDLE_CONTROLLER_ADMISSION_CERTIFICATE_KEEPER_H_
#define REKINDLE_CONTROLLER_ADMISSION_CERTIFICATE_KEEPER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <nlohmann/json.hpp>

#include "common/base/loop.h"
#include "common/client/api_client.h"
#include "common/client/pause.h"
#include "common/json/json_fwd.h"
#include "controller/admission/keeper_states.h"
#include "controller/admission/material.h"
#include "controller/admission/targets.h"

namespace rekindle::admission {

// Makes the webhooks' certificates and renews them before they end, keeps them in one Secret, and
// has the API server trust them: writes `caBundle` where it differs (targets.h). Replicas need no
// leader: the Secret's resourceVersion decides whose change counts, and all take what it holds.
//
// An authority is replaced in steps (material.h), so that at any moment every certificate that any
// replica shows is trusted by every API server.
//
// The Secret is read by its name alone, never listed or watched, so it is looked at from time to
// time. Needs a client without a write gate: replicas that do not lead serve webhooks too.
//
// Threads: the loop's.
class CertificateKeeper {
 public:
  struct Options {
    Registration registration;
    CertPolicy policy;
    absl::Duration look_again = absl::Seconds(30);
    client::Pauses::Options pauses = {.initial = absl::Seconds(1), .max = absl::Seconds(30)};
    // With each certificate that is to be shown from now on; before API servers are told to call.
    std::function<void(const apiserver::KeyPair&)> serve;
    // What it did, one line; for logs.
    std::function<void(const std::string&)> note;
    // The status has another text than before.
    std::function<void(const absl::Status&)> changed;
  };

  // `client` outlives the keeper.
  CertificateKeeper(client::ApiClient& client, Options options, client::Random random);
  // Ends what is under way.
  ~CertificateKeeper();
  CertificateKeeper(const CertificateKeeper&) = delete;
  CertificateKeeper& operator=(const CertificateKeeper&) = delete;

  void Start();
  void Stop();

  KeeperState state() const { return state_; }
  // What is in use; nullopt before the first.
  const std::optional<Material>& material() const { return mine_; }
  // OK: the Secret is as it has to be, and all configurations trust it, as of the last look. Else
  // what is wrong, of all of them: kUnavailable before the first look, kFailedPrecondition for what
  // somebody must mend (a configuration that is missing or not ours), codes of the client.
  const absl::Status& status() const { return status_; }

 private:
  client::ObjectRef SecretRef() const;
  void On(KeeperEvent event);
  void Read();
  void OnRead(absl::StatusOr<Json> secret);
  void Write(const Decision& decision);
  void OnWritten(const Material& wanted, absl::StatusOr<Json> secret);
  void Adopt(const Material& material);
  void Install();
  void InstallNext();
  void OnTarget(absl::StatusOr<Json> object);
  void OnPatched(absl::Status status);
  void Trouble(const absl::Status& why);
  void SetStatus(absl::Status status);
  void Note(const std::string& text);

  Loop& loop_;
  client::ApiClient& client_;
  const Options options_;
  const client::Random random_;
  const std::vector<std::string> names_;
  const std::vector<Target> targets_;
  client::Pauses pauses_;
  KeeperState state_ = KeeperState::kIdle;
  client::ScopedCall call_;
  ScopedTimer timer_;

  Json secret_;  // as read; null: there is none
  std::optional<Material> mine_;
  absl::StatusOr<Material> stored_;
  int lost_ = 0;         // in a row
  std::string trusted_;  // the bundle that all targets had at the last look; empty: not all
  size_t target_ = 0;    // of the look that is under way
  std::vector<std::string> problems_;
  absl::Status failure_;  // the worst of this look
  absl::Status status_;
};

}  // namespace rekindle::admission

#endif  // REKINDLE_CONTROLLER_ADMISSION_CERTIFICATE_KEEPER_H_
