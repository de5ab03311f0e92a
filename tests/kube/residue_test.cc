// What a cluster leaves on the machine: nothing, however it ends.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kube/cluster.h"

namespace rekindle::kube {
namespace {

namespace fs = std::filesystem;
using bed::ReadFile;
using ::testing::HasSubstr;

constexpr const char* kHardCoded[] = {"/var/lib/kubelet",        "/var/log/pods",
                                      "/var/log/containers",     "/var/lib/cni",
                                      "/usr/libexec/kubernetes", "/var/run/kubernetes",
                                      "/etc/kubernetes",         "/var/lib/etcd/member"};
constexpr const char* kSysctls[] = {
    "vm/overcommit_memory", "vm/panic_on_oom",          "kernel/panic",
    "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "net/ipv4/ip_forward"};

bool OtherBeds() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(bed::kRegistryDir, error)) {
    if (entry.is_symlink(error)) return true;
  }
  return false;
}

// What a cluster must not change: its value before has to be the one after.
std::map<std::string, std::string> Untouched() {
  std::map<std::string, std::string> state;
  for (const char* name : kSysctls) state[name] = ReadFile(absl::StrCat("/proc/sys/", name));
  state["firewall"] = bed::RunCommand({"iptables-save"}, absl::Seconds(10)).value_or("");
  std::error_code error;
  for (const char* path : kHardCoded) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path, error)) {
      // libcni's results of other beds come and go.
      if (path != std::string("/var/lib/cni")) names.push_back(entry.path().filename());
    }
    state[path] = absl::StrJoin(names, " ");
    // A mount point that had to be made is there for as long as there is a bed.
    if (!OtherBeds()) absl::StrAppend(&state[path], fs::exists(path, error) ? " there" : " absent");
  }
  return state;
}

// What of the cluster the machine still shows, as one text; empty when nothing.
std::string Traces(const std::string& dir, const std::string& id) {
  std::string traces;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    std::string line = ReadFile((entry.path() / "cmdline").string());
    if (absl::StrContains(line, dir + "/")) absl::StrAppend(&traces, "process ", line, "\n");
  }
  if (absl::StrContains(ReadFile("/proc/self/mountinfo"), dir)) absl::StrAppend(&traces, "mount\n");
  std::vector<std::string> paths = {dir, "/sys/class/net/" + bed::BridgeName(id),
                                    "/sys/fs/cgroup/" + bed::CgroupName(id),
                                    absl::StrCat(bed::kRegistryDir, "/", id)};
  for (const auto& entry : fs::directory_iterator("/sys/fs/cgroup", error)) {
    paths.push_back((entry.path() / bed::CgroupName(id)).string());
  }
  for (const std::string& path : paths) {
    if (fs::exists(fs::symlink_status(path, error))) absl::StrAppend(&traces, path, "\n");
  }
  return traces;
}

// A pod that keeps mounts of several kinds and does not leave when asked to.
constexpr char kStubborn[] = R"(
apiVersion: v1
kind: Pod
metadata: {name: stubborn}
spec:
  volumes:
  - {name: memory, emptyDir: {medium: Memory}}
  - {name: scratch, emptyDir: {}}
  containers:
  - name: main
    image: rekindle.test/server:1
    imagePullPolicy: Never
    args: [ignore-term]
    volumeMounts:
    - {name: memory, mountPath: /memory}
    - {name: scratch, mountPath: /scratch, subPath: below}
)";

TEST(ClusterResidueTest, UpAndDownSeveralTimesLeavesNothing) {
  const std::map<std::string, std::string> before = Untouched();
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    absl::StatusOr<std::unique_ptr<Cluster>> cluster = Cluster::Up();
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    const std::string dir = (*cluster)->dir();
    const std::string id = (*cluster)->bed().id();
    ASSERT_TRUE((*cluster)->Apply(kStubborn).ok());
    absl::StatusOr<nlohmann::json> pod = (*cluster)->WaitReady("stubborn");
    ASSERT_TRUE(pod.ok()) << pod.status();
    EXPECT_THAT(Traces(dir, id), HasSubstr("kube-apiserver"));
    const std::map<std::string, std::string> during = Untouched();
    for (const char* name : kSysctls) EXPECT_EQ(during.at(name), before.at(name)) << name;
    EXPECT_EQ(during.at("firewall"), before.at("firewall"));
    absl::Status down = (*cluster)->Down();
    EXPECT_TRUE(down.ok()) << down;
    EXPECT_EQ(Traces(dir, id), "");
  }
  EXPECT_EQ(Untouched(), before);
}

TEST(ClusterResidueTest, TheNextSweepTakesWhatAKilledOwnerLeft) {
  const std::map<std::string, std::string> before = Untouched();
  const std::string log = absl::StrCat("/var/tmp/kube-test-", getpid(), ".log");
  absl::StatusOr<std::unique_ptr<bed::ChildProcess>> holder =
      bed::ChildProcess::Start({REKINDLE_KUBE, "hold"}, log);
  ASSERT_TRUE(holder.ok()) << holder.status();
  EXPECT_TRUE(bed::WaitUntil(
      [&] { return absl::StrContains(ReadFile(log), "seconds=") || !(*holder)->Running(); },
      absl::Seconds(180)));
  const std::string text = ReadFile(log);
  fs::remove(log);
  ASSERT_THAT(text, HasSubstr("dir="));
  std::string dir = text.substr(text.find("dir=") + 4);
  dir = dir.substr(0, dir.find('\n'));
  const std::string id = ReadFile(dir + "/id");
  {
    absl::StatusOr<std::unique_ptr<Cluster>> cluster = Cluster::Attach(dir);
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    ASSERT_TRUE((*cluster)->Apply(kStubborn).ok());
    ASSERT_TRUE((*cluster)->WaitReady("stubborn").ok());
  }
  (*holder)->Signal(SIGKILL);
  EXPECT_EQ((*holder)->WaitExit(absl::Seconds(10)).value_or(0), 128 + SIGKILL);
  EXPECT_THAT(Traces(dir, id), HasSubstr("kubelet"));
  absl::StatusOr<int> swept = bed::Sweep();
  EXPECT_TRUE(swept.ok()) << swept.status();
  EXPECT_EQ(Traces(dir, id), "");
  EXPECT_EQ(Untouched(), before);
}

TEST(ClusterResidueTest, AKeptClusterSurvivesASweepWhileContainerdIsDown) {
  const std::string dir = absl::StrCat("/var/tmp/rekindle-beds/kept-kube-", getpid());
  {
    absl::StatusOr<std::unique_ptr<Cluster>> cluster = Cluster::Up({.dir = dir, .keep = true});
    ASSERT_TRUE(cluster.ok()) << cluster.status();
  }
  absl::StatusOr<std::unique_ptr<Cluster>> cluster = Cluster::Attach(dir);
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  ASSERT_TRUE((*cluster)->Stop(Component::kContainerd, SIGKILL).ok());
  ASSERT_TRUE(bed::Sweep().ok());
  absl::Status started = (*cluster)->Start(Component::kContainerd);
  EXPECT_TRUE(started.ok()) << started;
  EXPECT_NE((*cluster)->Pid(Component::kApiServer), 0);
  EXPECT_TRUE((*cluster)->Down().ok());
  EXPECT_EQ(Cluster::Attach(dir).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace rekindle::kube
