#include "daemon/service/node_service.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "daemon/service/audit.h"
#include "daemon/service/constants.h"
#include "daemon/service/convert.h"
#include "daemon/service/fields.h"
#include "daemon/service/pod_lister.h"

namespace rekindle::service {

namespace {

// Moves a converted request to where it is wanted, or says why there is none.
template <typename T>
absl::Status Take(absl::StatusOr<T> from, T& to) {
  if (!from.ok()) return from.status();
  to = *std::move(from);
  return absl::OkStatus();
}

absl::Status NoOperation(const std::string& id) {
  return absl::NotFoundError(absl::StrCat("id: no operation ", id));
}

v1::ListOperationsResponse ToList(std::vector<restart::OperationRecord> records, size_t limit) {
  v1::ListOperationsResponse response;
  response.set_truncated(records.size() > limit);
  if (records.size() > limit)
    records.erase(records.begin() + static_cast<long>(limit), records.end());
  for (const restart::OperationRecord& record : records) {
    *response.add_operations() = ToWire(record);
  }
  return response;
}

v1::NodeInfo ToInfo(const NodeFacts& facts, const cri::Monitor::State& runtime,
                    const restart::Engine::Stats& engine) {
  v1::NodeInfo info;
  info.set_node_name(facts.node_name);
  info.set_daemon_version(facts.daemon_version);
  *info.mutable_started() = ToProto(facts.started);
  info.set_quarantined_records(facts.quarantined_records);
  info.set_runtime_name(runtime.runtime_name);
  info.set_runtime_version(runtime.runtime_version);
  info.set_runtime_endpoint(runtime.endpoint);
  info.set_runtime_ready(runtime.ready);
  info.set_runtime_reason(MakeUtf8(runtime.reason));
  info.set_event_source(runtime.event_source);
  info.set_active_operations(static_cast<uint32_t>(engine.active));
  info.set_stored_operations(static_cast<uint32_t>(engine.stored));
  info.set_accepting(engine.accepting);
  info.set_accepting_reason(MakeUtf8(engine.accepting_reason));
  if (facts.machine) *info.mutable_machine() = facts.machine();
  return info;
}

}  // namespace

NodeService::NodeService(std::string listener, const ServiceDeps& deps, Admission& admission,
                         std::shared_ptr<OperationHub> hub, std::shared_ptr<PodHub> pods)
    : listener_(std::move(listener)),
      deps_(deps),
      admission_(admission),
      hub_(std::move(hub)),
      pods_(std::move(pods)),
      restart_slots_(kMaxRestartStreams),
      watch_slots_(kMaxWatchStreams),
      pull_slots_(kMaxPullStreams),
      list_slots_(kMaxListPodsCalls) {}

Ended NodeService::Counter(const char* method) {
  return [this, method](const absl::Status& status) {
    deps_.metrics.ObserveRpc(listener_, method, status.code());
  };
}

template <typename Call, typename Method>
void NodeService::Await(CallQueue& queue, Method method, typename Call::Handler handler) {
  Call::Start(
      queue.TakeSlot(),
      [&](auto* context, auto* request, auto* writer, void* tag) {
        (grpc_service_.*method)(context, request, writer, queue.queue(), queue.queue(), tag);
      },
      [this, &queue, method, handler](const std::shared_ptr<Call>& call) {
        Await<Call>(queue, method, handler);
        handler(call);
      });
}

void NodeService::Serve(CallQueue& queue) {
  Await<Stream<v1::RestartContainersRequest, v1::RestartContainersResponse>::element_type>(
      queue, &GrpcService::RequestRestartContainers,
      [this](const auto& call) { RestartContainers(call); });
  Await<Unary<v1::GetOperationRequest, v1::Operation>::element_type>(
      queue, &GrpcService::RequestGetOperation, [this](const auto& call) { GetOperation(call); });
  Await<Unary<v1::ListOperationsRequest, v1::ListOperationsResponse>::element_type>(
      queue, &GrpcService::RequestListOperations,
      [this](const auto& call) { ListOperations(call); });
  Await<Stream<v1::WatchOperationsRequest, v1::WatchOperationsResponse>::element_type>(
      queue, &GrpcService::RequestWatchOperations,
      [this](const auto& call) { WatchOperations(call); });
  Await<Unary<v1::CancelOperationRequest, v1::Operation>::element_type>(
      queue, &GrpcService::RequestCancelOperation,
      [this](const auto& call) { CancelOperation(call); });
  Await<Unary<v1::ListPodsRequest, v1::ListPodsResponse>::element_type>(
      queue, &GrpcService::RequestListPods, [this](const auto& call) { ListPods(call); });
  Await<Stream<v1::WatchPodsRequest, v1::WatchPodsResponse>::element_type>(
      queue, &GrpcService::RequestWatchPods, [this](const auto& call) { WatchPods(call); });
  Await<Unary<v1::GetNodeInfoRequest, v1::NodeInfo>::element_type>(
      queue, &GrpcService::RequestGetNodeInfo, [this](const auto& call) { GetNodeInfo(call); });
  Await<Stream<v1::PullImageRequest, v1::PullImageResponse>::element_type>(
      queue, &GrpcService::RequestPullImage, [this](const auto& call) { PullImage(call); });
}

absl::Status NodeService::AdmitRequest(const char* method, const grpc::ServerContext& context,
                                       Access access, const std::string& subject, Check check) {
  absl::StatusOr<Caller> caller = admission_.Admit(context, access);
  if (!caller.ok()) return caller.status();
  absl::Status status = check();
  if (status.ok() && access == Access::kChange) {
    LogChange(*caller, listener_, absl::StrCat(method, " ", subject));
  }
  return status;
}

template <typename Call, typename Work>
void NodeService::Admit(const char* method, const std::shared_ptr<Call>& call, Access access,
                        const std::string& subject, Check check, Work work) {
  call->SetEnded(Counter(method));
  const absl::Status status = AdmitRequest(method, call->context(), access, subject, check);
  if (!status.ok()) return call->Reply(status);
  deps_.loop.Post([call, work = std::move(work)]() mutable { work(call); });
}

template <typename Response>
std::optional<StreamContext> NodeService::AdmitStream(const char* method,
                                                      OutStream<Response>& stream, Access access,
                                                      const std::string& subject, Slots& slots,
                                                      Check check) {
  absl::Status status = AdmitRequest(method, stream.context(), access, subject, check);
  if (status.ok()) {
    if (Slots::Slot slot = slots.Take()) {
      return StreamContext{.loop = deps_.loop, .slot = std::move(slot), .ended = Counter(method)};
    }
    status = absl::ResourceExhaustedError(absl::StrCat("too many ", method, " calls"));
  }
  stream.SetHooks({.ended = Counter(method)});
  stream.End(status);
  return std::nullopt;
}

void NodeService::RestartContainers(
    const Stream<v1::RestartContainersRequest, v1::RestartContainersResponse>& call) {
  const v1::RestartContainersRequest& wire = call->request();
  restart::RestartRequest request;
  auto admitted = AdmitStream(
      "RestartContainers", *call, Access::kChange,
      absl::StrCat(wire.request_id(), " of pod ", wire.pod().namespace_(), "/", wire.pod().name()),
      restart_slots_, [&] { return Take(ToRestartRequest(wire), request); });
  if (admitted) RunRestart(*std::move(admitted), hub_, std::move(request), call);
}

void NodeService::WatchOperations(
    const Stream<v1::WatchOperationsRequest, v1::WatchOperationsResponse>& call) {
  restart::Engine::Filter filter;
  auto admitted = AdmitStream("WatchOperations", *call, Access::kRead, "", watch_slots_,
                              [&] { return Take(ToFilter(call->request()), filter); });
  if (admitted) RunWatch(*std::move(admitted), hub_, std::move(filter), call);
}

void NodeService::PullImage(const Stream<v1::PullImageRequest, v1::PullImageResponse>& call) {
  PullQuery query;
  auto admitted =
      AdmitStream("PullImage", *call, Access::kChange, call->request().image(), pull_slots_,
                  [&] { return Take(ToPullQuery(call->request()), query); });
  if (admitted) RunPull(*std::move(admitted), deps_.puller, std::move(query), call);
}

void NodeService::GetOperation(const Unary<v1::GetOperationRequest, v1::Operation>& call) {
  Admit(
      "GetOperation", call, Access::kRead, "",
      [&] { return ToOperationId(call->request().id()).status(); },
      [&engine = deps_.engine](const auto& admitted) {
        const std::string& id = admitted->request().id();
        const restart::OperationRecord* record = engine.Find(id);
        if (record == nullptr) return admitted->Reply(NoOperation(id));
        admitted->Reply(ToWire(*record));
      });
}

void NodeService::ListOperations(
    const Unary<v1::ListOperationsRequest, v1::ListOperationsResponse>& call) {
  auto query = std::make_shared<ListQuery>();
  Admit(
      "ListOperations", call, Access::kRead, "",
      [&] { return Take(ToListQuery(call->request()), *query); },
      [&engine = deps_.engine, query](const auto& admitted) {
        admitted->Reply(ToList(engine.List(query->filter), query->limit));
      });
}

void NodeService::CancelOperation(const Unary<v1::CancelOperationRequest, v1::Operation>& call) {
  Admit(
      "CancelOperation", call, Access::kChange, call->request().id(),
      [&] { return ToOperationId(call->request().id()).status(); },
      [&engine = deps_.engine](const auto& admitted) {
        auto reply = [admitted](absl::StatusOr<restart::OperationRecord> record) {
          if (!record.ok()) return admitted->Reply(record.status());
          admitted->Reply(ToWire(*record));
        };
        const v1::CancelOperationRequest& request = admitted->request();
        if (request.pod_terminating()) return engine.EndWithPod(request.id(), std::move(reply));
        engine.Cancel(request.id(), std::move(reply));
      });
}

void NodeService::ListPods(const Unary<v1::ListPodsRequest, v1::ListPodsResponse>& call) {
  // The slot lasts as long as the calls to the runtime, not as the client's patience.
  Slots::Slot slot = list_slots_.Take();
  Admit(
      "ListPods", call, Access::kRead, "",
      [&] {
        if (!slot) return absl::ResourceExhaustedError("too many ListPods calls");
        return CheckListPods(call->request());
      },
      [&runtime = deps_.runtime, slot](const auto& admitted) {
        service::ListPods(runtime, admitted->request(),
                          [admitted, slot](absl::StatusOr<v1::ListPodsResponse> pods) {
                            admitted->Reply(std::move(pods));
                          });
      });
}

void NodeService::WatchPods(const Stream<v1::WatchPodsRequest, v1::WatchPodsResponse>& call) {
  const v1::PodRef& wanted = call->request().pod();
  auto admitted = AdmitStream("WatchPods", *call, Access::kRead, "", watch_slots_,
                              [&] { return CheckWatchPods(call->request()); });
  if (admitted) RunWatchPods(*std::move(admitted), pods_, wanted, call);
}

void NodeService::GetNodeInfo(const Unary<v1::GetNodeInfoRequest, v1::NodeInfo>& call) {
  Admit(
      "GetNodeInfo", call, Access::kRead, "", [] { return absl::OkStatus(); },
      [this](const auto& admitted) {
        admitted->Reply(ToInfo(deps_.facts, deps_.monitor.state(), deps_.engine.GetStats()));
      });
}

}  // namespace rekindle::service
