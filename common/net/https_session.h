#ifndef REKINDLE_COMMON_NET_HTTPS_SESSION_H_
#define REKINDLE_COMMON_NET_HTTPS_SESSION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "common/base/work_pool.h"
#include "common/net/https_server.h"
#include "common/net/https_types.h"

namespace rekindle::net {

class HttpsSession;

// What sessions share. Outlives them all.
struct HttpsSessionHost {
  virtual ~HttpsSessionHost() = default;
  // The session has asked something: it does not give way to newer ones any more.
  virtual void Proven(const std::shared_ptr<HttpsSession>& session) = 0;
  virtual void Forget(const std::shared_ptr<HttpsSession>& session) = 0;

  const HttpsServer::Options* options = nullptr;
  HttpsHandler* handler = nullptr;
  WorkPool* workers = nullptr;
  WorkPool* stream_starters = nullptr;
  std::atomic<int64_t> bodies_bytes{0};  // see Options::max_bodies_bytes
};

// One connection: a request, its answer, and again while the client keeps it open; a stream is its
// last answer. Threads: everything but Start, Stop and Kill runs on the connection's strand.
class HttpsSession : public std::enable_shared_from_this<HttpsSession> {
 public:
  using Stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;

  HttpsSession(HttpsSessionHost& host, boost::asio::ip::tcp::socket socket,
               std::shared_ptr<boost::asio::ssl::context> context);
  ~HttpsSession();

  void Start();
  // Ends a stream, or the connection once its request is answered.
  void Stop();
  // Closes the connection now.
  void Kill();

 private:
  using Error = boost::system::error_code;
  // What a deadline does: says 408 first, or just closes.
  enum class OnTime { kSay, kClose };

  void Expect(absl::Duration limit, OnTime what);
  void Handshake();
  void AwaitRequest();
  void ReadHeader();
  void OnHeader(Error error);
  void ReadBody();
  void OnBody(Error error);
  void RefuseRead(Error error);
  void RefuseTooLarge();
  void Serve();
  void Work(std::shared_ptr<const HttpsRequest> request);
  void Answer(HttpsReply reply);
  void RefuseAndClose(HttpsReply reply);
  void Send(std::string bytes, bool last);
  void Drain();
  void Shutdown();
  void Close();
  void ReleaseBody();

  void BeginStream(std::shared_ptr<HttpsStream> stream);
  void OnStreamBegun(std::optional<HttpsReply> reply);
  void AwaitHangUp();
  void Pump();

  HttpsSessionHost& host_;
  const std::shared_ptr<boost::asio::ssl::context> context_;
  Stream stream_;
  boost::asio::steady_timer deadline_;
  boost::asio::steady_timer stream_end_;
  uint64_t deadline_number_ = 0;
  bool timed_out_ = false;
  bool closed_ = false;
  bool stopping_ = false;
  bool idle_ = false;  // waits for the first byte of a request
  bool proven_ = false;
  bool writing_ = false;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  HttpsRequest peer_;     // who it is; copied into each request
  HttpsRequest request_;  // that is being served
  bool keep_alive_ = false;
  bool old_client_ = false;  // HTTP/1.0: knows no chunks, and stays only when it is told so
  int64_t body_bytes_ = 0;   // counted in HttpsSessionHost::bodies_bytes
  std::string out_;
  size_t drained_ = 0;

  std::shared_ptr<HttpsStream> answer_stream_;
  bool header_sent_ = false;
};

}  // namespace rekindle::net

#endif  // REKINDLE_COMMON_NET_HTTPS_SESSION_H_
