#include "controller/app/embedded_server.h"

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "absl/strings/str_cat.h"
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <gmock/gmock.h>

#include "controller/app/commands.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class EmbeddedServerTest : public ::testing::Test {
 protected:
  absl::Status Start() {
    server_.reset();
    auto server = EmbeddedServer::Start({.data_dir = dir_ / "data", .port = 0});
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> Run(ControllerCommandLine line) {
    line.embedded.data_dir = dir_ / "data";
    return RunControllerCommand(line, absl::Now());
  }

  TempDir dir_;
  std::unique_ptr<EmbeddedServer> server_;
};

TEST_F(EmbeddedServerTest, StartsTwiceOnTheSameData) {
  ASSERT_TRUE(Start().ok());
  EXPECT_GT(server_->port(), 0);
  EXPECT_EQ(server_->url(), absl::StrCat("https://127.0.0.1:", server_->port()));
  struct stat info {};
  ASSERT_EQ(::stat(server_->kubeconfig().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600);
  ASSERT_EQ(::stat((dir_ / "data").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700);
  const auto second = EmbeddedServer::Start({.data_dir = dir_ / "data", .port = 0});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Start().ok());
}

// What a client is shown: the serial number of the server's certificate.
std::string ShownSerial(uint16_t port) {
  namespace asio = boost::asio;
  asio::io_context io;
  asio::ssl::context context(asio::ssl::context::tls_client);
  asio::ssl::stream<asio::ip::tcp::socket> stream(io, context);
  boost::system::error_code error;
  stream.next_layer().connect({asio::ip::address_v4::loopback(), port}, error);
  if (!error) stream.handshake(asio::ssl::stream_base::client, error);
  X509* certificate = error ? nullptr : SSL_get1_peer_certificate(stream.native_handle());
  if (certificate == nullptr) return error.message();
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  char* text = BN_bn2hex(number);
  std::string out(text);
  OPENSSL_free(text);
  BN_free(number);
  X509_free(certificate);
  return out;
}

TEST_F(EmbeddedServerTest, ItsCertificateIsMadeAnewWhileItServes) {
  std::atomic<int64_t> days{0};
  const absl::Time start = absl::Now();
  auto server =
      EmbeddedServer::Start({.data_dir = dir_ / "data",
                             .port = 0,
                             .look_at_certificates = absl::Milliseconds(1),
                             .now = [&] { return start + absl::Hours(24 * days.load()); }});
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  const std::string first = ShownSerial(server_->port());
  std::ifstream file(dir_ / "data/admin.kubeconfig");
  const std::string kubeconfig{std::istreambuf_iterator<char>(file), {}};
  days = 334;  // 31 before it ends
  EXPECT_EQ(ShownSerial(server_->port()), first);
  days = 336;
  const absl::Time limit = absl::Now() + absl::Seconds(60);
  while (ShownSerial(server_->port()) == first && absl::Now() < limit) std::this_thread::yield();
  EXPECT_NE(ShownSerial(server_->port()), first);
  const auto renewed = [&] {
    std::ifstream again(dir_ / "data/admin.kubeconfig");
    return std::string(std::istreambuf_iterator<char>(again), {}) != kubeconfig;
  };
  while (!renewed() && absl::Now() < limit) std::this_thread::yield();
  EXPECT_TRUE(renewed());
  server_.reset();  // before its clock
}

TEST_F(EmbeddedServerTest, BackupWhileRunningAndRestore) {
  ASSERT_TRUE(Start().ok());
  const auto backup = Run({.action = ControllerCommandLine::Action::kBackup, .file = dir_ / "b"});
  ASSERT_TRUE(backup.ok()) << backup.status();
  EXPECT_THAT(*backup, HasSubstr("objects, revision"));
  const ControllerCommandLine restore{.action = ControllerCommandLine::Action::kRestore,
                                      .file = dir_ / "b"};
  EXPECT_EQ(Run(restore).status().code(), absl::StatusCode::kFailedPrecondition);
  server_.reset();
  const auto restored = Run(restore);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_THAT(*restored, StartsWith("restored: "));
  EXPECT_TRUE(Start().ok());
}

TEST_F(EmbeddedServerTest, KubeconfigsForOthers) {
  EXPECT_EQ(
      Run({.action = ControllerCommandLine::Action::kKubeconfig, .user = "bob"}).status().code(),
      absl::StatusCode::kNotFound);
  ASSERT_TRUE(Start().ok());
  const auto config = Run({.action = ControllerCommandLine::Action::kKubeconfig,
                           .user = "bob",
                           .groups = {"rekindle:read-only"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(*config, AllOf(HasSubstr("current-context: bob@rekindle"),
                             HasSubstr("server: " + server_->url() + "\n")));
}

TEST_F(EmbeddedServerTest, RefusalsNameWhatIsWrong) {
  auto address = EmbeddedServer::Start({.data_dir = dir_ / "data", .address = "nowhere"});
  EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument);
  auto parent = EmbeddedServer::Start({.data_dir = dir_ / "missing/data"});
  EXPECT_EQ(parent.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(parent.status().message()), HasSubstr("missing/data"));
  auto tokens = EmbeddedServer::Start({.data_dir = dir_ / "data", .token_file = dir_ / "none"});
  EXPECT_THAT(std::string(tokens.status().message()), HasSubstr("none"));
}

TEST(ServerUrlTest, OfNameAddressAndPort) {
  EXPECT_EQ(ServerUrl({.address = "10.0.0.1"}, 5), "https://10.0.0.1:5");
  EXPECT_EQ(ServerUrl({.address = "0.0.0.0"}, 5), "https://127.0.0.1:5");
  EXPECT_EQ(ServerUrl({.address = "::1"}, 5), "https://[::1]:5");
  EXPECT_EQ(ServerUrl({.address = "0.0.0.0", .names = {"host.example"}}, 5),
            "https://host.example:5");
}

}  // namespace
}  // namespace rekindle
