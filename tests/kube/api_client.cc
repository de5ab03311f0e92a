#include "tests/kube/api_client.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include "common/base/status_macros.h"

namespace rekindle::kube {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using nlohmann::json;

constexpr size_t kLargestBody = 256 * 1024 * 1024;

absl::StatusCode CodeOf(int http_code) {
  switch (http_code) {
    case 400:
    case 422:
      return absl::StatusCode::kInvalidArgument;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 409:
      return absl::StatusCode::kAborted;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

asio::const_buffer Buffer(const std::string& text) { return {text.data(), text.size()}; }

}  // namespace

struct ApiClient::Tls {
  asio::ssl::context context{asio::ssl::context::tls_client};
  beast::error_code broken;  // bad PEM
};

ApiClient::ApiClient(std::string ip, int port, const std::string& ca, const Identity& identity)
    : ip_(std::move(ip)), port_(port), token_(identity.token), tls_(std::make_unique<Tls>()) {
  beast::error_code& error = tls_->broken;
  tls_->context.set_verify_mode(asio::ssl::verify_peer, error);
  if (!error) tls_->context.add_certificate_authority(Buffer(ca), error);
  if (identity.certificate.empty()) return;
  if (!error) tls_->context.use_certificate_chain(Buffer(identity.certificate), error);
  if (!error) {
    tls_->context.use_private_key(Buffer(identity.key), asio::ssl::context::pem, error);
  }
}

ApiClient::~ApiClient() = default;
ApiClient::ApiClient(ApiClient&&) noexcept = default;

absl::StatusOr<bed::HttpReply> ApiClient::Call(const bed::HttpRequest& request,
                                               absl::Duration timeout) const {
  if (tls_->broken) {
    return absl::InvalidArgumentError(absl::StrCat("credentials: ", tls_->broken.message()));
  }
  beast::error_code error;
  asio::ip::address address = asio::ip::make_address(ip_, error);
  if (error) return absl::InvalidArgumentError(absl::StrCat("ip: \"", ip_, "\""));
  http::request<http::string_body> out(http::string_to_verb(request.method), request.target, 11);
  out.set(http::field::host, ip_);
  out.set(http::field::connection, "close");
  if (!token_.empty()) out.set(http::field::authorization, "Bearer " + token_);
  for (const auto& [name, value] : request.headers) out.set(name, value);
  out.body() = request.body;
  out.prepare_payload();

  asio::io_context context;
  beast::ssl_stream<beast::tcp_stream> stream(context, tls_->context);
  beast::get_lowest_layer(stream).expires_after(absl::ToChronoMilliseconds(timeout));
  http::response_parser<http::string_body> parser;
  parser.body_limit(kLargestBody);
  beast::flat_buffer buffer;
  std::string step = "connect";
  auto receive = [&](beast::error_code sent, size_t) {
    error = sent;
    if (error) return;
    step = "receive";
    http::async_read(stream, buffer, parser,
                     [&](beast::error_code received, size_t) { error = received; });
  };
  auto send = [&](beast::error_code shaken) {
    error = shaken;
    if (error) return;
    step = "send";
    http::async_write(stream, out, receive);
  };
  beast::get_lowest_layer(stream).async_connect(
      {address, static_cast<uint16_t>(port_)}, [&](beast::error_code connected) {
        error = connected;
        if (error) return;
        step = "TLS";
        stream.async_handshake(asio::ssl::stream_base::client, send);
      });
  context.run();
  // A server that closes without saying goodbye after a whole answer is fine.
  if (error && !(error == asio::ssl::error::stream_truncated && parser.is_done())) {
    return absl::UnavailableError(absl::StrCat("https://", ip_, ":", port_, request.target, ": ",
                                               step, ": ", error.message()));
  }
  bed::HttpReply reply;
  reply.code = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get()) {
    std::string name(field.name_string());
    reply.headers[absl::AsciiStrToLower(name)] = std::string(field.value());
  }
  reply.body = std::move(parser.get().body());
  return reply;
}

absl::StatusOr<json> ApiClient::Object(const std::string& method, const std::string& path,
                                       const json* body, const std::string& type) const {
  bed::HttpRequest request;
  request.method = method;
  request.target = path;
  request.headers["Accept"] = "application/json";
  if (body != nullptr) {
    request.headers["Content-Type"] = type;
    request.body = body->dump();
  }
  RK_ASSIGN_OR_RETURN(bed::HttpReply reply, Call(request));
  json object = json::parse(reply.body, nullptr, false);
  if (reply.code < 200 || reply.code > 299) {
    std::string message = object.is_object() ? object.value("message", "") : reply.body;
    return absl::Status(CodeOf(reply.code),
                        absl::StrCat(method, " ", path, ": HTTP ", reply.code, ": ", message));
  }
  if (object.is_discarded()) {
    return absl::UnavailableError(absl::StrCat(method, " ", path, ": no JSON: ", reply.body));
  }
  return object;
}

absl::StatusOr<json> ApiClient::Get(const std::string& path) const {
  return Object("GET", path, nullptr, "");
}
absl::StatusOr<json> ApiClient::Create(const std::string& path, const json& object) const {
  return Object("POST", path, &object, "application/json");
}
absl::StatusOr<json> ApiClient::Update(const std::string& path, const json& object) const {
  return Object("PUT", path, &object, "application/json");
}
absl::StatusOr<json> ApiClient::Patch(const std::string& path, const json& patch,
                                      const std::string& kind) const {
  return Object("PATCH", path, &patch, absl::StrCat("application/", kind, "+json"));
}
absl::StatusOr<json> ApiClient::Delete(const std::string& path) const {
  return Object("DELETE", path, nullptr, "");
}

}  // namespace rekindle::kube
