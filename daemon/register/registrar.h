#ifndef REKINDLE_DAEMON_REGISTER_REGISTRAR_H_
#define REKINDLE_DAEMON_REGISTER_REGISTRAR_H_

#include <functional>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/base/backoff.h"
#include "common/base/loop.h"
#include "rekindle/controller/v1/registry.pb.h"

namespace rekindle::registration {

// The controller's service as the registrar needs it; tests replace it.
// Threads: the loop's; `done` comes there, once, never inline, and not after the object is gone.
class Registry {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<controller::v1::RegisterResponse>)>;
  virtual ~Registry() = default;
  // One attempt. A call drops the one before it.
  virtual void Register(const controller::v1::RegisterRequest& request, absl::Duration timeout,
                        Done done) = 0;
};

struct RegistrarOptions {
  absl::Duration timeout = absl::Seconds(5);  // of one call
  // After a success the controller says when to call again; never sooner or later than this.
  absl::Duration least_pause = absl::Seconds(1);
  absl::Duration most_pause = absl::Minutes(1);
  Backoff::Options retry = {.initial = absl::Seconds(1), .max = absl::Seconds(30)};
  // Pauses are longer by up to this part, so that nodes that lost the controller at one moment do
  // not come back at one moment.
  double jitter = 0.2;
};

// Tells the controller where this daemon is, for as long as it runs: with growing pauses until it
// is heard, then as often as the controller wants. A controller that is away hinders nothing here.
// Threads: the loop's, constructor and destructor included.
class Registrar {
 public:
  // `random` gives numbers from [0, 1). `changed` hears of the first success, of each trouble whose
  // text differs from the one before, and of the success after it.
  Registrar(Loop& loop, Registry& registry, controller::v1::RegisterRequest request,
            const RegistrarOptions& options, std::function<double()> random,
            std::function<void(const absl::Status&)> changed);
  Registrar(const Registrar&) = delete;
  Registrar& operator=(const Registrar&) = delete;
  ~Registrar() { *alive_ = false; }

 private:
  void Call();
  void OnAnswer(const absl::StatusOr<controller::v1::RegisterResponse>& answer);
  void CallAfter(absl::Duration pause);

  Loop& loop_;
  Registry& registry_;
  const controller::v1::RegisterRequest request_;
  const RegistrarOptions options_;
  const std::function<double()> random_;
  const std::function<void(const absl::Status&)> changed_;
  Backoff retry_;
  std::optional<absl::Status> last_;  // as it was told
  ScopedTimer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::registration

#endif  // REKINDLE_DAEMON_REGISTER_REGISTRAR_H_
