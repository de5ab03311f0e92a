#ifndef REKINDLE_DAEMON_HOOKS_RUNNER_H_
#define REKINDLE_DAEMON_HOOKS_RUNNER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "common/base/asio_loop.h"
#include "common/base/loop.h"
#include "daemon/cri/runtime.h"
#include "daemon/hooks/handler.h"
#include "daemon/hooks/http_get.h"
#include "daemon/hooks/netns_socket.h"

namespace rekindle::hooks {

// Runs hooks for real: exec through the runtime, httpGet and tcpSocket by a socket opened inside
// the pod's network namespace and connected to the pod itself only (pod_address.h, http_get.h),
// sleep by timer. A TLS request that a plain HTTP server answers is repeated once without TLS, as
// spec/container-recreate 9.4 has it.
//
// Threads: constructed, used and destroyed on the loop's thread (or destroyed once it has stopped).
// After the destructor no reply comes any more. A `limit` above a day is a day.
class PodHookRunner final : public HookRunner {
 public:
  // `io` runs on `loop`'s thread; both and `runtime` outlive the runner. `version` is what
  // "User-Agent: rekindle/<version>" says.
  PodHookRunner(Loop& loop, boost::asio::io_context& io, cri::Runtime& runtime,
                const std::string& version);
  PodHookRunner(AsioLoop& loop, cri::Runtime& runtime, const std::string& version)
      : PodHookRunner(loop, loop.io(), runtime, version) {}

  PodHookRunner(const PodHookRunner&) = delete;
  PodHookRunner& operator=(const PodHookRunner&) = delete;
  ~PodHookRunner() override;

  void Run(const Handler& handler, const HookTarget& target, absl::Duration limit,
           absl::AnyInvocable<void(absl::Status)> reply) override;

  // Hooks under way.
  size_t running() const { return running_.size(); }

 private:
  using Id = uint64_t;
  using Socket = boost::asio::ip::tcp::socket;
  using Endpoint = boost::asio::ip::tcp::endpoint;

  struct Running {
    absl::AnyInvocable<void(absl::Status)> reply;
    Loop::TimerId timer = 0;
    std::shared_ptr<HttpExchange> exchange;
    std::shared_ptr<Socket> socket;
  };

  // Each starts one hook; an error means that it may not run.
  absl::Status Start(Id id, const ExecAction& exec, const HookTarget& target, absl::Duration limit);
  absl::Status Start(Id id, const HttpGetAction& http, const HookTarget& target,
                     absl::Duration limit);
  absl::Status Start(Id id, const TcpSocketAction& tcp, const HookTarget& target,
                     absl::Duration limit);
  absl::Status Start(Id id, const SleepAction& sleep, const HookTarget& target,
                     absl::Duration limit);

  void TryHttp(Id id, const HttpGetAction& http, const HookTarget& target, const Endpoint& to);
  void OpenSocket(Id id, const HookTarget& target, const Endpoint& to,
                  absl::AnyInvocable<void(Socket)> use);
  void Adopt(Id id, const Endpoint& to, absl::StatusOr<UniqueFd> fd,
             absl::AnyInvocable<void(Socket)>& use);
  void Finish(Id id, absl::Status status);

  Loop& loop_;
  boost::asio::io_context& io_;
  cri::Runtime& runtime_;
  const std::string user_agent_;
  // Cleared by the destructor; what comes in later finds it so.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Id next_ = 1;
  absl::flat_hash_map<Id, Running> running_;
  NetnsSockets sockets_;
};

}  // namespace rekindle::hooks

#endif  // REKINDLE_DAEMON_HOOKS_RUNNER_H_
