// The replacement on a real containerd: created from the verbose status of the old container, it
// must be the old container in all that the runtime knows of both.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "daemon/restart/replacement/replacement.h"
#include "tests/bed/bed.h"
#include "tests/bed/process.h"
#include "tests/bed/shared_bed.h"

namespace rekindle::restart {
namespace {

namespace fs = std::filesystem;
using bed::Pod;
using nlohmann::json;

json Document(const ::runtime::v1::ContainerStatusResponse& reply) {
  return json::parse(reply.info().at("info"));
}

class ReplacementOnContainerd : public bed::SharedBedTest {
 protected:
  // A kubelet's container with every setting that the machine can carry out.
  ::runtime::v1::ContainerConfig Everything(const Pod& pod) {
    bed::ContainerSpec spec;
    spec.command = {"sh", "-c", "echo last words > /dev/termination-log; exec sleep 1000"};
    spec.image = bed::kBusyboxImage;
    spec.env = {{"MODE", "prod"}, {"EMPTY", ""}, {"B64LIKE", "cHJvZA=="}, {"TEXT", "\u2028<&>\""}};
    spec.mounts = {{"/data", bed_->Volume("data"), false},
                   {"/settings", bed_->Volume("set"), true}};
    spec.termination_message_path = "/dev/termination-log";
    spec.run_as_user = 0;
    spec.resources.emplace();
    spec.resources->set_cpu_period(100000);
    spec.resources->set_cpu_quota(50000);
    spec.resources->set_cpu_shares(512);
    spec.resources->set_memory_limit_in_bytes(64 << 20);
    spec.resources->set_oom_score_adj(900);
    const std::string message = absl::StrCat(bed_->dir(), "/messages/", pod.spec.uid, "-first");
    fs::create_directories(fs::path(message).parent_path());
    std::ofstream(message).flush();
    auto config = bed::MakeContainerConfig(pod.spec, spec, message);
    config.set_working_dir("/tmp");
    auto& device = *config.add_devices();
    device.set_container_path("/dev/zero2");
    device.set_host_path("/dev/zero");
    device.set_permissions("rw");
    auto& security = *config.mutable_linux()->mutable_security_context();
    security.mutable_capabilities()->add_add_capabilities("SYS_PTRACE");
    security.mutable_capabilities()->add_drop_capabilities("MKNOD");
    security.mutable_run_as_group()->set_value(7);
    security.add_supplemental_groups(4000);
    security.set_no_new_privs(true);
    security.mutable_seccomp();
    return config;
  }

  ReplacementInput Look(const std::string& id, const Pod& pod, uint32_t attempt) {
    container_ = bed_->cri().VerboseStatus(id).value();
    sandbox_ = bed_->cri().SandboxStatus(pod.sandbox_id, /*verbose=*/true).value();
    ReplacementInput input;
    input.container = &container_;
    input.sandbox = &sandbox_;
    input.attempt = attempt;
    return input;
  }

  // Stops `id`, and creates and starts its replacement with plain CRI calls.
  absl::StatusOr<std::string> Replace(const std::string& id, const Replacement& replacement) {
    absl::Status status = PrepareFiles(replacement);
    status.Update(bed_->cri().StopContainer(id, 0));
    if (!status.ok()) return status;
    const auto& request = replacement.request;
    auto created = bed_->cri().CreateContainer(request.pod_sandbox_id(), request.config(),
                                               request.sandbox_config());
    if (created.ok()) status = bed_->cri().StartContainer(*created);
    if (!status.ok()) return status;
    return created;
  }

  // Both documents without what each instance has of its own, and with the old one's intended
  // changes made.
  void ExpectSame(json before, json after, const std::string& old_id, const std::string& new_id,
                  const Replacement& replacement, uint32_t attempt) {
    const std::string old_attempt = absl::StrCat(before["config"]["metadata"].value("attempt", 0u));
    std::string old_message;
    for (const json& mount : before["config"]["mounts"]) {
      if (mount["container_path"] == "/dev/termination-log") old_message = mount["host_path"];
    }
    ASSERT_NE(old_message, "");
    json& config = before["config"];
    config["metadata"]["attempt"] = attempt;
    config["annotations"]["io.kubernetes.container.restartCount"] = absl::StrCat(attempt);
    config["log_path"] = absl::StrCat("main/", attempt, ".log");
    config["linux"]["resources"] = after["config"]["linux"]["resources"];  // has a test of its own
    for (json* document : {&before, &after}) {
      document->erase("pid");
      document->erase("snapshotKey");
    }
    const std::string expected = absl::StrReplaceAll(
        before.dump(), {{old_id, new_id}, {old_message, replacement.termination_file}});
    EXPECT_EQ(json::diff(json::parse(expected), after), json::array());
  }

  ::runtime::v1::ContainerStatusResponse container_;
  ::runtime::v1::PodSandboxStatusResponse sandbox_;
};

TEST_F(ReplacementOnContainerd, CopyAndCopyOfTheCopyAreTheOriginal) {
  for (const bool share_pid : {false, true}) {
    SCOPED_TRACE(share_pid ? "shared process namespace" : "own process namespace");
    bed::PodSpec spec;
    spec.share_pid = share_pid;
    auto pod = bed_->RunSandbox(spec);
    ASSERT_TRUE(pod.ok()) << pod.status();
    auto id = bed_->cri().CreateContainer(pod->sandbox_id, Everything(*pod), pod->config);
    ASSERT_TRUE(id.ok()) << id.status();
    ASSERT_TRUE(bed_->cri().StartContainer(*id).ok());
    // The limits that are in force are no longer those of the creation.
    ::runtime::v1::LinuxContainerResources resized;
    resized.set_cpu_quota(80000);
    resized.set_memory_limit_in_bytes(96 << 20);
    resized.set_cpuset_cpus("0");
    ASSERT_TRUE(bed_->cri().UpdateResources(*id, resized).ok());

    json resources;
    for (uint32_t attempt = 1; attempt <= 3; ++attempt) {
      const auto built = BuildReplacement(Look(*id, *pod, attempt));
      ASSERT_TRUE(built.ok()) << built.status();
      const json before = Document(container_);
      auto next = Replace(*id, *built);
      ASSERT_TRUE(next.ok()) << next.status();
      const json after = Document(bed_->cri().VerboseStatus(*next).value());
      ExpectSame(before, after, *id, *next, *built, attempt);

      const auto& in_force = built->request.config().linux().resources();
      EXPECT_EQ(in_force.cpu_quota(), 80000);
      EXPECT_EQ(in_force.cpu_shares(), 512);
      EXPECT_EQ(in_force.memory_limit_in_bytes(), 96 << 20);
      EXPECT_EQ(in_force.cpuset_cpus(), "0");
      EXPECT_EQ(in_force.oom_score_adj(), 900);
      if (attempt > 1) {
        EXPECT_EQ(after["config"]["linux"]["resources"], resources);
      }
      resources = after["config"]["linux"]["resources"];
      EXPECT_EQ(bed_->cri().Status(*next)->log_path(), built->log_path);
      *id = *next;
    }
    EXPECT_TRUE(bed_->RemovePod(*pod).ok());
  }
}

TEST_F(ReplacementOnContainerd, MessageOfThePredecessorIsNotInherited) {
  auto pod = bed_->RunSandbox({});
  ASSERT_TRUE(pod.ok()) << pod.status();
  auto config = Everything(*pod);
  const std::string old_file = config.mounts(2).host_path();
  auto id = bed_->cri().CreateContainer(pod->sandbox_id, config, pod->config);
  ASSERT_TRUE(id.ok()) << id.status();
  std::ofstream(old_file) << "words of the first";
  auto built = BuildReplacement(Look(*id, *pod, 1));
  ASSERT_TRUE(built.ok()) << built.status();
  built->request.mutable_config()->clear_command();
  built->request.mutable_config()->add_command("true");  // ends without a word
  auto next = Replace(*id, *built);
  ASSERT_TRUE(next.ok()) << next.status();
  ASSERT_TRUE(bed_->WaitState(*next, ::runtime::v1::CONTAINER_EXITED).ok());
  EXPECT_EQ(fs::file_size(built->termination_file), 0u);
  EXPECT_EQ(fs::file_size(old_file), 18u);
  EXPECT_TRUE(bed_->RemovePod(*pod).ok());
}

TEST_F(ReplacementOnContainerd, VanishedSourceStopsBeforeTheCreate) {
  auto pod = bed_->RunSandbox({});
  ASSERT_TRUE(pod.ok()) << pod.status();
  auto config = Everything(*pod);
  const std::string source = bed_->dir() + "/vanishing";
  fs::create_directory(source);
  config.mutable_mounts(0)->set_host_path(source);
  auto id = bed_->cri().CreateContainer(pod->sandbox_id, config, pod->config);
  ASSERT_TRUE(id.ok()) << id.status();
  fs::remove(source);
  const auto built = BuildReplacement(Look(*id, *pod, 1));
  ASSERT_TRUE(built.ok()) << built.status();
  const absl::Status status = PrepareFiles(*built);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(source));
  EXPECT_FALSE(fs::exists(source));
  EXPECT_TRUE(bed_->RemovePod(*pod).ok());
}

TEST_F(ReplacementOnContainerd, OverridesReachTheProcess) {
  auto pod = bed_->RunSandbox({});
  ASSERT_TRUE(pod.ok()) << pod.status();
  auto id = bed_->cri().CreateContainer(pod->sandbox_id, Everything(*pod), pod->config);
  ASSERT_TRUE(id.ok()) << id.status();
  ReplacementInput input = Look(*id, *pod, 1);
  input.env = {{"MODE", "a\u00fc\n"}, {"NEW", "1"}};
  input.unset_env = {"B64LIKE"};
  const auto built = BuildReplacement(input);
  ASSERT_TRUE(built.ok()) << built.status();
  auto next = Replace(*id, *built);
  ASSERT_TRUE(next.ok()) << next.status();
  const json info = Document(bed_->cri().VerboseStatus(*next).value());
  std::string env;
  const auto has = [&](const std::string& entry) {
    return absl::StrCat(std::string(1, '\0'), env).find(std::string(1, '\0') + entry) !=
           std::string::npos;
  };
  // For a moment the process is still the runtime's own, about to execute the program.
  bed::WaitUntil(
      [&] {
        std::ifstream environ(absl::StrCat("/proc/", info["pid"].get<int64_t>(), "/environ"));
        env.assign(std::istreambuf_iterator<char>(environ), {});
        return has("NEW=1");
      },
      absl::Seconds(10));
  EXPECT_TRUE(has("MODE=a\u00fc\n")) << env;
  EXPECT_TRUE(has("NEW=1"));
  EXPECT_TRUE(has("TEXT=\u2028<&>\""));
  EXPECT_FALSE(has("B64LIKE="));
  EXPECT_TRUE(bed_->RemovePod(*pod).ok());
}

}  // namespace
}  // namespace rekindle::restart
