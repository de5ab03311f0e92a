#include "daemon/service/pod_hub.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>

#include "daemon/service/machine.h"
#include "tests/daemon/service/service_fakes.h"
#include "tests/fakes/sim_loop.h"

namespace rekindle::service {
namespace {

namespace node = ::rekindle::node::v1;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PodHubTest : public ::testing::Test {
 protected:
  void AddSandbox(const std::string& id, const std::string& name) {
    auto& sandbox = runtime_.sandboxes[id];
    sandbox.set_id(id);
    sandbox.mutable_metadata()->set_name(name);
    sandbox.mutable_metadata()->set_namespace_("default");
    sandbox.mutable_metadata()->set_uid("uid-" + id);
    sandbox.set_state(cri::v1::SANDBOX_READY);
    sandbox.mutable_annotations()->insert({"note", "of " + id});
  }
  void AddContainer(const std::string& id, const std::string& sandbox, uint32_t attempt = 0) {
    auto& container = runtime_.containers[id];
    container.set_id(id);
    container.set_pod_sandbox_id(sandbox);
    container.mutable_metadata()->set_name("app");
    container.mutable_metadata()->set_attempt(attempt);
    container.set_state(cri::v1::CONTAINER_RUNNING);
    container.mutable_annotations()->insert({"grace", "5"});
  }

  // What a subscriber has heard: "+sandbox(containers)", "-sandbox", "synced", "closed CODE".
  struct Heard {
    std::vector<std::string> all;
    std::vector<node::Pod> pods;
    PodHub::Id id = 0;
    std::vector<std::string> Take() { return std::exchange(all, {}); }
  };
  void Subscribe(Heard& heard) {
    heard.id =
        hub_.Subscribe({.changed =
                            [&heard](const node::Pod& pod) {
                              std::string text = absl::StrCat("+", pod.sandbox_id(), "(");
                              for (const auto& container : pod.containers()) {
                                absl::StrAppend(&text, container.id(), ":", container.state(), " ");
                              }
                              heard.all.push_back(text + ")");
                              heard.pods.push_back(pod);
                            },
                        .removed =
                            [&heard](const node::Pod& pod) {
                              heard.all.push_back(absl::StrCat("-", pod.sandbox_id()));
                              heard.pods.push_back(pod);
                            },
                        .synced = [&heard] { heard.all.emplace_back("synced"); },
                        .closed =
                            [&heard](const absl::Status& status) {
                              heard.all.push_back(
                                  absl::StrCat("closed ", absl::StatusCodeToString(status.code())));
                            }});
  }

  SimLoop loop_;
  FakeRuntime runtime_{loop_};
  FakeMonitor monitor_;
  PodHub hub_{loop_, runtime_, monitor_};
};

TEST_F(PodHubTest, StateMarkerChangesRemovals) {
  monitor_.SetEventSource("containerd");
  AddSandbox("s0", "web-0");
  AddContainer("c0", "s0");
  Heard heard;
  Subscribe(heard);
  EXPECT_THAT(heard.all, IsEmpty());
  loop_.Settle();
  EXPECT_THAT(heard.Take(), ElementsAre("+s0(c0:2 )", "synced"));
  const node::Pod& pod = heard.pods.at(0);
  EXPECT_EQ(pod.ip(), "10.0.0.9");
  EXPECT_EQ(pod.annotations().at("note"), "of s0");
  EXPECT_EQ(pod.containers(0).annotations().at("grace"), "5");

  runtime_.containers["c0"].set_state(cri::v1::CONTAINER_EXITED);
  AddSandbox("s1", "web-1");
  monitor_.Event();
  loop_.Advance(absl::Milliseconds(100));
  EXPECT_THAT(heard.Take(), ElementsAre("+s0(c0:3 )", "+s1()"));
  EXPECT_EQ(heard.pods.at(1).containers(0).exit_code(), 3);

  runtime_.sandboxes.erase("s0");
  runtime_.containers.clear();
  monitor_.Event();
  loop_.Advance(absl::Milliseconds(100));
  EXPECT_THAT(heard.Take(), ElementsAre("-s0"));
  EXPECT_EQ(heard.pods.back().ref().uid(), "uid-s0");
}

TEST_F(PodHubTest, PodsOfAKubeletKeepTheirAnnotations) {
  AddSandbox("s0", "web-0");
  AddContainer("c0", "s0");
  runtime_.sandboxes["s0"].mutable_annotations()->insert({"kubernetes.io/config.source", "api"});
  Heard heard;
  Subscribe(heard);
  loop_.Settle();
  ASSERT_EQ(heard.pods.size(), 1u);
  EXPECT_EQ(heard.pods[0].owner(), node::POD_OWNER_KUBELET);
  EXPECT_TRUE(heard.pods[0].annotations().empty());
  EXPECT_TRUE(heard.pods[0].containers(0).annotations().empty());
}

TEST_F(PodHubTest, AnEventThatIsAheadOfTheListsIsLookedAtAgain) {
  monitor_.SetEventSource("containerd");
  AddSandbox("s0", "web-0");
  AddContainer("c0", "s0");
  Heard heard;
  Subscribe(heard);
  loop_.Advance(absl::Seconds(5));
  heard.Take();
  monitor_.Event();
  loop_.Settle();
  EXPECT_THAT(heard.Take(), IsEmpty());
  runtime_.containers["c0"].set_state(cri::v1::CONTAINER_EXITED);
  loop_.Advance(absl::Milliseconds(120));
  EXPECT_THAT(heard.Take(), ElementsAre("+s0(c0:3 )"));
  // What nobody announces is found by the next list.
  AddSandbox("s1", "web-1");
  loop_.Advance(absl::Seconds(10));
  EXPECT_THAT(heard.Take(), ElementsAre("+s1()"));
}

TEST_F(PodHubTest, WithoutEventsItListsEverySecond) {
  AddSandbox("s0", "web-0");
  Heard heard;
  Subscribe(heard);
  loop_.Advance(absl::Seconds(5));
  heard.Take();
  AddSandbox("s1", "web-1");
  loop_.Advance(absl::Seconds(1));
  EXPECT_THAT(heard.Take(), ElementsAre("+s1()"));
}

TEST_F(PodHubTest, ALaterSubscriberGetsTheStateAtOnceAndEachItsOwnEnd) {
  AddSandbox("s0", "web-0");
  Heard first;
  Heard second;
  Subscribe(first);
  loop_.Settle();
  Subscribe(second);
  EXPECT_THAT(second.Take(), ElementsAre("+s0()", "synced"));
  hub_.Unsubscribe(first.id);
  first.Take();
  AddSandbox("s1", "web-1");
  loop_.Advance(absl::Seconds(1));
  EXPECT_THAT(first.all, IsEmpty());
  EXPECT_THAT(second.Take(), ElementsAre("+s1()"));
  // Nobody listens: nothing is asked of the runtime any more, and nothing is remembered.
  hub_.Unsubscribe(second.id);
  EXPECT_EQ(loop_.pending_timers(), 0u);
  EXPECT_EQ(monitor_.event_watches(), 0u);
  EXPECT_EQ(hub_.pods(), 0u);
}

TEST_F(PodHubTest, ARuntimeThatDoesNotAnswerEndsTheFirstLookOnly) {
  runtime_.error = absl::UnavailableError("down");
  Heard heard;
  Subscribe(heard);
  loop_.Settle();
  EXPECT_THAT(heard.Take(), ElementsAre("closed UNAVAILABLE"));

  runtime_.error = absl::OkStatus();
  AddSandbox("s0", "web-0");
  Subscribe(heard);
  loop_.Settle();
  EXPECT_THAT(heard.Take(), ElementsAre("+s0()", "synced"));
  runtime_.error = absl::UnavailableError("down");
  loop_.Advance(absl::Minutes(1));
  EXPECT_THAT(heard.Take(), IsEmpty());
  runtime_.error = absl::OkStatus();
  AddSandbox("s1", "web-1");
  loop_.Advance(absl::Seconds(5));  // the longest pause between attempts
  EXPECT_THAT(heard.Take(), ElementsAre("+s1()"));
}

TEST_F(PodHubTest, UnchangedContainersAreNotReadAgain) {
  for (int i = 0; i < 50; ++i) {
    AddSandbox(absl::StrCat("s", i), absl::StrCat("web-", i));
    AddContainer(absl::StrCat("c", i), absl::StrCat("s", i));
  }
  Heard heard;
  Subscribe(heard);
  loop_.Settle();
  EXPECT_EQ(heard.Take().size(), 51u);
  EXPECT_LE(runtime_.most_under_way, 16u);
  // A status call would fail now, and with it the look that shows the new sandbox.
  runtime_.status_error = absl::InternalError("asked again");
  runtime_.sandboxes["s7"].mutable_labels()->insert({"a", "b"});
  loop_.Advance(absl::Seconds(1));
  EXPECT_THAT(heard.Take(), ElementsAre("+s7(c7:2 )"));
}

TEST_F(PodHubTest, EndsWithTheReasonOfTheStop) {
  Heard heard;
  Subscribe(heard);
  hub_.EndWatchers(absl::UnavailableError("stopping"));
  Heard late;
  Subscribe(late);
  EXPECT_THAT(heard.all, ElementsAre("closed UNAVAILABLE"));
  EXPECT_THAT(late.all, ElementsAre("closed UNAVAILABLE"));
  loop_.Settle();
  EXPECT_EQ(loop_.pending_timers(), 0u);
}

TEST(MachineTest, NamesAsTheyAreUsedElsewhere) {
  EXPECT_EQ(OsNameOf("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nX=1\n"),
            "Debian GNU/Linux 12 (bookworm)");
  EXPECT_EQ(OsNameOf("PRETTY_NAME=Plain"), "Plain");
  EXPECT_EQ(OsNameOf("PRETTY_NAME='One'"), "One");
  EXPECT_EQ(OsNameOf("NAME=x"), "");
  EXPECT_EQ(ArchitectureOf("x86_64"), "amd64");
  EXPECT_EQ(ArchitectureOf("aarch64"), "arm64");
  EXPECT_EQ(ArchitectureOf("mips64"), "mips64");
  const node::Machine machine = ReadMachine();
  EXPECT_EQ(machine.operating_system(), "linux");
  EXPECT_FALSE(machine.kernel_version().empty());
  EXPECT_GT(machine.processors(), 0u);
  EXPECT_GT(machine.memory_bytes(), 0u);
}

}  // namespace
}  // namespace rekindle::service
