// Who may register what: the pure rules, and both ends over real TLS.
#include "controller/nodes/registration.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "common/base/asio_loop.h"
#include "controller/nodes/registry_server.h"
#include "daemon/register/grpc_registry.h"
#include "tests/fakes/await.h"
#include "tests/fakes/temp_dir.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::nodes {
namespace {

using ::testing::HasSubstr;
using Code = absl::StatusCode;

controller::v1::RegisterRequest Request(const std::string& node, const std::string& address,
                                        const std::string& server_name = "") {
  controller::v1::RegisterRequest request;
  request.set_node_name(node);
  request.set_address(address);
  request.set_server_name(server_name);
  return request;
}

TEST(RegistrationTest, PeerAddresses) {
  EXPECT_EQ(PeerAddress("ipv4:10.0.0.7:4711"), "10.0.0.7");
  EXPECT_EQ(PeerAddress("ipv6:%5Bfd00::1%5D:4711"), "fd00::1");
  EXPECT_EQ(PeerAddress("ipv6:[fd00::1]:4711"), "fd00::1");
  EXPECT_EQ(PeerAddress("ipv6:%5B::ffff:10.0.0.7%5D:1"), "10.0.0.7");
  EXPECT_EQ(PeerAddress("unix:/x"), "");
  EXPECT_EQ(PeerAddress(""), "");
}

TEST(RegistrationTest, ANodeSpeaksForItselfOnly) {
  const net::PeerCertificate certificate = {.name = "node-1",
                                            .organizations = {"other", "rekindle:node"},
                                            .alt_names = {"node-1", "node-1.example", "10.0.0.7"}};
  const struct {
    controller::v1::RegisterRequest request;
    const char* target;  // null: refused
    Code code;
    const char* message;
  } kRows[] = {
      {Request("node-1", "10.0.0.7:10240"), "10.0.0.7:10240", Code::kOk, ""},
      {Request("node-1", ":10240"), "10.9.9.9:10240", Code::kOk, ""},
      {Request("node-1", "10.9.9.9:1"), "10.9.9.9:1", Code::kOk, ""},
      {Request("node-1", "NODE-1.example:1", "node-1.example"), "NODE-1.example:1", Code::kOk, ""},
      {Request("node-2", ":1"), nullptr, Code::kPermissionDenied, "is not that of node \"node-2\""},
      {Request("Node_1", ":1"), nullptr, Code::kInvalidArgument, "node_name"},
      {Request("", ":1"), nullptr, Code::kInvalidArgument, "node_name"},
      {Request("node-1", "10.0.0.8:1"), nullptr, Code::kPermissionDenied, "address"},
      {Request("node-1", "metadata.internal:80"), nullptr, Code::kPermissionDenied, "address"},
      {Request("node-1", ""), nullptr, Code::kInvalidArgument, "address"},
      {Request("node-1", "10.0.0.7"), nullptr, Code::kInvalidArgument, "address"},
      {Request("node-1", ":0"), nullptr, Code::kInvalidArgument, "address"},
      {Request("node-1", ":65536"), nullptr, Code::kInvalidArgument, "address"},
      {Request("node-1", ":+5"), nullptr, Code::kInvalidArgument, "address"},
      {Request("node-1", "unix:/run/x:1"), nullptr, Code::kInvalidArgument, "address"},
      {Request("node-1", ":1", "node-2"), nullptr, Code::kPermissionDenied, "server_name"},
  };
  for (const auto& row : kRows) {
    const auto got = JudgeRegistration(row.request, certificate, "10.9.9.9");
    SCOPED_TRACE(row.request.ShortDebugString());
    EXPECT_EQ(got.status().code(), row.code) << got.status();
    if (row.target != nullptr) {
      EXPECT_EQ(got->target, row.target);
    } else {
      EXPECT_THAT(std::string(got.status().message()), HasSubstr(row.message));
    }
  }
  net::PeerCertificate stranger = certificate;
  stranger.organizations = {"rekindle:controller"};
  EXPECT_EQ(JudgeRegistration(Request("node-1", ":1"), stranger, "10.9.9.9").status().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(JudgeRegistration(Request("node-1", ":1"), certificate, "").status().code(),
            Code::kInvalidArgument);
  const net::PeerCertificate six = {
      .name = "node-1", .organizations = {"rekindle:node"}, .alt_names = {"node-1", "fd00::5"}};
  EXPECT_EQ(JudgeRegistration(Request("node-1", "[fd00::5]:7"), six, "x")->target, "[fd00::5]:7");
}

class RegistryServerTest : public ::testing::Test {
 protected:
  void SetUp() override { Start({}); }
  void TearDown() override {
    for (auto& registry : registries_) RunOn(loop_, [&] { registry.reset(); });
    server_.reset();
  }

  void Start(RegistryServer::Options options) {
    server_.reset();
    options.address = "127.0.0.1:0";
    auto server = RegistryServer::Start(
        loop_, options, Files(ca_, {.cn = "controller", .o = "rekindle:controller"}),
        [this](const NodeEndpoint& endpoint) { registered_.push_back(endpoint); });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::shared_ptr<net::TlsFiles> Files(const TestCa& issuer, const TestCa::Subject& subject) {
    const std::string name = absl::StrCat(dir_ / "cert", next_++);
    const PemPair own = issuer.Issue(subject);
    WriteFile(name + ".crt", own.certificate);
    WriteFile(name + ".key", own.key);
    WriteFile(name + ".ca", ca_.pem());
    auto files = net::TlsFiles::Open({name + ".crt", name + ".key", name + ".ca"});
    EXPECT_TRUE(files.ok()) << files.status();
    return *std::move(files);
  }

  absl::StatusOr<controller::v1::RegisterResponse> Register(
      std::shared_ptr<net::TlsFiles> files, const std::string& node,
      const std::string& server_name = "localhost") {
    registries_.push_back(std::make_unique<registration::GrpcRegistry>(
        loop_, queue_, absl::StrCat("127.0.0.1:", server_->port()), server_name, std::move(files)));
    return AwaitReply<controller::v1::RegisterResponse>(loop_, [&](auto done) {
      registries_.back()->Register(Request(node, ":10240"), absl::Seconds(10), std::move(done));
    });
  }
  absl::StatusOr<controller::v1::RegisterResponse> Register(const TestCa::Subject& subject,
                                                            const std::string& node) {
    return Register(Files(ca_, subject), node);
  }

  TempDir dir_;
  TestCa ca_;
  int next_ = 0;
  AsioLoop loop_{"test-loop"};
  net::RpcQueue queue_{"test-rpc"};
  std::vector<NodeEndpoint> registered_;  // the loop's
  std::unique_ptr<RegistryServer> server_;
  std::vector<std::unique_ptr<registration::GrpcRegistry>> registries_;
};

TestCa::Subject Node1() {
  return {.cn = "node-1", .o = "rekindle:node", .names = "DNS:node-1,IP:10.0.0.7"};
}

TEST_F(RegistryServerTest, TakesANode) {
  const auto response = Register(Node1(), "node-1");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->again_after().seconds(), 10);
  ASSERT_TRUE(AwaitOn(loop_, [&] { return !registered_.empty(); }));
  EXPECT_EQ(registered_[0],
            (NodeEndpoint{.node = "node-1", .target = "127.0.0.1:10240", .server_name = "node-1"}));
}

TEST_F(RegistryServerTest, RefusesOthers) {
  TestCa::Subject subject = Node1();
  EXPECT_EQ(Register(subject, "node-2").status().code(), Code::kPermissionDenied);
  subject.o = "rekindle:controller";
  EXPECT_EQ(Register(subject, "node-1").status().code(), Code::kPermissionDenied);
  subject.o = "";
  EXPECT_EQ(Register(subject, "node-1").status().code(), Code::kPermissionDenied);
  // These do not even get a connection.
  subject = Node1();
  subject.begins = -absl::Hours(2);
  subject.ends = -absl::Hours(1);
  EXPECT_EQ(Register(subject, "node-1").status().code(), Code::kUnavailable);
  subject = Node1();
  subject.begins = absl::Hours(1);
  subject.ends = absl::Hours(2);
  EXPECT_EQ(Register(subject, "node-1").status().code(), Code::kUnavailable);
  const TestCa other("another authority");
  EXPECT_EQ(Register(Files(other, Node1()), "node-1").status().code(), Code::kUnavailable);
  RunOn(loop_, [&] { EXPECT_TRUE(registered_.empty()); });
}

TEST_F(RegistryServerTest, ADaemonDoesNotTrustAnotherServer) {
  EXPECT_EQ(Register(Files(ca_, Node1()), "node-1", "controller.example").status().code(),
            Code::kUnavailable);
}

TEST_F(RegistryServerTest, AChangedCertificateIsUsedFromTheNextCallOn) {
  const std::string name = dir_ / "renewed";
  const auto write = [&](const TestCa::Subject& subject) {
    const PemPair own = ca_.Issue(subject);
    WriteFile(name + ".crt", own.certificate);
    WriteFile(name + ".key", own.key);
  };
  TestCa::Subject subject = Node1();
  subject.o = "nothing";
  write(subject);
  WriteFile(name + ".ca", ca_.pem());
  const auto files = net::TlsFiles::Open({name + ".crt", name + ".key", name + ".ca"});
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(Register(*files, "node-1").status().code(), Code::kPermissionDenied);
  write(Node1());
  const auto again = AwaitReply<controller::v1::RegisterResponse>(loop_, [&](auto done) {
    registries_.back()->Register(Request("node-1", ":1"), absl::Seconds(10), std::move(done));
  });
  EXPECT_TRUE(again.ok()) << again.status();
}

TEST_F(RegistryServerTest, TakesNoMoreThanItsLimit) {
  Start({.max_nodes = 1});
  EXPECT_TRUE(Register(Node1(), "node-1").ok());
  EXPECT_TRUE(Register(Node1(), "node-1").ok());
  TestCa::Subject second = Node1();
  second.cn = "node-2";
  second.names = "DNS:node-2";
  EXPECT_EQ(Register(second, "node-2").status().code(), Code::kResourceExhausted);
}

TEST_F(RegistryServerTest, AnAddressInUseIsNamed) {
  const std::string address = absl::StrCat("127.0.0.1:", server_->port());
  const auto second = RegistryServer::Start(loop_, {.address = address}, Files(ca_, Node1()),
                                            [](const NodeEndpoint&) {});
  EXPECT_EQ(second.status().code(), Code::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(address));
}

}  // namespace
}  // namespace rekindle::nodes
