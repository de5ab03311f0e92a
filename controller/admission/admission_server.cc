#include "controller/admission/admission_server.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/logging.h"
#include "common/base/text.h"

namespace rekindle::admission {
namespace {

constexpr absl::Duration kListenAgain = absl::Seconds(5);

}  // namespace

AdmissionServer::AdmissionServer(Loop& loop, client::ApiClient& client, Options options,
                                 client::Random random)
    : loop_(loop),
      options_(std::move(options)),
      lookup_(loop, client, options_.cached),
      front_(loop, lookup_,
             {.gates = options_.gates,
              .need_certificate = !options_.client_ca.empty(),
              .observer = [this](const ReviewReport& report) { Observe(report); }}),
      keeper_(client,
              {.registration = options_.registration,
               .policy = options_.policy,
               .look_again = options_.look_again,
               .serve = [this](const apiserver::KeyPair& pair) { Serve(pair); },
               .note = [](const std::string& text) { LOG(INFO) << "webhooks: " << text; },
               .changed =
                   [this](const absl::Status& status) {
                     LOG_IF(INFO, status.ok()) << "webhooks: certificates are in order";
                     LOG_IF(WARNING, !status.ok()) << "webhooks: " << status.message();
                     MutexLock lock(&mutex_);
                     certificates_ = status;
                   }},
              std::move(random)),
      listening_(absl::UnavailableError("webhooks: there is no certificate yet")),
      certificates_(keeper_.status()) {}

AdmissionServer::~AdmissionServer() { Stop(); }

void AdmissionServer::Start() { keeper_.Start(); }

void AdmissionServer::Stop() {
  keeper_.Stop();
  listen_again_.Cancel();
  // First, so that no worker waits for this thread, which waits for the workers.
  lookup_.Stop();
  server_.reset();
  MutexLock lock(&mutex_);
  port_ = 0;
  listening_ = absl::UnavailableError("webhooks: the server has stopped");
}

void AdmissionServer::Serve(const apiserver::KeyPair& pair) {
  pair_ = pair;
  if (server_ == nullptr) return Listen();
  const absl::Status used = server_->UseCertificate(pair.certificate, pair.key);
  // The former one stays; the keeper has looked at this one, so it is a fault of ours.
  LOG_IF(ERROR, !used.ok()) << "webhooks: the new certificate cannot be used: " << used.message();
}

void AdmissionServer::Listen() {
  net::HttpsServer::Options options{.address = options_.address,
                                    .port = options_.port,
                                    .certificate = pair_.certificate,
                                    .key = pair_.key,
                                    .client_ca = options_.client_ca,
                                    .name = "webhook",
                                    .stream_starters = 0,
                                    .max_connections = 1024,
                                    .max_body_bytes = ReviewFront::Options().max_conversion_bytes,
                                    .max_bodies_bytes = 64 * 1024 * 1024,
                                    .body_timeout = absl::Seconds(30)};
  absl::StatusOr<std::unique_ptr<net::HttpsServer>> server =
      net::HttpsServer::Start(options, front_);
  if (server.ok()) {
    server_ = *std::move(server);
    LOG(INFO) << "webhooks: listening on " << options_.address << ":" << server_->port();
  } else {
    LOG(ERROR) << "webhooks: " << server.status().message();
    listen_again_.Set(loop_, kListenAgain, [this] { Listen(); });
  }
  MutexLock lock(&mutex_);
  port_ = server_ == nullptr ? 0 : server_->port();
  listening_ = server_ != nullptr
                   ? absl::OkStatus()
                   : absl::UnavailableError(absl::StrCat("webhooks: ", server.status().message()));
}

void AdmissionServer::Observe(const ReviewReport& report) const {
  // Denials are the caller's affair and told to him; these are ours.
  LOG_IF(WARNING, report.outcome == Outcome::kFailed || report.outcome == Outcome::kUnconverted)
      << "webhooks: " << report.webhook << ": " << PrintableText(report.why);
  for (const std::string& warning : report.warnings) {
    VLOG(1) << "webhooks: " << report.webhook << ": " << PrintableText(warning);
  }
  if (options_.observer) options_.observer(report);
}

uint16_t AdmissionServer::port() const {
  MutexLock lock(&mutex_);
  return port_;
}

absl::Status AdmissionServer::health() const {
  MutexLock lock(&mutex_);
  if (listening_.ok() || certificates_.ok()) return listening_;
  return absl::UnavailableError(
      absl::StrCat(listening_.message(), " (", certificates_.message(), ")"));
}

absl::Status AdmissionServer::certificates() const {
  MutexLock lock(&mutex_);
  return certificates_;
}

}  // namespace rekindle::admission
