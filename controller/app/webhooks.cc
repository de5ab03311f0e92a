#include "controller/app/webhooks.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace rekindle {

std::string EveryAddress() {
  const int socket = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return "0.0.0.0";
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  const bool there = ::bind(socket, reinterpret_cast<const sockaddr*>(&any), sizeof(any)) == 0;
  ::close(socket);
  return there ? "::" : "0.0.0.0";
}

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
