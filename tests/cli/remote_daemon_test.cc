// The tool against a daemon that asks for mutual TLS.
#include <memory>

#include <grpcpp/security/server_credentials.h>

#include "tests/cli/cli_fixture.h"
#include "tests/fakes/slow_link.h"
#include "tests/fakes/temp_dir.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RemoteDaemonTest : public CliTest {
 protected:
  RemoteDaemonTest() {
    service_.Stop();  // nothing but TLS
    const PemPair daemon = ca_.Issue({.cn = "node-1"});
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = ca_.pem();
    options.pem_key_cert_pairs.push_back({daemon.key, daemon.certificate});
    port_ = service_.StartOn("127.0.0.1:0", grpc::SslServerCredentials(options));
    WriteFile(dir_ / "ca.crt", ca_.pem());
  }

  // Runs `command` with a certificate of `issuer`.
  Result RunAs(const TestCa& issuer, std::vector<std::string> command,
               const std::string& host = "localhost") {
    const PemPair client = issuer.Issue({.cn = "operator", .o = "rekindle:controller"});
    WriteFile(dir_ / "client.crt", client.certificate);
    WriteFile(dir_ / "client.key", client.key);
    for (const std::string& word :
         {std::string("--address"), host + ":" + std::to_string(port_), std::string("--tls-cert"),
          dir_ / "client.crt", std::string("--tls-key"), dir_ / "client.key",
          std::string("--tls-ca"), dir_ / "ca.crt"}) {
      command.push_back(word);
    }
    return Run(command);
  }

  TempDir dir_;
  TestCa ca_;
  int port_ = 0;
};

TEST_F(RemoteDaemonTest, ReadsAndRestarts) {
  const Result pods = RunAs(ca_, {"node", "ps", "-o", "wide"});
  EXPECT_EQ(pods.code, kExitOk) << pods.err;
  EXPECT_THAT(pods.out, HasSubstr("10.88.0.7"));

  service_.WillRestart(Stream({SampleOperation("app", v1::PHASE_DONE)}));
  const Result restart = RunAs(ca_, {"node", "restart", "web", "-c", "app"});
  EXPECT_EQ(restart.code, kExitOk) << restart.err;
  EXPECT_EQ(service_.last_restart().pod().name(), "web");
}

// A handshake of TLS and HTTP/2 needs several round trips, here of 300 ms.
TEST_F(RemoteDaemonTest, ReachesADaemonThatIsFarAway) {
  const SlowLink link(port_, absl::Milliseconds(150));
  port_ = link.port();
  const Result pods = RunAs(ca_, {"node", "ps"});
  EXPECT_EQ(pods.code, kExitOk) << pods.err;
}

TEST_F(RemoteDaemonTest, AStrangersCertificateIsNotLetIn) {
  const Result result = RunAs(TestCa("somebody else"), {"node", "restart", "web", "-c", "app"});
  EXPECT_EQ(result.code, kExitUnreachable) << result.out << result.err;
  EXPECT_TRUE(service_.requests().empty());
}

TEST_F(RemoteDaemonTest, TheDaemonsNameIsChecked) {
  std::vector<std::string> command = {"node", "ps", "--tls-server-name", "node-2.example"};
  const Result wrong = RunAs(ca_, command);
  EXPECT_EQ(wrong.code, kExitUnreachable) << wrong.out << wrong.err;
  EXPECT_TRUE(service_.requests().empty());

  command.back() = "localhost";
  EXPECT_EQ(RunAs(ca_, command, "127.0.0.1").code, kExitOk);
}

TEST_F(RemoteDaemonTest, TheDaemonsCertificateMustBeOfTheKnownAuthority) {
  WriteFile(dir_ / "ca.crt", TestCa("another").pem());
  const Result result = RunAs(ca_, {"node", "ps"});
  EXPECT_EQ(result.code, kExitUnreachable);
  EXPECT_THAT(result.err, Not(HasSubstr("systemctl")));
}

}  // namespace
}  // namespace rekindle::cli
