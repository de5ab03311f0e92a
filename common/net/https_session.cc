#include "common/net/https_session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>

#include "common/net/server_tls.h"

namespace rekindle::net {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;

// What is read at a time where the size is not known.
constexpr size_t kReadBytes = 4096;
// A connection is read on for a moment after it was refused, so that the refusal arrives.
constexpr size_t kMostDrained = 8 * 1024 * 1024;
constexpr absl::Duration kClosing = absl::Seconds(2);
constexpr size_t kStreamChunk = 256 * 1024;
constexpr absl::string_view kLastChunk = "0\r\n\r\n";

std::string HeaderText(int status, absl::string_view content_type) {
  const auto reason = http::obsolete_reason(static_cast<http::status>(status));
  return absl::StrCat(
      "HTTP/1.1 ", status, " ", absl::string_view(reason.data(), reason.size()),
      "\r\nContent-Type: ", content_type, "\r\nCache-Control: no-cache, private\r\nDate: ",
      absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::Now(), absl::UTCTimeZone()), "\r\n");
}

HttpsReply Busy() {
  return {.status = 429,
          .content_type = "text/plain; charset=utf-8",
          .headers = {{"Retry-After", "1"}, {"X-Content-Type-Options", "nosniff"}},
          .body = "Too many requests, please try again later.\n"};
}

}  // namespace

HttpsSession::HttpsSession(HttpsSessionHost& host, tcp::socket socket,
                           std::shared_ptr<asio::ssl::context> context)
    : host_(host),
      context_(std::move(context)),
      stream_(std::move(socket), *context_),
      deadline_(stream_.get_executor()),
      stream_end_(stream_.get_executor()),
      buffer_(host.options->max_header_bytes + 64 * 1024) {}

HttpsSession::~HttpsSession() { ReleaseBody(); }

void HttpsSession::Start() {
  asio::post(stream_.get_executor(), [self = shared_from_this()] { self->Handshake(); });
}

void HttpsSession::Stop() {
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    self->stopping_ = true;
    if (self->answer_stream_ != nullptr) return self->answer_stream_->Finish();
    if (self->idle_ || !self->proven_) self->Close();
  });
}

void HttpsSession::Kill() {
  asio::post(stream_.get_executor(), [self = shared_from_this()] { self->Close(); });
}

void HttpsSession::Expect(absl::Duration limit, OnTime what) {
  deadline_.expires_after(absl::ToChronoNanoseconds(limit));
  // A wait whose time has come cannot be cancelled: the number tells that it is not meant any more.
  deadline_.async_wait([self = shared_from_this(), what, number = ++deadline_number_](Error error) {
    if (error || number != self->deadline_number_) return;
    self->timed_out_ = true;
    if (what == OnTime::kClose) return self->Close();
    Error ignored;
    self->stream_.next_layer().cancel(ignored);
  });
}

void HttpsSession::Handshake() {
  Error ignored;
  stream_.next_layer().set_option(tcp::no_delay(true), ignored);
  Expect(host_.options->handshake_timeout, OnTime::kClose);
  stream_.async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](Error error) {
    if (error) return self->Close();
    IdentifyPeer(self->stream_.native_handle(), self->peer_);
    self->AwaitRequest();
  });
}

void HttpsSession::AwaitRequest() {
  if (closed_) return;
  if (stopping_) return Shutdown();
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(host_.options->max_header_bytes));
  parser_->body_limit(static_cast<uint64_t>(host_.options->max_body_bytes));
  if (buffer_.size() > 0) return ReadHeader();
  idle_ = true;
  Expect(proven_ ? host_.options->idle_timeout : host_.options->header_timeout, OnTime::kClose);
  stream_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](Error error, size_t size) {
                            self->idle_ = false;
                            if (error) return self->Shutdown();
                            self->buffer_.commit(size);
                            self->ReadHeader();
                          });
}

void HttpsSession::ReadHeader() {
  Expect(host_.options->header_timeout, OnTime::kSay);
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](Error error, size_t) { self->OnHeader(error); });
}

void HttpsSession::OnHeader(Error error) {
  if (closed_) return;
  if (error) return RefuseRead(error);
  const auto& message = parser_->get();
  request_ = peer_;
  request_.method = std::string(message.method_string());
  request_.target = std::string(message.target());
  for (const auto& field : message) {
    const auto name = field.name_string();
    const auto value = field.value();
    std::string& text =
        request_.headers[absl::AsciiStrToLower(absl::string_view(name.data(), name.size()))];
    absl::StrAppend(&text, text.empty() ? "" : ", ", absl::string_view(value.data(), value.size()));
  }
  keep_alive_ = message.keep_alive();
  old_client_ = message.version() < 11;
  if (!proven_) {
    proven_ = true;
    host_.Proven(shared_from_this());
  }
  if (std::optional<HttpsReply> reply = host_.handler->Immediate(request_)) {
    keep_alive_ = keep_alive_ && parser_->is_done();
    return Answer(*std::move(reply));
  }
  if (parser_->is_done()) return Serve();
  const auto length = parser_->content_length();
  if (length && *length == 0) return ReadBody();
  if (length && static_cast<int64_t>(*length) > host_.options->max_body_bytes) {
    return RefuseTooLarge();
  }
  if (std::optional<HttpsReply> refusal = host_.handler->Refusal(request_)) {
    return RefuseAndClose(*std::move(refusal));
  }
  // Of a body in chunks nobody knows the size beforehand.
  body_bytes_ = length ? static_cast<int64_t>(*length) : host_.options->max_body_bytes;
  if ((host_.bodies_bytes += body_bytes_) > host_.options->max_bodies_bytes) {
    return RefuseAndClose(Busy());
  }
  if (absl::AsciiStrToLower(request_.Header("expect")) != "100-continue") return ReadBody();
  Expect(host_.options->write_timeout, OnTime::kClose);
  static constexpr absl::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                    [self = shared_from_this()](Error failed, size_t) {
                      if (failed) return self->Close();
                      self->ReadBody();
                    });
}

void HttpsSession::ReadBody() {
  Expect(host_.options->body_timeout, OnTime::kSay);
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](Error error, size_t) { self->OnBody(error); });
}

void HttpsSession::OnBody(Error error) {
  if (closed_) return;
  if (error) return RefuseRead(error);
  request_.body = std::move(parser_->get().body());
  Serve();
}

void HttpsSession::RefuseRead(Error error) {
  if (timed_out_)
    return RefuseAndClose(host_.handler->Problem(408, "the request did not come in time"));
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return RefuseAndClose(
        host_.handler->Problem(431, absl::StrCat("the header of the request is larger than ",
                                                 host_.options->max_header_bytes, " bytes")));
  }
  if (error == http::error::body_limit) {
    return RefuseTooLarge();
  }
  const bool of_http = error.category() == make_error_code(http::error::bad_method).category();
  if (of_http && error != http::error::end_of_stream && error != http::error::partial_message) {
    return RefuseAndClose(host_.handler->Problem(400, "the request is not HTTP/1.1"));
  }
  Shutdown();
}

void HttpsSession::RefuseTooLarge() {
  RefuseAndClose(host_.handler->Problem(
      413, absl::StrCat("Request entity too large: limit is ", host_.options->max_body_bytes)));
}

void HttpsSession::Serve() {
  ++deadline_number_;  // whatever it takes; the handler has its own limits
  deadline_.cancel();
  auto request = std::make_shared<const HttpsRequest>(std::move(request_));
  const bool taken =
      host_.workers->Run([self = shared_from_this(), request] { self->Work(request); });
  if (!taken) Answer(Busy());
}

void HttpsSession::Work(std::shared_ptr<const HttpsRequest> request) {
  HttpsHandler::Outcome outcome = host_.handler->Handle(*request);
  asio::post(stream_.get_executor(),
             [self = shared_from_this(), done = std::move(outcome)]() mutable {
               self->ReleaseBody();
               if (self->closed_) return;
               if (auto* stream = std::get_if<std::shared_ptr<HttpsStream>>(&done)) {
                 return self->BeginStream(std::move(*stream));
               }
               self->Answer(std::get<HttpsReply>(std::move(done)));
             });
}

void HttpsSession::Answer(HttpsReply reply) {
  const bool keep = keep_alive_ && !stopping_;
  std::string text = HeaderText(reply.status, reply.content_type);
  for (const auto& [name, value] : reply.headers) absl::StrAppend(&text, name, ": ", value, "\r\n");
  if (!keep) absl::StrAppend(&text, "Connection: close\r\n");
  if (keep && old_client_) absl::StrAppend(&text, "Connection: keep-alive\r\n");
  const bool bodiless = reply.status == 304;
  if (!bodiless) absl::StrAppend(&text, "Content-Length: ", reply.body.size(), "\r\n");
  text += "\r\n";
  const bool head = parser_->is_header_done() && parser_->get().method() == http::verb::head;
  if (!head && !bodiless) text += reply.body;
  Send(std::move(text), !keep);
}

void HttpsSession::RefuseAndClose(HttpsReply reply) {
  ReleaseBody();
  keep_alive_ = false;
  timed_out_ = false;
  out_.clear();
  std::string text = HeaderText(reply.status, reply.content_type);
  for (const auto& [name, value] : reply.headers) absl::StrAppend(&text, name, ": ", value, "\r\n");
  absl::StrAppend(&text, "Connection: close\r\nContent-Length: ", reply.body.size(), "\r\n\r\n",
                  reply.body);
  out_ = std::move(text);
  Expect(host_.options->write_timeout, OnTime::kClose);
  asio::async_write(stream_, asio::buffer(out_), [self = shared_from_this()](Error error, size_t) {
    if (error) return self->Close();
    self->Expect(kClosing, OnTime::kClose);
    self->Drain();
  });
}

void HttpsSession::Send(std::string bytes, bool last) {
  out_ = std::move(bytes);
  Expect(host_.options->write_timeout, OnTime::kClose);
  asio::async_write(stream_, asio::buffer(out_),
                    [self = shared_from_this(), last](Error error, size_t) {
                      if (error) return self->Close();
                      std::string().swap(self->out_);
                      if (last) return self->Shutdown();
                      self->AwaitRequest();
                    });
}

void HttpsSession::Drain() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](Error error, size_t size) {
                            self->drained_ += size;
                            if (error || self->drained_ > kMostDrained) return self->Shutdown();
                            self->Drain();
                          });
}

void HttpsSession::Shutdown() {
  if (closed_) return;
  Expect(kClosing, OnTime::kClose);
  stream_.async_shutdown([self = shared_from_this()](Error) { self->Close(); });
}

void HttpsSession::Close() {
  if (std::exchange(closed_, true)) return;
  ++deadline_number_;
  deadline_.cancel();
  stream_end_.cancel();
  if (answer_stream_ != nullptr) answer_stream_->Abandon();
  Error ignored;
  stream_.next_layer().shutdown(tcp::socket::shutdown_both, ignored);
  stream_.next_layer().close(ignored);
  host_.Forget(shared_from_this());
}

void HttpsSession::ReleaseBody() { host_.bodies_bytes -= std::exchange(body_bytes_, 0); }

void HttpsSession::BeginStream(std::shared_ptr<HttpsStream> stream) {
  std::weak_ptr<HttpsSession> weak = weak_from_this();
  answer_stream_ = std::move(stream);
  answer_stream_->Open([weak] {
    if (const std::shared_ptr<HttpsSession> self = weak.lock()) {
      asio::post(self->stream_.get_executor(), [self] { self->Pump(); });
    }
  });
  if (stopping_) answer_stream_->Finish();
  const bool taken =
      host_.stream_starters->Run([self = shared_from_this(), stream = answer_stream_] {
        std::optional<HttpsReply> reply = stream->Begin();
        asio::post(self->stream_.get_executor(), [self, done = std::move(reply)]() mutable {
          self->OnStreamBegun(std::move(done));
        });
      });
  if (!taken) {
    answer_stream_->Abandon();
    answer_stream_.reset();
    return Answer(Busy());
  }
  stream_end_.expires_after(absl::ToChronoNanoseconds(answer_stream_->limit()));
  stream_end_.async_wait([self = shared_from_this()](Error error) {
    if (!error && self->answer_stream_ != nullptr) self->answer_stream_->Finish();
  });
}

void HttpsSession::OnStreamBegun(std::optional<HttpsReply> reply) {
  if (closed_) return;
  if (reply.has_value() && header_sent_) {
    answer_stream_->EndWithReply();
  } else if (reply.has_value()) {
    stream_end_.cancel();
    answer_stream_->Abandon();
    answer_stream_.reset();
    return Answer(*std::move(reply));
  }
  Pump();
}

void HttpsSession::AwaitHangUp() {
  if (closed_ || buffer_.size() > kReadBytes) return;
  stream_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](Error error, size_t size) {
                            // The client is gone, or has said that it will say no more.
                            if (error) return self->Close();
                            self->buffer_.commit(size);
                            self->AwaitHangUp();
                          });
}

void HttpsSession::Pump() {
  if (closed_ || writing_ || answer_stream_ == nullptr) return;
  std::string bytes;
  bool end = false;
  if (!header_sent_) {
    // The header goes out as soon as it is sure that there will be a stream.
    header_sent_ = true;
    bytes = HeaderText(200, answer_stream_->content_type());
    if (!old_client_) bytes += "Transfer-Encoding: chunked\r\n";
    bytes += "Connection: close\r\n\r\n";
    AwaitHangUp();
  } else {
    HttpsStream::Batch batch = answer_stream_->Take(kStreamChunk);
    end = batch.end;
    if (batch.bytes.empty() && !end) return;
    if (old_client_) {
      bytes = std::move(batch.bytes);
    } else if (!batch.bytes.empty()) {
      bytes = absl::StrFormat("%x\r\n", batch.bytes.size());
      absl::StrAppend(&bytes, batch.bytes, "\r\n");
    }
    if (end && !old_client_) absl::StrAppend(&bytes, kLastChunk);
  }
  writing_ = true;
  out_ = std::move(bytes);
  Expect(host_.options->write_timeout, OnTime::kClose);
  asio::async_write(stream_, asio::buffer(out_),
                    [self = shared_from_this(), end](Error error, size_t) {
                      self->writing_ = false;
                      if (error) return self->Close();
                      ++self->deadline_number_;
                      self->deadline_.cancel();
                      if (end) {
                        self->answer_stream_->Abandon();
                        return self->Shutdown();
                      }
                      self->Pump();
                    });
}

}  // namespace rekindle::net
