#include "controller/apiserver/rest/server.h"

#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "common/base/status_macros.h"
#include "common/base/sync.h"
#include "controller/apiserver/rest/gzip.h"
#include "controller/apiserver/rest/media.h"

namespace rekindle::apiserver {
namespace {

// A watch of the registry as the answer to a request.
class RegistryWatch final : public net::HttpsStream {
 public:
  RegistryWatch(WatchPlan plan, Registry& registry, EventLines& lines,
                const WatchStream::Limits& limits)
      : plan_(std::move(plan)),
        limit_(plan_.timeout),
        registry_(registry),
        lines_(lines),
        limits_(limits) {}

  void Open(std::function<void()> wake) override {
    stream_ = std::make_shared<WatchStream>(std::move(plan_), lines_, limits_, std::move(wake));
  }
  std::optional<HttpReply> Begin() override {
    stream_->Beginning();
    absl::StatusOr<std::unique_ptr<WatchHandle>> handle =
        registry_.Watch(stream_->plan().call, stream_);
    stream_->Begun();
    MutexLock lock(&mutex_);
    if (!handle.ok()) {
      refusal_ = handle.status();
      return ApiHandler::StatusReply(refusal_);
    }
    // Given up meanwhile: it goes when this returns.
    if (!abandoned_) handle_ = *std::move(handle);
    return std::nullopt;
  }
  void EndWithReply() override {
    absl::Status refusal;
    {
      MutexLock lock(&mutex_);
      refusal = refusal_;
    }
    stream_->OnError(refusal);
  }
  Batch Take(size_t most) override {
    WatchStream::Batch batch = stream_->Take(most);
    return {std::move(batch.bytes), batch.end};
  }
  void Finish() override { stream_->Finish(); }
  void Abandon() override {
    stream_->Abandon();
    std::unique_ptr<WatchHandle> handle;
    {
      MutexLock lock(&mutex_);
      abandoned_ = true;
      handle = std::move(handle_);
    }
  }
  absl::Duration limit() const override { return limit_; }
  absl::string_view content_type() const override { return "application/json"; }

 private:
  WatchPlan plan_;  // until Open
  const absl::Duration limit_;
  Registry& registry_;
  EventLines& lines_;
  const WatchStream::Limits limits_;
  std::shared_ptr<WatchStream> stream_;
  Mutex mutex_;
  std::unique_ptr<WatchHandle> handle_ ABSL_GUARDED_BY(mutex_);
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  bool abandoned_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

class RestServer::Impl final : public net::HttpsHandler {
 public:
  Impl(const Options& options, ApiHandler& handler, Registry& registry, const Surface& surface)
      : options_(options), handler_(handler), registry_(registry), lines_(surface) {}
  ~Impl() override {
    handler_.Stopping();
    server_.reset();
  }

  absl::Status Listen() {
    RK_ASSIGN_OR_RETURN(server_, net::HttpsServer::Start(options_.http, *this));
    return absl::OkStatus();
  }

  Outcome Handle(const HttpRequest& request) override {
    ApiHandler::Outcome outcome = handler_.Handle(request);
    if (auto* plan = std::get_if<WatchPlan>(&outcome)) {
      return std::make_shared<RegistryWatch>(std::move(*plan), registry_, lines_, options_.watch);
    }
    HttpReply reply = std::get<HttpReply>(std::move(outcome));
    if (reply.body.size() >= options_.gzip_from_bytes &&
        AcceptsGzip(request.Header("accept-encoding"))) {
      if (std::string packed = Gzip(reply.body); !packed.empty()) {
        reply.body = std::move(packed);
        reply.headers.emplace_back("Content-Encoding", "gzip");
        reply.headers.emplace_back("Vary", "Accept-Encoding");
      }
    }
    return reply;
  }
  std::optional<HttpReply> Immediate(const HttpRequest& request) const override {
    return handler_.Health(request);
  }
  std::optional<HttpReply> Refusal(const HttpRequest& request) const override {
    return handler_.Refusal(request);
  }
  HttpReply Problem(int status, absl::string_view text) const override {
    api::ApiError error = api::BadRequest(text);
    error.code = status;
    if (status == 408) error.reason = "Timeout";
    if (status == 413) error.reason = "RequestEntityTooLarge";
    if (status == 431) error.reason = "RequestHeaderFieldsTooLarge";
    return ApiHandler::ErrorReply(error);
  }

  net::HttpsServer& server() { return *server_; }

 private:
  const Options options_;
  ApiHandler& handler_;
  Registry& registry_;
  EventLines lines_;
  std::unique_ptr<net::HttpsServer> server_;
};

RestServer::RestServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RestServer::~RestServer() = default;
uint16_t RestServer::port() const { return impl_->server().port(); }
size_t RestServer::connections() const { return impl_->server().connections(); }

absl::StatusOr<std::unique_ptr<RestServer>> RestServer::Start(const Options& options,
                                                              ApiHandler& handler,
                                                              Registry& registry,
                                                              const Surface& surface) {
  auto impl = std::make_unique<Impl>(options, handler, registry, surface);
  RK_RETURN_IF_ERROR(impl->Listen());
  return std::unique_ptr<RestServer>(new RestServer(std::move(impl)));
}

absl::Status RestServer::UseCertificate(const std::string& certificate, const std::string& key) {
  return impl_->server().UseCertificate(certificate, key);
}

}  // namespace rekindle::apiserver
