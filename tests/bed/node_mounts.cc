#include "tests/bed/node_mounts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/status_macros.h"
#include "tests/bed/host.h"

namespace rekindle::bed {
namespace {

namespace fs = std::filesystem;

struct NodePath {
  const char* inside;  // below <dir>/node
  const char* path;    // what the programs of a node use
};
constexpr NodePath kPaths[] = {{"kubelet", "/var/lib/kubelet"},
                               {"pods", "/var/log/pods"},
                               {"containers", "/var/log/containers"},
                               {"run", "/run/containerd"},
                               {"cni", "/var/lib/cni"}};

// What a kubelet sets at its start unless it finds it so.
constexpr std::pair<const char*, const char*> kSysctls[] = {
    {"vm/overcommit_memory", "1"},
    {"vm/panic_on_oom", "0"},
    {"kernel/panic", "10"},
    {"kernel/panic_on_oops", "1"},
    {"kernel/keys/root_maxkeys", "1000000"},
    {"kernel/keys/root_maxbytes", "25000000"}};

constexpr absl::Duration kReadyTimeout = absl::Seconds(30);

// Mount points made by us, one a line in the order of making.
std::string MadeList() { return absl::StrCat(kRegistryDir, "/.mount-points"); }
std::string RegistryLock() { return absl::StrCat(kRegistryDir, "/.lock"); }

absl::Status MakeMountPoint(const fs::path& path, std::ofstream* made) {
  std::error_code error;
  if (path == "/" || fs::exists(path, error)) return absl::OkStatus();
  RK_RETURN_IF_ERROR(MakeMountPoint(path.parent_path(), made));
  // Listed first: what a crash leaves unmade is no harm, what it leaves unlisted stays for ever.
  *made << path.string() << '\n' << std::flush;
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return absl::UnavailableError(absl::StrCat("mkdir ", path.string(), ": ", strerror(errno)));
  }
  return absl::OkStatus();
}

absl::Status MakeMountPoints() {
  RK_ASSIGN_OR_RETURN(FileLock lock, FileLock::Take(RegistryLock(), true));
  std::ofstream made(MadeList(), std::ios::app);
  for (const NodePath& entry : kPaths) RK_RETURN_IF_ERROR(MakeMountPoint(entry.path, &made));
  return absl::OkStatus();
}

std::string Namespace(const std::string& pid) {
  char link[PATH_MAX];
  ssize_t size = readlink(absl::StrCat("/proc/", pid, "/ns/mnt").c_str(), link, sizeof(link));
  return size <= 0 ? "" : std::string(link, static_cast<size_t>(size));
}

// Shared at the end, as a node's mounts are: pods may ask for mounts that propagate.
std::string Script() {
  std::vector<std::string> lines = {"set -e"};
  for (const NodePath& entry : kPaths) {
    lines.push_back(absl::StrCat("mount --bind \"$1/node/", entry.inside, "\" ", entry.path));
  }
  for (const auto& [name, value] : kSysctls) {
    lines.push_back(absl::StrCat("[ ! -e /proc/sys/", name, " ] || mount --bind \"$1/node/sysctl/",
                                 name, "\" /proc/sys/", name));
  }
  lines.emplace_back("mount --make-rshared /");
  lines.emplace_back("echo ready >\"$1/node/ready\"");
  // Sleeps without end, with the bed's directory in its command line.
  lines.emplace_back("exec tail -f \"$1/node/ready\"");
  return absl::StrJoin(lines, "\n");
}

}  // namespace

std::string NodeSocket(const std::string& dir) { return dir + "/node/run/containerd.sock"; }

absl::StatusOr<ProcessId> MakeNodeMounts(const std::string& dir) {
  std::error_code error;
  for (const NodePath& entry : kPaths) fs::create_directories(dir + "/node/" + entry.inside, error);
  for (const auto& [name, value] : kSysctls) {
    fs::path file = fs::path(dir) / "node/sysctl" / name;
    fs::create_directories(file.parent_path(), error);
    RK_RETURN_IF_ERROR(WriteFile(file.string(), absl::StrCat(value, "\n")));
  }
  RK_RETURN_IF_ERROR(MakeMountPoints());
  const std::string ready = dir + "/node/ready";
  const std::string log = dir + "/node/mounts.log";
  fs::remove(ready, error);
  RK_ASSIGN_OR_RETURN(ProcessId holder, Spawn({"unshare", "--mount", "--propagation", "private",
                                               "--", "sh", "-c", Script(), "sh", dir},
                                              log));
  RK_RETURN_IF_ERROR(WriteFile(dir + "/node/holder", ToString(holder)));
  bool made =
      WaitUntil([&] { return !Alive(holder) || ReadFile(ready) == "ready\n"; }, kReadyTimeout);
  if (made && Alive(holder)) return holder;
  return absl::DeadlineExceededError(absl::StrCat("mounts of the node: ", ReadFile(log)));
}

std::vector<std::string> InNodeMounts(const ProcessId& holder,
                                      const std::vector<std::string>& argv) {
  std::vector<std::string> words = {"nsenter",
                                    absl::StrCat("--mount=/proc/", holder.pid, "/ns/mnt"), "--"};
  words.insert(words.end(), argv.begin(), argv.end());
  return words;
}

std::vector<pid_t> ProcessesInNodeMounts(const std::string& dir) {
  std::vector<pid_t> pids;
  std::optional<ProcessId> holder = ParseProcessId(ReadFile(dir + "/node/holder"));
  if (!holder.has_value() || !Alive(*holder)) return pids;
  const std::string wanted = Namespace(absl::StrCat(holder->pid));
  // A holder that has not come to unshare yet is in the machine's own.
  if (wanted.empty() || wanted == Namespace("self") || wanted == Namespace("1")) return pids;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    pid_t pid = 0;
    std::string name = entry.path().filename().string();
    if (absl::SimpleAtoi(name, &pid) && Namespace(name) == wanted && Identify(pid).has_value()) {
      pids.push_back(pid);
    }
  }
  return pids;
}

void RemoveMountPoints() {
  absl::StatusOr<FileLock> lock = FileLock::Take(RegistryLock(), true);
  if (!lock.ok()) return;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(kRegistryDir, error)) {
    if (entry.is_symlink(error)) return;
  }
  std::vector<std::string> made = absl::StrSplit(ReadFile(MadeList()), '\n', absl::SkipEmpty());
  for (auto path = made.rbegin(); path != made.rend(); ++path) rmdir(path->c_str());
  fs::remove(MadeList(), error);
}

}  // namespace rekindle::bed
