#include "controller/readiness/pod_status.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/client/retry.h"

namespace rekindle::readiness {
namespace {

using Done = absl::AnyInvocable<void(absl::Status)>;

void Write(client::ApiClient& client, const client::ObjectKey& pod, const Json& patch, Done done) {
  client.Patch({client::PodResource(), pod, "status"}, client::PatchType::kMerge, patch, {},
               [done = std::move(done)](absl::StatusOr<Json> got) mutable { done(got.status()); });
}

}  // namespace

void ChangePodStatus(client::ApiClient& client, const client::ObjectKey& pod,
                     const client::Random& random,
                     std::function<std::optional<Json>(const Json& pod)> change, Done done) {
  client::RetryOnConflict(
      client.loop(), {}, random,
      [&client, pod, change = std::move(change)](Done attempted) mutable {
        client.Get({client::PodResource(), pod, ""},
                   [&client, pod, change,
                    attempted = std::move(attempted)](absl::StatusOr<Json> got) mutable {
                     if (!got.ok()) return attempted(got.status());
                     const std::optional<Json> patch = change(*got);
                     if (!patch.has_value()) return attempted(absl::OkStatus());
                     Write(client, pod, *patch, std::move(attempted));
                   });
      },
      std::move(done));
}

}  // namespace rekindle::readiness
