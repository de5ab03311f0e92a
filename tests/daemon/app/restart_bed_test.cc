// What a restart keeps and what it changes, on a real containerd.
#include <sched.h>

#include <filesystem>

#include "tests/bed/http.h"
#include "tests/daemon/app/daemon_fixture.h"

namespace rekindle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class RestartTest : public DaemonTest {};

TEST_F(RestartTest, KeepsAddressSandboxVolumesAndConfiguration) {
  bed::Pod& pod = RunPod("keeps", {"main"}, [](bed::PodSpec& spec) {
    bed::ContainerSpec& main = spec.containers[0];
    main.args = {"serve", "--diary", "/data/main"};
    main.env = {{"COLOUR", "green"}};
    main.labels["team"] = "shop";
    main.annotations["note"] = "hello";
    main.resources.emplace();
    main.resources->set_memory_limit_in_bytes(64 << 20);
    main.resources->set_cpu_shares(256);
  });
  ASSERT_TRUE(bed::WaitHttp(pod.ip, 8080, "/healthz").ok());
  ASSERT_TRUE(bed::WriteFile(bed_->Volume("keeps") + "/kept", "content").ok());
  const std::string old_id = pod.containers["main"].id;
  const auto before = bed_->cri().VerboseStatus(old_id);
  ASSERT_TRUE(before.ok());

  const auto ended = Restart(Request(pod, {"main"}, "keeps"));
  ASSERT_TRUE(ended.ok()) << ended.status();
  const pb::Operation& operation = ended->at("main");
  EXPECT_EQ(operation.phase(), pb::PHASE_DONE) << operation.message();
  EXPECT_EQ(operation.attempt(), 1u);
  EXPECT_EQ(operation.old_container_id(), old_id);
  EXPECT_TRUE(operation.has_gap());
  EXPECT_THAT(Running(pod, "main"), ElementsAre(operation.new_container_id()));

  const auto sandbox = bed_->cri().SandboxStatus(pod.sandbox_id);
  ASSERT_TRUE(sandbox.ok());
  EXPECT_EQ(sandbox->status().state(), bed::v1::SANDBOX_READY);
  EXPECT_EQ(sandbox->status().network().ip(), pod.ip);
  ASSERT_TRUE(bed::WaitHttp(pod.ip, 8080, "/healthz").ok());
  EXPECT_EQ(bed::ReadFile(bed_->Volume("keeps") + "/kept"), "content");
  EXPECT_EQ(bed::HttpGet(pod.ip, 8080, "/env?COLOUR").value_or("nothing"), "green");

  const auto after = bed_->cri().VerboseStatus(operation.new_container_id());
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->status().labels().at("team"), "shop");
  EXPECT_EQ(after->status().annotations().at("note"), "hello");
  EXPECT_EQ(after->status().annotations().at("io.kubernetes.container.restartCount"), "1");
  EXPECT_EQ(after->status().metadata().attempt(), 1u);
  EXPECT_EQ(std::filesystem::path(after->status().log_path()).filename(), "1.log");
  EXPECT_TRUE(std::filesystem::exists(after->status().log_path()));
  EXPECT_EQ(after->status().resources().linux().memory_limit_in_bytes(), 64 << 20);
  EXPECT_EQ(after->status().mounts_size(), before->status().mounts_size());
  EXPECT_EQ(Count(pod, "main", "start"), 2);
  EXPECT_EQ(Count(pod, "main", "term"), 1);
}

// spec/node-runtime, scenario 20.
TEST_F(RestartTest, AChildKilledForMemoryDoesNotMakeTheContainerLookEnded) {
  bed::Pod& pod = RunPod("oom", {"main"}, [](bed::PodSpec& spec) {
    bed::ContainerSpec& main = spec.containers[0];
    main.args = {"oom-child", "--diary", "/data/main"};
    main.resources.emplace();
    main.resources->set_memory_limit_in_bytes(32 << 20);
  });
  const std::string old_id = pod.containers["main"].id;
  ASSERT_TRUE(
      bed::WaitUntil([&] { return Count(pod, "main", "child-killed") == 1; }, absl::Seconds(60)));
  ASSERT_TRUE(bed::WaitUntil(
      [&] {
        const auto status = bed_->cri().Status(old_id);
        return status.ok() && status->reason() == "OOMKilled";
      },
      absl::Seconds(30)))
      << "the runtime no longer marks such a container";
  ASSERT_EQ(bed_->cri().Status(old_id)->state(), bed::v1::CONTAINER_RUNNING);

  // Not forced: an ended container would be refused.
  const auto ended = Restart(Request(pod, {"main"}, "oom"));
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->at("main").phase(), pb::PHASE_DONE) << ended->at("main").message();
  EXPECT_EQ(ended->at("main").old_exit_code(), 0);
  EXPECT_EQ(Count(pod, "main", "term"), 1);
  EXPECT_THAT(Running(pod, "main"), ElementsAre(ended->at("main").new_container_id()));
}

// How many threads of the daemon run under that policy, and how many there are.
std::pair<int, int> ThreadsUnder(int policy, pid_t pid) {
  std::pair<int, int> counts{0, 0};
  for (const auto& task :
       std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/task"))) {
    const int its = sched_getscheduler(std::stoi(task.path().filename().string()));
    if (its < 0) continue;  // it has ended
    ++counts.second;
    if (its == policy) ++counts.first;
  }
  return counts;
}

TEST_F(RestartTest, EveryThreadIsRealtimeUnlessSwitchedOff) {
  sched_param parameters{};
  parameters.sched_priority = 1;
  if (sched_setscheduler(0, SCHED_RR, &parameters) != 0) {
    GTEST_SKIP() << "this kernel or container gives no real-time priority";
  }
  parameters.sched_priority = 0;
  ASSERT_EQ(sched_setscheduler(0, SCHED_OTHER, &parameters), 0);
  const auto [realtime, all] = ThreadsUnder(SCHED_RR, daemon_->pid());
  EXPECT_EQ(realtime, all);
  EXPECT_GT(all, 4);
  KillDaemon();
  StartDaemon({"--realtime", "false"});
  const auto [ordinary, all_now] = ThreadsUnder(SCHED_OTHER, daemon_->pid());
  EXPECT_EQ(ordinary, all_now);
  EXPECT_GT(all_now, 4);
}

TEST_F(RestartTest, ThreeContainersAtOnceAndInOrder) {
  bed::Pod& pod = RunPod("three", {"a", "b", "c"});
  const auto at_once = Restart(Request(pod, {"a", "b", "c"}, "at-once"));
  ASSERT_TRUE(at_once.ok()) << at_once.status();
  for (const auto& [name, operation] : *at_once) {
    EXPECT_EQ(operation.phase(), pb::PHASE_DONE) << name << operation.message();
  }
  pb::RestartContainersRequest request = Request(pod, {"c", "a", "b"}, "in-order");
  request.set_order(pb::ORDER_LISTED);
  const auto in_order = Restart(request);
  ASSERT_TRUE(in_order.ok()) << in_order.status();
  auto stopped = [&](const std::string& name) {
    const auto status = bed_->cri().Status(in_order->at(name).old_container_id());
    return status.ok() ? status->finished_at() : 0;
  };
  auto started = [&](const std::string& name) {
    const auto status = bed_->cri().Status(in_order->at(name).new_container_id());
    return status.ok() ? status->started_at() : 0;
  };
  EXPECT_GT(stopped("a"), started("c"));
  EXPECT_GT(stopped("b"), started("a"));
  for (const std::string name : {"a", "b", "c"}) {
    EXPECT_EQ(Count(pod, name, "start"), 3) << name;
    EXPECT_EQ(Count(pod, name, "term"), 2) << name;
    EXPECT_EQ(in_order->at(name).attempt(), 2u) << name;
  }
}

TEST_F(RestartTest, EachHookRunsOnceInItsContainer) {
  bed::Pod& pod = RunPod("hooks", {"main"}, [](bed::PodSpec& spec) {
    spec.containers[0].pre_stop =
        R"({"exec":{"command":["/testserver","append","/data/hooks","pre"]}})";
  });
  pb::RestartContainersRequest request = Request(pod, {"main"}, "hooks");
  auto* exec = request.mutable_containers(0)->mutable_post_start()->mutable_exec();
  for (const char* word : {"/testserver", "append", "/data/hooks", "post"}) exec->add_command(word);
  const auto ended = Restart(request);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->at("main").phase(), pb::PHASE_DONE) << ended->at("main").message();
  EXPECT_EQ(ended->at("main").pre_stop_result(), "ok");
  EXPECT_EQ(ended->at("main").post_start_result(), "ok");
  EXPECT_EQ(bed::ReadFile(bed_->Volume("hooks") + "/hooks"), "pre\npost\n");
}

TEST_F(RestartTest, AnHttpHookReachesThePodFromWithinItsNetwork) {
  bed::Pod& pod = RunPod("web-hook", {"main"}, [](bed::PodSpec& spec) {
    spec.containers[0].args = {"serve", "--diary", "/data/main"};
  });
  ASSERT_TRUE(bed::WaitHttp(pod.ip, 8080, "/healthz").ok());
  pb::RestartContainersRequest request = Request(pod, {"main"}, "web-hook");
  request.mutable_containers(0)->mutable_pre_stop()->mutable_http_get()->set_port(8080);
  request.mutable_containers(0)->mutable_pre_stop()->mutable_http_get()->set_path("/healthz");
  const auto ended = Restart(request);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->at("main").pre_stop_result(), "ok");

  request = Request(pod, {"main"}, "closed-port");
  request.mutable_containers(0)->mutable_pre_stop()->mutable_tcp_socket()->set_port(9);
  const auto closed = Restart(request);
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_EQ(closed->at("main").phase(), pb::PHASE_DONE);
  EXPECT_THAT(closed->at("main").pre_stop_result(), HasSubstr("failed"));

  request = Request(pod, {"main"}, "foreign-host");
  request.mutable_containers(0)->mutable_pre_stop()->mutable_http_get()->set_port(80);
  request.mutable_containers(0)->mutable_pre_stop()->mutable_http_get()->set_host("192.0.2.1");
  const auto foreign = Restart(request);
  EXPECT_THAT(foreign.ok() ? foreign->at("main").pre_stop_result()
                           : std::string(foreign.status().message()),
              HasSubstr("192.0.2.1"));
}

TEST_F(RestartTest, StopSignalAndGraceAreTheImagesAndThePods) {
  bed::Pod& pod = RunPod("signals", {"int", "deaf"}, [](bed::PodSpec& spec) {
    spec.containers[0].image = bed::kServerIntImage;
    spec.containers[1].args = {"ignore-term", "--diary", "/data/deaf"};
  });
  pb::RestartContainersRequest request = Request(pod, {"int", "deaf"}, "signals");
  request.mutable_containers(1)->mutable_grace()->set_seconds(2);
  const auto ended = Restart(request);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->at("int").old_exit_code(), 0);
  EXPECT_EQ(Count(pod, "int", "int"), 1);
  EXPECT_EQ(Count(pod, "int", "term"), 0);
  EXPECT_EQ(ended->at("deaf").old_exit_code(), 137);
  EXPECT_EQ(Count(pod, "deaf", "term"), 1);
}

TEST_F(RestartTest, HotOverlapsAndLeavesOne) {
  bed::Pod& pod = RunPod("hot", {"main"}, [](bed::PodSpec& spec) {
    spec.containers[0].args = {"serve", "--reuse-port", "--diary", "/data/main"};
  });
  ASSERT_TRUE(bed::WaitHttp(pod.ip, 8080, "/healthz").ok());
  pb::RestartContainersRequest request = Request(pod, {"main"}, "hot");
  request.mutable_containers(0)->set_method(pb::METHOD_HOT);
  auto* ready = request.mutable_containers(0)->mutable_ready_check();
  ready->mutable_handler()->mutable_http_get()->set_port(8080);
  ready->mutable_handler()->mutable_http_get()->set_path("/healthz");
  ready->mutable_period()->set_nanos(50'000'000);
  const auto ended = Restart(request);
  ASSERT_TRUE(ended.ok()) << ended.status();
  const pb::Operation& operation = ended->at("main");
  EXPECT_EQ(operation.phase(), pb::PHASE_DONE) << operation.message();
  EXPECT_EQ(operation.gap().seconds() + operation.gap().nanos(), 0);
  EXPECT_THAT(Running(pod, "main"), ElementsAre(operation.new_container_id()));
}

TEST_F(RestartTest, AHotReplacementThatCannotBindIsTakenAway) {
  bed::Pod& pod = RunPod("no-share", {"main"}, [](bed::PodSpec& spec) {
    spec.containers[0].args = {"serve", "--diary", "/data/main"};
  });
  ASSERT_TRUE(bed::WaitHttp(pod.ip, 8080, "/healthz").ok());
  pb::RestartContainersRequest request = Request(pod, {"main"}, "no-share");
  request.mutable_containers(0)->set_method(pb::METHOD_HOT);
  const auto ended = Restart(request);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->at("main").phase(), pb::PHASE_FAILED);
  EXPECT_FALSE(ended->at("main").service_down());
  EXPECT_TRUE(WaitInstances(pod, "main", 1));
  EXPECT_THAT(Running(pod, "main"), ElementsAre(pod.containers["main"].id));
  EXPECT_TRUE(bed::HttpGet(pod.ip, 8080, "/healthz").ok());
  EXPECT_EQ(Count(pod, "main", "term"), 0);
}

TEST_F(RestartTest, AReplacementThatFailsAtFirstIsBroughtUp) {
  bed::Pod& pod = RunPod("shaky", {"main"}, [](bed::PodSpec& spec) {
    spec.containers[0].image = bed::kBusyboxImage;
    // The pod's own run stays; the next two fail at once; from then on they stay again.
    spec.containers[0].command = {"sh", "-c",
                                  "echo run >> /data/main; n=$(wc -l < /data/main); "
                                  "[ $n -eq 2 ] || [ $n -eq 3 ] && exit 7; "
                                  "trap 'exit 0' TERM; while :; do sleep 0.05; done"};
    spec.containers[0].args.clear();
  });
  ASSERT_TRUE(bed::WaitUntil([&] { return Count(pod, "main", "run") == 1; }, absl::Seconds(10)));
  pb::RestartContainersRequest request = Request(pod, {"main"}, "shaky");
  request.mutable_containers(0)->mutable_min_started()->set_seconds(3);
  const auto ended = Restart(request);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->at("main").phase(), pb::PHASE_DONE) << ended->at("main").message();
  EXPECT_EQ(ended->at("main").start_failures(), 2u);
  EXPECT_EQ(Running(pod, "main").size(), 1u);
  EXPECT_EQ(Count(pod, "main", "run"), 4);
}

TEST_F(RestartTest, OverridesReachTheProgram) {
  bed::Pod& pod = RunPod("env", {"main"}, [](bed::PodSpec& spec) {
    spec.containers[0].args = {"serve", "--diary", "/data/main"};
    spec.containers[0].env = {{"MODE", "old"}, {"GONE", "1"}};
  });
  pb::RestartContainersRequest request = Request(pod, {"main"}, "env");
  auto* mode = request.mutable_containers(0)->add_env();
  mode->set_name("MODE");
  mode->set_value("new");
  request.mutable_containers(0)->add_unset_env("GONE");
  const auto ended = Restart(request);
  ASSERT_TRUE(ended.ok()) << ended.status();
  ASSERT_TRUE(bed::WaitHttp(pod.ip, 8080, "/healthz").ok());
  const std::string env = bed::HttpGet(pod.ip, 8080, "/env").value_or("");
  EXPECT_THAT(env, HasSubstr("MODE=new"));
  EXPECT_THAT(env, testing::Not(HasSubstr("GONE=")));
}

TEST_F(RestartTest, DeadInstancesAndTheirLogsDoNotPileUp) {
  bed::Pod& pod = RunPod("pile", {"main"});
  for (int i = 1; i <= 4; ++i) {
    const auto ended = Restart(Request(pod, {"main"}, absl::StrCat("pile-", i)));
    ASSERT_TRUE(ended.ok()) << ended.status();
    EXPECT_EQ(ended->at("main").attempt(), static_cast<uint32_t>(i));
    EXPECT_TRUE(WaitInstances(pod, "main", 2)) << i;
  }
  std::vector<std::string> logs;
  const std::string directory = pod.config.log_directory() + "/main";
  EXPECT_TRUE(bed::WaitUntil(
      [&] {
        logs.clear();
        for (const auto& entry : std::filesystem::directory_iterator(directory)) {
          logs.push_back(entry.path().filename().string());
        }
        std::sort(logs.begin(), logs.end());
        return logs == std::vector<std::string>{"3.log", "4.log"};
      },
      absl::Seconds(20)))
      << testing::PrintToString(logs);
}

TEST_F(RestartTest, TheCommandLineToolDoesTheSame) {
  bed::Pod& pod = RunPod("cli", {"main"});
  const auto said = daemon_->Cli({"restart", "cli", "-c", "main"});
  ASSERT_TRUE(said.ok()) << said.status();
  EXPECT_THAT(*said, HasSubstr("restarted in"));
  EXPECT_EQ(Count(pod, "main", "start"), 2);
  const auto json = daemon_->Cli({"ps", "-o", "json"});
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_THAT(*json, HasSubstr(Running(pod, "main").at(0)));
}

}  // namespace
}  // namespace rekindle
