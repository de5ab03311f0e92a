// Mutual TLS, both ways.
#include <string>

#include "tests/controller/fleet/fleet_fixture.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::fleet {
namespace {

using ::testing::HasSubstr;

class FleetTlsTest : public FleetTest {
 protected:
  FleetTlsTest() { Install(ca_.Issue({.cn = "controller", .o = "rekindle:controller"}), ca_); }

  // The controller's files.
  void Install(const PemPair& own, const TestCa& trusted) {
    WriteFile(paths_.certificate, own.certificate);
    WriteFile(paths_.key, own.key);
    WriteFile(paths_.ca, trusted.pem());
  }
  void MakeWithTls() {
    absl::StatusOr<std::shared_ptr<net::TlsFiles>> files = net::TlsFiles::Open(paths_);
    ASSERT_TRUE(files.ok()) << files.status();
    Make(Quick(), *files);
  }
  // A daemon with a certificate of `own` that trusts callers of `trusted`.
  int Listen(const TestCa& own, const TestCa& trusted, int port = 0) {
    const PemPair pair = own.Issue({.cn = "daemon", .names = "DNS:rekindled,IP:127.0.0.1"});
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = trusted.pem();
    options.pem_key_cert_pairs = {{pair.key, pair.certificate}};
    return daemon_.StartOn(absl::StrCat("127.0.0.1:", port), grpc::SslServerCredentials(options));
  }
  absl::Status Point(int port, const std::string& name) {
    return Set("n1", {.target = absl::StrCat("127.0.0.1:", port), .server_name = name});
  }

  TempDir dir_;
  TestCa ca_;
  TestCa stranger_{"another authority"};
  net::TlsPaths paths_{.certificate = dir_ / "tls.crt", .key = dir_ / "tls.key", .ca = dir_ / "ca"};
  FakeNodeService daemon_;
};

TEST_F(FleetTlsTest, TheNameOrTheAddressOfTheCertificate) {
  MakeWithTls();
  const int port = Listen(ca_, ca_);
  for (const char* name : {"rekindled", "", "127.0.0.1"}) {
    ASSERT_TRUE(Point(port, name).ok());
    daemon_.WillRestart(Whole("r1"));
    EXPECT_TRUE(Restart("n1", "r1")->End().ok()) << name;
  }
  EXPECT_EQ(Stats().connected, 3);
  EXPECT_EQ(Stats().connect_failures, 0);
}

TEST_F(FleetTlsTest, AnotherNameIsNotSpokenTo) {
  MakeWithTls();
  ASSERT_TRUE(Point(Listen(ca_, ca_), "node-7").ok());
  const HeardPtr heard = Restart("n1", "r1");
  EXPECT_TRUE(AwaitReason(heard, "node-7"));
  EXPECT_TRUE(AwaitStats([](const FleetStats& now) { return now.connect_failures >= 3; }));
  EXPECT_TRUE(daemon_.requests().empty());
}

TEST_F(FleetTlsTest, ADaemonOfAnotherAuthorityIsNotSpokenTo) {
  MakeWithTls();
  ASSERT_TRUE(Point(Listen(stranger_, ca_), "rekindled").ok());
  const HeardPtr heard = Restart("n1", "r1");
  EXPECT_TRUE(AwaitReason(heard, "certificate verify failed"));
  EXPECT_TRUE(AwaitStats([](const FleetStats& now) { return now.connect_failures >= 3; }));
  EXPECT_TRUE(daemon_.requests().empty());
}

TEST_F(FleetTlsTest, ADaemonThatDoesNotTrustUsIsTriedWithPauses) {
  MakeWithTls();
  ASSERT_TRUE(Point(Listen(ca_, stranger_), "rekindled").ok());
  const absl::Duration begin = loop_.Monotonic();
  const HeardPtr heard = Restart("n1", "r1");
  EXPECT_TRUE(AwaitReason(heard, "the daemon of node n1 at 127.0.0.1:"));
  const auto attempts = [](const FleetStats& now) {
    return now.connect_failures + now.connections_broken;
  };
  EXPECT_TRUE(AwaitStats([&](const FleetStats& now) { return attempts(now) >= 6; }));
  // 20, 40, 80, 100, 100 ms.
  EXPECT_GE(loop_.Monotonic() - begin, absl::Milliseconds(340));
  EXPECT_TRUE(daemon_.requests().empty());
}

TEST_F(FleetTlsTest, NewConnectionsTakeTheFilesAsTheyAreThen) {
  MakeWithTls();
  const int port = Listen(ca_, ca_);
  ASSERT_TRUE(Point(port, "rekindled").ok());
  daemon_.WillRestart({.messages = {State("r1", 1)}, .stay_open = true});
  const HeardPtr heard = Restart("n1", "r1");
  ASSERT_TRUE(AwaitProgress(heard, 1));
  // The authority is replaced on the side of the daemon first.
  daemon_.Stop();
  Listen(stranger_, stranger_, port);
  ASSERT_TRUE(AwaitReason(heard, "certificate verify failed"));
  daemon_.WillRestart({.messages = {State("r1", 4)}});
  Install(stranger_.Issue({.cn = "the controller", .o = "rekindle:controller"}), stranger_);
  EXPECT_TRUE(heard->End().ok());
}

TEST_F(FleetTlsTest, WithoutCertificatesOnlySockets) {
  Make();
  const absl::Status refused = Point(10240, "rekindled");
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("target: 127.0.0.1:10240"));
  EXPECT_EQ(Set("n1", {.target = "nonsense"}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Stats().nodes, 0);
}

}  // namespace
}  // namespace rekindle::fleet
