#include "daemon/hooks/http_get.h"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/base/status_macros.h"

namespace rekindle::hooks {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Request = http::request<http::empty_body>;
using ErrorCode = boost::system::error_code;

constexpr uint32_t kHeaderLimitBytes = 16 * 1024;
constexpr size_t kBodyLimitBytes = 10 * 1024;  // spec/node-runtime 3.9
constexpr int kMostInterimResponses = 8;       // 100 Continue, 103 Early Hints, ...

bool IsToken(absl::string_view name) {
  if (name.empty()) return false;
  for (const char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) &&
        !absl::StrContains("!#$%&'*+-.^_`|~", absl::string_view(&c, 1))) {
      return false;
    }
  }
  return true;
}

// A header's value must not end the header.
bool IsFieldValue(absl::string_view value) {
  for (const char c : value) {
    if (c != '\t' && absl::ascii_iscntrl(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

// The path and query as they go on the wire: what may not stand there is escaped, what is escaped
// already stays, a fragment is dropped.
std::string Target(absl::string_view path) {
  std::string target;
  if (path.empty() || path.front() != '/') target = "/";
  for (const char c : path.substr(0, path.find('#'))) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte > 0x20 && byte < 0x7f && !absl::StrContains("\"<>\\^`{|}", c);
    if (plain) {
      target += c;
    } else {
      absl::StrAppendFormat(&target, "%%%02X", byte);
    }
  }
  return target;
}

// Headers that say how the message or the connection is to be read; they are ours.
bool IsFraming(absl::string_view name) {
  for (absl::string_view own : {"connection", "content-length", "transfer-encoding", "trailer",
                                "upgrade", "keep-alive", "te", "expect"}) {
    if (absl::EqualsIgnoreCase(name, own)) return true;
  }
  return false;
}

std::string HostHeader(const tcp::endpoint& to, bool tls) {
  const std::string address = to.address().to_string();
  std::string host = to.address().is_v6() ? absl::StrCat("[", address, "]") : address;
  if (to.port() != (tls ? 443 : 80)) absl::StrAppend(&host, ":", to.port());
  return host;
}

// `Stream` is a TCP socket or TLS over one.
template <typename Stream>
class Exchange final : public HttpExchange, public std::enable_shared_from_this<Exchange<Stream>> {
 public:
  static constexpr bool kTls = !std::is_same_v<Stream, tcp::socket>;

  Exchange(tcp::socket socket, Request request, Done done)
      : stream_(MakeStream(std::move(socket))),
        request_(std::move(request)),
        done_(std::move(done)) {}

  void Start(const tcp::endpoint& to) {
    Socket().async_connect(to, [self = this->shared_from_this()](const ErrorCode& error) {
      if (self->Failed(error, "connect")) return;
      self->Handshake();
    });
  }

  void Cancel() override {
    done_ = nullptr;
    Close();
  }

 private:
  Stream MakeStream(tcp::socket socket) {
    if constexpr (kTls) {
      tls_.emplace(asio::ssl::context::tls_client);
      SSL_CTX_set_min_proto_version(tls_->native_handle(), TLS1_2_VERSION);
      return Stream(std::move(socket), *tls_);
    } else {
      return socket;
    }
  }

  tcp::socket& Socket() {
    if constexpr (kTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }

  void Close() {
    ErrorCode ignored;
    Socket().close(ignored);
  }

  void Handshake() {
    if constexpr (kTls) {
      stream_.async_handshake(asio::ssl::stream_base::client, [self = this->shared_from_this()](
                                                                  const ErrorCode& error) {
        self->plain_peer_ =
            error.category() == asio::error::get_ssl_category() &&
            ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_WRONG_VERSION_NUMBER;
        if (self->Failed(error, "TLS handshake")) return;
        self->Send();
      });
    } else {
      Send();
    }
  }

  void Send() {
    http::async_write(stream_, request_,
                      [self = this->shared_from_this()](const ErrorCode& error, size_t) {
                        if (self->Failed(error, "send the request")) return;
                        self->ReadHeader();
                      });
  }

  void ReadHeader() {
    parser_.emplace();
    parser_->header_limit(kHeaderLimitBytes);
    // The body is cut off below instead. (boost::none would refuse every Content-Length in 1.74.)
    parser_->body_limit(std::numeric_limits<uint64_t>::max());
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = this->shared_from_this()](const ErrorCode& error, size_t) {
                              if (self->Failed(error, "read the response")) return;
                              self->HeaderRead();
                            });
  }

  void HeaderRead() {
    code_ = parser_->get().result_int();
    if (code_ >= 100 && code_ < 200 && code_ != 101) {
      if (++interim_ > kMostInterimResponses) {
        return Finish(absl::UnavailableError("httpGet: too many interim responses"));
      }
      return ReadHeader();
    }
    if (parser_->is_done()) return FinishByCode();
    parser_->get().body().data = body_.data();
    parser_->get().body().size = body_.size();
    parser_->get().body().more = true;
    // The server counts as done once its body, or enough of it, was read; how that ended does not
    // matter.
    http::async_read(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](const ErrorCode&, size_t) { self->FinishByCode(); });
  }

  // True when `error` has ended the exchange.
  bool Failed(const ErrorCode& error, absl::string_view attempted) {
    if (!done_) return true;
    if (!error) return false;
    Finish(absl::UnavailableError(absl::StrCat("httpGet: ", attempted, ": ", error.message())));
    return true;
  }

  void FinishByCode() {
    Finish(code_ >= 200 && code_ < 400
               ? absl::OkStatus()
               : absl::AbortedError(absl::StrCat("httpGet: status code ", code_)));
  }

  void Finish(absl::Status status) {
    Close();
    if (!done_) return;
    std::exchange(done_, nullptr)({std::move(status), plain_peer_});
  }

  std::optional<asio::ssl::context> tls_;
  Stream stream_;
  Request request_;
  Done done_;
  bool plain_peer_ = false;
  int interim_ = 0;
  unsigned code_ = 0;
  boost::beast::flat_buffer buffer_{2 * kHeaderLimitBytes};
  std::optional<http::response_parser<http::buffer_body>> parser_;
  std::array<char, kBodyLimitBytes> body_{};
};

}  // namespace

absl::StatusOr<Request> BuildHttpGet(const HttpGetAction& action, const tcp::endpoint& to,
                                     const std::string& user_agent) {
  Request request(http::verb::get, Target(action.path), 11);
  request.set(http::field::host, HostHeader(to, action.tls));
  request.set(http::field::user_agent, user_agent);
  request.set(http::field::accept, "*/*");
  request.set(http::field::connection, "close");
  for (const auto& [name, value] : action.headers) {
    if (!IsToken(name) || !IsFieldValue(value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("headers: \"", absl::CHexEscape(name), "\" or its value is not valid"));
    }
    if (IsFraming(name)) continue;
    const bool once = absl::EqualsIgnoreCase(name, "host") ||
                      absl::EqualsIgnoreCase(name, "user-agent") ||
                      absl::EqualsIgnoreCase(name, "accept");
    if (absl::EqualsIgnoreCase(name, "accept") && value.empty()) {
      request.erase(http::field::accept);
    } else if (once) {
      request.set(name, value);
    } else {
      request.insert(name, value);
    }
  }
  return request;
}

std::shared_ptr<HttpExchange> StartHttpGet(tcp::socket socket, const tcp::endpoint& to, bool tls,
                                           Request request, HttpExchange::Done done) {
  const auto start = [&]<typename Stream>(std::type_identity<Stream>) {
    auto exchange =
        std::make_shared<Exchange<Stream>>(std::move(socket), std::move(request), std::move(done));
    exchange->Start(to);
    return exchange;
  };
  if (tls) return start(std::type_identity<asio::ssl::stream<tcp::socket>>());
  return start(std::type_identity<tcp::socket>());
}

}  // namespace rekindle::hooks
