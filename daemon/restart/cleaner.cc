#include "daemon/restart/cleaner.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;
namespace fs = std::filesystem;

constexpr char kTerminationPathAnnotation[] = "io.kubernetes.container.terminationMessagePath";
constexpr int kTries = 8;
// A replacement that was given up need not get as long as one that has served.
constexpr absl::Duration kLongestGrace = absl::Seconds(10);

// The log and what rotation made of it ("0.log", "0.log.20261125-010203.gz").
absl::Status DeleteFiles(const std::string& log_path, const std::string& termination_file) {
  std::error_code ignored;
  if (!termination_file.empty()) fs::remove(termination_file, ignored);
  if (log_path.empty()) return absl::OkStatus();
  const fs::path log(log_path);
  fs::remove(log, ignored);
  const std::string rotated = absl::StrCat(log.filename().string(), ".");
  for (const auto& entry : fs::directory_iterator(log.parent_path(), ignored)) {
    if (absl::StartsWith(entry.path().filename().string(), rotated)) {
      fs::remove(entry.path(), ignored);
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string OwnTerminationFile(const v1::ContainerStatus& status) {
  auto path = status.annotations().find(kTerminationPathAnnotation);
  if (path == status.annotations().end()) return {};
  for (const v1::Mount& mount : status.mounts()) {
    if (mount.container_path() != path->second) continue;
    const std::string name = fs::path(mount.host_path()).filename().string();
    const bool ours =
        name.size() == 8 && std::all_of(name.begin(), name.end(), [](char c) {
          return absl::ascii_isdigit(static_cast<unsigned char>(c)) || (c >= 'a' && c <= 'f');
        });
    return ours ? mount.host_path() : std::string();
  }
  return {};
}

std::shared_ptr<Cleaner> Cleaner::Start(const Deps& deps, std::vector<std::string> containers,
                                        absl::Duration grace,
                                        absl::AnyInvocable<void(std::vector<std::string>)> done) {
  std::shared_ptr<Cleaner> cleaner(
      new Cleaner(deps, std::move(containers), grace, std::move(done)));
  cleaner->Next();
  return cleaner;
}

Cleaner::Cleaner(const Deps& deps, std::vector<std::string> containers, absl::Duration grace,
                 absl::AnyInvocable<void(std::vector<std::string>)> done)
    : deps_(deps),
      todo_(std::move(containers)),
      grace_(std::clamp(grace, absl::Seconds(1), kLongestGrace)),
      done_(std::move(done)),
      retry_(deps.retry) {}

template <typename F>
auto Cleaner::Here(F f) {
  return [weak = weak_from_this(), f = std::move(f)](auto&&... args) mutable {
    std::shared_ptr<Cleaner> self = weak.lock();
    if (self != nullptr) f(std::forward<decltype(args)>(args)...);
  };
}

void Cleaner::Next() {
  if (todo_.empty()) {
    auto done = std::move(done_);
    return done(std::move(remaining_));
  }
  tries_ = 0;
  retry_.Reset();
  log_path_.clear();
  termination_file_.clear();
  Stop();
}

void Cleaner::Stop() {
  deps_.runtime.ContainerStatus(
      todo_.back(), /*verbose=*/false,
      Here([this](const absl::StatusOr<v1::ContainerStatusResponse>& response) {
        if (absl::IsNotFound(response.status())) {
          todo_.pop_back();
          return Next();
        }
        if (!response.ok()) return Failed();
        log_path_ = response->status().log_path();
        termination_file_ = OwnTerminationFile(response->status());
        const v1::ContainerState state = response->status().state();
        // Of an unknown one the process may still be there.
        if (state != v1::CONTAINER_RUNNING && state != v1::CONTAINER_UNKNOWN) return Remove();
        deps_.runtime.StopContainer(todo_.back(), grace_, Here([this](const absl::Status& stopped) {
                                      if (!stopped.ok()) return Failed();
                                      Remove();
                                    }));
      }));
}

void Cleaner::Remove() {
  deps_.runtime.RemoveContainer(todo_.back(), Here([this](const absl::Status& removed) {
                                  if (!removed.ok()) return Failed();
                                  RemoveFiles();
                                }));
}

void Cleaner::RemoveFiles() {
  deps_.files.Run([log = log_path_, file = termination_file_] { return DeleteFiles(log, file); },
                  Here([this](const absl::Status&) {
                    todo_.pop_back();
                    Next();
                  }));
}

void Cleaner::Failed() {
  if (++tries_ >= kTries) {
    remaining_.push_back(std::move(todo_.back()));
    todo_.pop_back();
    return Next();
  }
  timer_.Set(deps_.loop, retry_.Next(), [this] { Stop(); });
}

}  // namespace rekindle::restart
