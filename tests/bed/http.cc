#include "tests/bed/http.h"

#include <chrono>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "tests/bed/process.h"

namespace rekindle::bed {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

http::request<http::string_body> ToBeast(const std::string& ip, const HttpRequest& request) {
  http::request<http::string_body> out(http::string_to_verb(request.method), request.target, 11);
  out.set(http::field::host, ip);
  out.set(http::field::connection, "close");
  for (const auto& [name, value] : request.headers) out.set(name, value);
  out.body() = request.body;
  out.prepare_payload();
  return out;
}

}  // namespace

absl::StatusOr<HttpReply> HttpCall(const std::string& ip, int port, const HttpRequest& request,
                                   absl::Duration timeout) {
  beast::error_code error;
  asio::ip::address address = asio::ip::make_address(ip, error);
  if (error) return absl::InvalidArgumentError(absl::StrCat("ip: \"", ip, "\""));
  asio::io_context context;
  beast::tcp_stream stream(context);
  stream.expires_after(absl::ToChronoMilliseconds(timeout));
  http::request<http::string_body> out = ToBeast(ip, request);
  http::response_parser<http::string_body> parser;
  parser.body_limit(64 * 1024 * 1024);
  beast::flat_buffer buffer;
  std::string step = "connect";
  stream.async_connect({address, static_cast<uint16_t>(port)}, [&](beast::error_code connected) {
    error = connected;
    if (error) return;
    step = "send";
    http::async_write(stream, out, [&](beast::error_code sent, size_t) {
      error = sent;
      if (error) return;
      step = "receive";
      http::async_read(stream, buffer, parser,
                       [&](beast::error_code received, size_t) { error = received; });
    });
  });
  context.run();
  if (error) return absl::UnavailableError(absl::StrCat(step, ": ", error.message()));
  HttpReply reply;
  reply.code = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get()) {
    std::string name(field.name_string());
    reply.headers[absl::AsciiStrToLower(name)] = std::string(field.value());
  }
  reply.body = std::move(parser.get().body());
  return reply;
}

absl::StatusOr<std::string> HttpGet(const std::string& ip, int port, const std::string& target,
                                    absl::Duration timeout) {
  HttpRequest request;
  request.target = target;
  absl::StatusOr<HttpReply> reply = HttpCall(ip, port, request, timeout);
  if (!reply.ok()) return reply.status();
  if (reply->code != 200) return absl::AbortedError(absl::StrCat("HTTP ", reply->code));
  return std::move(reply->body);
}

absl::StatusOr<std::string> WaitHttp(const std::string& ip, int port, const std::string& target,
                                     absl::Duration timeout) {
  absl::StatusOr<std::string> last;
  bool answered = WaitUntil(
      [&] {
        last = HttpGet(ip, port, target);
        return last.ok();
      },
      timeout);
  if (answered) return last;
  return absl::DeadlineExceededError(
      absl::StrCat("http://", ip, ":", port, target, ": ", last.status().message()));
}

}  // namespace rekindle::bed
