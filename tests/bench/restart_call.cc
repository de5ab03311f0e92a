#include "tests/bench/restart_call.h"

#include <chrono>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include <grpcpp/grpcpp.h>

#include "common/base/status_macros.h"

namespace rekindle::bench {

RestartCaller::RestartCaller(const measure::Daemon& daemon)
    : stub_(node::v1::NodeService::NewStub(grpc::CreateChannel(
          absl::StrCat("unix://", daemon.socket()), grpc::InsecureChannelCredentials()))) {}

absl::Status RestartCaller::Restart(const bed::Pod& pod,
                                    const std::vector<std::string>& containers) {
  node::v1::RestartContainersRequest request;
  request.set_request_id(bed::RandomUid());
  request.mutable_pod()->set_namespace_(pod.spec.ns);
  request.mutable_pod()->set_name(pod.spec.name);
  request.mutable_pod()->set_uid(pod.spec.uid);
  request.set_order(node::v1::ORDER_PARALLEL);
  request.set_failure_policy(node::v1::FAILURE_POLICY_FAIL);
  for (const std::string& name : containers) {
    auto* container = request.add_containers();
    container->set_name(name);
    container->set_method(node::v1::METHOD_REPLACE);
  }
  return Run(request).status();
}

absl::StatusOr<std::vector<node::v1::Operation>> RestartCaller::Run(
    const node::v1::RestartContainersRequest& request, absl::Duration timeout) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
  auto stream = stub_->RestartContainers(&context, request);
  node::v1::RestartContainersResponse response;
  // By name: what is said of an operation after its end replaces what was said at its end.
  std::map<std::string, node::v1::Operation> done;
  absl::Status failed;
  while (stream->Read(&response)) {
    const node::v1::Operation& operation = response.operation();
    if (operation.phase() == node::v1::PHASE_DONE) done[operation.container_name()] = operation;
    if (operation.phase() == node::v1::PHASE_FAILED ||
        operation.phase() == node::v1::PHASE_CANCELLED) {
      failed.Update(absl::AbortedError(
          absl::StrCat("restart of ", operation.id(), ": ", operation.message())));
    }
  }
  grpc::Status ended = stream->Finish();
  if (!ended.ok()) return absl::AbortedError(absl::StrCat("restart: ", ended.error_message()));
  RK_RETURN_IF_ERROR(failed);
  const auto wanted = static_cast<size_t>(request.containers_size());
  if (done.size() != wanted) {
    return absl::AbortedError(
        absl::StrCat("restart: ", done.size(), " of ", wanted, " operations ended well"));
  }
  std::vector<node::v1::Operation> out;
  for (auto& [name, operation] : done) out.push_back(std::move(operation));
  return out;
}

}  // namespace rekindle::bench
