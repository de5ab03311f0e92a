#include "common/net/https_server.h"

#include <pthread.h>

#include <list>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include "common/base/status_macros.h"
#include "common/base/sync.h"
#include "common/base/work_pool.h"
#include "common/net/https_session.h"
#include "common/net/server_tls.h"

namespace rekindle::net {
namespace {

namespace asio = boost::asio;
using Error = boost::system::error_code;
using boost::asio::ip::tcp;

// After a failed accept (out of descriptors, say): as long as it takes others to close some.
constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);

}  // namespace

class HttpsServer::Impl final : public HttpsSessionHost {
 public:
  Impl(const Options& given, HttpsHandler& the_handler)
      : options_(given),
        work_(asio::make_work_guard(io_)),
        strand_(asio::make_strand(io_)),
        acceptor_(strand_),
        pause_(strand_),
        worker_pool_(given.workers, given.queued, given.name + "-worker"),
        stream_pool_(given.stream_starters, given.queued_streams, given.name + "-stream") {
    options = &options_;
    handler = &the_handler;
    workers = &worker_pool_;
    stream_starters = &stream_pool_;
  }
  ~Impl() override { Stop(); }

  absl::Status Listen() {
    RK_ASSIGN_OR_RETURN(context_,
                        MakeServerContext(options_.certificate, options_.key, options_.client_ca));
    Error error;
    const auto address = asio::ip::make_address(options_.address, error);
    if (error) {
      return absl::InvalidArgumentError(
          absl::StrCat("address: \"", options_.address, "\" is not an IP address"));
    }
    const tcp::endpoint endpoint(address, options_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", options_.address, ":",
                                                 options_.port, ": ", error.message()));
    }
    port_ = acceptor_.local_endpoint(error).port();
    const std::string io_name = (options_.name + "-io").substr(0, 15);
    for (size_t i = 0; i < std::max<size_t>(options_.io_threads, 1); ++i) {
      threads_.emplace_back([this] { io_.run(); });
      pthread_setname_np(threads_.back().native_handle(), io_name.c_str());
    }
    asio::post(strand_, [this] { Accept(); });
    return absl::OkStatus();
  }

  absl::Status UseCertificate(const std::string& certificate, const std::string& key) {
    RK_ASSIGN_OR_RETURN(std::shared_ptr<asio::ssl::context> context,
                        MakeServerContext(certificate, key, options_.client_ca));
    asio::post(strand_,
               [this, context = std::move(context)]() mutable { context_ = std::move(context); });
    return absl::OkStatus();
  }

  void Proven(const std::shared_ptr<HttpsSession>& session) override {
    MutexLock lock(&mutex_);
    RemoveUnproven(session.get());
  }
  void Forget(const std::shared_ptr<HttpsSession>& session) override {
    MutexLock lock(&mutex_);
    RemoveUnproven(session.get());
    sessions_.erase(session.get());
  }

  uint16_t port() const { return port_; }
  size_t connections() {
    MutexLock lock(&mutex_);
    return sessions_.size();
  }

  void Stop();

 private:
  void Accept() {
    acceptor_.async_accept(asio::make_strand(io_), [this](Error error, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (!error) {
        Take(std::move(socket));
        return Accept();
      }
      pause_.expires_after(absl::ToChronoMilliseconds(kAcceptPause));
      pause_.async_wait([this](Error cancelled) {
        if (!cancelled) Accept();
      });
    });
  }

  void Take(tcp::socket socket) {
    std::shared_ptr<HttpsSession> gives_way;
    auto session = std::make_shared<HttpsSession>(*this, std::move(socket), context_);
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
      if (sessions_.size() >= options_.max_connections) {
        if (unproven_.empty()) return;  // all are at work: the newest goes
        gives_way = unproven_.front();
        RemoveUnproven(gives_way.get());
        sessions_.erase(gives_way.get());
      }
      sessions_.emplace(session.get(), session);
      places_[session.get()] = unproven_.insert(unproven_.end(), session);
    }
    if (gives_way != nullptr) gives_way->Kill();
    session->Start();
  }

  void RemoveUnproven(HttpsSession* session) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto place = places_.find(session);
    if (place == places_.end()) return;
    unproven_.erase(place->second);
    places_.erase(place);
  }

  std::vector<std::shared_ptr<HttpsSession>> All() {
    MutexLock lock(&mutex_);
    std::vector<std::shared_ptr<HttpsSession>> all;
    for (const auto& [key, session] : sessions_) all.push_back(session);
    return all;
  }

  bool AwaitNoSessions(absl::Duration limit) {
    MutexLock lock(&mutex_);
    return mutex_.AwaitFor(
        limit, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return sessions_.empty(); });
  }

  const Options options_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::strand<asio::io_context::executor_type> strand_;  // of the acceptor
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::shared_ptr<asio::ssl::context> context_;  // the strand's
  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<HttpsSession*, std::shared_ptr<HttpsSession>> sessions_ ABSL_GUARDED_BY(mutex_);
  // Those that have not asked anything yet, the oldest first.
  std::list<std::shared_ptr<HttpsSession>> unproven_ ABSL_GUARDED_BY(mutex_);
  std::map<HttpsSession*, std::list<std::shared_ptr<HttpsSession>>::iterator> places_
      ABSL_GUARDED_BY(mutex_);
  uint16_t port_ = 0;
  WorkPool worker_pool_;
  WorkPool stream_pool_;
  std::vector<std::thread> threads_;
};

void HttpsServer::Impl::Stop() {
  {
    MutexLock lock(&mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  asio::post(strand_, [this] {
    Error ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  });
  for (const auto& session : All()) session->Stop();
  if (!threads_.empty() && !AwaitNoSessions(options_.stop_grace)) {
    for (const auto& session : All()) session->Kill();
    AwaitNoSessions(options_.stop_grace);
  }
  // What is worked on refers to its session, which refers to all of this.
  worker_pool_.Stop();
  stream_pool_.Stop();
  work_.reset();
  io_.stop();
  for (std::thread& thread : threads_) thread.join();
}

HttpsServer::HttpsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpsServer::~HttpsServer() = default;
absl::string_view HttpsRequest::Header(absl::string_view lower_case_name) const {
  const auto it = headers.find(std::string(lower_case_name));
  return it == headers.end() ? absl::string_view() : it->second;
}

uint16_t HttpsServer::port() const { return impl_->port(); }
size_t HttpsServer::connections() const { return impl_->connections(); }

absl::StatusOr<std::unique_ptr<HttpsServer>> HttpsServer::Start(const Options& options,
                                                                HttpsHandler& handler) {
  auto impl = std::make_unique<Impl>(options, handler);
  RK_RETURN_IF_ERROR(impl->Listen());
  return std::unique_ptr<HttpsServer>(new HttpsServer(std::move(impl)));
}

absl::Status HttpsServer::UseCertificate(const std::string& certificate, const std::string& key) {
  return impl_->UseCertificate(certificate, key);
}

}  // namespace rekindle::net
