#include "tests/kube/pod_watcher.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "tests/bed/host.h"

namespace rekindle::kube {
namespace {

using nlohmann::json;

constexpr char kPodUid[] = "io.kubernetes.pod.uid";
constexpr char kContainerName[] = "io.kubernetes.container.name";
constexpr std::chrono::milliseconds kPause(100);

std::string LabelOf(const bed::v1::Container& container, const char* label) {
  const auto it = container.labels().find(label);
  return it == container.labels().end() ? std::string() : it->second;
}

// Whether the first process of a container that the runtime calls running lives. What the runtime
// says of its state may be late; the kernel is not.
bool ProcessLives(bed::CriClient& cri, const std::string& id) {
  const auto status = cri.VerboseStatus(id);
  if (!status.ok()) return false;
  const auto info = status->info().find("info");
  if (info == status->info().end()) return false;
  const json parsed = json::parse(info->second, nullptr, /*allow_exceptions=*/false);
  const int64_t pid = parsed.is_object() ? parsed.value("pid", int64_t{0}) : 0;
  if (pid <= 0) return false;
  const std::string proc = absl::StrCat("/proc/", pid);
  // The number may be another process's by now.
  if (!absl::StrContains(bed::ReadFile(proc + "/cgroup"), id)) return false;
  // "PID (NAME) STATE ...", and a name may hold anything.
  const std::string stat = bed::ReadFile(proc + "/stat");
  const size_t name_end = stat.rfind(") ");
  if (name_end == std::string::npos) return false;
  const char state = stat[name_end + 2];
  return state != 'Z' && state != 'X';
}

}  // namespace

PodWatcher::PodWatcher(Cluster& cluster) : cluster_(cluster) {
  thread_ = std::thread([this] {
    while (!stop_) Look();
  });
}

PodWatcher::~PodWatcher() {
  stop_ = true;
  thread_.join();
}

void PodWatcher::Watch(const json& pod, const Allowed& allowed) {
  const std::lock_guard lock(mutex_);
  Watched watched;
  watched.name = pod["metadata"]["name"];
  watched.ip = pod["status"]["podIP"];
  watched.allowed = allowed;
  watched.from = absl::Now();
  watched_[pod["metadata"]["uid"]] = std::move(watched);
}

void PodWatcher::Forget(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  watched_.erase(uid);
}

std::vector<std::string> PodWatcher::violations() const {
  const std::lock_guard lock(mutex_);
  return violations_;
}

size_t PodWatcher::duplicates() const {
  const std::lock_guard lock(mutex_);
  return duplicates_.size();
}

absl::Duration PodWatcher::longest_backoff() const {
  const std::lock_guard lock(mutex_);
  return longest_backoff_;
}

absl::Duration PodWatcher::longest_lag() const {
  const std::lock_guard lock(mutex_);
  return longest_lag_;
}

void PodWatcher::Note(const std::string& violation) {
  if (std::find(violations_.begin(), violations_.end(), violation) != violations_.end()) return;
  violations_.push_back(violation);
}

void PodWatcher::Look() {
  LookAtRuntime();
  LookAtApi();
  ++looks_;
  std::this_thread::sleep_for(kPause);
}

PodWatcher::Watched* PodWatcher::Find(const std::string& uid, absl::Time asked) {
  const auto it = watched_.find(uid);
  return it == watched_.end() || it->second.from > asked ? nullptr : &it->second;
}

void PodWatcher::LookAtRuntime() {
  const absl::Time asked = absl::Now();
  // A runtime or an API that is away is what some tests want.
  const auto all = cluster_.bed().cri().ListContainers("");
  if (!all.ok()) return;
  std::map<Key, std::vector<bed::v1::Container>> running;
  for (const bed::v1::Container& container : *all) {
    if (container.state() != bed::v1::CONTAINER_RUNNING) continue;
    running[{LabelOf(container, kPodUid), LabelOf(container, kContainerName)}].push_back(container);
  }
  std::erase_if(running, [](const auto& entry) { return entry.second.size() < 2; });
  {
    const std::lock_guard lock(mutex_);
    for (auto& [uid, watched] : watched_) {
      std::erase_if(watched.two_since, [&running, uid = uid](const auto& entry) {
        return !running.contains({uid, entry.first});
      });
    }
    std::erase_if(running, [this, asked](const auto& entry) {
      const Watched* watched = Find(entry.first.first, asked);
      return watched == nullptr || watched->allowed.overlap;
    });
  }
  for (auto& [key, several] : running) {
    std::sort(several.begin(), several.end(), [](const auto& left, const auto& right) {
      return left.created_at() > right.created_at();
    });
    JudgeSeveral(key, several, asked);
  }
}

void PodWatcher::JudgeSeveral(const Key& key, const std::vector<bed::v1::Container>& newest_first,
                              absl::Time asked) {
  // The newest first: an older one that lives after a newer one was seen to live runs beside it.
  int living = 0;
  for (const bed::v1::Container& container : newest_first) {
    living += ProcessLives(cluster_.bed().cri(), container.id());
  }
  const std::lock_guard lock(mutex_);
  Watched* const found = Find(key.first, asked);
  if (found == nullptr) return;
  Watched& watched = *found;
  if (living > 1) {
    duplicates_.insert(key);
    return Note(absl::StrCat(watched.name, ": more than one process of ", key.second));
  }
  const absl::Time since = watched.two_since.emplace(key.second, absl::Now()).first->second;
  const absl::Duration lasted = absl::Now() - since;
  longest_lag_ = std::max(longest_lag_, lasted);
  if (lasted > watched.allowed.exit_lag) {
    Note(absl::StrCat(watched.name, ": more than one running ", key.second, " listed for ",
                      absl::FormatDuration(watched.allowed.exit_lag)));
  }
}

void PodWatcher::LookAtApi() {
  const absl::Time asked = absl::Now();
  const auto pods = cluster_.Pods();
  if (!pods.ok()) return;
  const std::lock_guard lock(mutex_);
  for (const json& pod : *pods) {
    Watched* const found = Find(pod["metadata"]["uid"].get<std::string>(), asked);
    if (found == nullptr) continue;
    Watched& watched = *found;
    if (pod["status"]["phase"] != "Running") {
      Note(absl::StrCat(watched.name, ": phase ", pod["status"]["phase"].get<std::string>()));
    }
    if (pod["status"].value("podIP", "") != watched.ip) {
      Note(absl::StrCat(watched.name, ": its address has changed"));
    }
    JudgeReadiness(pod, watched);
    for (const json& container : pod["status"].value("containerStatuses", json::array())) {
      JudgeBackoff(container, watched);
    }
  }
}

void PodWatcher::JudgeReadiness(const json& pod, Watched& watched) {
  const bool ready = HasCondition(pod, "Ready");
  if (ready == watched.ready) return;
  watched.ready = ready;
  watched.ready_falls += !ready;
  absl::StrAppend(&watched.ready_history, "\n  ", absl::FormatTime(absl::Now()),
                  ready ? " ready " : " not ready ",
                  pod["status"].value("containerStatuses", json::array()).dump());
  if (watched.allowed.ready_falls >= 0 && watched.ready_falls > watched.allowed.ready_falls) {
    Note(absl::StrCat(watched.name, ": ceased to be ready ", watched.ready_falls, " times",
                      watched.ready_history));
  }
}

void PodWatcher::JudgeBackoff(const json& container, Watched& watched) {
  const std::string name = container["name"];
  const json waiting = container["state"].value("waiting", json::object());
  if (waiting.value("reason", "") != "CrashLoopBackOff") {
    watched.backoff_since.erase(name);
    return;
  }
  const absl::Time since = watched.backoff_since.emplace(name, absl::Now()).first->second;
  longest_backoff_ = std::max(longest_backoff_, absl::Now() - since);
  if (absl::Now() - since > watched.allowed.backoff ||
      watched.allowed.backoff == absl::ZeroDuration()) {
    Note(absl::StrCat(watched.name, ": ", name, " in CrashLoopBackOff"));
  }
}

}  // namespace rekindle::kube
