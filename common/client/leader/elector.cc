#include "common/client/leader/elector.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::client {
namespace {

// Candidates spread their attempts (spec 10.2, step 5).
constexpr double kJitter = 1.2;

}  // namespace

std::string NewIdentity(const std::string& host, const Random& random) {
  std::string out = host + "_";
  for (int i = 0; i < 4; ++i) {
    absl::StrAppendFormat(&out, "%04x", static_cast<unsigned>(random() * 65536.0) & 0xffff);
  }
  return out;
}

absl::StatusOr<std::unique_ptr<LeaderElector>> LeaderElector::Make(ApiClient& client,
                                                                   std::shared_ptr<WriteGate> gate,
                                                                   Options options, Random random) {
  if (options.identity.empty()) return absl::InvalidArgumentError("identity: must be set");
  if (const auto path = ObjectPath({LeaseResource(), options.lease, ""}); !path.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("lease: ", path.status().message()));
  }
  if (const std::string wrong = CheckLeaseTimes(options.times); !wrong.empty()) {
    return absl::InvalidArgumentError(wrong);
  }
  return std::unique_ptr<LeaderElector>(
      new LeaderElector(client, std::move(gate), std::move(options), std::move(random)));
}

LeaderElector::LeaderElector(ApiClient& client, std::shared_ptr<WriteGate> gate, Options options,
                             Random random)
    : client_(client),
      loop_(client.loop()),
      gate_(std::move(gate)),
      options_(std::move(options)),
      random_(std::move(random)) {}

LeaderElector::~LeaderElector() {
  *alive_ = false;
  gate_->Close();
}

void LeaderElector::Start() {
  if (state_ != State::kIdle) return;
  state_ = State::kCompeting;
  read_first_ = true;
  Attempt();
}

void LeaderElector::Attempt() {
  if (!read_first_ && state_ == State::kLeading) return Write();
  call_.Set(client_, client_.Get(Ref(), [this](absl::StatusOr<Json> lease) {
    call_.Over();
    OnRead(std::move(lease));
  }));
}

void LeaderElector::OnRead(absl::StatusOr<Json> lease) {
  if (absl::IsNotFound(lease.status())) return Create();
  if (!lease.ok()) {
    last_error_ = lease.status();
    return Schedule();
  }
  Observe(*lease);
  read_first_ = false;
  const bool mine = leader_ == options_.identity;
  if (state_ == State::kLeading && !mine) {
    return Lose(absl::AbortedError(absl::StrCat("the lease is held by \"", leader_, "\"")));
  }
  if (!mine && !Free()) {
    last_error_ = absl::UnavailableError(absl::StrCat("the lease is held by \"", leader_, "\""));
    return Schedule();
  }
  Write();
}

bool LeaderElector::Free() const {
  return leader_.empty() || loop_.Monotonic() - seen_at_ >= HeldFor(*seen_, options_.times.lease);
}

void LeaderElector::Observe(const Json& lease) {
  const Json* before = seen_ == nullptr ? nullptr : json::Find(*seen_, "spec");
  const Json* now = json::Find(lease, "spec");
  const bool same = before != nullptr && now != nullptr && *before == *now;
  if (!same) seen_at_ = loop_.Monotonic();
  seen_ = std::make_unique<Json>(lease);
  std::string holder(HolderOf(lease));
  if (holder == leader_) return;
  leader_ = std::move(holder);
  if (!options_.leader_changed) return;
  loop_.Post([this, alive = alive_, who = leader_] {
    if (*alive) options_.leader_changed(who);
  });
}

void LeaderElector::Create() {
  // A leader whose lease somebody deleted makes it anew.
  sent_at_ = loop_.Monotonic();
  writing_ = true;
  call_.Set(client_,
            client_.Create(Ref(),
                           NewLease(options_.lease, options_.identity, options_.times, loop_.Now()),
                           {}, [this](absl::StatusOr<Json> lease) {
                             call_.Over();
                             OnWritten(std::move(lease));
                           }));
}

void LeaderElector::Write() {
  sent_at_ = loop_.Monotonic();
  writing_ = true;
  call_.Set(client_,
            client_.Update(Ref(), HeldBy(*seen_, options_.identity, options_.times, loop_.Now()),
                           {}, [this](absl::StatusOr<Json> lease) {
                             call_.Over();
                             OnWritten(std::move(lease));
                           }));
}

void LeaderElector::OnWritten(absl::StatusOr<Json> lease) {
  writing_ = false;
  if (!lease.ok()) {
    last_error_ = lease.status();
    // Whoever was faster, or whatever came of a write without an answer: it is to be seen.
    read_first_ = true;
    if (state_ == State::kLeading && absl::IsAborted(lease.status())) return Attempt();
    return Schedule();
  }
  Observe(*lease);
  read_first_ = false;
  last_error_ = absl::OkStatus();
  renewed_at_ = sent_at_;
  if (state_ == State::kCompeting) return Won(*lease);
  Renewed();
}

void LeaderElector::Won(const Json& lease) {
  // So late an answer is worth nothing.
  if (loop_.Monotonic() - renewed_at_ >= options_.times.renew_deadline) return Schedule();
  state_ = State::kLeading;
  if (options_.started) {
    loop_.Post([this, alive = alive_, term = TransitionsOf(lease)] {
      if (*alive && state_ == State::kLeading) options_.started(term);
    });
  }
  Renewed();
}

void LeaderElector::Renewed() {
  const absl::Duration until = renewed_at_ + options_.times.renew_deadline;
  gate_->OpenUntil(until);
  deadline_timer_.Set(loop_, until - loop_.Monotonic(), [this] {
    Lose(absl::DeadlineExceededError(absl::StrCat(
        "the lease was not renewed within ", absl::FormatDuration(options_.times.renew_deadline),
        last_error_.ok() ? "" : ": ", last_error_.message())));
  });
  Schedule();
}

void LeaderElector::Schedule() {
  const absl::Duration pause = state_ == State::kLeading
                                   ? options_.times.retry
                                   : Jittered(options_.times.retry, kJitter, random_);
  retry_timer_.Set(loop_, pause, [this] { Attempt(); });
}

void LeaderElector::Lose(const absl::Status& why) {
  gate_->Close();
  call_.Cancel();
  writing_ = false;
  retry_timer_.Cancel();
  deadline_timer_.Cancel();
  state_ = State::kIdle;
  last_error_ = why;
  if (options_.stopped) options_.stopped(why);
}

void LeaderElector::Release(absl::AnyInvocable<void(absl::Status)> done) {
  gate_->Close();
  call_.Cancel();
  retry_timer_.Cancel();
  deadline_timer_.Cancel();
  // A candidate's write may have gone through, too.
  const bool mine = std::exchange(state_, State::kReleasing) == State::kLeading || writing_;
  writing_ = false;
  released_ = std::move(done);
  if (!mine) {
    loop_.Post([this, alive = alive_] {
      if (*alive) OnReleased(absl::OkStatus());
    });
    return;
  }
  // A renewal that was under way may have gone through: read what is.
  call_.Set(client_, client_.Get(Ref(), [this](absl::StatusOr<Json> lease) {
    call_.Over();
    if (!lease.ok()) return OnReleased(lease.status());
    if (HolderOf(*lease) != options_.identity) return OnReleased(absl::OkStatus());
    call_.Set(client_, client_.Update(Ref(), Released(*lease, loop_.Now()), {},
                                      [this](absl::StatusOr<Json> written) {
                                        call_.Over();
                                        if (written.ok()) Observe(*written);
                                        OnReleased(written.status());
                                      }));
  }));
}

void LeaderElector::OnReleased(const absl::Status& status) {
  state_ = State::kIdle;
  if (auto done = std::exchange(released_, nullptr)) done(status);
}

}  // namespace rekindle::client
