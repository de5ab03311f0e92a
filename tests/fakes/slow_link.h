#ifndef REKINDLE_TEST_FAKES_SLOW_LINK_H_
#define REKINDLE_TEST_FAKES_SLOW_LINK_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "common/base/sync.h"

namespace rekindle {

// A TCP port of 127.0.0.1 that leads to another one over a long way: whatever is sent arrives
// `delay` later. Threads: construct and destroy on one; each direction of a connection has its own.
class SlowLink {
 public:
  SlowLink(int target_port, absl::Duration delay)
      : target_(target_port), delay_(delay), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = Address(0);
    socklen_t size = sizeof(address);
    if (bind(listener_, Raw(&address), size) != 0 || listen(listener_, 16) != 0 ||
        getsockname(listener_, Raw(&address), &size) != 0) {
      return;  // port() is 0 then, and nobody can connect
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~SlowLink() {
    {
      MutexLock lock(&mutex_);
      stopped_ = true;
      shutdown(listener_, SHUT_RDWR);
      for (const int end : ends_) shutdown(end, SHUT_RDWR);
    }
    stop_.Open();
    if (acceptor_.joinable()) acceptor_.join();
    for (std::thread& pump : pumps_) pump.join();
    MutexLock lock(&mutex_);
    for (const int end : ends_) close(end);
    close(listener_);
  }
  SlowLink(const SlowLink&) = delete;
  SlowLink& operator=(const SlowLink&) = delete;

  int port() const { return port_; }

 private:
  static sockaddr* Raw(sockaddr_in* address) { return reinterpret_cast<sockaddr*>(address); }
  static sockaddr_in Address(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    return address;
  }

  void Accept() {
    while (true) {
      const int near = accept(listener_, nullptr, nullptr);
      if (near < 0) return;
      const int far = socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in address = Address(target_);
      const bool connected = connect(far, Raw(&address), sizeof(address)) == 0;
      MutexLock lock(&mutex_);
      ends_.insert(ends_.end(), {near, far});
      if (stopped_ || !connected) {
        shutdown(near, SHUT_RDWR);
        continue;
      }
      pumps_.emplace_back([this, near, far] { Pump(near, far); });
      pumps_.emplace_back([this, near, far] { Pump(far, near); });
    }
  }

  void Pump(int from, int to) {
    std::array<char, 16 * 1024> bytes;
    while (true) {
      const ssize_t count = read(from, bytes.data(), bytes.size());
      if (count <= 0) break;
      stop_.WaitFor(delay_);
      if (send(to, bytes.data(), static_cast<size_t>(count), MSG_NOSIGNAL) != count) break;
    }
    shutdown(to, SHUT_WR);
  }

  const int target_;
  const absl::Duration delay_;
  const int listener_;
  int port_ = 0;
  Latch stop_;
  Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<int> ends_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> pumps_;
  std::thread acceptor_;
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_SLOW_LINK_H_
