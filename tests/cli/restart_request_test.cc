#include "cli/restart_request.h"

#include <functional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/cli/samples.h"

namespace rekindle::cli {
namespace {

namespace v1 = ::rekindle::node::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(BuildRestart, CarriesEveryFlag) {
  RestartOptions options;
  options.pod = "shop/cart";
  options.containers = {"app", "proxy"};
  options.method = "hot";
  options.grace = "10s";
  options.skip_pre_stop = true;
  options.min_started = "1500ms";
  options.unready_grace = "2s";
  options.ordered = true;
  options.on_failure = "ignore";
  options.force = true;
  options.env = {"A=1", "B=x=y", "C="};
  options.unset_env = {"D"};
  options.ready_http = "8080/healthz";
  options.deadline = "5m";
  options.expect_ids = {"proxy=abc"};
  options.request_id = "my-1";
  const auto request = BuildRestart(options, "generated");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->request_id(), "my-1");
  EXPECT_EQ(request->pod().namespace_(), "shop");
  EXPECT_EQ(request->pod().name(), "cart");
  EXPECT_EQ(request->order(), v1::ORDER_LISTED);
  EXPECT_EQ(request->failure_policy(), v1::FAILURE_POLICY_IGNORE);
  EXPECT_TRUE(request->force());
  EXPECT_EQ(request->unready_grace().seconds(), 2);
  EXPECT_EQ(request->deadline().seconds(), 300);
  ASSERT_EQ(request->containers_size(), 2);
  const v1::ContainerRestart& app = request->containers(0);
  EXPECT_EQ(app.name(), "app");
  EXPECT_EQ(app.method(), v1::METHOD_HOT);
  EXPECT_EQ(app.grace().seconds(), 10);
  EXPECT_TRUE(app.skip_pre_stop());
  EXPECT_EQ(app.min_started().seconds(), 1);
  EXPECT_EQ(app.min_started().nanos(), 500'000'000);
  ASSERT_EQ(app.env_size(), 3);
  EXPECT_EQ(app.env(1).name(), "B");
  EXPECT_EQ(app.env(1).value(), "x=y");
  EXPECT_EQ(app.env(2).value(), "");
  EXPECT_EQ(app.unset_env(0), "D");
  EXPECT_EQ(app.ready_check().handler().http_get().port(), 8080u);
  EXPECT_EQ(app.ready_check().handler().http_get().path(), "/healthz");
  EXPECT_EQ(app.expected_container_id(), "");
  EXPECT_EQ(request->containers(1).expected_container_id(), "abc");
}

TEST(BuildRestart, LeavesDefaultsToTheDaemon) {
  RestartOptions options;
  options.pod = "web";
  options.containers = {"app"};
  const auto request = BuildRestart(options, "generated");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->request_id(), "generated");
  EXPECT_EQ(request->pod().namespace_(), "default");
  EXPECT_EQ(request->order(), v1::ORDER_PARALLEL);
  EXPECT_EQ(request->failure_policy(), v1::FAILURE_POLICY_FAIL);
  EXPECT_FALSE(request->has_deadline());
  EXPECT_FALSE(request->has_unready_grace());
  EXPECT_EQ(request->containers(0).method(), v1::METHOD_AUTO);
  EXPECT_FALSE(request->containers(0).has_grace());
  EXPECT_FALSE(request->containers(0).has_ready_check());
}

TEST(BuildRestart, ZeroGraceIsNotTheDefault) {
  RestartOptions options;
  options.pod = "web";
  options.containers = {"app"};
  options.grace = "0";
  EXPECT_TRUE(BuildRestart(options, "x")->containers(0).has_grace());
}

TEST(BuildRestart, MistakesNameTheFlag) {
  const struct {
    std::function<void(RestartOptions&)> change;
    const char* want;
  } kRows[] = {
      {[](auto& o) { o.pod = ""; }, "POD: "},
      {[](auto& o) { o.pod = "a/b/c"; }, "POD: \"a/b/c\" is neither NAME nor NAMESPACE/NAME"},
      {[](auto& o) { o.pod = "/b"; }, "POD: "},
      {[](auto& o) { o.grace = "30"; }, "--grace: \"30\" has no unit"},
      {[](auto& o) { o.grace = "-1s"; }, "--grace: \"-1s\" is negative"},
      {[](auto& o) { o.min_started = "x"; }, "--min-started: "},
      {[](auto& o) { o.unready_grace = "x"; }, "--unready-grace: "},
      {[](auto& o) { o.deadline = "x"; }, "--deadline: "},
      {[](auto& o) {
         o.containers = {"a", "a"};
       },
       "-c: a is given twice"},
      {[](auto& o) { o.all = true; }, "--all: "},
      {[](auto& o) { o.env = {"A"}; }, "--env: \"A\" is not NAME=VALUE"},
      {[](auto& o) { o.env = {"=1"}; }, "--env: "},
      {[](auto& o) {
         o.env = {"A=1", "A=2"};
       },
       "--env: A is given twice"},
      {[](auto& o) { o.env = {"A=1"}, o.unset_env = {"A"}; },
       "--unset-env: A is set or unset already"},
      {[](auto& o) { o.unset_env = {"A=1"}; }, "--unset-env: "},
      {[](auto& o) { o.ready_tcp = "80"; }, "--method hot"},
      {[](auto& o) { o.method = "hot", o.ready_tcp = "0"; }, "--ready-tcp: \"0\""},
      {[](auto& o) { o.method = "hot", o.ready_http = "x/y"; }, "--ready-http: \"x\""},
      {[](auto& o) { o.method = "hot", o.ready_exec = " "; }, "--ready-exec: the command is empty"},
      {[](auto& o) { o.method = "hot", o.ready_exec = "a 'b"; }, "--ready-exec: a quote"},
      {[](auto& o) { o.method = "hot", o.ready_exec = "a", o.ready_tcp = "1"; }, "give only one"},
      {[](auto& o) { o.expect_ids = {"other=1"}; }, "--expect-id: container \"other\""},
      {[](auto& o) { o.expect_ids = {"app="}; }, "--expect-id: the ID is empty"},
      {[](auto& o) {
         o.expect_ids = {"1", "2"};
       },
       "--expect-id: app is given twice"},
      {[](auto& o) {
         o.containers = {"a", "b"}, o.expect_ids = {"1"};
       },
       "write NAME=ID"},
  };
  for (const auto& row : kRows) {
    RestartOptions options;
    options.pod = "web";
    options.containers = {"app"};
    row.change(options);
    const auto request = BuildRestart(options, "x");
    EXPECT_EQ(request.status().code(), absl::StatusCode::kInvalidArgument) << row.want;
    EXPECT_THAT(std::string(request.status().message()), HasSubstr(row.want));
  }
}

v1::ListPodsResponse Running(const std::string& name) {
  v1::ListPodsResponse pods;
  const v1::ListPodsResponse all = SamplePods();
  for (const v1::Pod& pod : all.pods()) {
    if (pod.ref().name() == name) *pods.add_pods() = pod;
  }
  return pods;
}

absl::Status Choose(RestartOptions options, const v1::ListPodsResponse& pods,
                    v1::RestartContainersRequest& request) {
  request = *BuildRestart(options, "x");
  return ChooseContainers(options, pods, request);
}

TEST(ChooseContainers, TakesTheOnlyOne) {
  RestartOptions options;
  options.pod = "web";
  options.expect_ids = {"abc"};
  v1::RestartContainersRequest request;
  ASSERT_TRUE(Choose(options, Running("web"), request).ok());
  ASSERT_EQ(request.containers_size(), 1);
  EXPECT_EQ(request.containers(0).name(), "app");
  EXPECT_EQ(request.containers(0).expected_container_id(), "abc");
}

TEST(ChooseContainers, ListsSeveralUnlessAllAreAskedFor) {
  RestartOptions options;
  options.pod = "shop/cart";
  v1::RestartContainersRequest request;
  const absl::Status status = Choose(options, Running("cart"), request);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("(app, proxy, job)"));
  options.all = true;
  ASSERT_TRUE(Choose(options, Running("cart"), request).ok());
  EXPECT_EQ(request.containers_size(), 3);
}

TEST(ChooseContainers, NothingToRestart) {
  RestartOptions options;
  options.pod = "web";
  v1::RestartContainersRequest request;
  EXPECT_EQ(Choose(options, {}, request).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Choose(options, Running("empty"), request).code(), absl::StatusCode::kNotFound);
}

TEST(SplitCommand, AsShellsDo) {
  EXPECT_THAT(*SplitCommand("a  b"), ElementsAre("a", "b"));
  EXPECT_THAT(*SplitCommand("sh -c 'echo \"x y\"'"), ElementsAre("sh", "-c", "echo \"x y\""));
  EXPECT_THAT(*SplitCommand("a\\ b \"c\\\"d\" ''"), ElementsAre("a b", "c\"d", ""));
  EXPECT_THAT(*SplitCommand("x'y'z"), ElementsAre("xyz"));
  EXPECT_THAT(*SplitCommand("  "), ElementsAre());
  EXPECT_FALSE(SplitCommand("'a").ok());
}

}  // namespace
}  // namespace rekindle::cli
