#ifndef REKINDLE_DAEMON_SERVICE_NODE_SERVICE_H_
#define REKINDLE_DAEMON_SERVICE_NODE_SERVICE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/base/loop.h"
#include "daemon/cri/monitor.h"
#include "daemon/cri/runtime.h"
#include "daemon/images/puller.h"
#include "daemon/restart/engine.h"
#include "daemon/service/admission.h"
#include "daemon/service/call_queue.h"
#include "daemon/service/calls.h"
#include "daemon/service/metrics.h"
#include "daemon/service/operation_hub.h"
#include "daemon/service/pod_hub.h"
#include "daemon/service/slots.h"
#include "daemon/service/streams.h"
#include "rekindle/node/v1/node.grpc.pb.h"

namespace rekindle::service {

// Facts that do not change while the daemon runs.
struct NodeFacts {
  std::string node_name;
  std::string daemon_version;
  absl::Time started;
  uint32_t quarantined_records = 0;
  // Asked for each answer, on the loop's thread; empty: nothing is said of the machine.
  std::function<rekindle::node::v1::Machine()> machine = nullptr;
};

// What the service works with. All must outlive the servers; `metrics` is thread-safe, the others
// belong to the loop's thread.
struct ServiceDeps {
  Loop& loop;
  restart::Engine& engine;
  cri::Runtime& runtime;
  cri::Monitor& monitor;
  images::Puller& puller;
  Metrics& metrics;
  NodeFacts facts;
};

// The handlers of rekindle.node.v1.NodeService: let the caller in, check the request, hand the work
// to the loop, convert the answer. One instance a server, since each server trusts its callers for
// another reason.
// Threads: the handlers run on the thread of the server's queue; nothing in them blocks.
class NodeService {
 public:
  // `listener` labels the metrics. `admission` and what `deps` names must outlive the service.
  NodeService(std::string listener, const ServiceDeps& deps, Admission& admission,
              std::shared_ptr<OperationHub> hub, std::shared_ptr<PodHub> pods);

  // What the server is built with.
  grpc::Service* grpc_service() { return &grpc_service_; }

  // Takes calls from now on. `queue` must be the built server's, and not running yet.
  void Serve(CallQueue& queue);

  // Blocks until no RestartContainers stream is open, `limit` at most. Not on gRPC's threads.
  void AwaitRestartStreams(absl::Duration limit) { restart_slots_.AwaitEmpty(limit); }

 private:
  using Check = absl::FunctionRef<absl::Status()>;
  using GrpcService = v1::NodeService::AsyncService;

  template <typename Request, typename Response>
  using Unary = std::shared_ptr<UnaryCall<Request, Response>>;
  template <typename Request, typename Response>
  using Stream = std::shared_ptr<StreamCall<Request, Response>>;

  // Waits for the next call of one kind, and again whenever one has come.
  template <typename Call, typename Method>
  void Await(CallQueue& queue, Method method, typename Call::Handler handler);

  void RestartContainers(
      const Stream<v1::RestartContainersRequest, v1::RestartContainersResponse>& call);
  void GetOperation(const Unary<v1::GetOperationRequest, v1::Operation>& call);
  void ListOperations(const Unary<v1::ListOperationsRequest, v1::ListOperationsResponse>& call);
  void WatchOperations(const Stream<v1::WatchOperationsRequest, v1::WatchOperationsResponse>& call);
  void CancelOperation(const Unary<v1::CancelOperationRequest, v1::Operation>& call);
  void ListPods(const Unary<v1::ListPodsRequest, v1::ListPodsResponse>& call);
  void WatchPods(const Stream<v1::WatchPodsRequest, v1::WatchPodsResponse>& call);
  void GetNodeInfo(const Unary<v1::GetNodeInfoRequest, v1::NodeInfo>& call);
  void PullImage(const Stream<v1::PullImageRequest, v1::PullImageResponse>& call);

  // Lets a unary call in and checks its request, then runs `work` on the loop, where the call is
  // to be answered. `subject` is what a change is about; for the log.
  template <typename Call, typename Work>
  void Admit(const char* method, const std::shared_ptr<Call>& call, Access access,
             const std::string& subject, Check check, Work work);

  // The same for a stream. Nothing when it was refused: it has been ended then.
  template <typename Response>
  std::optional<StreamContext> AdmitStream(const char* method, OutStream<Response>& stream,
                                           Access access, const std::string& subject, Slots& slots,
                                           Check check);

  // Identity, role, rate, then the request itself. Logs changes that pass.
  absl::Status AdmitRequest(const char* method, const grpc::ServerContext& context, Access access,
                            const std::string& subject, Check check);

  Ended Counter(const char* method);

  const std::string listener_;
  const ServiceDeps deps_;
  Admission& admission_;
  const std::shared_ptr<OperationHub> hub_;
  const std::shared_ptr<PodHub> pods_;
  GrpcService grpc_service_;
  Slots restart_slots_;
  Slots watch_slots_;
  Slots pull_slots_;
  Slots list_slots_;  // of ListPods calls
};

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_NODE_SERVICE_H_
