#include "tests/bed/bed.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::bed {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// What of the bed the machine still shows, as one text; empty when nothing.
std::string Traces(const std::string& dir, const std::string& id) {
  std::string traces;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    std::string line = ReadFile((entry.path() / "cmdline").string());
    if (absl::StrContains(line, dir + "/")) absl::StrAppend(&traces, "process ", line, "\n");
  }
  if (absl::StrContains(ReadFile("/proc/self/mountinfo"), dir)) absl::StrAppend(&traces, "mount\n");
  for (const std::string& path :
       {dir, "/sys/class/net/" + BridgeName(id), "/sys/fs/cgroup/memory/" + CgroupName(id),
        "/sys/fs/cgroup/" + CgroupName(id), absl::StrCat(kRegistryDir, "/", id)}) {
    if (fs::exists(fs::symlink_status(path, error))) absl::StrAppend(&traces, path, "\n");
  }
  for (const auto& entry : fs::directory_iterator("/var/lib/cni/results", error)) {
    if (absl::StrContains(ReadFile(entry.path().string()), dir)) {
      absl::StrAppend(&traces, entry.path().string(), "\n");
    }
  }
  return traces;
}

std::string Firewall() {
  return RunCommand({"iptables-save"}, absl::Seconds(10)).value_or("") +
         ReadFile("/proc/sys/net/ipv4/ip_forward");
}

class BedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<Bed>> bed = Bed::Up();
    ASSERT_TRUE(bed.ok()) << bed.status();
    bed_ = *std::move(bed);
  }

  std::unique_ptr<Bed> bed_;
};

TEST_F(BedTest, RunsAPodWithNetworkEnvironmentAndVolume) {
  PodSpec spec;
  spec.containers[0].env = {{"COLOUR", "green"}};
  spec.containers[0].mounts = {{"/data", bed_->Volume("data"), false}};
  ASSERT_TRUE(WriteFile(bed_->Volume("data") + "/note", "kept").ok());
  absl::StatusOr<Pod> pod = bed_->RunPod(spec);
  ASSERT_TRUE(pod.ok()) << pod.status();
  EXPECT_TRUE(WaitHttp(pod->ip, 8080, "/healthz").ok());
  EXPECT_EQ(HttpGet(pod->ip, 8080, "/env?COLOUR").value_or(""), "green");
  EXPECT_EQ(HttpGet(pod->ip, 8080, "/file?/data/note").value_or(""), "kept");
  absl::StatusOr<v1::ExecSyncResponse> out =
      bed_->cri().Exec(pod->containers["main"].id, {"sh", "-c", "echo $VERSION; exit 3"});
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(out->stdout(), "1\n");
  EXPECT_EQ(out->exit_code(), 3);
}

TEST_F(BedTest, ContainersOutliveEachWayOfEndingContainerd) {
  absl::StatusOr<Pod> pod = bed_->RunPod({});
  ASSERT_TRUE(pod.ok()) << pod.status();
  std::string instance = WaitHttp(pod->ip, 8080, "/id").value_or("");
  ASSERT_NE(instance, "");
  for (int signal : {SIGTERM, SIGKILL}) {
    absl::Status restarted = bed_->Restart(signal);
    ASSERT_TRUE(restarted.ok()) << restarted;
    EXPECT_EQ(HttpGet(pod->ip, 8080, "/id").value_or(""), instance);
    EXPECT_TRUE(bed_->WaitState(pod->containers["main"].id, v1::CONTAINER_RUNNING).ok());
  }
  EXPECT_TRUE(bed_->cri().StopContainer(pod->containers["main"].id, 10).ok());
  EXPECT_EQ(bed_->cri().Status(pod->containers["main"].id)->exit_code(), 0);
}

TEST_F(BedTest, DownLeavesNothingBehind) {
  std::string firewall = Firewall();
  PodSpec with_message;
  with_message.containers[0].termination_message_path = "/dev/termination-log";
  PodSpec on_host;
  on_host.name = "host";
  on_host.host_network = true;
  on_host.containers[0].args = {"ignore-term"};
  for (const PodSpec& spec : {with_message, on_host}) {
    absl::StatusOr<Pod> pod = bed_->RunPod(spec);
    ASSERT_TRUE(pod.ok()) << pod.status();
  }
  EXPECT_THAT(Traces(bed_->dir(), bed_->id()), HasSubstr("process"));
  EXPECT_TRUE(bed_->Down().ok());
  EXPECT_EQ(Traces(bed_->dir(), bed_->id()), "");
  EXPECT_EQ(Firewall(), firewall);
}

TEST_F(BedTest, RunsBesideAnotherBed) {
  absl::StatusOr<std::unique_ptr<Bed>> other = Bed::Up();
  ASSERT_TRUE(other.ok()) << other.status();
  absl::StatusOr<Pod> here = bed_->RunPod({});
  absl::StatusOr<Pod> there = (*other)->RunPod({});
  ASSERT_TRUE(here.ok()) << here.status();
  ASSERT_TRUE(there.ok()) << there.status();
  EXPECT_NE(here->ip, there->ip);
  EXPECT_TRUE(WaitHttp(here->ip, 8080, "/healthz").ok());
  EXPECT_TRUE(WaitHttp(there->ip, 8080, "/healthz").ok());
  EXPECT_TRUE((*other)->Down().ok());
  EXPECT_TRUE(HttpGet(here->ip, 8080, "/healthz").ok());
}

TEST_F(BedTest, RemovedPodIsGoneAndRemovingItAgainIsFine) {
  absl::StatusOr<Pod> pod = bed_->RunPod({});
  ASSERT_TRUE(pod.ok()) << pod.status();
  EXPECT_TRUE(bed_->RemovePod(*pod).ok());
  EXPECT_TRUE(bed_->RemovePod(*pod).ok());
  EXPECT_TRUE(bed_->cri().ListSandboxes()->empty());
  EXPECT_EQ(bed_->Newest(*pod).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(BedTest, RunsSeveralPodsAtOnce) {
  std::vector<PodSpec> specs(5);
  for (size_t i = 0; i < specs.size(); ++i) specs[i].name = absl::StrCat("pod-", i);
  absl::StatusOr<std::vector<Pod>> pods = bed_->RunPods(specs);
  ASSERT_TRUE(pods.ok()) << pods.status();
  for (size_t i = 0; i < specs.size(); ++i) {
    EXPECT_EQ((*pods)[i].config.metadata().name(), specs[i].name);
    EXPECT_TRUE(WaitHttp((*pods)[i].ip, 8080, "/healthz").ok());
  }
}

TEST_F(BedTest, CreateWithoutSandboxMetadataNeverReachesContainerd) {
  absl::StatusOr<Pod> pod = bed_->RunPod({});
  ASSERT_TRUE(pod.ok()) << pod.status();
  absl::StatusOr<std::string> made = bed_->cri().CreateContainer(
      pod->sandbox_id, pod->containers["main"].config, v1::PodSandboxConfig());
  EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(bed_->cri().Ready().ok());
}

TEST(BedSweepTest, TakesAwayWhatACrashedProcessLeft) {
  std::string log = absl::StrCat("/var/tmp/bed-test-", getpid(), ".log");
  absl::StatusOr<std::unique_ptr<ChildProcess>> holder =
      ChildProcess::Start({REKINDLE_BED, "hold"}, log);
  ASSERT_TRUE(holder.ok()) << holder.status();
  ASSERT_TRUE(WaitUntil(
      [&] {
        std::string text = ReadFile(log);
        size_t at = text.find("dir=");
        return at != std::string::npos && text.find('\n', at) != std::string::npos;
      },
      absl::Seconds(60)))
      << ReadFile(log);
  (*holder)->Signal(SIGKILL);
  EXPECT_EQ((*holder)->WaitExit(absl::Seconds(10)).value_or(0), 128 + SIGKILL);
  std::string dir = ReadFile(log);
  dir = dir.substr(dir.find("dir=") + 4);
  dir = dir.substr(0, dir.find('\n'));
  fs::remove(log);
  std::string id = ReadFile(dir + "/id");
  EXPECT_THAT(Traces(dir, id), HasSubstr("containerd-shim"));

  // A bed of a living process must survive the sweep that takes the dead one.
  absl::StatusOr<std::unique_ptr<Bed>> next = Bed::Up();
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(Traces(dir, id), "");
  ASSERT_TRUE(Sweep().ok());
  EXPECT_TRUE((*next)->cri().Ready().ok());
}

TEST(BedOptionsTest, RefusesADirectoryThatDoesNotFit) {
  for (const std::string& dir :
       {std::string("relative"), "/var/tmp/" + std::string(80, 'x'), std::string("/usr")}) {
    absl::StatusOr<std::unique_ptr<Bed>> bed = Bed::Up({.dir = dir, .keep = false, .owner = {}});
    EXPECT_EQ(bed.status().code(), absl::StatusCode::kFailedPrecondition) << dir;
    EXPECT_THAT(std::string(bed.status().message()), HasSubstr("dir: "));
  }
}

TEST(KeptBedTest, OutlivesItsMakerAndIsFoundAgain) {
  std::string dir = "/var/tmp/rekindle-beds/kept-" + std::to_string(getpid());
  {
    absl::StatusOr<std::unique_ptr<Bed>> bed = Bed::Up({.dir = dir, .keep = true, .owner = {}});
    ASSERT_TRUE(bed.ok()) << bed.status();
  }
  ASSERT_TRUE(Sweep().ok());
  absl::StatusOr<std::unique_ptr<Bed>> again = Bed::Attach(dir);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE((*again)->cri().Ready().ok());
  EXPECT_TRUE((*again)->Down().ok());
  EXPECT_EQ(Bed::Attach(dir).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace rekindle::bed
