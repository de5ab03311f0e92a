// RemoveResidue of host.h: takes a bed apart without asking containerd, so that it works the same
// for a bed that was left by a crash.
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

#include "tests/bed/host.h"
#include "tests/bed/node_mounts.h"
#include "tests/bed/process.h"

namespace rekindle::bed {
namespace {

constexpr absl::Duration kEmptied = absl::Seconds(10);

namespace fs = std::filesystem;

// The cgroup of the bed in every hierarchy: v1 has one directory per controller, v2 a single one.
std::vector<std::string> CgroupDirs(const std::string& id) {
  std::vector<std::string> dirs;
  std::error_code error;
  std::vector<fs::path> roots = {"/sys/fs/cgroup"};
  for (const auto& entry : fs::directory_iterator("/sys/fs/cgroup", error)) {
    if (entry.is_directory(error) && !entry.is_symlink(error)) roots.push_back(entry.path());
  }
  for (const fs::path& root : roots) {
    fs::path dir = root / CgroupName(id);
    if (fs::is_directory(dir, error)) dirs.push_back(dir.string());
  }
  return dirs;
}

std::vector<fs::path> DirectoriesBelow(const std::string& top) {
  std::vector<fs::path> found = {top};
  std::error_code error;
  for (fs::recursive_directory_iterator it(top, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_directory(error)) found.push_back(it->path());
  }
  return found;
}

bool IsRuntimeProgram(const std::string& name) {
  // /proc/PID/comm is cut at 15 characters.
  static const std::set<std::string>* programs = new std::set<std::string>{"containerd",
                                                                           "containerd-shim",
                                                                           "runc",
                                                                           "ctr",
                                                                           "bridge",
                                                                           "host-local",
                                                                           "loopback",
                                                                           "rekindled",
                                                                           "docker-registry",
                                                                           "tail",
                                                                           "etcd",
                                                                           "kube-apiserver",
                                                                           "kube-controller",
                                                                           "kube-scheduler",
                                                                           "kubelet",
                                                                           "kubectl"};
  return programs->count(name) > 0 || absl::StartsWith(name, "runc:[");
}

// containerd, shims, runc, CNI plugins and parts of Kubernetes that work for the directory, and all
// that runs in the bed's cgroups or mount namespace.
std::set<pid_t> ProcessesOf(const std::string& dir, const std::string& id) {
  std::set<pid_t> pids;
  std::error_code error;
  const std::string inside = dir + "/";
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid) || pid == getpid()) continue;
    std::string base = entry.path().string();
    if (!IsRuntimeProgram(std::string(absl::StripSuffix(ReadFile(base + "/comm"), "\n")))) continue;
    if (absl::StrContains(ReadFile(base + "/cmdline"), inside) ||
        absl::StrContains(ReadFile(base + "/environ"), inside)) {
      if (Identify(pid).has_value()) pids.insert(pid);
    }
  }
  for (pid_t pid : ProcessesInNodeMounts(dir)) pids.insert(pid);
  for (const std::string& top : CgroupDirs(id)) {
    for (const fs::path& cgroup : DirectoriesBelow(top)) {
      for (absl::string_view line :
           absl::StrSplit(ReadFile((cgroup / "cgroup.procs").string()), '\n')) {
        pid_t pid = 0;
        if (absl::SimpleAtoi(line, &pid) && Identify(pid).has_value()) pids.insert(pid);
      }
    }
  }
  return pids;
}

absl::Status KillAll(const std::string& dir, const std::string& id) {
  std::set<pid_t> left;
  bool gone = WaitUntil(
      [&] {
        left = ProcessesOf(dir, id);
        for (pid_t pid : left) kill(pid, SIGKILL);
        return left.empty();
      },
      absl::Seconds(20));
  if (gone) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("process ", *left.begin(), " does not end"));
}

// Mount points below the directory, deepest first.
std::vector<std::string> MountsBelow(const std::string& dir) {
  std::vector<std::string> mounts;
  for (absl::string_view line : absl::StrSplit(ReadFile("/proc/self/mountinfo"), '\n')) {
    std::vector<std::string> fields = absl::StrSplit(line, ' ');
    if (fields.size() > 4 && absl::StartsWith(fields[4], dir + "/")) mounts.push_back(fields[4]);
  }
  std::sort(mounts.rbegin(), mounts.rend());
  return mounts;
}

absl::Status UnmountAll(const std::string& dir) {
  for (const std::string& mount : MountsBelow(dir)) umount2(mount.c_str(), MNT_DETACH);
  std::vector<std::string> left = MountsBelow(dir);
  if (left.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(left.front(), " stays mounted"));
}

// Shims listen outside the bed, in a directory that all containerds of the machine share.
std::vector<std::string> ShimSockets(const std::string& dir) {
  std::vector<std::string> sockets;
  std::error_code error;
  for (const auto& ns :
       fs::directory_iterator(dir + "/state/io.containerd.runtime.v2.task", error)) {
    for (const auto& task : fs::directory_iterator(ns.path(), error)) {
      std::string content = ReadFile((task.path() / "address").string());
      absl::string_view address = content;
      if (absl::ConsumePrefix(&address, "unix://")) sockets.emplace_back(address);
    }
  }
  return sockets;
}

// libcni keeps its results in one directory of the machine and offers no other.
void RemoveCniResults(const std::string& dir, const std::string& id) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/var/lib/cni/results", error)) {
    if (absl::StartsWith(entry.path().filename().string(), NetworkName(id) + "-") ||
        absl::StrContains(ReadFile(entry.path().string()), dir + "/")) {
      fs::remove(entry.path(), error);
    }
  }
}

absl::Status RemoveCgroups(const std::string& id) {
  bool gone = WaitUntil(
      [&] {
        // The kernel lets a cgroup go a moment after its last process has been reaped.
        for (const std::string& top : CgroupDirs(id)) {
          std::vector<fs::path> dirs = DirectoriesBelow(top);
          for (auto it = dirs.rbegin(); it != dirs.rend(); ++it) rmdir(it->c_str());
        }
        return CgroupDirs(id).empty();
      },
      absl::Seconds(10));
  if (gone) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("cgroup ", CgroupName(id), " does not go"));
}

// What shims and runc make for all containerds of the machine. Only the last bed removes it, and
// only where no containerd of the machine's own is: a shim of theirs may be about to listen there.
void RemoveSharedDirs() {
  std::error_code error;
  if (fs::exists("/run/containerd/containerd.sock", error)) return;
  for (const auto& entry : fs::directory_iterator(kRegistryDir, error)) {
    if (entry.is_symlink(error)) return;
  }
  for (const char* shared : {"/run/containerd/s", "/run/containerd/runc/k8s.io",
                             "/run/containerd/runc", "/run/containerd"}) {
    rmdir(shared);  // only if nothing is in it
  }
}

absl::Status RemoveBridge(const std::string& id) {
  std::error_code error;
  if (!fs::exists("/sys/class/net/" + BridgeName(id), error)) return absl::OkStatus();
  return RunCommand({"ip", "link", "del", BridgeName(id)}, absl::Seconds(10)).status();
}

}  // namespace

absl::Status RemoveResidue(const std::string& dir, const std::string& id) {
  std::vector<std::string> sockets = ShimSockets(dir);
  absl::Status status = KillAll(dir, id);
  absl::Status unmounted = UnmountAll(dir);
  status.Update(unmounted);
  status.Update(RemoveCgroups(id));
  status.Update(RemoveBridge(id));
  RemoveCniResults(dir, id);
  for (const std::string& socket : sockets) unlink(socket.c_str());
  std::error_code error;
  // Never through a mount: what is mounted there is not ours to delete.
  if (unmounted.ok()) {
    // Two sweeps may meet in one directory, and what was just killed may still be in a write: what
    // the one has taken and the other has left is no error.
    (void)WaitUntil(
        [&] {
          fs::remove_all(dir, error);
          return error != std::errc::no_such_file_or_directory &&
                 error != std::errc::directory_not_empty;
        },
        kEmptied);
    if (error && fs::exists(dir)) {
      status.Update(absl::FailedPreconditionError(absl::StrCat(dir, ": ", error.message())));
    }
  }
  if (status.ok()) fs::remove(fs::path(kRegistryDir) / id, error);
  RemoveSharedDirs();
  RemoveMountPoints();
  return status;
}

}  // namespace rekindle::bed
