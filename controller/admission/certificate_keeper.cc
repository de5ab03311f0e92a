#include "controller/admission/certificate_keeper.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/client/retry.h"
#include "common/json/tree.h"

namespace rekindle::admission {
namespace {

constexpr char kManager[] = "rekindle-webhooks";
// How often in a row others may write first before it pauses.
constexpr int kMostLost = 3;
constexpr double kJitter = 0.2;

Json NewSecret(const Registration& registration) {
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"type", "kubernetes.io/tls"},
          {"metadata",
           {{"name", registration.secret},
            {"namespace", registration.name_space},
            {"labels", {{"app.kubernetes.io/part-of", "rekindle"}}}}}};
}

}  // namespace

CertificateKeeper::CertificateKeeper(client::ApiClient& client, Options options,
                                     client::Random random)
    : loop_(client.loop()),
      client_(client),
      options_(std::move(options)),
      random_(random),
      names_(ServerNames(options_.registration)),
      targets_(Targets(options_.registration)),
      pauses_(options_.pauses, std::move(random)),
      stored_(absl::NotFoundError("the Secret was not read yet")),
      status_(absl::UnavailableError("the certificates of the webhooks were not read yet")) {}

CertificateKeeper::~CertificateKeeper() = default;

void CertificateKeeper::Start() { On(KeeperEvent::kStart); }

void CertificateKeeper::Stop() {
  call_.Cancel();
  timer_.Cancel();
  On(KeeperEvent::kStop);
}

client::ObjectRef CertificateKeeper::SecretRef() const {
  return {{"", "v1", "secrets", "Secret", true},
          {options_.registration.name_space, options_.registration.secret},
          ""};
}

void CertificateKeeper::On(KeeperEvent event) {
  const std::optional<KeeperState> next = NextState(state_, event);
  if (!next.has_value()) return;
  state_ = *next;
  switch (state_) {
    case KeeperState::kReading:
      return Read();
    case KeeperState::kInstalling:
      return Install();
    case KeeperState::kResting:
      return timer_.Set(loop_, client::Jittered(options_.look_again, kJitter, random_),
                        [this] { On(KeeperEvent::kDue); });
    case KeeperState::kBackingOff:
      return timer_.Set(loop_, pauses_.Next(loop_.Monotonic()), [this] { On(KeeperEvent::kDue); });
    case KeeperState::kIdle:
    case KeeperState::kWriting:  // by OnRead, which knows what
    case KeeperState::kStopped:
      return;
  }
}

void CertificateKeeper::Read() {
  problems_.clear();
  failure_ = absl::OkStatus();
  call_.Set(client_, client_.Get(SecretRef(), [this](absl::StatusOr<Json> secret) {
    call_.Over();
    OnRead(std::move(secret));
  }));
}

void CertificateKeeper::OnRead(absl::StatusOr<Json> secret) {
  if (secret.ok()) {
    secret_ = *std::move(secret);
    stored_ = FromSecret(secret_);
  } else if (absl::IsNotFound(secret.status())) {
    secret_ = Json();
    stored_ = absl::NotFoundError("there is no Secret");
  } else {
    Trouble(Annotate(secret.status(), "read Secret " + SecretRef().key.Text()));
    return On(KeeperEvent::kFailed);
  }
  const bool trusted = stored_.ok() && !trusted_.empty() && trusted_ == Bundle(*stored_);
  const Decision decision = Decide(stored_, mine_, names_, loop_.Now(), trusted, options_.policy);
  if (decision.step == CertStep::kKeep) {
    lost_ = 0;
    Adopt(*stored_);
    return On(KeeperEvent::kGood);
  }
  Write(decision);
}

void CertificateKeeper::Write(const Decision& decision) {
  On(KeeperEvent::kWanting);
  const absl::StatusOr<Material> wanted =
      Carry(decision.step, stored_, mine_, names_, loop_.Now(), options_.policy);
  if (!wanted.ok()) {
    Trouble(Annotate(wanted.status(), "make certificates"));
    return On(KeeperEvent::kFailed);
  }
  Note(absl::StrCat(CertStepName(decision.step), " certificates: ", decision.why));
  const auto done = [this, wanted = *wanted](absl::StatusOr<Json> secret) {
    call_.Over();
    OnWritten(wanted, std::move(secret));
  };
  const client::WriteOptions options{.field_manager = kManager};
  Json secret = secret_.is_object() ? secret_ : NewSecret(options_.registration);
  IntoSecret(*wanted, secret);
  call_.Set(client_, secret_.is_object() ? client_.Update(SecretRef(), secret, options, done)
                                         : client_.Create(SecretRef(), secret, options, done));
}

void CertificateKeeper::OnWritten(const Material& wanted, absl::StatusOr<Json> secret) {
  if (secret.ok()) {
    lost_ = 0;
    secret_ = *std::move(secret);
    stored_ = wanted;
    Adopt(wanted);
    return On(KeeperEvent::kWritten);
  }
  // Another replica was first, or somebody has deleted it meanwhile: look again.
  const bool raced = client::IsLostRace(secret.status()) ||
                     absl::IsAlreadyExists(secret.status()) || absl::IsNotFound(secret.status());
  if (raced && ++lost_ <= kMostLost) return On(KeeperEvent::kLost);
  Trouble(Annotate(secret.status(), "write Secret " + SecretRef().key.Text()));
  On(KeeperEvent::kFailed);
}

void CertificateKeeper::Adopt(const Material& material) {
  const bool other =
      !mine_.has_value() || mine_->serving.certificate != material.serving.certificate;
  mine_ = material;
  if (other && options_.serve) options_.serve(material.serving);
}

void CertificateKeeper::Install() {
  target_ = 0;
  InstallNext();
}

void CertificateKeeper::InstallNext() {
  if (target_ == targets_.size()) {
    const bool all = failure_.ok() && problems_.empty();
    trusted_ = all ? Bundle(*mine_) : "";
    if (!failure_.ok()) {
      SetStatus(failure_);
      return On(KeeperEvent::kFailed);
    }
    SetStatus(all ? absl::OkStatus()
                  : absl::FailedPreconditionError(absl::StrJoin(problems_, "; ")));
    return On(KeeperEvent::kInstalled);
  }
  call_.Set(client_, client_.Get(targets_[target_].ref, [this](absl::StatusOr<Json> object) {
    call_.Over();
    OnTarget(std::move(object));
  }));
}

void CertificateKeeper::OnTarget(absl::StatusOr<Json> object) {
  const Target& target = targets_[target_];
  const std::string name = absl::StrCat(target.ref.resource.kind, " ", target.ref.key.name);
  if (absl::IsNotFound(object.status())) {
    problems_.push_back(name + " is not there");
  } else if (!object.ok()) {
    Trouble(Annotate(object.status(), "read " + name));
  } else {
    const TargetPlan plan = PlanTarget(target, options_.registration, Bundle(*mine_), *object);
    for (const std::string& problem : plan.problems) {
      problems_.push_back(absl::StrCat(name, " ", problem));
    }
    if (!plan.patch.empty()) {
      Note(absl::StrCat("write caBundle into ", name));
      return call_.Set(client_,
                       client_.Patch(target.ref, client::PatchType::kJson, plan.patch,
                                     {.field_manager = kManager}, [this](absl::StatusOr<Json> got) {
                                       call_.Over();
                                       OnPatched(got.status());
                                     }));
    }
  }
  ++target_;
  InstallNext();
}

void CertificateKeeper::OnPatched(absl::Status status) {
  // A lost race is looked at again after the pause, like any failure: the others come first.
  const Target& target = targets_[target_];
  if (!status.ok()) {
    Trouble(Annotate(status, absl::StrCat("write caBundle into ", target.ref.resource.kind, " ",
                                          target.ref.key.name)));
  }
  ++target_;
  InstallNext();
}

void CertificateKeeper::Trouble(const absl::Status& why) {
  if (failure_.ok()) failure_ = why;
  if (state_ != KeeperState::kInstalling) SetStatus(why);
}

void CertificateKeeper::SetStatus(absl::Status status) {
  const bool other = status != status_;
  status_ = std::move(status);
  if (other && options_.changed) options_.changed(status_);
}

void CertificateKeeper::Note(const std::string& text) {
  if (options_.note) options_.note(text);
}

}  // namespace rekindle::admission
