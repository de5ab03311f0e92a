#include "controller/plan/wire/node_wire.h"

#include <algorithm>
#include <string>
#include <variant>

#include "common/base/proto_time.h"

namespace rekindle::plan {
namespace {

namespace v1 = ::rekindle::node::v1;

struct HookWriter {
  v1::Handler& out;

  void operator()(const ExecHook& hook) const {
    out.mutable_exec()->mutable_command()->Assign(hook.command.begin(), hook.command.end());
  }
  void operator()(const HttpGetHook& hook) const {
    v1::HttpGetAction& get = *out.mutable_http_get();
    get.set_host(hook.host);
    get.set_port(hook.port);
    get.set_path(hook.path);
    get.set_scheme(hook.https ? "HTTPS" : "HTTP");
    for (const auto& [name, value] : hook.headers) {
      v1::Header& header = *get.add_headers();
      header.set_name(name);
      header.set_value(value);
    }
  }
  void operator()(const TcpSocketHook& hook) const {
    out.mutable_tcp_socket()->set_host(hook.host);
    out.mutable_tcp_socket()->set_port(hook.port);
  }
  void operator()(const SleepHook& hook) const {
    *out.mutable_sleep()->mutable_duration() = ToProto(hook.duration);
  }
};

bool Mentions(const v1::ContainerRestart& restart, const std::string& variable) {
  return std::any_of(restart.env().begin(), restart.env().end(),
                     [&](const v1::EnvVar& given) { return given.name() == variable; }) ||
         std::find(restart.unset_env().begin(), restart.unset_env().end(), variable) !=
             restart.unset_env().end();
}

}  // namespace

v1::RestartPolicy ToWire(api::RestartPolicy policy) {
  switch (policy) {
    case api::RestartPolicy::kOnFailure:
      return v1::RESTART_POLICY_ON_FAILURE;
    case api::RestartPolicy::kNever:
      return v1::RESTART_POLICY_NEVER;
    case api::RestartPolicy::kAlways:
      break;
  }
  return v1::RESTART_POLICY_ALWAYS;
}

v1::Method ToWire(RestartMethod method) {
  switch (method) {
    case RestartMethod::kReplace:
      return v1::METHOD_REPLACE;
    case RestartMethod::kHot:
      return v1::METHOD_HOT;
    case RestartMethod::kDelegate:
      return v1::METHOD_DELEGATE;
    case RestartMethod::kAuto:
      break;
  }
  return v1::METHOD_AUTO;
}

void WriteHook(const Hook& hook, v1::Handler& out) { std::visit(HookWriter{out}, hook); }

void WritePodCall(const PodCall& call, v1::KubernetesPod& out) {
  out.set_restart_policy(ToWire(call.restart_policy));
  out.set_terminating(call.terminating);
}

void WriteContainerCall(const ContainerCall& call, v1::ContainerRestart& out) {
  out.set_restart_policy(ToWire(call.restart_policy));
  if (call.pre_stop.has_value() && !out.skip_pre_stop()) {
    WriteHook(*call.pre_stop, *out.mutable_pre_stop());
  }
  if (call.post_start.has_value()) WriteHook(*call.post_start, *out.mutable_post_start());
  out.set_env_from_references(!call.references.empty());
  out.set_kubelet_health_checks(call.health_checked);
  if (out.method() == v1::METHOD_DELEGATE) return;
  for (const auto& [name, value] : call.env) {
    if (Mentions(out, name)) continue;
    v1::EnvVar& variable = *out.add_env();
    variable.set_name(name);
    variable.set_value(value);
  }
}

}  // namespace rekindle::plan
