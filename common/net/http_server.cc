#include "common/net/http_server.h"

#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "common/base/status_macros.h"
#include "common/base/sync.h"

namespace rekindle::net {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using Error = boost::system::error_code;

namespace {

// After a failed accept (out of descriptors, say): as long as it takes others to close some.
constexpr absl::Duration kAcceptPause = absl::Milliseconds(200);

using Request = http::request<http::empty_body>;
using Response = http::response<http::string_body>;

Response MakeResponse(const Request& request, HttpResponse content) {
  Response out;
  out.version(request.version());
  out.result(content.status);
  out.set(http::field::content_type, content.content_type);
  out.set(http::field::cache_control, "no-store");
  out.set("X-Content-Type-Options", "nosniff");
  out.keep_alive(request.keep_alive());
  out.body() = std::move(content.body);
  out.prepare_payload();
  return out;
}

}  // namespace

// Accepts connections and knows them all. Lives on the loop's thread.
class HttpServer::Listener : public std::enable_shared_from_this<Listener> {
 public:
  class Session;

  Listener(AsioLoop& loop, const Options& options, std::map<std::string, Handler> handlers)
      : options_(options),
        handlers_(std::move(handlers)),
        acceptor_(loop.io()),
        pause_(loop.io()) {}

  absl::StatusOr<uint16_t> Listen(const tcp::endpoint& endpoint);
  void Accept();
  void Close();

  HttpResponse Answer(const Request& request) const;
  const Options& options() const { return options_; }
  void Forget(const std::shared_ptr<Session>& session) { sessions_.erase(session); }

 private:
  void OnAccept(Error error, tcp::socket socket);

  const Options options_;
  const std::map<std::string, Handler> handlers_;
  tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::set<std::shared_ptr<Session>> sessions_;
};

// One connection: reads a request, answers it, and again while the client keeps it open.
class HttpServer::Listener::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Listener> listener, tcp::socket socket)
      : listener_(std::move(listener)), stream_(std::move(socket)) {}

  void Read() {
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(listener_->options().max_header_bytes));
    parser_->body_limit(0);
    stream_.expires_after(absl::ToChronoMilliseconds(listener_->options().timeout));
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](Error error, size_t) { self->OnRead(error); });
  }

  void Close() {
    Error ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.socket().close(ignored);
  }

 private:
  void OnRead(Error error) {
    if (!error) {
      Write(MakeResponse(parser_->get(), listener_->Answer(parser_->get())));
      return;
    }
    std::optional<HttpResponse> refusal;
    if (error == http::error::header_limit) {
      refusal = HttpResponse{.status = 431, .body = "request header too large\n"};
    } else if (error == http::error::body_limit) {
      refusal = HttpResponse{.status = 413, .body = "no request body is taken\n"};
    } else if (error.category() == make_error_code(http::error::bad_method).category() &&
               error != http::error::end_of_stream && error != http::error::partial_message) {
      refusal = HttpResponse{.status = 400, .body = "malformed request\n"};
    }
    if (!refusal) return End();
    Response response = MakeResponse(Request(http::verb::get, "/", 11), *std::move(refusal));
    response.keep_alive(false);
    Write(std::move(response));
  }

  void Write(Response response) {
    // HEAD: the header of what GET would give, without its body.
    const bool head = parser_->is_header_done() && parser_->get().method() == http::verb::head;
    const bool keep = response.keep_alive();
    response_.emplace(std::move(response));
    stream_.expires_after(absl::ToChronoMilliseconds(listener_->options().timeout));
    auto done = [self = shared_from_this(), keep](Error error, size_t) {
      if (error || !keep) return self->End();
      self->Read();
    };
    serializer_.emplace(*response_);
    if (head) {
      http::async_write_header(stream_, *serializer_, std::move(done));
    } else {
      http::async_write(stream_, *serializer_, std::move(done));
    }
  }

  void End() {
    Close();
    listener_->Forget(shared_from_this());
  }

  std::shared_ptr<Listener> listener_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::empty_body>> parser_;
  std::optional<Response> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
};

absl::StatusOr<uint16_t> HttpServer::Listener::Listen(const tcp::endpoint& endpoint) {
  Error error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", options_.address, ":",
                                               options_.port, ": ", error.message()));
  }
  return acceptor_.local_endpoint(error).port();
}

void HttpServer::Listener::Accept() {
  acceptor_.async_accept([self = shared_from_this()](Error error, tcp::socket socket) {
    self->OnAccept(error, std::move(socket));
  });
}

void HttpServer::Listener::OnAccept(Error error, tcp::socket socket) {
  if (!acceptor_.is_open()) return;
  if (error) {
    pause_.expires_after(absl::ToChronoMilliseconds(kAcceptPause));
    pause_.async_wait([self = shared_from_this()](Error cancelled) {
      if (!cancelled) self->Accept();
    });
    return;
  }
  if (sessions_.size() < options_.max_connections) {
    auto session = std::make_shared<Session>(shared_from_this(), std::move(socket));
    sessions_.insert(session);
    session->Read();
  }
  Accept();
}

HttpResponse HttpServer::Listener::Answer(const Request& request) const {
  std::string path(request.target());
  path.resize(std::min(path.find('?'), path.size()));
  auto it = handlers_.find(path);
  if (it == handlers_.end()) return {.status = 404, .body = "not found\n"};
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    return {.status = 405, .body = "only GET and HEAD\n"};
  }
  return it->second();
}

void HttpServer::Listener::Close() {
  Error ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  for (const auto& session : std::exchange(sessions_, {})) session->Close();
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    AsioLoop& loop, const Options& options, std::map<std::string, Handler> handlers) {
  Error error;
  const auto address = boost::asio::ip::make_address(options.address, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("address: \"", options.address, "\" is not an IP address"));
  }
  if (!address.is_loopback() && !options.allow_remote) {
    return absl::InvalidArgumentError(
        absl::StrCat("address: ", options.address, " is not a loopback address"));
  }
  auto listener = std::make_shared<Listener>(loop, options, std::move(handlers));
  RK_ASSIGN_OR_RETURN(const uint16_t port, listener->Listen(tcp::endpoint(address, options.port)));
  loop.Post([listener] { listener->Accept(); });
  return std::unique_ptr<HttpServer>(new HttpServer(loop, std::move(listener), port));
}

HttpServer::~HttpServer() {
  Latch closed;
  loop_.Post([this, &closed] {
    listener_->Close();
    closed.Open();
  });
  closed.Wait();
}

}  // namespace rekindle::net
