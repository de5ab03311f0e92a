#include "daemon/images/runtime_puller.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <openssl/crypto.h>

#include "cri/v1/api.grpc.pb.h"
#include "daemon/images/pull_progress.h"

namespace rekindle::images {

namespace {

namespace v1 = ::runtime::v1;

// Nobody waits in vain for a runtime that is down: a pull is sent at once or fails.
constexpr absl::Duration kNoConnectWait = absl::ZeroDuration();

absl::Status Check(const std::string& image, const Credentials& credentials) {
  if (image.empty()) return absl::InvalidArgumentError("image: empty");
  const bool basic = !credentials.username.empty() || !credentials.password.empty();
  if (basic && !credentials.identity_token.empty()) {
    return absl::InvalidArgumentError(
        "credentials: username and password or identity_token, not both");
  }
  if (credentials.username.empty() && !credentials.password.empty()) {
    return absl::InvalidArgumentError("credentials.username: empty, with a password");
  }
  return absl::OkStatus();
}

void Wipe(std::string& secret) {
  if (!secret.empty()) OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

void Wipe(Credentials& credentials) {
  Wipe(credentials.password);
  Wipe(credentials.identity_token);
}

void Wipe(v1::PullImageRequest& request) {
  if (!request.has_auth()) return;
  Wipe(*request.mutable_auth()->mutable_password());
  Wipe(*request.mutable_auth()->mutable_identity_token());
}

}  // namespace

struct RuntimePuller::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : images(v1::ImageService::NewStub(channel)) {}
  std::unique_ptr<v1::ImageService::Stub> images;
};

RuntimePuller::RuntimePuller(Loop& loop, std::shared_ptr<cri::Connection> connection,
                             const RuntimePullerOptions& options)
    : loop_(loop),
      connection_(std::move(connection)),
      options_(options),
      stubs_(std::make_unique<Stubs>(connection_->channel())),
      calls_(loop, connection_, kNoConnectWait, options.observe) {}

RuntimePuller::~RuntimePuller() {
  *alive_ = false;
  for (auto& [pull, running] : running_) calls_.Cancel(running.call);
}

Puller::PullId RuntimePuller::Pull(const std::string& image, Credentials credentials,
                                   std::function<void(const Progress&)> progress,
                                   absl::AnyInvocable<void(absl::StatusOr<Result>)> done) {
  const PullId pull = next_pull_++;
  if (absl::Status bad = Check(image, credentials); !bad.ok()) {
    Wipe(credentials);
    loop_.Post([alive = alive_, bad = std::move(bad), done = std::move(done)]() mutable {
      if (*alive) done(std::move(bad));
    });
    return pull;
  }
  v1::PullImageRequest request;
  request.mutable_image()->set_image(image);
  if (!credentials.username.empty() || !credentials.identity_token.empty()) {
    // The runtime sends credentials to no other host than server_address names (1.18).
    v1::AuthConfig& auth = *request.mutable_auth();
    auth.set_username(credentials.username);
    auth.set_password(credentials.password);
    auth.set_identity_token(credentials.identity_token);
    // It must be a URL, of which the runtime compares the host.
    const std::string& server = credentials.server_address;
    const bool plain = !server.empty() && !absl::StrContains(server, "://");
    auth.set_server_address(plain ? absl::StrCat("https://", server) : server);
  }
  Wipe(credentials);
  Running& running = running_[pull];
  running.started = loop_.Monotonic();
  running.done = std::move(done);
  running.call = calls_.Start({.method = "PullImage", .deadline = options_.limit}, *stubs_->images,
                              &v1::ImageService::Stub::PrepareAsyncPullImage, request,
                              [this, pull](absl::StatusOr<v1::PullImageResponse> got) {
                                if (got.ok()) {
                                  Finish(pull, std::move(*got->mutable_image_ref()));
                                } else {
                                  Finish(pull, got.status());
                                }
                              });
  Wipe(request);
  if (progress) {
    running.progress = std::make_unique<PullProgress>(
        loop_, connection_, image, options_.progress_interval, std::move(progress));
  }
  return pull;
}

void RuntimePuller::Finish(PullId pull, absl::StatusOr<std::string> image_id) {
  auto it = running_.find(pull);
  if (it == running_.end()) return;
  Running running = std::move(it->second);
  running_.erase(it);
  running.progress.reset();  // no progress after done
  if (image_id.ok()) {
    running.done(Result{*std::move(image_id), loop_.Monotonic() - running.started});
  } else {
    running.done(std::move(image_id).status());
  }
}

void RuntimePuller::Cancel(PullId pull) {
  auto it = running_.find(pull);
  if (it != running_.end()) calls_.Cancel(it->second.call);
}

}  // namespace rekindle::images
