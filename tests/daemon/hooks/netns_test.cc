// Needs root: makes a network namespace of its own and proves that hooks go there and nowhere else.
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/hooks/hook_testing.h"

namespace rekindle::hooks {
namespace {

constexpr char kPodIp[] = "10.99.0.7";

ino_t Namespace(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_ino;
}

// A pod's network: a namespace with its loopback up and the pod's address on it, kept by a thread
// in which a server listens on all addresses.
class PodNetwork {
 public:
  PodNetwork() {
    std::promise<void> ready;
    thread_ = std::thread([this, &ready] {
      path_ = absl::StrCat("/proc/self/task/", ::syscall(SYS_gettid), "/ns/net");
      error_ = SetUp();
      if (error_.empty()) {
        server_ = std::make_unique<TestServer>(TestServer::Options{
            .address = "0.0.0.0", .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"});
      }
      ready.set_value();
      leave_.get_future().wait();
      server_.reset();
    });
    ready.get_future().wait();
  }
  ~PodNetwork() {
    leave_.set_value();
    thread_.join();
  }

  const std::string& error() const { return error_; }
  const std::string& path() const { return path_; }
  TestServer& server() { return *server_; }

 private:
  static std::string SetUp() {
    if (::unshare(CLONE_NEWNET) != 0) {
      return absl::StrCat("this test needs root: unshare: ", std::strerror(errno));
    }
    const UniqueFd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    if (::ioctl(control.get(), SIOCSIFFLAGS, &request) != 0) return "raise lo";
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, kPodIp, &address.sin_addr);
    std::strcpy(request.ifr_name, "lo:1");
    std::memcpy(&request.ifr_addr, &address, sizeof(address));
    if (::ioctl(control.get(), SIOCSIFADDR, &request) != 0) return "give lo the pod's address";
    return {};
  }

  std::string path_;
  std::string error_;
  std::unique_ptr<TestServer> server_;
  std::promise<void> leave_;
  std::thread thread_;
};

TEST(NetnsHooks, GoIntoThePodsNamespaceOnly) {
  PodNetwork pod;
  ASSERT_EQ(pod.error(), "");
  RunnerOnLoop on;
  // On the node, the same port answers as well: it must not be asked. The pod's server took any
  // free port, so this one may fail to bind; then nothing there could be reached by mistake either.
  const uint16_t port = pod.server().port();
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor trap(io);
  trap.open(boost::asio::ip::tcp::v4());
  trap.bind({boost::asio::ip::address_v4::any(), port});
  trap.listen();
  trap.non_blocking(true);
  ino_t loop_before = 0;
  on.OnLoop([&] { loop_before = Namespace("/proc/thread-self/ns/net"); });

  const HookTarget target{"c", pod.path(), {kPodIp}};
  int expected = 0;
  for (const char* host : {"", kPodIp, "127.0.0.1", "localhost"}) {
    EXPECT_EQ(on.Run(HttpGetAction{host, port, "/drain", false, {}}, target), absl::OkStatus());
    EXPECT_EQ(on.Run(TcpSocketAction{host, port}, target), absl::OkStatus());
    expected += 2;
  }
  // The pod does not have the node's addresses: what is refused never leaves.
  EXPECT_TRUE(absl::IsInvalidArgument(on.Run(TcpSocketAction{"10.99.0.8", port}, target)));
  // The last connection has been accepted once one more request was answered.
  EXPECT_EQ(on.Run(HttpGetAction{"", port, "/", false, {}}, target), absl::OkStatus());
  EXPECT_EQ(pod.server().connections(), expected + 1);

  boost::system::error_code error;
  trap.accept(error);
  EXPECT_EQ(error, boost::asio::error::would_block) << "a hook left the pod's namespace";
  on.OnLoop([&] { EXPECT_EQ(Namespace("/proc/thread-self/ns/net"), loop_before); });
  EXPECT_EQ(Namespace("/proc/thread-self/ns/net"), loop_before);
  EXPECT_NE(Namespace(pod.path()), loop_before);
}

TEST(NetnsHooks, TwoPodsWithTheSameAddressAreKeptApart) {
  PodNetwork one;
  ASSERT_EQ(one.error(), "");
  PodNetwork two;
  ASSERT_EQ(two.error(), "");
  RunnerOnLoop on;
  const HookTarget first{"c", one.path(), {kPodIp}};
  const HookTarget second{"c", two.path(), {kPodIp}};
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(on.Run(HttpGetAction{"", one.server().port(), "/one", false, {}}, first).ok());
    EXPECT_TRUE(on.Run(HttpGetAction{"", two.server().port(), "/two", false, {}}, second).ok());
  }
  EXPECT_THAT(one.server().requests(), ::testing::Each(::testing::HasSubstr("GET /one")));
  EXPECT_THAT(two.server().requests(), ::testing::Each(::testing::HasSubstr("GET /two")));
  EXPECT_EQ(one.server().connections(), 5);
  EXPECT_EQ(two.server().connections(), 5);
}

}  // namespace
}  // namespace rekindle::hooks
