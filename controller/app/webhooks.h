#ifndef REKINDLE_CONTROLLER_APP_WEBHOOKS_H_
#define REKINDLE_CONTROLLER_APP_WEBHOOKS_H_

#include <memory>
#include <string>
#include <vector>

#include "common/client/api_client.h"
#include "controller/admission/admission_server.h"
#include "controller/runtime/controller.h"

namespace rekindle {

// Every address of this machine: "::", or "0.0.0.0" where there is no IPv6. Threads: any.
std::string EveryAddress();

// The webhooks as one of the program's controllers, so that they are switched on and off, shown and
// stopped like the others. They serve on every replica, whether it leads or not, from Watch on: API
// servers call whichever is ready. Nothing waits for their certificate; readiness does.
// Threads: the loop's.
class Webhooks final : public Controller {
 public:
  // `client` has no write gate.
  Webhooks(Loop& loop, std::unique_ptr<client::ApiClient> client,
           admission::AdmissionServer::Options options, client::Random random);

  absl::string_view name() const override { return "webhooks"; }
  bool synced() const override { return true; }
  void Watch() override { server_.Start(); }
  void Start() override {}
  void Stop(absl::Duration limit, absl::AnyInvocable<void(absl::Status)> stopped) override;
  std::vector<const client::ControlLoop*> loops() const override { return {}; }
  absl::Status health() const override { return server_.health(); }

 private:
  Loop& loop_;
  const std::unique_ptr<client::ApiClient> client_;
  admission::AdmissionServer server_;
};

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_APP_WEBHOOKS_H_
