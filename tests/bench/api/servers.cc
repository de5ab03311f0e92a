#include "tests/bench/api/servers.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "tests/bed/process.h"
#include "tests/bench/usage.h"
#include "tests/conformance/control_plane.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle::bench {
namespace {

constexpr absl::Duration kReady = absl::Minutes(1);

absl::StatusOr<Usage> UsageOf(pid_t pid) {
  Usage out;
  RK_ASSIGN_OR_RETURN(out.resident_bytes, ResidentBytes(pid, "RssAnon"));
  RK_ASSIGN_OR_RETURN(out.processor_time, ProcessorTime(pid));
  return out;
}

class Embedded final : public ApiServer {
 public:
  absl::Status Start(const std::string& program) {
    const std::string tokens = dir_ / "tokens";
    RK_RETURN_IF_ERROR(bed::WriteFile(tokens, "administrator,admin,1,\"system:masters\"\n"));
    ::chmod(tokens.c_str(), 0600);
    RK_ASSIGN_OR_RETURN(
        process_, bed::ChildProcess::Start({program, "--embedded", "--data-dir", dir_ / "data",
                                            "--listen", "127.0.0.1:0", "--token-file", tokens,
                                            "--controllers=-*", "--metrics-listen", "off"},
                                           log()));
    static constexpr absl::string_view kServing = "serving ";
    const bool ready = bed::WaitUntil(
        [&] {
          const std::string text = bed::ReadFile(log());
          const size_t at = text.find(absl::StrCat(kServing, "https://"));
          const size_t end = text.find_first_of(" ,;\n", at + kServing.size());
          if (at == std::string::npos || end == std::string::npos) return !process_->Running();
          url_ = text.substr(at + kServing.size(), end - at - kServing.size());
          return true;
        },
        kReady);
    if (!ready || url_.empty()) {
      return absl::DeadlineExceededError(
          absl::StrCat(program, " does not serve: ", bed::ReadFile(log())));
    }
    return absl::OkStatus();
  }

  conformance::Endpoint endpoint() const override {
    return {.url = url_, .token = "administrator"};
  }
  std::string kubeconfig() const override { return dir_ / "data/admin.kubeconfig"; }
  absl::StatusOr<Usage> Used() const override { return UsageOf(process_->pid()); }

 private:
  std::string log() const { return dir_ / "log"; }

  TempDir dir_;
  std::string url_;
  std::unique_ptr<bed::ChildProcess> process_;
};

class KubeApiserver final : public ApiServer {
 public:
  explicit KubeApiserver(std::unique_ptr<conformance::ControlPlane> plane)
      : plane_(std::move(plane)) {}
  conformance::Endpoint endpoint() const override { return plane_->endpoint(); }
  std::string kubeconfig() const override { return plane_->kubeconfig(); }
  absl::StatusOr<Usage> Used() const override {
    Usage out;
    for (const pid_t pid : plane_->processes()) {
      RK_ASSIGN_OR_RETURN(const Usage one, UsageOf(pid));
      out.resident_bytes += one.resident_bytes;
      out.processor_time += one.processor_time;
    }
    return out;
  }

 private:
  const std::unique_ptr<conformance::ControlPlane> plane_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ApiServer>> StartEmbedded(const std::string& program) {
  auto out = std::make_unique<Embedded>();
  RK_RETURN_IF_ERROR(out->Start(program));
  return out;
}

absl::StatusOr<std::unique_ptr<ApiServer>> StartKubeApiserver() {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<conformance::ControlPlane> plane,
                      conformance::ControlPlane::Start({.durable = true, .controllers = false}));
  return std::make_unique<KubeApiserver>(std::move(plane));
}

}  // namespace rekindle::bench
