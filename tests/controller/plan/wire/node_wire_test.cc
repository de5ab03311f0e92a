#include "controller/plan/wire/node_wire.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::plan {
namespace {

namespace v1 = ::rekindle::node::v1;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Text(const v1::Handler& handler) { return handler.ShortDebugString(); }

std::vector<std::string> Env(const v1::ContainerRestart& restart) {
  std::vector<std::string> out;
  for (const v1::EnvVar& one : restart.env()) {
    out.push_back(absl::StrCat(one.name(), "=", one.value()));
  }
  return out;
}

ContainerCall App() {
  return {.name = "app",
          .restart_policy = api::RestartPolicy::kOnFailure,
          .pre_stop = ExecHook{{"/bin/drain"}},
          .post_start = SleepHook{absl::Milliseconds(1500)},
          .health_checked = true,
          .env = {{"TRACK", "blue"}, {"ZONE", "a"}},
          .references = {"KEY (Secret keys)"}};
}

TEST(NodeWireTest, Policies) {
  EXPECT_EQ(ToWire(api::RestartPolicy::kAlways), v1::RESTART_POLICY_ALWAYS);
  EXPECT_EQ(ToWire(api::RestartPolicy::kOnFailure), v1::RESTART_POLICY_ON_FAILURE);
  EXPECT_EQ(ToWire(api::RestartPolicy::kNever), v1::RESTART_POLICY_NEVER);
}

TEST(NodeWireTest, Methods) {
  EXPECT_EQ(ToWire(RestartMethod::kAuto), v1::METHOD_AUTO);
  EXPECT_EQ(ToWire(RestartMethod::kReplace), v1::METHOD_REPLACE);
  EXPECT_EQ(ToWire(RestartMethod::kHot), v1::METHOD_HOT);
  EXPECT_EQ(ToWire(RestartMethod::kDelegate), v1::METHOD_DELEGATE);
}

struct HookCase {
  Hook hook;
  const char* text;
};

TEST(NodeWireTest, Hooks) {
  const HookCase cases[] = {
      {ExecHook{{"/bin/drain", "--all"}}, R"(exec { command: "/bin/drain" command: "--all" })"},
      {HttpGetHook{.host = "", .port = 8080, .path = "/quit"},
       R"(http_get { port: 8080 path: "/quit" scheme: "HTTP" })"},
      {HttpGetHook{.host = "10.0.0.1",
                   .port = 9,
                   .path = "/",
                   .https = true,
                   .headers = {{"X-A", "1"}, {"X-A", "2"}}},
       R"(http_get { host: "10.0.0.1" port: 9 path: "/" scheme: "HTTPS" )"
       R"(headers { name: "X-A" value: "1" } headers { name: "X-A" value: "2" } })"},
      {TcpSocketHook{.host = "h", .port = 7}, R"(tcp_socket { host: "h" port: 7 })"},
      {SleepHook{absl::Milliseconds(2500)}, "sleep { duration { seconds: 2 nanos: 500000000 } }"},
  };
  for (const HookCase& one : cases) {
    v1::Handler handler;
    WriteHook(one.hook, handler);
    EXPECT_EQ(Text(handler), one.text);
  }
}

TEST(NodeWireTest, PodKeepsWhatTheCallDoesNotSay) {
  v1::KubernetesPod pod;
  pod.set_allow_static_pod(true);
  WritePodCall({.restart_policy = api::RestartPolicy::kNever, .terminating = true}, pod);
  EXPECT_EQ(pod.restart_policy(), v1::RESTART_POLICY_NEVER);
  EXPECT_TRUE(pod.terminating());
  EXPECT_TRUE(pod.allow_static_pod());
}

TEST(NodeWireTest, Container) {
  v1::ContainerRestart restart;
  restart.set_method(v1::METHOD_REPLACE);
  restart.mutable_grace()->set_seconds(5);
  WriteContainerCall(App(), restart);
  EXPECT_EQ(restart.restart_policy(), v1::RESTART_POLICY_ON_FAILURE);
  EXPECT_EQ(Text(restart.pre_stop()), R"(exec { command: "/bin/drain" })");
  EXPECT_EQ(Text(restart.post_start()), "sleep { duration { seconds: 1 nanos: 500000000 } }");
  EXPECT_TRUE(restart.kubelet_health_checks());
  EXPECT_TRUE(restart.env_from_references());
  EXPECT_THAT(Env(restart), ElementsAre("TRACK=blue", "ZONE=a"));
  // Left alone.
  EXPECT_EQ(restart.name(), "");
  EXPECT_EQ(restart.grace().seconds(), 5);
  EXPECT_FALSE(restart.keep_env());
}

TEST(NodeWireTest, ContainerWithoutAnything) {
  v1::ContainerRestart restart;
  WriteContainerCall({.name = "app"}, restart);
  EXPECT_EQ(restart.restart_policy(), v1::RESTART_POLICY_ALWAYS);
  EXPECT_FALSE(restart.has_pre_stop());
  EXPECT_FALSE(restart.has_post_start());
  EXPECT_FALSE(restart.kubelet_health_checks());
  EXPECT_FALSE(restart.env_from_references());
  EXPECT_THAT(Env(restart), IsEmpty());
}

TEST(NodeWireTest, SkippedHookIsNotSent) {
  v1::ContainerRestart restart;
  restart.set_skip_pre_stop(true);
  WriteContainerCall(App(), restart);
  EXPECT_FALSE(restart.has_pre_stop());
  EXPECT_TRUE(restart.has_post_start());
}

TEST(NodeWireTest, VariablesOfTheCallerStay) {
  v1::ContainerRestart restart;
  v1::EnvVar& given = *restart.add_env();
  given.set_name("TRACK");
  given.set_value("green");
  restart.add_unset_env("ZONE");
  WriteContainerCall(App(), restart);
  EXPECT_THAT(Env(restart), ElementsAre("TRACK=green"));
  EXPECT_THAT(restart.unset_env(), ElementsAre("ZONE"));
}

TEST(NodeWireTest, NoVariablesWhereTheKubeletComputesThem) {
  v1::ContainerRestart restart;
  restart.set_method(v1::METHOD_DELEGATE);
  WriteContainerCall(App(), restart);
  EXPECT_THAT(Env(restart), IsEmpty());
  EXPECT_TRUE(restart.env_from_references());
}

}  // namespace
}  // namespace rekindle::plan
