#ifndef REKINDLE_CONTROLLER_APISERVER_REST_SESSION_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_SESSION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "controller/apiserver/rest/api_handler.h"
#include "controller/apiserver/rest/server.h"
#include "controller/apiserver/rest/watch_stream.h"
#include "controller/apiserver/rest/work_pool.h"

namespace rekindle::apiserver {

class Session;

// What sessions share. Outlives them all.
struct SessionHost {
  virtual ~SessionHost() = default;
  // The session has asked something: it does not give way to newer ones any more.
  virtual void Proven(const std::shared_ptr<Session>& session) = 0;
  virtual void Forget(const std::shared_ptr<Session>& session) = 0;

  const RestServer::Options* options = nullptr;
  ApiHandler* handler = nullptr;
  Registry* registry = nullptr;
  EventLines* lines = nullptr;
  WorkPool* workers = nullptr;
  WorkPool* watch_starters = nullptr;
  std::atomic<int64_t> bodies_bytes{0};  // see Options::max_bodies_bytes
};

// One connection: a request, its answer, and again while the client keeps it open; a watch is its
// last answer. Threads: everything but Start, Stop and Kill runs on the connection's strand.
class Session : public std::enable_shared_from_this<Session> {
 public:
  using Stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;

  Session(SessionHost& host, boost::asio::ip::tcp::socket socket,
          std::shared_ptr<boost::asio::ssl::context> context);
  ~Session();

  void Start();
  // Ends a watch, or the connection once its request is answered.
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
  void Serve();
  void Work(std::shared_ptr<const HttpRequest> request);
  void Answer(HttpReply reply, bool gzipped);
  void RefuseAndClose(HttpReply reply);
  void Send(std::string bytes, bool last);
  void Drain();
  void Shutdown();
  void Close();
  void ReleaseBody();

  void BeginWatch(WatchPlan plan);
  void OnWatchBegun(absl::StatusOr<std::unique_ptr<WatchHandle>> handle);
  void WatchForEnd();
  void Pump();

  SessionHost& host_;
  const std::shared_ptr<boost::asio::ssl::context> context_;
  Stream stream_;
  boost::asio::steady_timer deadline_;
  boost::asio::steady_timer watch_end_;
  uint64_t deadline_number_ = 0;
  bool timed_out_ = false;
  bool closed_ = false;
  bool stopping_ = false;
  bool idle_ = false;  // waits for the first byte of a request
  bool proven_ = false;
  bool writing_ = false;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  HttpRequest peer_;     // who it is; copied into each request
  HttpRequest request_;  // that is being served
  bool keep_alive_ = false;
  bool gzip_ = false;
  int64_t body_bytes_ = 0;  // counted in SessionHost::bodies_bytes
  std::string out_;
  size_t drained_ = 0;

  std::shared_ptr<WatchStream> watch_;
  std::unique_ptr<WatchHandle> watch_handle_;
  bool watch_begun_ = false;
  bool header_sent_ = false;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_SESSION_H_
