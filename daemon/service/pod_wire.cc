#include "daemon/service/pod_wire.h"

#include "absl/time/time.h"

#include "daemon/kubelet/ownership.h"
#include "daemon/service/fields.h"

namespace rekindle::service {

namespace node = ::rekindle::node::v1;
namespace runtime = ::runtime::v1;

namespace {

absl::Time FromRuntime(int64_t nanoseconds) { return absl::FromUnixNanos(nanoseconds); }

node::ContainerState ToWire(runtime::ContainerState state) {
  switch (state) {
    case runtime::CONTAINER_CREATED:
      return node::CONTAINER_STATE_CREATED;
    case runtime::CONTAINER_RUNNING:
      return node::CONTAINER_STATE_RUNNING;
    case runtime::CONTAINER_EXITED:
      return node::CONTAINER_STATE_EXITED;
    default:
      return node::CONTAINER_STATE_UNKNOWN;
  }
}

// A time of 0 is one that has not come yet.
void SetTime(int64_t nanoseconds, google::protobuf::Timestamp* (node::Container::*mutable_time)(),
             node::Container& container) {
  if (nanoseconds > 0) *(container.*mutable_time)() = ToProto(FromRuntime(nanoseconds));
}

}  // namespace

node::Container ToWire(const runtime::ContainerStatus& status) {
  node::Container out;
  out.set_name(status.metadata().name());
  out.set_id(status.id());
  out.set_attempt(status.metadata().attempt());
  out.set_state(ToWire(status.state()));
  out.set_image(status.image().image());
  SetTime(status.created_at(), &node::Container::mutable_created, out);
  SetTime(status.started_at(), &node::Container::mutable_started, out);
  SetTime(status.finished_at(), &node::Container::mutable_finished, out);
  out.set_exit_code(status.exit_code());
  out.set_reason(status.reason());
  out.set_image_id(status.image_ref());
  out.set_message(status.message());
  return out;
}

node::Pod ToWire(const runtime::PodSandbox& sandbox) {
  node::Pod out;
  out.mutable_ref()->set_namespace_(sandbox.metadata().namespace_());
  out.mutable_ref()->set_name(sandbox.metadata().name());
  out.mutable_ref()->set_uid(sandbox.metadata().uid());
  out.set_sandbox_id(sandbox.id());
  out.set_ready(sandbox.state() == runtime::SANDBOX_READY);
  *out.mutable_created() = ToProto(FromRuntime(sandbox.created_at()));
  out.mutable_labels()->insert(sandbox.labels().begin(), sandbox.labels().end());
  out.set_attempt(sandbox.metadata().attempt());
  out.set_owner(kubelet::OwnedByKubelet(sandbox) ? node::POD_OWNER_KUBELET
                                                 : node::POD_OWNER_RUNTIME_CLIENT);
  return out;
}

}  // namespace rekindle::service
