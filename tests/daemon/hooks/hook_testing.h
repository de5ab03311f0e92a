#ifndef REKINDLE_TEST_DAEMON_HOOKS_HOOK_TESTING_H_
#define REKINDLE_TEST_DAEMON_HOOKS_HOOK_TESTING_H_

#include <sys/socket.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "common/base/asio_loop.h"
#include "common/base/sync.h"
#include "daemon/cri/runtime.h"
#include "daemon/hooks/runner.h"

namespace rekindle::hooks {

// A runtime that only knows ExecSync; the test answers it.
class ExecRuntime final : public cri::Runtime {
 public:
  struct Call {
    std::string container;
    std::vector<std::string> command;
    absl::Duration timeout;
    cri::Reply<cri::v1::ExecSyncResponse> reply;
  };
  std::vector<Call> calls;

  void ExecSync(const std::string& container_id, const std::vector<std::string>& command,
                absl::Duration timeout, cri::Reply<cri::v1::ExecSyncResponse> reply) override {
    calls.push_back({container_id, command, timeout, std::move(reply)});
  }

  void Version(cri::Reply<cri::v1::VersionResponse>) override { std::abort(); }
  void Status(cri::Reply<cri::v1::StatusResponse>) override { std::abort(); }
  void ListPodSandbox(const cri::v1::PodSandboxFilter&,
                      cri::Reply<cri::v1::ListPodSandboxResponse>) override {
    std::abort();
  }
  void PodSandboxStatus(const std::string&, bool,
                        cri::Reply<cri::v1::PodSandboxStatusResponse>) override {
    std::abort();
  }
  void ListContainers(const cri::v1::ContainerFilter&,
                      cri::Reply<cri::v1::ListContainersResponse>) override {
    std::abort();
  }
  void ContainerStatus(const std::string&, bool,
                       cri::Reply<cri::v1::ContainerStatusResponse>) override {
    std::abort();
  }
  void CreateContainer(const cri::v1::CreateContainerRequest&, cri::Reply<std::string>) override {
    std::abort();
  }
  void StartContainer(const std::string&, cri::Done) override { std::abort(); }
  void StopContainer(const std::string&, absl::Duration, cri::Done) override { std::abort(); }
  void RemoveContainer(const std::string&, cri::Done) override { std::abort(); }
  void ImageStatus(const std::string&, cri::Reply<std::optional<cri::v1::Image>>) override {
    std::abort();
  }
};

// A server that takes connections one after the other on a thread of its own, notes each request's
// header and answers with fixed bytes; then it closes, or holds the connection until it is
// destroyed.
class TestServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    std::string answer = "";
    bool hold = false;
    boost::asio::ssl::context* tls = nullptr;
  };

  explicit TestServer(Options options) : options_(std::move(options)), acceptor_(io_) {
    const auto address = boost::asio::ip::make_address(options_.address);
    acceptor_.open(address.is_v6() ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4());
    acceptor_.bind({address, 0});
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    thread_ = std::thread([this] { Serve(); });
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() {
    stop_ = true;
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);  // wakes accept()
    {
      MutexLock lock(&mutex_);
      if (current_ >= 0) ::shutdown(current_, SHUT_RDWR);
    }
    thread_.join();
  }

  uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  std::vector<std::string> requests() const {
    MutexLock lock(&mutex_);
    return requests_;
  }

 private:
  void Serve() {
    while (!stop_) {
      boost::system::error_code error;
      boost::asio::ip::tcp::socket socket(io_);
      acceptor_.accept(socket, error);
      if (error || stop_) return;
      ++connections_;
      SetCurrent(socket.native_handle());
      if (options_.tls != nullptr) {
        boost::asio::ssl::stream<boost::asio::ip::tcp::socket&> stream(socket, *options_.tls);
        stream.handshake(boost::asio::ssl::stream_base::server, error);
        if (!error) Exchange(stream);
      } else {
        Exchange(socket);
      }
      SetCurrent(-1);
    }
  }

  template <typename Stream>
  void Exchange(Stream& stream) {
    boost::system::error_code error;
    std::string text;
    boost::asio::read_until(stream, boost::asio::dynamic_buffer(text), "\r\n\r\n", error);
    {
      MutexLock lock(&mutex_);
      requests_.push_back(text);
    }
    if (!options_.answer.empty()) {
      boost::asio::write(stream, boost::asio::buffer(options_.answer), error);
    }
    // Ends when the peer closes or the server is destroyed.
    char rest[512];
    while (options_.hold && !error) stream.read_some(boost::asio::buffer(rest), error);
  }

  void SetCurrent(int fd) {
    MutexLock lock(&mutex_);
    current_ = fd;
    if (stop_ && fd >= 0) ::shutdown(fd, SHUT_RDWR);
  }

  const Options options_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<int> connections_{0};
  mutable Mutex mutex_;
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mutex_);
  int current_ ABSL_GUARDED_BY(mutex_) = -1;
  std::thread thread_;
};

// A runner on a real loop, called from the test's thread.
class RunnerOnLoop {
 public:
  RunnerOnLoop() {
    OnLoop([this] { runner_ = std::make_unique<PodHookRunner>(loop_, runtime_, "9.8.7"); });
  }
  ~RunnerOnLoop() {
    OnLoop([this] { runner_.reset(); });
    loop_.Stop();
  }

  absl::Status Run(const Handler& handler, const HookTarget& target,
                   absl::Duration limit = absl::Seconds(20)) {
    std::promise<absl::Status> result;
    loop_.Post([&] {
      auto inside = std::make_shared<bool>(true);  // outlives this task
      runner_->Run(handler, target, limit, [&, inside](absl::Status status) {
        result.set_value(*inside ? absl::InternalError("replied inline") : std::move(status));
      });
      *inside = false;
    });
    return result.get_future().get();
  }

  void OnLoop(std::function<void()> task) {
    std::promise<void> done;
    loop_.Post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

  std::unique_ptr<PodHookRunner>& runner() { return runner_; }

 private:
  ExecRuntime runtime_;
  AsioLoop loop_{"test"};
  std::unique_ptr<PodHookRunner> runner_;
};

}  // namespace rekindle::hooks

#endif  // REKINDLE_TEST_DAEMON_HOOKS_HOOK_TESTING_H_
