#include "daemon/service/local_listener.h"

#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/base/sync.h"
#include "daemon/service/constants.h"

namespace rekindle::service {

namespace {

using Protocol = boost::asio::local::stream_protocol;
using Error = boost::system::error_code;

// What every HTTP/2 client says first (RFC 9113, 3.4).
constexpr absl::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
// After a failed accept (out of descriptors, say).
constexpr absl::Duration kAcceptPause = absl::Milliseconds(200);

}  // namespace

// Lives on the loop's thread.
class LocalListener::Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(AsioLoop& loop, LocalSocket socket, LocalAccess access, Callbacks callbacks)
      : file_(std::move(socket)),
        access_(std::move(access)),
        callbacks_(std::move(callbacks)),
        acceptor_(loop.io(), Protocol(), file_->ReleaseFd()),
        pause_(loop.io()) {}

  void Accept() {
    acceptor_.async_accept([self = shared_from_this()](Error error, Protocol::socket socket) {
      self->OnAccept(error, std::move(socket));
    });
  }

  void Stop() {
    Error ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (const auto& hello : std::exchange(hellos_, {})) hello->Close();
    file_.reset();
  }

 private:
  // A peer that has been let in but has said nothing yet.
  struct Hello {
    explicit Hello(Protocol::socket peer) : socket(std::move(peer)), timer(socket.get_executor()) {}
    void Close() {
      Error ignored;
      socket.close(ignored);
      timer.cancel();
    }
    Protocol::socket socket;
    boost::asio::steady_timer timer;
  };

  void OnAccept(const Error& error, Protocol::socket socket) {
    if (!acceptor_.is_open()) return;
    if (error) {
      pause_.expires_after(absl::ToChronoMilliseconds(kAcceptPause));
      pause_.async_wait([self = shared_from_this()](Error cancelled) {
        if (!cancelled) self->Accept();
      });
      return;
    }
    if (!CheckPeer(socket.native_handle(), access_).ok()) {
      callbacks_.refused("peer");
    } else if (hellos_.size() >= kMaxLocalHellos) {
      callbacks_.refused("busy");
    } else {
      AwaitHello(std::move(socket));
    }
    Accept();
  }

  void AwaitHello(Protocol::socket socket) {
    auto hello = std::make_shared<Hello>(std::move(socket));
    hellos_.insert(hello);
    hello->timer.expires_after(absl::ToChronoMilliseconds(kLocalHelloTimeout));
    hello->timer.async_wait([self = shared_from_this(), hello](Error cancelled) {
      if (!cancelled) self->Refuse(hello, "silent");
    });
    hello->socket.async_wait(Protocol::socket::wait_read,
                             [self = shared_from_this(), hello](Error cancelled) {
                               if (!cancelled) self->OnHello(hello);
                             });
  }

  void OnHello(const std::shared_ptr<Hello>& hello) {
    if (!hellos_.contains(hello)) return;
    char bytes[kPreface.size()];
    const ssize_t got =
        recv(hello->socket.native_handle(), bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
    // A peer that hangs up without a word (a probe of the socket) is no garbage.
    if (got <= 0) return Refuse(hello, "silent");
    if (!absl::StartsWith(kPreface, absl::string_view(bytes, static_cast<size_t>(got)))) {
      return Refuse(hello, "garbage");
    }
    Error failed;
    hello->socket.native_non_blocking(true, failed);
    hellos_.erase(hello);
    hello->timer.cancel();
    const int fd = hello->socket.release(failed);
    if (!failed) callbacks_.accepted(fd);
  }

  void Refuse(const std::shared_ptr<Hello>& hello, absl::string_view reason) {
    if (hellos_.erase(hello) == 0) return;
    hello->Close();
    callbacks_.refused(reason);
  }

  std::optional<LocalSocket> file_;
  const LocalAccess access_;
  const Callbacks callbacks_;
  Protocol::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::set<std::shared_ptr<Hello>> hellos_;
};

std::unique_ptr<LocalListener> LocalListener::Start(AsioLoop& loop, LocalSocket socket,
                                                    LocalAccess access, Callbacks callbacks) {
  auto acceptor =
      std::make_shared<Acceptor>(loop, std::move(socket), std::move(access), std::move(callbacks));
  loop.Post([acceptor] { acceptor->Accept(); });
  return std::unique_ptr<LocalListener>(new LocalListener(loop, std::move(acceptor)));
}

LocalListener::~LocalListener() { Stop(); }

void LocalListener::Stop() {
  if (!acceptor_) return;
  Latch stopped;
  loop_.Post([acceptor = std::exchange(acceptor_, nullptr), &stopped] {
    acceptor->Stop();
    stopped.Open();
  });
  stopped.Wait();
}

}  // namespace rekindle::service
