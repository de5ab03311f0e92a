#ifndef REKINDLE_TEST_DAEMON_SERVICE_SERVER_FIXTURE_H_
#define REKINDLE_TEST_DAEMON_SERVICE_SERVER_FIXTURE_H_

#include <chrono>
#include <memory>
#include <string>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include "common/base/asio_loop.h"
#include "common/base/sync.h"
#include "daemon/service/server.h"
#include "tests/daemon/service/service_fakes.h"
#include "tests/fakes/temp_dir.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::service {

// A whole server over fakes, on a Unix socket in a directory of its own and, when asked, on a port
// of the system's choice.
class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    deps_.emplace(ServiceDeps{.loop = loop_,
                              .engine = engine_,
                              .runtime = runtime_,
                              .monitor = monitor_,
                              .puller = puller_,
                              .metrics = metrics_,
                              .facts = {.node_name = "node-1",
                                        .daemon_version = "1.2.3",
                                        .started = absl::FromUnixSeconds(1000),
                                        .quarantined_records = 2}});
  }

  ServerOptions LocalOptions() { return {.socket_path = dir_ / "node.sock"}; }

  ServerOptions TlsOptions() {
    InstallServerCert(ca_);
    return {.tls_address = "127.0.0.1:0",
            .tls = net::TlsPaths{
                .certificate = dir_ / "tls.crt", .key = dir_ / "tls.key", .ca = dir_ / "ca.crt"}};
  }

  void InstallServerCert(const TestCa& ca) {
    const PemPair own = ca.Issue({.cn = "localhost", .o = "rekindle:node"});
    WriteFile(dir_ / "tls.crt", own.certificate);
    WriteFile(dir_ / "tls.key", own.key);
    WriteFile(dir_ / "ca.crt", ca.pem());
  }

  void Start(const ServerOptions& options) {
    absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(loop_, options, *deps_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  // A channel of its own: channels of one address would share a connection otherwise.
  static grpc::ChannelArguments Alone() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return arguments;
  }

  std::unique_ptr<v1::NodeService::Stub> LocalStub() {
    return v1::NodeService::NewStub(LocalChannel());
  }
  std::shared_ptr<grpc::Channel> LocalChannel() {
    return grpc::CreateCustomChannel("unix:" + (dir_ / "node.sock"),
                                     grpc::InsecureChannelCredentials(), Alone());
  }

  std::shared_ptr<grpc::Channel> TlsChannel(const TestCa& trusted, const PemPair& client) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = trusted.pem();
    options.pem_private_key = client.key;
    options.pem_cert_chain = client.certificate;
    return grpc::CreateCustomChannel("localhost:" + std::to_string(server_->tls_port()),
                                     grpc::SslCredentials(options), Alone());
  }
  std::unique_ptr<v1::NodeService::Stub> TlsStub(const std::string& organization) {
    return v1::NodeService::NewStub(
        TlsChannel(ca_, ca_.Issue({.cn = "someone", .o = organization})));
  }

  // Every client call has a deadline.
  static std::unique_ptr<grpc::ClientContext> Context() {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return context;
  }

  static v1::RestartContainersRequest Request(const std::string& id, int containers = 1) {
    v1::RestartContainersRequest request;
    request.set_request_id(id);
    request.mutable_pod()->set_namespace_("default");
    request.mutable_pod()->set_name("web-0");
    request.set_order(v1::ORDER_PARALLEL);
    request.set_failure_policy(v1::FAILURE_POLICY_FAIL);
    for (int i = 0; i < containers; ++i) {
      auto* container = request.add_containers();
      container->set_name(absl::StrCat("c", i));
      container->set_method(v1::METHOD_REPLACE);
    }
    return request;
  }

  // The status that a RestartContainers call ends with; its responses are dropped.
  static grpc::Status Restart(v1::NodeService::Stub& stub,
                              const v1::RestartContainersRequest& request) {
    auto context = Context();
    auto reader = stub.RestartContainers(context.get(), request);
    v1::RestartContainersResponse response;
    while (reader->Read(&response)) {
    }
    return reader->Finish();
  }

  static grpc::Status Info(v1::NodeService::Stub& stub, v1::NodeInfo* info = nullptr) {
    v1::NodeInfo dropped;
    return stub.GetNodeInfo(Context().get(), {}, info == nullptr ? &dropped : info);
  }

  // Looks again and again, on the loop, until `holds` or 20 s have passed.
  template <typename Predicate>
  bool Eventually(Predicate holds) {
    const absl::Time end = absl::Now() + absl::Seconds(20);
    while (absl::Now() < end) {
      if (OnLoop(loop_, holds)) return true;
      Latch later;
      loop_.RunAfter(absl::Milliseconds(2), [&] { later.Open(); });
      later.Wait();
    }
    return false;
  }

  void Move(const std::string& id, restart::Phase phase) {
    OnLoop(loop_, [&] { engine_.Move(id, phase); });
  }

  int EngineCalls() {
    return OnLoop(loop_, [&] { return engine_.calls; });
  }

  TempDir dir_;
  TestCa ca_;
  AsioLoop loop_{"test-loop"};
  FakeEngine engine_{loop_};
  FakeRuntime runtime_{loop_};
  FakeMonitor monitor_;
  FakePuller puller_;
  Metrics metrics_{"1.2.3"};
  std::optional<ServiceDeps> deps_;
  std::unique_ptr<Server> server_;
};

}  // namespace rekindle::service

#endif  // REKINDLE_TEST_DAEMON_SERVICE_SERVER_FIXTURE_H_
