#include "tests/fakes/fake_api_server.h"

#include <atomic>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "common/base/sync.h"
#include "tests/fakes/fake_transport.h"

namespace rekindle {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Error = boost::system::error_code;

class FakeApiServer::Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(FakeApi& api, const Tls& tls, AsioLoop& loop)
      : api_(api),
        loop_(loop),
        acceptor_(loop.io(), tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    port_ = acceptor_.local_endpoint().port();
    if (tls.certificate.empty()) return;
    context_.emplace(asio::ssl::context::tls_server);
    context_->use_certificate_chain(asio::buffer(tls.certificate));
    context_->use_private_key(asio::buffer(tls.key), asio::ssl::context::pem);
    if (tls.client_ca.empty()) return;
    context_->add_certificate_authority(asio::buffer(tls.client_ca));
    context_->set_verify_mode(asio::ssl::verify_peer);
  }

  void Accept();
  void Close();
  void Forget(const std::shared_ptr<Session>& session) { sessions_.erase(session); }
  void CutAll();

  FakeApi& api() { return api_; }
  AsioLoop& loop() { return loop_; }
  uint16_t port() const { return port_; }
  int connections() const { return connections_.load(); }
  bool frozen() const { return frozen_.load(); }
  void Freeze(bool frozen) { frozen_.store(frozen); }

 private:
  FakeApi& api_;
  AsioLoop& loop_;
  std::optional<asio::ssl::context> context_;
  tcp::acceptor acceptor_;
  uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> frozen_{false};
  std::set<std::shared_ptr<Session>> sessions_;
};

// One connection. Plain or TLS: every operation is started on the one or the other.
class FakeApiServer::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Listener> listener, tcp::socket socket, asio::ssl::context* context)
      : listener_(std::move(listener)), socket_(std::move(socket)) {
    if (context != nullptr) tls_.emplace(socket_, *context);
  }

  void Begin() {
    if (!tls_.has_value()) return Read();
    tls_->async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](Error error) {
      if (error) return self->Close();
      self->ReadPeer();
      self->Read();
    });
  }

  void Close() {
    if (closed_) return;
    closed_ = true;
    if (watch_ != 0) listener_->api().Detach(watch_);
    Error ignored;
    socket_.close(ignored);
    listener_->Forget(shared_from_this());
  }

 private:
  template <typename Do>
  void OnStream(Do run) {
    if (tls_.has_value()) {
      run(*tls_);
    } else {
      run(socket_);
    }
  }

  void ReadPeer() {
    X509* peer = SSL_get1_peer_certificate(tls_->native_handle());
    if (peer == nullptr) return;
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, name, sizeof name);
    peer_ = name;
    X509_free(peer);
  }

  void Read() {
    parser_.emplace();
    parser_->body_limit(uint64_t{64} << 20);
    OnStream([&](auto& stream) {
      http::async_read(stream, buffer_, *parser_,
                       [self = shared_from_this()](Error error, size_t) { self->OnRead(error); });
    });
  }

  void OnRead(Error error) {
    if (error || listener_->frozen()) {
      if (error) Close();
      return;  // frozen: nothing more happens here, and the connection stays
    }
    const auto& message = parser_->get();
    FakeApi::Request request =
        ToFakeRequest(std::string(message.method_string()), std::string(message.target()));
    for (const auto& field : message) {
      request.headers.emplace(absl::AsciiStrToLower(std::string(field.name_string())),
                              std::string(field.value()));
    }
    request.body = message.body();
    request.peer = peer_;
    request_ = request;
    Answer(listener_->api().Handle(request));
  }

  void Answer(const FakeApi::Answer& answer) {
    if (answer.status == 0) {
      if (answer.after == FakeApi::After::kBreak) Close();
      return;
    }
    std::string head =
        absl::StrCat("HTTP/1.1 ", answer.status, " x\r\nContent-Type: ", answer.type, "\r\n");
    for (const auto& [name, value] : answer.headers)
      absl::StrAppend(&head, name, ": ", value, "\r\n");
    const bool stream = answer.stream || answer.watch_from != 0;
    const bool whole = answer.after == FakeApi::After::kEnd;
    if (stream) {
      absl::StrAppend(&head, "Transfer-Encoding: chunked\r\n\r\n");
      Write(head);
      if (!answer.body.empty()) Chunk(answer.body);
      if (answer.watch_from != 0) return Follow(answer.watch_from);
      if (whole) return End();
    } else {
      // One that does not end well has announced more than it gives.
      absl::StrAppend(&head, "Content-Length: ", answer.body.size() + (whole ? 0 : 1000),
                      "\r\n\r\n");
      Write(head + answer.body);
      if (whole) return Next();
    }
    if (answer.after == FakeApi::After::kBreak) closing_ = true;
    if (writing_ || !closing_) return;
    Close();
  }

  void Follow(uint64_t from) {
    watch_ = listener_->api().Attach(
        *request_, from,
        [weak = weak_from_this(), &loop = listener_->loop()](std::optional<std::string> frame) {
          loop.Post([weak, frame = std::move(frame)] {
            if (auto self = weak.lock()) self->OnFrame(frame);
          });
        });
  }

  void OnFrame(const std::optional<std::string>& frame) {
    if (closed_) return;
    if (!frame.has_value()) {
      watch_ = 0;
      return End();
    }
    if (frame->empty()) return Close();
    Chunk(*frame);
  }

  void Chunk(const std::string& text) {
    Write(absl::StrFormat("%x\r\n", text.size()) + text + "\r\n");
  }
  void End() {
    Write("0\r\n\r\n");
    Next();
  }
  void Next() {
    reading_next_ = true;
    if (!writing_) Flushed();
  }

  void Write(std::string text) {
    out_.push_back(std::move(text));
    if (!writing_) Flush();
  }
  void Flush() {
    if (out_.empty()) {
      writing_ = false;
      return Flushed();
    }
    writing_ = true;
    OnStream([&](auto& stream) {
      asio::async_write(stream, asio::buffer(out_.front()),
                        [self = shared_from_this()](Error error, size_t) {
                          if (error || self->closed_) return self->Close();
                          self->out_.pop_front();
                          self->Flush();
                        });
    });
  }
  void Flushed() {
    if (closing_) return Close();
    if (std::exchange(reading_next_, false)) Read();
  }

  std::shared_ptr<Listener> listener_;
  tcp::socket socket_;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<FakeApi::Request> request_;
  std::deque<std::string> out_;
  std::string peer_;
  uint64_t watch_ = 0;
  bool writing_ = false;
  bool closing_ = false;
  bool reading_next_ = false;
  bool closed_ = false;
};

void FakeApiServer::Listener::Accept() {
  acceptor_.async_accept([self = shared_from_this()](Error error, tcp::socket socket) {
    if (error) return;
    ++self->connections_;
    auto session = std::make_shared<Session>(
        self, std::move(socket), self->context_.has_value() ? &*self->context_ : nullptr);
    self->sessions_.insert(session);
    session->Begin();
    self->Accept();
  });
}

void FakeApiServer::Listener::CutAll() {
  for (const auto& session : std::exchange(sessions_, {})) session->Close();
}

void FakeApiServer::Listener::Close() {
  Error ignored;
  acceptor_.close(ignored);
  CutAll();
}

FakeApiServer::FakeApiServer(FakeApi& api, const Tls& tls) : tls_(!tls.certificate.empty()) {
  listener_ = std::make_shared<Listener>(api, tls, loop_);
  loop_.Post([listener = listener_] { listener->Accept(); });
}

FakeApiServer::~FakeApiServer() {
  Latch closed;
  loop_.Post([this, &closed] {
    listener_->Close();
    closed.Open();
  });
  closed.Wait();
  loop_.Stop();
  listener_.reset();
}

uint16_t FakeApiServer::port() const { return listener_->port(); }
std::string FakeApiServer::url() const {
  return absl::StrCat(tls_ ? "https" : "http", "://127.0.0.1:", port());
}
int FakeApiServer::connections() const { return listener_->connections(); }
void FakeApiServer::CutAll() {
  loop_.Post([listener = listener_] { listener->CutAll(); });
}
void FakeApiServer::Freeze(bool frozen) { listener_->Freeze(frozen); }

}  // namespace rekindle
