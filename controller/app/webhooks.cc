#include "controller/app/webhooks.h"

#include <utility>

namespace rekindle {

Webhooks::Webhooks(Loop& loop, std::unique_ptr<client::ApiClient> client,
                   admission::AdmissionServer::Options options, client::Random random)
    : loop_(loop),
      client_(std::move(client)),
      server_(loop, *client_, std::move(options), std::move(random)) {}

void Webhooks::Stop(absl::Duration, absl::AnyInvocable<void(absl::Status)> stopped) {
  // Reviews are answered as long as others still write: the destructor ends it, after them.
  loop_.Post([stopped = std::move(stopped)]() mutable { stopped(absl::OkStatus()); });
}

}  // namespace rekindle
