#include "daemon/service/convert.h"

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "daemon/service/caller.h"
#include "daemon/service/constants.h"
#include "daemon/service/fields.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::service {
namespace {

using ::testing::StartsWith;

v1::RestartContainersRequest Valid() {
  v1::RestartContainersRequest request;
  request.set_request_id("r-1");
  request.mutable_pod()->set_namespace_("default");
  request.mutable_pod()->set_name("web-0");
  request.set_order(v1::ORDER_LISTED);
  request.set_failure_policy(v1::FAILURE_POLICY_IGNORE);
  auto* container = request.add_containers();
  container->set_name("app");
  container->set_method(v1::METHOD_HOT);
  return request;
}

struct BadRow {
  const char* message;  // how the error begins
  std::function<void(v1::RestartContainersRequest&, v1::ContainerRestart&)> spoil;
};

// A change of the request `r`, whose first container is `c`.
#define RK_SPOIL \
  []([[maybe_unused]] v1::RestartContainersRequest & r, [[maybe_unused]] v1::ContainerRestart & c)

std::vector<BadRow> BadRows() {
  return {{"request_id: must not be empty", RK_SPOIL{r.clear_request_id();
}
}  // namespace
, {"request_id: may hold", RK_SPOIL{r.set_request_id("a/b");
}  // namespace rekindle::service
}
, {"request_id: must not be longer", RK_SPOIL{r.set_request_id(std::string(129, 'a'));
}
}
, {"pod.namespace: ", RK_SPOIL{r.mutable_pod()->clear_namespace_();
}
}
, {"pod.name: ", RK_SPOIL{r.mutable_pod()->set_name("../x");
}
}
, {"pod.uid: ", RK_SPOIL{r.mutable_pod()->set_uid("a b");
}
}
, {"containers: must not be empty", RK_SPOIL{r.clear_containers();
}
}
, {"containers: must not hold more than 512",
   RK_SPOIL{for (int i = 0; i < 512; ++i) r.add_containers();
}
}
, {"containers[1].name: \"app\" is named twice",
   RK_SPOIL{*r.add_containers() = v1::ContainerRestart(c);
}
}
, {"order: must be given", RK_SPOIL{r.clear_order();
}
}
, {"order: unknown value 9", RK_SPOIL{r.set_order(static_cast<v1::Order>(9));
}
}
, {"failure_policy: must be given", RK_SPOIL{r.clear_failure_policy();
}
}
, {"unready_grace: must not be negative", RK_SPOIL{r.mutable_unready_grace()->set_nanos(-1);
}
}
, {"deadline: must be at least", RK_SPOIL{r.mutable_deadline();
}
}
, {"deadline: must not exceed", RK_SPOIL{r.mutable_deadline()->set_seconds(24 * 3600 + 1);
}
}
, {"containers[0].name: ", RK_SPOIL{c.set_name("-x");
}
}
, {"containers[0].expected_container_id: ", RK_SPOIL{c.set_expected_container_id("abc");
}
}
, {"containers[0].expected_container_id: ",
   RK_SPOIL{c.set_expected_container_id(std::string(64, 'G'));
}
}
, {"containers[0].expected_container_id: the runtime type",
   RK_SPOIL{c.set_expected_container_id("://" + std::string(64, 'a'));
}
}
, {"containers[0].method: must be given", RK_SPOIL{c.clear_method();
}
}
, {"containers[0].method: unknown value", RK_SPOIL{c.set_method(static_cast<v1::Method>(77));
}
}
, {"containers[0].grace: must not be negative", RK_SPOIL{c.mutable_grace()->set_seconds(-1);
}
}
, {"containers[0].grace: is not a well-formed",
   RK_SPOIL{c.mutable_grace()->set_nanos(1'000'000'000);
}
}
, {"containers[0].grace: is not a well-formed", RK_SPOIL{c.mutable_grace()->set_seconds(1);
c.mutable_grace()->set_nanos(-1);
}
}
, {"containers[0].min_started: must not exceed",
   RK_SPOIL{c.mutable_min_started()->set_seconds(INT64_MAX);
}
}
, {"containers[0].pre_stop: must set one of", RK_SPOIL{c.mutable_pre_stop();
}
}
, {"containers[0].pre_stop.exec.command: ", RK_SPOIL{c.mutable_pre_stop()->mutable_exec();
}
}
, {"containers[0].pre_stop.exec.command[0]: ",
   RK_SPOIL{c.mutable_pre_stop()->mutable_exec()->add_command("");
}
}
, {"containers[0].pre_stop.exec.command[0]: must not hold a NUL",
   RK_SPOIL{c.mutable_pre_stop()->mutable_exec()->add_command(std::string("a\0b", 3));
}
}
, {"containers[0].pre_stop.tcp_socket.port: must be 1..65535",
   RK_SPOIL{c.mutable_pre_stop()->mutable_tcp_socket()->set_port(65536);
}
}
, {"containers[0].pre_stop.sleep.duration: must be given",
   RK_SPOIL{c.mutable_pre_stop()->mutable_sleep();
}
}
, {"containers[0].pre_stop.sleep.duration: must not exceed the grace",
   RK_SPOIL{c.mutable_grace()->set_seconds(5);
c.mutable_pre_stop()->mutable_sleep()->mutable_duration()->set_seconds(6);
}
}
, {"containers[0].skip_pre_stop: ",
   RK_SPOIL{c.mutable_pre_stop()->mutable_tcp_socket()->set_port(1);
c.set_skip_pre_stop(true);
}
}
, {"containers[0].post_start.http_get.port: ", RK_SPOIL{c.mutable_post_start()->mutable_http_get();
}
}
, {"containers[0].post_start.http_get.path: must begin",
   RK_SPOIL{c.mutable_post_start()->mutable_http_get()->set_port(80);
c.mutable_post_start()->mutable_http_get()->set_path("x");
}
}
, {"containers[0].post_start.http_get.path: must not hold",
   RK_SPOIL{c.mutable_post_start()->mutable_http_get()->set_port(80);
c.mutable_post_start()->mutable_http_get()->set_path("/ HTTP/1.1\r\nHost: x");
}
}
, {"containers[0].post_start.http_get.scheme: ",
   RK_SPOIL{c.mutable_post_start()->mutable_http_get()->set_port(80);
c.mutable_post_start()->mutable_http_get()->set_scheme("ftp");
}
}
, {"containers[0].post_start.http_get.headers[0].value: must not hold control",
   RK_SPOIL{auto* http = c.mutable_post_start()->mutable_http_get();
http->set_port(80);
http->add_headers()->set_name("X");
http->mutable_headers(0)->set_value("a\nb");
}
}
, {"containers[0].ready_check: is for METHOD_HOT only", RK_SPOIL{c.set_method(v1::METHOD_REPLACE);
c.mutable_ready_check();
}
}
, {"containers[0].ready_check.handler: must be one of",
   RK_SPOIL{c.mutable_ready_check()->mutable_handler()->mutable_sleep()->mutable_duration();
}
}
, {"containers[0].ready_check.period: must be at least",
   RK_SPOIL{c.mutable_ready_check()->mutable_handler()->mutable_tcp_socket()->set_port(1);
c.mutable_ready_check()->mutable_period()->set_nanos(1);
}
}
, {"containers[0].env[0].name: may hold", RK_SPOIL{c.add_env()->set_name("A=B");
}
}
, {"containers[0].env[1].name: is set twice",
   RK_SPOIL{c.add_env()->set_name("A"), c.add_env()->set_name("A");
}
}
, {"containers[0].env[0].value: must be UTF-8", RK_SPOIL{c.add_env()->set_name("A");
c.mutable_env(0)->set_value("\xc0\x80");
}
}
, {"containers[0].unset_env[0]: is also set",
   RK_SPOIL{c.add_env()->set_name("A"), c.add_unset_env("A");
}
}
,
}
;
}

TEST(ToRestartRequest, EachRefusalNamesItsField) {
  for (const BadRow& row : BadRows()) {
    v1::RestartContainersRequest request = Valid();
    row.spoil(request, *request.mutable_containers(0));
    const absl::Status status = ToRestartRequest(request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << row.message;
    EXPECT_THAT(std::string(status.message()), StartsWith(row.message));
  }
}

TEST(ToRestartRequest, EveryMethod) {
  for (const auto& [wire, method] : {std::pair(v1::METHOD_AUTO, restart::Method::kAuto),
                                     std::pair(v1::METHOD_REPLACE, restart::Method::kReplace),
                                     std::pair(v1::METHOD_HOT, restart::Method::kHot),
                                     std::pair(v1::METHOD_DELEGATE, restart::Method::kDelegate)}) {
    v1::RestartContainersRequest request = Valid();
    request.mutable_containers(0)->set_method(wire);
    const auto converted = ToRestartRequest(request);
    ASSERT_TRUE(converted.ok()) << converted.status();
    EXPECT_EQ(converted->containers[0].method, method);
    EXPECT_EQ(ToWire(method), wire);
  }
}

TEST(ToRestartRequest, WhatOnlyTheKubernetesApiKnows) {
  EXPECT_FALSE(ToRestartRequest(Valid())->kubernetes_pod.has_value());
  v1::RestartContainersRequest request = Valid();
  request.mutable_kubernetes_pod()->set_restart_policy(v1::RESTART_POLICY_ON_FAILURE);
  request.mutable_kubernetes_pod()->set_terminating(true);
  request.mutable_kubernetes_pod()->set_allow_static_pod(true);
  request.mutable_containers(0)->set_env_from_references(true);
  request.mutable_containers(0)->set_keep_env(true);
  request.mutable_containers(0)->set_kubelet_health_checks(true);
  request.mutable_containers(0)->set_restart_policy(v1::RESTART_POLICY_ALWAYS);
  const auto converted = ToRestartRequest(request);
  ASSERT_TRUE(converted.ok()) << converted.status();
  ASSERT_TRUE(converted->kubernetes_pod.has_value());
  EXPECT_EQ(converted->kubernetes_pod->restart_policy, kubelet::RestartPolicy::kOnFailure);
  EXPECT_TRUE(converted->kubernetes_pod->terminating);
  EXPECT_TRUE(converted->kubernetes_pod->allow_static_pod);
  EXPECT_TRUE(converted->containers[0].env_from_references);
  EXPECT_TRUE(converted->containers[0].keep_env);
  EXPECT_TRUE(converted->containers[0].health_checked);
  EXPECT_EQ(converted->containers[0].restart_policy, kubelet::RestartPolicy::kAlways);

  request.mutable_containers(0)->set_restart_policy(static_cast<v1::RestartPolicy>(9));
  EXPECT_THAT(std::string(ToRestartRequest(request).status().message()),
              StartsWith("containers[0].restart_policy: unknown value 9"));
}

TEST(ToRestartRequest, ConvertsEverything) {
  v1::RestartContainersRequest wire = Valid();
  wire.set_force(true);
  wire.mutable_unready_grace()->set_seconds(2);
  wire.mutable_deadline()->set_seconds(600);
  auto* c = wire.mutable_containers(0);
  c->set_expected_container_id("containerd://" + std::string(64, 'a'));
  c->mutable_grace();  // zero is a value of its own
  c->mutable_min_started()->set_nanos(500'000'000);
  c->mutable_post_start()->mutable_http_get()->set_port(8080);
  c->mutable_post_start()->mutable_http_get()->set_scheme("HTTPS");
  c->mutable_ready_check()->mutable_handler()->mutable_exec()->add_command("true");
  c->add_env()->set_name("A");
  c->add_unset_env("B");
  const auto got = ToRestartRequest(wire);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->order, restart::Order::kListed);
  EXPECT_EQ(got->failure_policy, restart::FailurePolicy::kIgnore);
  EXPECT_TRUE(got->force);
  EXPECT_EQ(got->unready_grace, absl::Seconds(2));
  EXPECT_EQ(got->deadline, absl::Minutes(10));
  const restart::ContainerRestart& container = got->containers[0];
  EXPECT_EQ(container.expected_container_id, std::string(64, 'a'));
  EXPECT_EQ(container.method, restart::Method::kHot);
  EXPECT_EQ(container.grace, absl::ZeroDuration());
  EXPECT_EQ(container.min_started, absl::Milliseconds(500));
  hooks::HttpGetAction http;
  http.port = 8080;
  http.tls = true;
  EXPECT_EQ(container.post_start, hooks::Handler(http));
  EXPECT_EQ(container.ready_check,
            (restart::ReadyCheck{.handler = hooks::ExecAction{.command = {"true"}}}));
  EXPECT_FALSE(container.pre_stop.has_value());
  EXPECT_EQ(container.unset_env, std::vector<std::string>{"B"});
  wire = Valid();
  wire.mutable_containers(0)->set_method(v1::METHOD_AUTO);
  EXPECT_EQ(ToRestartRequest(wire)->containers[0].method, restart::Method::kAuto);
  EXPECT_FALSE(ToRestartRequest(wire)->containers[0].grace.has_value());
}

TEST(OtherRequests, AreChecked) {
  v1::ListOperationsRequest list;
  EXPECT_EQ(ToListQuery(list)->limit, kDefaultListLimit);
  list.set_limit(5001);
  EXPECT_THAT(std::string(ToListQuery(list).status().message()), StartsWith("limit: "));
  v1::PullImageRequest pull;
  EXPECT_THAT(std::string(ToPullQuery(pull).status().message()), StartsWith("image: "));
  pull.set_image("app:v1 --evil");
  EXPECT_THAT(std::string(ToPullQuery(pull).status().message()), StartsWith("image: "));
  pull.set_image("localhost:5000/app@sha256:00");
  EXPECT_TRUE(ToPullQuery(pull).ok());
  pull.set_password("p");
  EXPECT_THAT(std::string(ToPullQuery(pull).status().message()), StartsWith("username: "));
  pull.set_username("u");
  pull.set_identity_token("t");
  EXPECT_THAT(std::string(ToPullQuery(pull).status().message()), StartsWith("identity_token: "));
  EXPECT_FALSE(ToOperationId("x").ok());
  EXPECT_FALSE(ToOperationId("x/").ok());
  EXPECT_FALSE(ToOperationId("x/y/z").ok());
  EXPECT_TRUE(ToOperationId("x/y").ok());
}

TEST(Utf8, FollowsTheStandard) {
  for (const char* good : {"", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x94\xa5"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\xff"}) {
    EXPECT_FALSE(IsUtf8(bad));
    EXPECT_TRUE(IsUtf8(MakeUtf8(bad)));
  }
  EXPECT_EQ(MakeUtf8("a\xff\xc3\xa4"), "a?\xc3\xa4");
}

TEST(ToWire, ShowsTheRecord) {
  restart::OperationRecord record;
  record.request_id = "r";
  record.container_name = "c";
  record.phase = restart::Phase::kStopping;
  record.message = "bad \xff byte";
  record.created = absl::FromUnixMillis(1500);
  record.deadline = record.created;
  record.history = {{restart::Phase::kAccepted, record.created}};
  v1::Operation wire = ToWire(record);
  EXPECT_EQ(wire.id(), "r/c");
  EXPECT_EQ(wire.phase(), v1::PHASE_STOPPING);
  EXPECT_EQ(wire.method(), v1::METHOD_REPLACE);
  EXPECT_EQ(wire.message(), "bad ? byte");
  EXPECT_EQ(wire.created().nanos(), 500'000'000);
  EXPECT_EQ(wire.history_size(), 1);
  EXPECT_FALSE(wire.has_gap());
  EXPECT_FALSE(wire.has_ended());
  record.gap = absl::Milliseconds(130);
  record.ended = record.created;
  wire = ToWire(record);
  EXPECT_EQ(wire.gap().nanos(), 130'000'000);
  EXPECT_TRUE(wire.has_ended());
}

TEST(Caller, RoleAndValidityComeFromTheCertificate) {
  TestCa ca;
  const auto role = [&](const std::string& o) {
    return CallerOfCertificate(ca.Issue({.cn = "me", .o = o}).certificate, absl::Now())->role;
  };
  EXPECT_EQ(role("rekindle:controller"), Role::kController);
  EXPECT_EQ(role("rekindle:viewer"), Role::kViewer);
  EXPECT_EQ(role("rekindle:controller2"), Role::kOther);
  EXPECT_EQ(role(""), Role::kOther);
  const PemPair cert = ca.Issue({.cn = "me", .o = "rekindle:controller"});
  EXPECT_EQ(CallerOfCertificate(cert.certificate, absl::Now())->name, "me");
  // A connection that outlives its certificate.
  EXPECT_EQ(CallerOfCertificate(cert.certificate, absl::Now() + absl::Hours(2)).status().code(),
            absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(CallerOfCertificate("nonsense", absl::Now()).status().code(),
            absl::StatusCode::kUnauthenticated);
}

}  // namespace
}  // namespace rekindle::service
