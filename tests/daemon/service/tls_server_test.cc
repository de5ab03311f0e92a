// Who may call what over TLS.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <openssl/ssl.h>

#include "tests/daemon/service/server_fixture.h"

namespace rekindle::service {
namespace {

using ::testing::HasSubstr;

constexpr char kController[] = "rekindle:controller";
constexpr char kViewer[] = "rekindle:viewer";

class TlsServerTest : public ServerTest {
 protected:
  void SetUp() override { Start(TlsOptions()); }

  int ConnectTcp() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(server_->tls_port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    timeval limit{.tv_sec = 20, .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
  }

  // Whether a handshake of at most `version` succeeds from a controller's certificate.
  bool Handshake(int version) {
    const PemPair client = ca_.Issue({.cn = "c", .o = kController});
    WriteFile(dir_ / "client.crt", client.certificate);
    WriteFile(dir_ / "client.key", client.key);
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, version);
    SSL_CTX_use_certificate_file(context, (dir_ / "client.crt").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context, (dir_ / "client.key").c_str(), SSL_FILETYPE_PEM);
    const unsigned char alpn[] = {2, 'h', '2'};
    SSL_CTX_set_alpn_protos(context, alpn, sizeof(alpn));
    SSL* ssl = SSL_new(context);
    const int fd = ConnectTcp();
    SSL_set_fd(ssl, fd);
    const bool done = SSL_connect(ssl) == 1;
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    return done;
  }

  absl::StatusCode CodeOf(const grpc::Status& status) {
    return static_cast<absl::StatusCode>(status.error_code());
  }
};

// Every method with what it needs: a new method without a row fails the last test below.
struct MethodRow {
  const char* name;
  bool change;
};
constexpr MethodRow kMethods[] = {
    {"RestartContainers", true}, {"GetOperation", false},   {"ListOperations", false},
    {"WatchOperations", false},  {"CancelOperation", true}, {"ListPods", false},
    {"WatchPods", false},        {"GetNodeInfo", false},    {"PullImage", true},
};

// Calls a method with a valid request and cancels it as soon as it has been let in. OK then.
grpc::Status Call(v1::NodeService::Stub& stub, const std::string& method,
                  const v1::RestartContainersRequest& restart) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  const auto first = [&](auto reader, auto response) {
    if (!reader->Read(&response)) return reader->Finish();
    context.TryCancel();
    reader->Finish();
    return grpc::Status::OK;
  };
  const auto not_found_is_fine = [](const grpc::Status& status) {
    return status.error_code() == grpc::StatusCode::NOT_FOUND ? grpc::Status::OK : status;
  };
  v1::Operation operation;
  if (method == "RestartContainers") {
    return first(stub.RestartContainers(&context, restart), v1::RestartContainersResponse());
  }
  if (method == "WatchOperations") {
    return first(stub.WatchOperations(&context, {}), v1::WatchOperationsResponse());
  }
  if (method == "WatchPods") {
    return first(stub.WatchPods(&context, {}), v1::WatchPodsResponse());
  }
  if (method == "PullImage") {
    v1::PullImageRequest request;
    request.set_image("app:v1");
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
    const grpc::Status status = first(stub.PullImage(&context, request), v1::PullImageResponse());
    // The fake never ends a pull: running out of time shows that it was let in.
    return status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ? grpc::Status::OK : status;
  }
  if (method == "GetOperation") {
    v1::GetOperationRequest request;
    request.set_id("x/c");
    return not_found_is_fine(stub.GetOperation(&context, request, &operation));
  }
  if (method == "CancelOperation") {
    v1::CancelOperationRequest request;
    request.set_id("x/c");
    return not_found_is_fine(stub.CancelOperation(&context, request, &operation));
  }
  if (method == "ListOperations") {
    v1::ListOperationsResponse response;
    return stub.ListOperations(&context, {}, &response);
  }
  if (method == "ListPods") {
    v1::ListPodsResponse response;
    return stub.ListPods(&context, {}, &response);
  }
  if (method == "GetNodeInfo") {
    v1::NodeInfo response;
    return stub.GetNodeInfo(&context, {}, &response);
  }
  return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, method);
}

TEST_F(TlsServerTest, ControllerMayDoEverything) {
  auto stub = TlsStub(kController);
  for (const MethodRow& row : kMethods) {
    const grpc::Status status = Call(*stub, row.name, Request("ok"));
    EXPECT_TRUE(status.ok()) << row.name << ": " << status.error_message();
  }
  EXPECT_EQ(EngineCalls(), 2);  // one restart, one cancel
}

TEST_F(TlsServerTest, ViewerMayOnlyRead) {
  auto stub = TlsStub(kViewer);
  for (const MethodRow& row : kMethods) {
    const absl::StatusCode code = CodeOf(Call(*stub, row.name, Request("no")));
    EXPECT_EQ(code, row.change ? absl::StatusCode::kPermissionDenied : absl::StatusCode::kOk)
        << row.name;
  }
  EXPECT_EQ(EngineCalls(), 0);
  EXPECT_EQ(OnLoop(loop_, [&] { return puller_.pulls; }), 0);
}

TEST_F(TlsServerTest, OtherRolesMayDoNothing) {
  for (const char* role : {"", "rekindle", "rekindle:controllers", "system:masters"}) {
    auto stub = TlsStub(role);
    for (const MethodRow& row : kMethods) {
      EXPECT_EQ(CodeOf(Call(*stub, row.name, Request("no"))), absl::StatusCode::kPermissionDenied)
          << role << " " << row.name;
    }
  }
  EXPECT_EQ(EngineCalls(), 0);
}

TEST(MethodTable, NamesEveryMethod) {
  const auto* service = v1::PullImageRequest::descriptor()->file()->service(0);
  ASSERT_EQ(service->method_count(), static_cast<int>(std::size(kMethods)));
  for (int i = 0; i < service->method_count(); ++i) {
    EXPECT_EQ(service->method(i)->name(), kMethods[i].name);
  }
}

TEST_F(TlsServerTest, ExpiredUnknownOrMissingCertificateIsRefusedInTheHandshake) {
  TestCa other("other authority");
  const PemPair expired = ca_.Issue(
      {.cn = "c", .o = kController, .begins = -absl::Hours(2), .ends = -absl::Minutes(1)});
  const PemPair future =
      ca_.Issue({.cn = "c", .o = kController, .begins = absl::Hours(1), .ends = absl::Hours(2)});
  const PemPair foreign = other.Issue({.cn = "c", .o = kController});
  const std::map<std::string, PemPair> rows = {
      {"expired", expired}, {"not yet valid", future}, {"other CA", foreign}, {"none", {}}};
  for (const auto& [name, client] : rows) {
    auto stub = v1::NodeService::NewStub(TlsChannel(ca_, client));
    EXPECT_EQ(Restart(*stub, Request("no")).error_code(), grpc::StatusCode::UNAVAILABLE) << name;
  }
  EXPECT_EQ(EngineCalls(), 0);
}

TEST_F(TlsServerTest, PlainTextAndOldProtocolsAreRefused) {
  auto plain = v1::NodeService::NewStub(
      grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->tls_port()),
                                grpc::InsecureChannelCredentials(), Alone()));
  EXPECT_EQ(Restart(*plain, Request("no")).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(Handshake(TLS1_1_VERSION));
  EXPECT_TRUE(Handshake(TLS1_2_VERSION));
  EXPECT_EQ(EngineCalls(), 0);
}

TEST_F(TlsServerTest, GarbageIsHarmless) {
  const int fd = ConnectTcp();
  const std::string garbage(5000, '\x16');
  ASSERT_GT(send(fd, garbage.data(), garbage.size(), MSG_NOSIGNAL), 0);
  char buffer[512];
  while (recv(fd, buffer, sizeof(buffer), 0) > 0) {
  }
  close(fd);
  EXPECT_TRUE(Info(*TlsStub(kViewer)).ok());
}

TEST_F(TlsServerTest, NewFilesAreUsedByNewConnections) {
  auto old_connection = TlsStub(kController);
  ASSERT_TRUE(Info(*old_connection).ok());
  TestCa next("next authority");
  // One after the other: in between, key and certificate do not fit, and the old pair serves.
  const PemPair own = next.Issue({.cn = "localhost", .o = "rekindle:node"});
  WriteFile(dir_ / "tls.crt", own.certificate);
  EXPECT_EQ(server_->ReloadTls().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Info(*TlsStub(kController)).ok());
  WriteFile(dir_ / "tls.key", own.key);
  WriteFile(dir_ / "ca.crt", next.pem());
  auto fresh =
      v1::NodeService::NewStub(TlsChannel(next, next.Issue({.cn = "someone", .o = kController})));
  EXPECT_TRUE(Info(*fresh).ok());
  EXPECT_TRUE(server_->ReloadTls().ok());
  // A new connection by the authority of before is refused, what was open stays open.
  EXPECT_EQ(Info(*TlsStub(kController)).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(Info(*old_connection).ok());
}

TEST_F(TlsServerTest, OneRoleCannotUseUpTheRateOfAnother) {
  ServerOptions options = TlsOptions();
  options.calls_per_second = 0.001;
  options.call_burst = 3;
  server_.reset();
  Start(options);
  auto viewer = TlsStub(kViewer);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Info(*viewer).ok());
  EXPECT_EQ(Info(*viewer).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  auto nobody = TlsStub("nobody");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Info(*nobody).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  }
  EXPECT_TRUE(Info(*TlsStub(kController)).ok());
}

class TlsOptionsTest : public ServerTest {};

TEST_F(TlsOptionsTest, NothingListensOnTcpWithoutFiles) {
  ServerOptions options = TlsOptions();
  options.tls.reset();
  EXPECT_EQ(Server::Start(loop_, options, *deps_).status().code(),
            absl::StatusCode::kInvalidArgument);
  options = TlsOptions();
  options.tls->key = dir_ / "absent.key";
  const absl::Status status = Server::Start(loop_, options, *deps_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("absent.key"));
}

TEST_F(TlsOptionsTest, TakenPortIsAnError) {
  Start(TlsOptions());
  ServerOptions options = TlsOptions();
  options.tls_address = "127.0.0.1:" + std::to_string(server_->tls_port());
  EXPECT_EQ(Server::Start(loop_, options, *deps_).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace rekindle::service
