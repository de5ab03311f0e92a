#include "daemon/hooks/runner.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "daemon/hooks/pod_address.h"

namespace rekindle::hooks {
namespace {

constexpr absl::Duration kLongestLimit = absl::Hours(24);

const char* NameOf(const Handler& handler) {
  constexpr const char* kNames[] = {"exec", "httpGet", "tcpSocket", "sleep"};
  return kNames[handler.index()];
}

}  // namespace

PodHookRunner::PodHookRunner(Loop& loop, boost::asio::io_context& io, cri::Runtime& runtime,
                             const std::string& version)
    : loop_(loop),
      io_(io),
      runtime_(runtime),
      user_agent_(absl::StrCat("rekindle/", version)),
      sockets_(loop) {}

PodHookRunner::~PodHookRunner() {
  *alive_ = false;
  for (auto& [id, running] : running_) {
    if (running.timer != 0) loop_.Cancel(running.timer);
    if (running.exchange) running.exchange->Cancel();
    boost::system::error_code ignored;
    if (running.socket) running.socket->close(ignored);
  }
}

void PodHookRunner::Run(const Handler& handler, const HookTarget& target, absl::Duration limit,
                        absl::AnyInvocable<void(absl::Status)> reply) {
  const Id id = next_++;
  running_[id].reply = std::move(reply);
  limit = std::min(limit, kLongestLimit);
  absl::Status started = absl::DeadlineExceededError(
      absl::StrCat(NameOf(handler), ": not run, there is no time for it"));
  if (limit > absl::ZeroDuration()) {
    started =
        std::visit([&](const auto& action) { return Start(id, action, target, limit); }, handler);
  }
  if (!started.ok()) {
    loop_.Post([this, alive = alive_, id, started] {
      if (*alive) Finish(id, started);
    });
    return;
  }
  Running& running = running_[id];
  if (running.timer != 0) return;
  running.timer = loop_.RunAfter(limit, [this, alive = alive_, id, limit, name = NameOf(handler)] {
    if (!*alive) return;
    Finish(id, absl::DeadlineExceededError(
                   absl::StrCat(name, ": cut off after ", absl::FormatDuration(limit))));
  });
}

absl::Status PodHookRunner::Start(Id id, const ExecAction& exec, const HookTarget& target,
                                  absl::Duration limit) {
  if (exec.command.empty()) return absl::InvalidArgumentError("exec.command: empty");
  runtime_.ExecSync(
      target.container_id, exec.command, limit,
      [this, alive = alive_, id,
       container = target.container_id](absl::StatusOr<cri::v1::ExecSyncResponse> response) {
        if (!*alive || !running_.contains(id)) return;
        // Output may hold secrets: it goes nowhere. Neither does the runtime's own text leave the
        // log, since it quotes the command.
        if (response.ok()) {
          const int code = response->exit_code();
          return Finish(id, code == 0 ? absl::OkStatus()
                                      : absl::AbortedError(absl::StrCat("exec: exit code ", code)));
        }
        LOG(WARNING) << "exec hook in container " << container << ": " << response.status();
        if (absl::IsDeadlineExceeded(response.status())) {
          return Finish(id, absl::DeadlineExceededError("exec: cut off by the runtime"));
        }
        Finish(id, absl::UnavailableError(
                       absl::StrCat("exec: the runtime could not run the command (",
                                    absl::StatusCodeToString(response.status().code()), ")")));
      });
  return absl::OkStatus();
}

absl::Status PodHookRunner::Start(Id id, const HttpGetAction& http, const HookTarget& target,
                                  absl::Duration /*limit*/) {
  RK_ASSIGN_OR_RETURN(const Endpoint to, PodEndpoint(http.host, http.port, target));
  RK_RETURN_IF_ERROR(BuildHttpGet(http, to, user_agent_).status());
  TryHttp(id, http, target, to);
  return absl::OkStatus();
}

void PodHookRunner::TryHttp(Id id, const HttpGetAction& http, const HookTarget& target,
                            const Endpoint& to) {
  OpenSocket(id, target, to, [this, id, http, target, to](Socket socket) {
    auto request = BuildHttpGet(http, to, user_agent_);
    if (!request.ok()) return Finish(id, request.status());
    running_[id].exchange = StartHttpGet(
        std::move(socket), to, http.tls, *std::move(request),
        [this, alive = alive_, id, http, target, to](HttpExchange::Outcome outcome) {
          if (!*alive || !running_.contains(id)) return;
          if (!http.tls || !outcome.plain_peer) return Finish(id, std::move(outcome.status));
          LOG(WARNING) << "httpGet hook in container " << target.container_id
                       << ": scheme HTTPS, but the server speaks HTTP: repeated as HTTP";
          HttpGetAction plain = http;
          plain.tls = false;
          TryHttp(id, plain, target, to);
        });
  });
}

absl::Status PodHookRunner::Start(Id id, const TcpSocketAction& tcp, const HookTarget& target,
                                  absl::Duration /*limit*/) {
  RK_ASSIGN_OR_RETURN(const Endpoint to, PodEndpoint(tcp.host, tcp.port, target));
  OpenSocket(id, target, to, [this, id, to](Socket opened) {
    auto socket = std::make_shared<Socket>(std::move(opened));
    running_[id].socket = socket;
    socket->async_connect(to, [this, alive = alive_, id,
                               socket](const boost::system::error_code& error) {
      if (!*alive) return;
      Finish(id, error
                     ? absl::UnavailableError(absl::StrCat("tcpSocket: connect: ", error.message()))
                     : absl::OkStatus());
    });
  });
  return absl::OkStatus();
}

absl::Status PodHookRunner::Start(Id id, const SleepAction& sleep, const HookTarget& /*target*/,
                                  absl::Duration limit) {
  if (sleep.duration < absl::ZeroDuration()) {
    return absl::InvalidArgumentError("sleep.duration: negative");
  }
  // A longer one is cut off like every other hook.
  if (sleep.duration > limit) return absl::OkStatus();
  running_[id].timer = loop_.RunAfter(sleep.duration, [this, alive = alive_, id] {
    if (*alive) Finish(id, absl::OkStatus());
  });
  return absl::OkStatus();
}

void PodHookRunner::OpenSocket(Id id, const HookTarget& target, const Endpoint& to,
                               absl::AnyInvocable<void(Socket)> use) {
  const int family = to.protocol().family();
  if (!target.netns_path.empty()) {
    sockets_.Open(target.netns_path, family,
                  [this, id, to, use = std::move(use)](absl::StatusOr<UniqueFd> fd) mutable {
                    Adopt(id, to, std::move(fd), use);
                  });
    return;
  }
  loop_.Post([this, alive = alive_, id, to, family, use = std::move(use)]() mutable {
    if (!*alive) return;
    UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd.get() < 0) {
      const int error = errno;
      return Finish(id, absl::UnavailableError(absl::StrCat("make a socket: ", strerror(error))));
    }
    Adopt(id, to, std::move(fd), use);
  });
}

void PodHookRunner::Adopt(Id id, const Endpoint& to, absl::StatusOr<UniqueFd> fd,
                          absl::AnyInvocable<void(Socket)>& use) {
  if (!running_.contains(id)) return;  // cut off meanwhile; the descriptor closes itself
  if (!fd.ok()) return Finish(id, fd.status());
  Socket socket(io_);
  boost::system::error_code error;
  socket.assign(to.protocol(), fd->get(), error);
  if (error) {
    return Finish(id, absl::UnavailableError(absl::StrCat("use a socket: ", error.message())));
  }
  fd->release();
  use(std::move(socket));
}

void PodHookRunner::Finish(Id id, absl::Status status) {
  auto it = running_.find(id);
  if (it == running_.end()) return;
  Running running = std::move(it->second);
  running_.erase(it);
  if (running.timer != 0) loop_.Cancel(running.timer);
  if (running.exchange) running.exchange->Cancel();
  boost::system::error_code ignored;
  if (running.socket) running.socket->close(ignored);
  // Last: the reply may destroy the runner.
  running.reply(std::move(status));
}

}  // namespace rekindle::hooks
