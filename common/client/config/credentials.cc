#include "common/client/config/credentials.h"

#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "common/client/config/exec_credential.h"
#include "common/client/config/small_file.h"
#include "common/client/config/tls_source.h"

namespace rekindle::client {
namespace {

absl::StatusOr<std::string> ReadToken(const std::string& path) {
  RK_ASSIGN_OR_RETURN(std::string text, ReadSmallFile(path));
  absl::StripAsciiWhitespace(&text);
  if (text.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": holds no token"));
  return text;
}

std::vector<Header> Impersonation(const UserAccess& user) {
  std::vector<Header> out;
  if (user.as.empty()) return out;
  out.emplace_back("Impersonate-User", user.as);
  if (!user.as_uid.empty()) out.emplace_back("Impersonate-Uid", user.as_uid);
  for (const std::string& group : user.as_groups) out.emplace_back("Impersonate-Group", group);
  for (const auto& [key, value] : user.as_extra) {
    out.emplace_back(absl::StrCat("Impersonate-Extra-", key), value);
  }
  return out;
}

// Nothing is said over plain HTTP.
class NoCredentials final : public CredentialSource {
 public:
  void Get(Done done) override { done(Credentials()); }
  void Rejected(uint64_t) override {}
  void OnTlsChange(std::function<void()>) override {}
};

class ConfigCredentials final : public CredentialSource {
 public:
  ConfigCredentials(Loop& loop, Blocking& blocking, const ClientConfig& config,
                    const CredentialOptions& options, std::unique_ptr<TlsSource> tls)
      : loop_(loop), blocking_(blocking), config_(config), options_(options), tls_(std::move(tls)) {
    Poll();
  }

  ~ConfigCredentials() override { interrupted_->store(true); }

  // The first token must be there: later a re-read that fails is no error.
  absl::Status ReadFirstToken() {
    if (config_.user.token_file.empty()) return absl::OkStatus();
    RK_ASSIGN_OR_RETURN(token_, ReadToken(config_.user.token_file));
    token_read_ = loop_.Monotonic();
    return absl::OkStatus();
  }

  void Get(Done done) override {
    Refresh();
    if (!config_.user.exec.has_value()) return done(Make());
    if (exec_.has_value() && loop_.Now() < exec_->expires) return done(Make());
    waiting_.push_back(std::move(done));
    if (waiting_.size() == 1) RunPlugin();
  }

  void Rejected(uint64_t generation) override {
    if (generation != generation_) return;  // others are in force already
    token_read_ = -absl::InfiniteDuration();
    exec_.reset();
  }

  void OnTlsChange(std::function<void()> changed) override { tls_changed_ = std::move(changed); }

 private:
  void Poll() {
    if (!HasFiles()) return;
    poll_timer_.Set(loop_, options_.tls_poll, [this] {
      Refresh();
      Poll();
    });
  }
  bool HasFiles() const {
    return !config_.cluster.authority.path.empty() || !config_.user.certificate.path.empty();
  }

  void Refresh() {
    if (tls_->Refresh()) TlsChanged();
    const std::string& path = config_.user.token_file;
    if (path.empty() || loop_.Monotonic() - token_read_ < options_.token_age) return;
    absl::StatusOr<std::string> token = ReadToken(path);
    // Also when it failed: the next attempt is due a while later, with the old token until then.
    token_read_ = loop_.Monotonic();
    if (!token.ok() || *token == token_) return;
    token_ = *std::move(token);
    ++generation_;
  }

  void TlsChanged() {
    ++generation_;
    if (tls_changed_) tls_changed_();
  }

  Credentials Make() const {
    Credentials out = {.tls = tls_->identity(), .generation = generation_};
    const UserAccess& user = config_.user;
    const std::string& token = exec_.has_value()          ? exec_->token
                               : !user.token_file.empty() ? token_
                                                          : user.token;
    if (!token.empty()) {
      out.headers.emplace_back("Authorization", absl::StrCat("Bearer ", token));
    } else if (!user.username.empty()) {
      out.headers.emplace_back("Authorization",
                               absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(
                                                          user.username, ":", user.password))));
    }
    if (exec_.has_value() && exec_tls_ != nullptr) out.tls = exec_tls_;
    for (Header& header : Impersonation(user)) out.headers.push_back(std::move(header));
    return out;
  }

  void RunPlugin() {
    auto result = std::make_shared<absl::StatusOr<ExecCredential>>(absl::UnknownError(""));
    blocking_.Run(
        [result, config = config_, ca = tls_->identity()->ca, terminal = options_.terminal,
         interrupted = interrupted_] {
          *result = RunExecPlugin(config, ca, terminal, *interrupted);
          if (result->ok() && !(*result)->certificate.empty()) {
            const absl::Status fits = CheckKeyPair((*result)->certificate, (*result)->key);
            if (!fits.ok()) *result = Annotate(fits, "exec plugin");
          }
          return absl::OkStatus();
        },
        [this, result, interrupted = interrupted_](const absl::Status&) {
          if (!interrupted->load()) PluginEnded(std::move(*result));
        });
  }

  void PluginEnded(absl::StatusOr<ExecCredential> result) {
    if (result.ok()) {
      exec_ = *std::move(result);
      ++generation_;
      std::shared_ptr<const TlsIdentity> tls;
      if (!exec_->certificate.empty()) {
        tls = std::make_shared<const TlsIdentity>(
            TlsIdentity{tls_->identity()->ca, exec_->certificate, exec_->key});
      }
      const bool changed = last_exec_tls_ != nullptr && tls != nullptr && *tls != *last_exec_tls_;
      exec_tls_ = tls;
      last_exec_tls_ = tls;
      if (changed && tls_changed_) tls_changed_();
    }
    for (Done& done : std::exchange(waiting_, {})) {
      if (result.ok()) {
        done(Make());
      } else {
        done(result.status());
      }
    }
  }

  Loop& loop_;
  Blocking& blocking_;
  const ClientConfig config_;
  const CredentialOptions options_;
  const std::unique_ptr<TlsSource> tls_;
  std::string token_;
  absl::Duration token_read_ = -absl::InfiniteDuration();
  uint64_t generation_ = 1;
  std::optional<ExecCredential> exec_;
  std::shared_ptr<const TlsIdentity> exec_tls_;
  std::shared_ptr<const TlsIdentity> last_exec_tls_;
  std::vector<Done> waiting_;
  std::function<void()> tls_changed_;
  ScopedTimer poll_timer_;
  std::shared_ptr<std::atomic<bool>> interrupted_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace

absl::StatusOr<std::unique_ptr<CredentialSource>> MakeCredentialSource(
    Loop& loop, Blocking& blocking, const ClientConfig& config, const CredentialOptions& options) {
  if (absl::StartsWith(config.cluster.server, "http://")) {
    return std::make_unique<NoCredentials>();
  }
  RK_ASSIGN_OR_RETURN(std::unique_ptr<TlsSource> tls, TlsSource::Open(config));
  auto out = std::make_unique<ConfigCredentials>(loop, blocking, config, options, std::move(tls));
  RK_RETURN_IF_ERROR(Annotate(out->ReadFirstToken(),
                              absl::StrCat("users[", config.user_name, "].user.tokenFile")));
  return out;
}

}  // namespace rekindle::client
