#ifndef REKINDLE_CONTROLLER_READINESS_READINESS_CONTROLLER_H_
#define REKINDLE_CONTROLLER_READINESS_READINESS_CONTROLLER_H_

#include <memory>
#include <vector>

#include "common/api/pod_record.h"
#include "common/client/api_client.h"
#include "common/client/control_loop.h"
#include "common/client/informer.h"
#include "controller/runtime/controller.h"

namespace rekindle::readiness {

// Gives pods with readiness gate KruisePodReady the condition that they begin with
// (container-recreate 13.2): without it they would never be ready. Never touches one that is there.
// Threads: the loop's.
class ReadinessController final : public Controller, private client::Reconciler {
 public:
  struct Options {
    client::ControlLoop::Options loop;
  };

  // `client` and `pods` outlive it.
  ReadinessController(client::ApiClient& client, client::Informer<api::PodRecord>& pods,
                      Options options, client::Random random = client::SystemRandom());
  ~ReadinessController() override;

  absl::string_view name() const override { return "readiness"; }
  bool synced() const override { return true; }
  void Watch() override;
  void Start() override;
  void Stop(absl::Duration limit, absl::AnyInvocable<void(absl::Status)> stopped) override;
  std::vector<const client::ControlLoop*> loops() const override { return {&control_}; }

 private:
  void Reconcile(const client::ObjectKey& key, absl::Duration deadline, Done done) override;

  client::ApiClient& client_;
  client::Informer<api::PodRecord>& pods_;
  const client::Random random_;
  client::ControlLoop control_;
  bool watching_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::readiness

#endif  // REKINDLE_CONTROLLER_READINESS_READINESS_CONTROLLER_H_
