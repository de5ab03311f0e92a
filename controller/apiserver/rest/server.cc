#include "controller/apiserver/rest/server.h"

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
#include "controller/apiserver/rest/session.h"
#include "controller/apiserver/rest/tls.h"

namespace rekindle::apiserver {
namespace {

namespace asio = boost::asio;
using Error = boost::system::error_code;
using boost::asio::ip::tcp;

// After a failed accept (out of descriptors, say): as long as it takes others to close some.
constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);

}  // namespace

class RestServer::Impl final : public SessionHost {
 public:
  Impl(const Options& given, ApiHandler& the_handler, Registry& the_registry,
       const Surface& surface)
      : options_(given),
        work_(asio::make_work_guard(io_)),
        strand_(asio::make_strand(io_)),
        acceptor_(strand_),
        pause_(strand_),
        event_lines_(surface),
        worker_pool_(given.workers, given.queued, "api-worker"),
        watch_pool_(given.watch_starters, given.queued_watches, "api-watch") {
    options = &options_;
    handler = &the_handler;
    registry = &the_registry;
    lines = &event_lines_;
    workers = &worker_pool_;
    watch_starters = &watch_pool_;
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
    for (size_t i = 0; i < std::max<size_t>(options_.io_threads, 1); ++i) {
      threads_.emplace_back([this] { io_.run(); });
      pthread_setname_np(threads_.back().native_handle(), "api-io");
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

  void Proven(const std::shared_ptr<Session>& session) override {
    MutexLock lock(&mutex_);
    RemoveUnproven(session.get());
  }
  void Forget(const std::shared_ptr<Session>& session) override {
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
    std::shared_ptr<Session> gives_way;
    auto session = std::make_shared<Session>(*this, std::move(socket), context_);
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

  void RemoveUnproven(Session* session) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto place = places_.find(session);
    if (place == places_.end()) return;
    unproven_.erase(place->second);
    places_.erase(place);
  }

  std::vector<std::shared_ptr<Session>> All() {
    MutexLock lock(&mutex_);
    std::vector<std::shared_ptr<Session>> all;
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
  EventLines event_lines_;
  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<Session*, std::shared_ptr<Session>> sessions_ ABSL_GUARDED_BY(mutex_);
  // Those that have not asked anything yet, the oldest first.
  std::list<std::shared_ptr<Session>> unproven_ ABSL_GUARDED_BY(mutex_);
  std::map<Session*, std::list<std::shared_ptr<Session>>::iterator> places_ ABSL_GUARDED_BY(mutex_);
  uint16_t port_ = 0;
  WorkPool worker_pool_;
  WorkPool watch_pool_;
  std::vector<std::thread> threads_;
};

void RestServer::Impl::Stop() {
  {
    MutexLock lock(&mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  handler->Stopping();
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
  watch_pool_.Stop();
  work_.reset();
  io_.stop();
  for (std::thread& thread : threads_) thread.join();
}

RestServer::RestServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RestServer::~RestServer() = default;
uint16_t RestServer::port() const { return impl_->port(); }
size_t RestServer::connections() const { return impl_->connections(); }

absl::StatusOr<std::unique_ptr<RestServer>> RestServer::Start(const Options& options,
                                                              ApiHandler& handler,
                                                              Registry& registry,
                                                              const Surface& surface) {
  auto impl = std::make_unique<Impl>(options, handler, registry, surface);
  RK_RETURN_IF_ERROR(impl->Listen());
  return std::unique_ptr<RestServer>(new RestServer(std::move(impl)));
}

absl::Status RestServer::UseCertificate(const std::string& certificate, const std::string& key) {
  return impl_->UseCertificate(certificate, key);
}

}  // namespace rekindle::apiserver
