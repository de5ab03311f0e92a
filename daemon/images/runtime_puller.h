#ifndef REKINDLE_DAEMON_IMAGES_RUNTIME_PULLER_H_
#define REKINDLE_DAEMON_IMAGES_RUNTIME_PULLER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

#include "common/base/loop.h"
#include "daemon/cri/calls.h"
#include "daemon/cri/connection.h"
#include "daemon/images/puller.h"

namespace rekindle::images {

class PullProgress;

struct RuntimePullerOptions {
  // A pull that is given up starts from zero the next time, so there is no short deadline; this one
  // only keeps a pull from staying for ever.
  absl::Duration limit = absl::Hours(2);
  absl::Duration progress_interval = absl::Milliseconds(250);
  cri::CallObserver observe;
};

// Pulls through CRI PullImage; progress from containerd's content store where there is one, else
// with the time alone. Pulls that are under way when this object goes are given up, without `done`.
// Credentials are overwritten in memory as soon as they are handed to gRPC.
// Threads: the loop's thread, constructor and destructor included.
class RuntimePuller final : public Puller {
 public:
  RuntimePuller(Loop& loop, std::shared_ptr<cri::Connection> connection,
                const RuntimePullerOptions& options = RuntimePullerOptions());
  RuntimePuller(const RuntimePuller&) = delete;
  RuntimePuller& operator=(const RuntimePuller&) = delete;
  ~RuntimePuller() override;

  PullId Pull(const std::string& image, Credentials credentials,
              std::function<void(const Progress&)> progress,
              absl::AnyInvocable<void(absl::StatusOr<Result>)> done) override;
  void Cancel(PullId pull) override;

 private:
  struct Stubs;
  struct Running {
    cri::Calls::CallId call = 0;
    absl::Duration started;
    std::unique_ptr<PullProgress> progress;
    absl::AnyInvocable<void(absl::StatusOr<Result>)> done;
  };

  void Finish(PullId pull, absl::StatusOr<std::string> image_id);

  Loop& loop_;
  const std::shared_ptr<cri::Connection> connection_;
  const RuntimePullerOptions options_;
  const std::unique_ptr<Stubs> stubs_;
  cri::Calls calls_;
  PullId next_pull_ = 1;
  absl::flat_hash_map<PullId, Running> running_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::images

#endif  // REKINDLE_DAEMON_IMAGES_RUNTIME_PULLER_H_
