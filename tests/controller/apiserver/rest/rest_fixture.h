#ifndef REKINDLE_TESTS_CONTROLLER_APISERVER_REST_REST_FIXTURE_H_
#define REKINDLE_TESTS_CONTROLLER_APISERVER_REST_REST_FIXTURE_H_

#include <sys/stat.h>

#include <memory>
#include <string>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>

#include "controller/apiserver/pki/pki.h"
#include "controller/apiserver/rest/server.h"
#include "tests/controller/apiserver/rest/rest_fakes.h"
#include "tests/fakes/temp_dir.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::apiserver {

inline constexpr char kPods[] = "/api/v1/namespaces/ns/pods";

// A client's connection, blocking.
class RestConnection {
 public:
  RestConnection(uint16_t port, const std::string& ca, const KeyPair* pair)
      : context_(boost::asio::ssl::context::tls_client), stream_(io_, context_) {
    context_.add_certificate_authority(boost::asio::buffer(ca));
    context_.set_verify_mode(boost::asio::ssl::verify_peer);
    if (pair != nullptr) {
      context_.use_certificate_chain(boost::asio::buffer(pair->certificate));
      context_.use_private_key(boost::asio::buffer(pair->key), boost::asio::ssl::context::pem);
      // The stream has copied what the context had before.
      SSL_set_SSL_CTX(stream_.native_handle(), context_.native_handle());
      SSL_use_certificate(stream_.native_handle(),
                          SSL_CTX_get0_certificate(context_.native_handle()));
      SSL_use_PrivateKey(stream_.native_handle(),
                         SSL_CTX_get0_privatekey(context_.native_handle()));
    }
    stream_.set_verify_mode(boost::asio::ssl::verify_peer);
    const unsigned char protocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    SSL_set_alpn_protos(stream_.native_handle(), protocols, sizeof(protocols));
    stream_.next_layer().connect({boost::asio::ip::address_v4::loopback(), port}, error_);
    if (!error_) stream_.handshake(boost::asio::ssl::stream_base::client, error_);
  }

  bool ok() const { return !error_; }
  std::string alpn() {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(stream_.native_handle(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }

  void Send(const std::string& text) {
    boost::asio::write(stream_, boost::asio::buffer(text), error_);
  }
  // Until `mark` was read; everything that is left when the server hangs up before.
  std::string ReadUntil(const std::string& mark) {
    boost::asio::read_until(stream_, boost::asio::dynamic_buffer(read_), mark, error_);
    const size_t at = read_.find(mark);
    const size_t size = at == std::string::npos ? read_.size() : at + mark.size();
    std::string out = read_.substr(0, size);
    read_.erase(0, size);
    return out;
  }
  std::string ReadAll() {
    boost::asio::read(stream_, boost::asio::dynamic_buffer(read_), error_);
    return std::exchange(read_, "");
  }
  // A whole answer with a length: header and body.
  std::string ReadAnswer() {
    std::string header = ReadUntil("\r\n\r\n");
    const std::string key = "Content-Length: ";
    const size_t at = header.find(key);
    if (at == std::string::npos) return header;
    const size_t size = std::stoul(header.substr(at + key.size()));
    if (read_.size() < size) {
      boost::asio::read(stream_, boost::asio::dynamic_buffer(read_),
                        boost::asio::transfer_exactly(size - read_.size()), error_);
    }
    header += read_.substr(0, size);
    read_.erase(0, std::min(size, read_.size()));
    return header;
  }

 private:
  boost::asio::io_context io_;
  boost::asio::ssl::context context_;
  boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream_;
  boost::system::error_code error_;
  std::string read_;
};

class RestFixture : public ::testing::Test {
 protected:
  RestFixture() {
    const absl::Time now = absl::Now();
    auto pki = EnsureServerPki(dir_ / "pki", {"localhost", "127.0.0.1"}, now);
    EXPECT_TRUE(pki.ok()) << pki.status();
    pki_ = *std::move(pki);
    admin_ = Client("root", {"system:masters"});
  }
  ~RestFixture() override { server_.reset(); }

  KeyPair Client(const std::string& name, const std::vector<std::string>& groups) {
    auto pair = Issue(pki_.authority, {.common_name = name, .organizations = groups}, absl::Now(),
                      absl::Hours(1));
    EXPECT_TRUE(pair.ok()) << pair.status();
    return *pair;
  }

  void Start(RestServer::Options options = {}) {
    WriteFile(dir_ / "tokens", "t-reader,reader,1,rekindle:read-only\nt-bob,bob,2\n");
    ::chmod((dir_ / "tokens").c_str(), 0600);
    auto tokens = TokenFile::Open(dir_ / "tokens");
    ASSERT_TRUE(tokens.ok()) << tokens.status();
    tokens_ = *std::move(tokens);
    handler_ = std::make_unique<ApiHandler>(ApiHandler::Options{.registry = &registry_,
                                                                .surface = &surface_,
                                                                .tokens = tokens_.get(),
                                                                .metrics = &metrics_,
                                                                .random = [] { return 7u; }});
    options.http.certificate = pki_.server.certificate;
    options.http.key = pki_.server.key;
    options.http.client_ca = pki_.authority.certificate;
    auto server = RestServer::Start(options, *handler_, registry_, surface_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::unique_ptr<RestConnection> Connect(const KeyPair* pair) {
    return std::make_unique<RestConnection>(server_->port(), pki_.authority.certificate, pair);
  }
  std::unique_ptr<RestConnection> Connect() { return Connect(&admin_); }

  static std::string Request(const std::string& method, const std::string& target,
                             const std::string& headers = "", const std::string& body = "") {
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: x\r\n" + headers;
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
  }
  // One request as the admin, on a connection of its own.
  std::string Ask(const std::string& request) {
    auto connection = Connect();
    connection->Send(request);
    return connection->ReadAnswer();
  }

  TempDir dir_;
  FakeRegistry registry_;
  FakeSurface surface_;
  ServerMetrics metrics_{"test"};
  ServerPki pki_;
  KeyPair admin_;
  std::unique_ptr<TokenFile> tokens_;
  std::unique_ptr<ApiHandler> handler_;
  std::unique_ptr<RestServer> server_;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_TESTS_CONTROLLER_APISERVER_REST_REST_FIXTURE_H_
