#include "daemon/register/registrar.h"

#include <algorithm>
#include <utility>

namespace rekindle::registration {

namespace {

constexpr absl::Duration kUsualPause = absl::Seconds(10);

}  // namespace

Registrar::Registrar(Loop& loop, Registry& registry, controller::v1::RegisterRequest request,
                     const RegistrarOptions& options, std::function<double()> random,
                     std::function<void(const absl::Status&)> changed)
    : loop_(loop),
      registry_(registry),
      request_(std::move(request)),
      options_(options),
      random_(std::move(random)),
      changed_(std::move(changed)),
      retry_(options.retry) {
  Call();
}

void Registrar::Call() {
  registry_.Register(request_, options_.timeout,
                     [this, alive = alive_](absl::StatusOr<controller::v1::RegisterResponse> got) {
                       if (*alive) OnAnswer(got);
                     });
}

void Registrar::OnAnswer(const absl::StatusOr<controller::v1::RegisterResponse>& answer) {
  if (!last_.has_value() || *last_ != answer.status()) {
    last_ = answer.status();
    changed_(answer.status());
  }
  if (!answer.ok()) return CallAfter(retry_.Next());
  retry_.Reset();
  const absl::Duration wanted = absl::Seconds(answer->again_after().seconds()) +
                                absl::Nanoseconds(answer->again_after().nanos());
  CallAfter(std::clamp(answer->has_again_after() ? wanted : kUsualPause, options_.least_pause,
                       options_.most_pause));
}

void Registrar::CallAfter(absl::Duration pause) {
  timer_.Set(loop_, pause * (1 + options_.jitter * random_()), [this] { Call(); });
}

}  // namespace rekindle::registration
