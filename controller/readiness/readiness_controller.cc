#include "controller/readiness/readiness_controller.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "controller/readiness/pod_status.h"
#include "controller/readiness/ready_keys.h"

namespace rekindle::readiness {
namespace {

bool Lacks(const api::PodRecord& pod) {
  return pod.shape->gate_pod_ready && pod.pod_ready == api::Tri::kAbsent && !pod.terminating;
}

}  // namespace

ReadinessController::ReadinessController(client::ApiClient& client,
                                         client::Informer<api::PodRecord>& pods, Options options,
                                         client::Random random)
    : client_(client),
      pods_(pods),
      random_(random),
      control_(client.loop(), *this, std::move(options.loop), std::move(random)) {}

ReadinessController::~ReadinessController() { *alive_ = false; }

void ReadinessController::Watch() {
  if (std::exchange(watching_, true)) return;
  const auto look = [this, alive = alive_](const client::ObjectKey& key,
                                           const std::shared_ptr<const api::PodRecord>& now) {
    if (*alive && Lacks(*now)) control_.queue().Add(key);
  };
  pods_.AddHandler(
      {.added = look,
       .updated = [look](const client::ObjectKey& key, const std::shared_ptr<const api::PodRecord>&,
                         const std::shared_ptr<const api::PodRecord>& now) { look(key, now); }});
}

void ReadinessController::Start() { control_.Start(); }

void ReadinessController::Stop(absl::Duration limit,
                               absl::AnyInvocable<void(absl::Status)> stopped) {
  control_.Stop(limit, std::move(stopped));
}

void ReadinessController::Reconcile(const client::ObjectKey& key, absl::Duration, Done done) {
  const std::shared_ptr<const api::PodRecord> pod = pods_.Get(key);
  if (pod == nullptr || !Lacks(*pod)) return done(std::nullopt);
  // From a fresh read and under its version: a holder that came meanwhile is not overwritten.
  ChangePodStatus(
      client_, key, random_,
      [&loop = client_.loop()](const Json& live) {
        return DefaultReadyCondition(live, loop.Now());
      },
      [done = std::move(done)](const absl::Status& status) mutable {
        if (!status.ok() && !absl::IsNotFound(status)) return done(status);
        done(std::nullopt);
      });
}

}  // namespace rekindle::readiness
