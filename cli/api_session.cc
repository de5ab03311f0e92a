#include "cli/api_session.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "cli/api_errors.h"
#include "cli/feed.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/base/text.h"
#include "common/client/config/kubeconfig.h"
#include "common/client/config/small_file.h"
#include "common/json/tree.h"

namespace rekindle::cli {
namespace {

constexpr absl::Duration kApiCallLimit = absl::Seconds(30);

// Whether somebody has said which API server is meant.
bool IsChosen(const ApiOptions& options, const client::ConfigSources& sources) {
  if (!options.kubeconfig.empty() || !sources.env("KUBECONFIG").value_or("").empty()) return true;
  if (!absl::IsNotFound(client::InCluster(sources).status())) return true;
  const std::string home = sources.env("HOME").value_or("");
  return !home.empty() && client::FileExists(home + "/.kube/config");
}

}  // namespace

bool WantsColors(const Io& io) {
  const auto no_color = io.getenv("NO_COLOR");
  return io.out_is_tty && !(no_color.has_value() && !no_color->empty()) &&
         io.getenv("TERM").value_or("") != "dumb";
}

absl::StatusOr<client::ClientConfig> FindApi(const ApiOptions& options, const Io& io,
                                             const std::string& admin_kubeconfig) {
  client::ConfigSources sources{
      .kubeconfig = options.kubeconfig, .context = options.context, .env = io.getenv};
  const bool chosen = IsChosen(options, sources);
  if (!chosen && access(admin_kubeconfig.c_str(), R_OK) == 0) {
    sources.kubeconfig = admin_kubeconfig;
  } else if (!chosen && errno == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrCat(admin_kubeconfig,
                     ": may be read by its owner only; run it as root, or name "
                     "another kubeconfig with --kubeconfig"));
  }
  absl::StatusOr<client::ClientConfig> config = client::LoadClientConfig(sources);
  if (config.ok() || absl::IsPermissionDenied(config.status())) return config;
  if (!chosen && sources.kubeconfig.empty()) {
    return absl::UnavailableError(absl::StrCat(
        config.status().message(), ", and there is no ", admin_kubeconfig,
        "\nName a kubeconfig with --kubeconfig or KUBECONFIG. On one machine without Kubernetes, "
        "\"systemctl start rekindle-controller\" makes an API server and its kubeconfig."));
  }
  return absl::InvalidArgumentError(config.status().message());
}

ApiSession::ApiSession(Io& io, client::ClientConfig config)
    : io_(io), config_(std::move(config)), name_space_(config_.name_space) {}

absl::StatusOr<std::unique_ptr<ApiSession>> ApiSession::Open(const ApiOptions& options, Io& io) {
  RK_ASSIGN_OR_RETURN(client::ClientConfig config, FindApi(options, io, kAdminKubeconfig));
  std::unique_ptr<ApiSession> session(new ApiSession(io, std::move(config)));
  if (!options.name_space.empty()) session->name_space_ = options.name_space;
  if (options.output == "json") session->format_ = Format::kJson;
  if (options.output == "yaml") session->format_ = Format::kYaml;
  if (options.output == "wide") session->format_ = Format::kWide;
  if (!options.timeout.empty()) {
    const absl::StatusOr<absl::Duration> timeout = ParseDurationText(options.timeout);
    if (!timeout.ok()) return Annotate(timeout.status(), "--timeout");
    if (*timeout == absl::ZeroDuration()) {
      return absl::InvalidArgumentError("--timeout: must be more than 0s");
    }
    session->timeout_ = *timeout;
  }
  absl::Status opened;
  session->RunOnLoop([&] {
    session->blocking_ = std::make_unique<BlockingPool>(session->loop_, 1, "rekindle-block");
    absl::StatusOr<std::unique_ptr<client::ApiAccess>> access =
        client::ApiAccess::Open(session->loop_, *session->blocking_, session->config_,
                                {.terminal = isatty(STDIN_FILENO) == 1});
    if (!access.ok()) {
      opened = access.status();
      return;
    }
    session->access_ = *std::move(access);
    session->client_ = session->access_->NewClient(
        {.timeout = session->call_limit(),
         .user_agent = "rekindle",
         .observer = [raw = session.get()](const client::CallReport& report) {
           MutexLock lock(&raw->mutex_);
           raw->warnings_.insert(raw->warnings_.end(), report.warnings.begin(),
                                 report.warnings.end());
         }});
  });
  RK_RETURN_IF_ERROR(opened);
  return session;
}

ApiSession::~ApiSession() {
  RunOnLoop([this] {
    client_.reset();
    access_.reset();
  });
  blocking_.reset();  // joins its threads, which may post to the loop
  loop_.Stop();
}

void ApiSession::RunOnLoop(const std::function<void()>& work) {
  Latch done;
  loop_.Post([&] {
    work();
    done.Open();
  });
  done.Wait();
}

template <typename T>
absl::StatusOr<T> ApiSession::Await(
    std::function<void(absl::AnyInvocable<void(absl::StatusOr<T>)>)> start) const {
  struct Answer {
    Mutex mutex;
    std::optional<absl::StatusOr<T>> got ABSL_GUARDED_BY(mutex);
  };
  const auto answer = std::make_shared<Answer>();
  loop_.Post([answer, start = std::move(start)] {
    start([answer](absl::StatusOr<T> got) {
      MutexLock lock(&answer->mutex);
      answer->got.emplace(std::move(got));
    });
  });
  while (!io_.interrupted.load()) {
    MutexLock lock(&answer->mutex);
    const bool there = answer->mutex.AwaitFor(
        kTick,
        [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(answer->mutex) { return answer->got.has_value(); });
    if (!there) continue;
    if (!answer->got->ok()) return AsUnreachable(answer->got->status());
    return std::move(*answer->got);
  }
  return absl::CancelledError("interrupted");
}

absl::StatusOr<Json> ApiSession::Get(const client::ObjectRef& ref) {
  return Await<Json>([this, ref](auto done) { client_->Get(ref, std::move(done)); });
}

absl::StatusOr<Json> ApiSession::Create(const client::ObjectRef& ref, const Json& object,
                                        bool dry_run) {
  {
    MutexLock lock(&mutex_);
    warnings_.clear();
  }
  absl::StatusOr<Json> made = Await<Json>([this, ref, object, dry_run](auto done) {
    client_->Create(ref, object,
                    {.field_manager = "rekindle", .field_validation = "Strict", .dry_run = dry_run},
                    std::move(done));
  });
  PrintWarnings();
  return made;
}

void ApiSession::PrintWarnings() {
  MutexLock lock(&mutex_);
  for (const std::string& warning : warnings_) {
    io_.err << "warning: " << PrintableText(warning) << "\n";
  }
  warnings_.clear();
}

absl::StatusOr<std::vector<ObjectPtr>> ApiSession::List(const client::Collection& collection) {
  Feed feed(*this, collection);
  RK_RETURN_IF_ERROR(feed.AwaitFirst(call_limit()));
  std::vector<std::pair<client::ObjectKey, ObjectPtr>> found;
  for (FeedChange& change : feed.Take(absl::ZeroDuration())) {
    if (change.object != nullptr) found.emplace_back(change.key, std::move(change.object));
  }
  std::sort(found.begin(), found.end());
  std::vector<ObjectPtr> out;
  for (auto& [key, object] : found) out.push_back(std::move(object));
  return out;
}

absl::Duration ApiSession::call_limit() const { return timeout_.value_or(kApiCallLimit); }

Style ApiSession::style() const {
  return {.now = io_.now(),
          .colors = WantsColors(io_),
          .wide = format_ == Format::kWide,
          .width = io_.width};
}

void ApiSession::Print(const Json& object) const {
  io_.out << (format_ == Format::kJson ? ToJson(object, /*compact=*/false) : ToYaml(object));
  io_.out.flush();
}

int ApiSession::Fail(const absl::Status& status) const { return FailApi(status, io_); }

}  // namespace rekindle::cli
