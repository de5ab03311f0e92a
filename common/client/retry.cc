#include "common/client/retry.h"

#include <memory>
#include <optional>
#include <utility>

#include "common/api/status.h"

namespace rekindle::client {
namespace {

constexpr int kInvalid = 422;

// Keeps itself alive through the callbacks that are under way.
class Attempts final : public std::enable_shared_from_this<Attempts> {
 public:
  Attempts(Loop& loop, const ConflictRetries& retries, Random random,
           absl::AnyInvocable<void(absl::AnyInvocable<void(absl::Status)>)> attempt,
           absl::AnyInvocable<void(absl::Status)> done)
      : loop_(loop),
        retries_(retries),
        random_(std::move(random)),
        attempt_(std::move(attempt)),
        done_(std::move(done)),
        pause_(retries.pause) {}

  void Run() {
    ++made_;
    attempt_([self = shared_from_this()](const absl::Status& status) { self->Ended(status); });
  }

 private:
  void Ended(const absl::Status& status) {
    if (!IsLostRace(status) || made_ >= retries_.attempts) return done_(status);
    const absl::Duration pause = Jittered(pause_, retries_.jitter, random_);
    pause_ *= retries_.factor;
    loop_.RunAfter(pause, [self = shared_from_this()] { self->Run(); });
  }

  Loop& loop_;
  const ConflictRetries retries_;
  const Random random_;
  absl::AnyInvocable<void(absl::AnyInvocable<void(absl::Status)>)> attempt_;
  absl::AnyInvocable<void(absl::Status)> done_;
  absl::Duration pause_;
  int made_ = 0;
};

}  // namespace

bool IsLostRace(const absl::Status& status) {
  const std::optional<api::ApiError> error = api::FromStatus(status);
  if (!error.has_value()) return false;
  if (absl::IsAborted(status)) return error->FindCause("FieldManagerConflict") == nullptr;
  return error->code == kInvalid && error->causes.empty() && error->name.empty();
}

void RetryOnConflict(Loop& loop, const ConflictRetries& retries, Random random,
                     absl::AnyInvocable<void(absl::AnyInvocable<void(absl::Status)>)> attempt,
                     absl::AnyInvocable<void(absl::Status)> done) {
  std::make_shared<Attempts>(loop, retries, std::move(random), std::move(attempt), std::move(done))
      ->Run();
}

}  // namespace rekindle::client
