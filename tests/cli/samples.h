#ifndef REKINDLE_TEST_CLI_SAMPLES_H_
#define REKINDLE_TEST_CLI_SAMPLES_H_

#include <string>

#include "absl/time/time.h"

#include "rekindle/node/v1/node.pb.h"

namespace rekindle::cli {

// Messages as a daemon sends them, for golden files. All times count from kStart.
inline const absl::Time kStart = absl::FromUnixSeconds(1'790'000'000);

inline google::protobuf::Timestamp At(absl::Duration since_start) {
  google::protobuf::Timestamp time;
  const int64_t nanos = absl::ToUnixNanos(kStart + since_start);
  time.set_seconds(nanos / 1'000'000'000);
  time.set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
  return time;
}

inline google::protobuf::Duration Span(absl::Duration span) {
  google::protobuf::Duration out;
  out.set_seconds(absl::ToInt64Seconds(span));
  out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(span % absl::Seconds(1))));
  return out;
}

inline node::v1::Container SampleContainer(const std::string& name, char id,
                                           node::v1::ContainerState state) {
  node::v1::Container container;
  container.set_name(name);
  container.set_id(std::string(64, id));
  container.set_attempt(2);
  container.set_state(state);
  container.set_image("registry.example/" + name + ":1.4");
  *container.mutable_created() = At(-absl::Hours(3));
  *container.mutable_started() = At(-absl::Hours(2) - absl::Minutes(5));
  if (state == node::v1::CONTAINER_STATE_EXITED) {
    *container.mutable_finished() = At(-absl::Minutes(1));
    container.set_exit_code(137);
    container.set_reason("Error");
  }
  return container;
}

inline node::v1::Pod SamplePod(const std::string& ns, const std::string& name) {
  node::v1::Pod pod;
  pod.mutable_ref()->set_namespace_(ns);
  pod.mutable_ref()->set_name(name);
  pod.mutable_ref()->set_uid("11111111-2222-3333-4444-555555555555");
  pod.set_sandbox_id(std::string(64, 'f'));
  pod.set_ready(true);
  pod.set_ip("10.88.0.7");
  pod.set_owner(node::v1::POD_OWNER_RUNTIME_CLIENT);
  *pod.mutable_created() = At(-absl::Hours(50));
  return pod;
}

// web has one container, shop/cart two and an exited one, tools/empty none.
inline node::v1::ListPodsResponse SamplePods() {
  node::v1::ListPodsResponse pods;
  auto& web = *pods.add_pods() = SamplePod("default", "web");
  *web.add_containers() = SampleContainer("app", 'a', node::v1::CONTAINER_STATE_RUNNING);
  auto& cart = *pods.add_pods() = SamplePod("shop", "cart");
  *cart.add_containers() = SampleContainer("app", 'b', node::v1::CONTAINER_STATE_RUNNING);
  *cart.add_containers() = SampleContainer("proxy", 'c', node::v1::CONTAINER_STATE_RUNNING);
  *cart.add_containers() = SampleContainer("job", 'd', node::v1::CONTAINER_STATE_EXITED);
  auto& empty = *pods.add_pods() = SamplePod("tools", "empty");
  empty.set_ready(false);
  return pods;
}

inline node::v1::Operation SampleOperation(const std::string& container, node::v1::Phase phase) {
  using namespace node::v1;  // NOLINT(google-build-using-namespace): enum names in a test
  Operation operation;
  operation.set_request_id("cli-1");
  operation.set_id("cli-1/" + container);
  operation.mutable_pod()->set_namespace_("default");
  operation.mutable_pod()->set_name("web");
  operation.mutable_pod()->set_uid("11111111-2222-3333-4444-555555555555");
  operation.set_container_name(container);
  operation.set_method(METHOD_REPLACE);
  operation.set_phase(phase);
  *operation.mutable_created() = At(absl::ZeroDuration());
  *operation.mutable_deadline() = At(absl::Minutes(3));
  operation.set_old_container_id(std::string(64, 'a'));
  const Phase kSteps[] = {PHASE_ACCEPTED, PHASE_STAGED,   PHASE_PRE_STOP,
                          PHASE_STOPPING, PHASE_STARTING, PHASE_VERIFYING};
  absl::Duration at;
  const auto enter = [&](Phase step) {
    auto& time = *operation.add_history();
    time.set_phase(step);
    *time.mutable_entered() = At(at);
    at += absl::Milliseconds(150);
  };
  for (const Phase step : kSteps) {
    if (step <= phase) enter(step);
  }
  if (phase == PHASE_DONE || phase == PHASE_FAILED || phase == PHASE_CANCELLED) {
    enter(phase);
    *operation.mutable_ended() = At(at);
  }
  switch (phase) {
    case PHASE_STOPPING:
      operation.set_message("waits for the old container to exit (grace 30s)");
      break;
    case PHASE_DONE:
      operation.set_message("restarted");
      operation.set_new_container_id(std::string(64, 'e'));
      operation.set_attempt(3);
      operation.set_old_exit_code(143);
      operation.set_pre_stop_result("ok");
      *operation.mutable_gap() = Span(absl::Milliseconds(137));
      break;
    case PHASE_FAILED:
      operation.set_message(
          "the replacement did not start: no such file \"/app\"\x1b[31m\nsecond line");
      operation.set_new_container_id(std::string(64, 'e'));
      operation.set_attempt(5);
      operation.set_start_failures(3);
      operation.set_old_exit_code(143);
      operation.set_service_down(true);
      break;
    case PHASE_CANCELLED:
      operation.set_message("cancelled before the container was touched");
      break;
    default:
      break;
  }
  return operation;
}

inline node::v1::ListOperationsResponse SampleOperations() {
  node::v1::ListOperationsResponse operations;
  for (const auto& [name, phase] : {std::pair{"app", node::v1::PHASE_DONE},
                                    {"proxy", node::v1::PHASE_STOPPING},
                                    {"job", node::v1::PHASE_FAILED},
                                    {"init", node::v1::PHASE_CANCELLED}}) {
    *operations.add_operations() = SampleOperation(name, phase);
  }
  return operations;
}

inline node::v1::NodeInfo SampleInfo() {
  node::v1::NodeInfo info;
  info.set_node_name("node-7");
  info.set_daemon_version("0.1.0");
  info.set_runtime_name("containerd");
  info.set_runtime_version("1.6.20");
  info.set_runtime_endpoint("unix:///run/containerd/containerd.sock");
  info.set_runtime_ready(true);
  *info.mutable_started() = At(-absl::Hours(30));
  info.set_active_operations(2);
  info.set_stored_operations(40);
  info.set_accepting(true);
  info.set_event_source("containerd");
  return info;
}

}  // namespace rekindle::cli

#endif  // REKINDLE_TEST_CLI_SAMPLES_H_
