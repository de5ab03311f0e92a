#ifndef REKINDLE_TEST_CONTROLLER_RECREATE_FAKE_NODES_H_
#define REKINDLE_TEST_CONTROLLER_RECREATE_FAKE_NODES_H_

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/loop.h"
#include "controller/fleet/node_calls.h"

namespace rekindle::recreate {

// Daemons of nodes in simulated time, with what runs there. They outlive the controller under test:
// operations are known by their IDs, as the journal of a real daemon knows them.
class FakeNodes final : public fleet::NodeCalls {
 public:
  using Request = node::v1::RestartContainersRequest;

  struct Container {
    std::string name;
    std::string id;
    uint32_t attempt = 0;
    bool exited = false;
  };
  struct Pod {
    std::string ns;
    std::string name;
    std::string uid;
    std::vector<Container> containers;
  };

  explicit FakeNodes(Loop& loop) : loop_(loop) {}

  absl::Duration latency = absl::Milliseconds(1);
  absl::Duration stop_takes = absl::Milliseconds(50);
  absl::Duration start_takes = absl::Milliseconds(50);
  std::map<std::string, std::vector<Pod>> pods;    // by node
  std::map<std::string, absl::Status> away;        // nodes that cannot be reached, and why
  std::map<std::string, std::string> fails;        // containers whose stop fails, and how
  std::map<std::string, std::string> fails_start;  // containers that do not come up, and how
  std::function<absl::Status(const Request&)> refuse = [](const Request&) {
    return absl::OkStatus();
  };
  // The new container runs.
  std::function<void(const Pod&, const Container&)> on_started;

  // "pod/container", in the order of their stops.
  std::vector<std::string> stops;
  std::vector<absl::Duration> stopped_at;
  std::vector<Request> requests;
  int lists = 0;
  std::vector<std::string> cancelled;
  std::vector<std::string> ended_with_pod;  // among these

  int StopsOf(const std::string& what) const {
    return static_cast<int>(std::count(stops.begin(), stops.end(), what));
  }
  Container* Find(const std::string& ns, const std::string& pod, const std::string& container) {
    for (auto& [node, list] : pods) {
      for (Pod& one : list) {
        if (one.ns != ns || one.name != pod) continue;
        for (Container& candidate : one.containers) {
          if (candidate.name == container) return &candidate;
        }
      }
    }
    return nullptr;
  }
  size_t calls() const { return calls_.size(); }

  CallId Restart(const std::string& node, Request request, absl::Duration timeout,
                 RestartEvents events) override {
    const CallId id = next_++;
    calls_[id] = {.node = node,
                  .request = std::move(request),
                  .events = std::move(events),
                  .until = loop_.Monotonic() + timeout};
    loop_.RunAfter(latency, [this, id] { Try(id); });
    loop_.RunAfter(timeout, [this, id] { End(id, absl::DeadlineExceededError("not heard of")); });
    return id;
  }

  CallId ListPods(const std::string& node, node::v1::ListPodsRequest request, absl::Duration,
                  PodsDone done) override {
    const CallId id = next_++;
    ++lists;
    lists_[id] = std::move(done);
    loop_.RunAfter(latency, [this, id, node, request] {
      const auto found = lists_.find(id);
      if (found == lists_.end()) return;
      PodsDone reply = std::move(found->second);
      lists_.erase(found);
      if (const auto gone = away.find(node); gone != away.end()) return reply(gone->second);
      node::v1::ListPodsResponse out;
      for (const Pod& pod : pods[node]) {
        if (pod.ns != request.namespace_() || pod.name != request.name()) continue;
        node::v1::Pod& one = *out.add_pods();
        one.mutable_ref()->set_namespace_(pod.ns);
        one.mutable_ref()->set_name(pod.name);
        one.mutable_ref()->set_uid(pod.uid);
        one.set_ready(true);
        for (const Container& container : pod.containers) {
          node::v1::Container& entry = *one.add_containers();
          entry.set_name(container.name);
          entry.set_id(container.id);
          entry.set_attempt(container.attempt);
          entry.set_state(container.exited ? node::v1::CONTAINER_STATE_EXITED
                                           : node::v1::CONTAINER_STATE_RUNNING);
        }
      }
      reply(std::move(out));
    });
    return id;
  }

  CallId CancelOperation(const std::string&, const std::string& operation, bool pod_terminating,
                         absl::Duration, OperationDone done) override {
    cancelled.push_back(operation);
    if (pod_terminating) ended_with_pod.push_back(operation);
    const auto found = operations_.find(operation);
    const bool early =
        found != operations_.end() && found->second.operation.phase() == node::v1::PHASE_ACCEPTED;
    if (early) Move(operation, node::v1::PHASE_CANCELLED, "cancelled");
    loop_.Post([done = std::move(done), early]() mutable {
      if (early) return done(node::v1::Operation());
      done(absl::FailedPreconditionError("too late"));
    });
    return next_++;
  }

  void Drop(CallId call) override {
    calls_.erase(call);
    lists_.erase(call);
  }

 private:
  struct Call {
    std::string node;
    Request request;
    RestartEvents events;
    absl::Duration until;
    bool waits = false;
  };
  struct Running {
    node::v1::Operation operation;
    std::string node;
  };

  void Try(CallId id) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    Call& call = found->second;
    if (const auto gone = away.find(call.node); gone != away.end()) {
      if (loop_.Monotonic() >= call.until) {
        return End(id, absl::DeadlineExceededError(gone->second.message()));
      }
      if (!std::exchange(call.waits, true)) call.events.waiting(gone->second);
      loop_.RunAfter(absl::Milliseconds(500), [this, id] { Try(id); });
      return;
    }
    if (std::exchange(call.waits, false)) {
      call.events.waiting(absl::OkStatus());
      if (!calls_.contains(id)) return;
    }
    const std::string name = call.request.containers(0).name();
    const std::string operation = absl::StrCat(call.request.request_id(), "/", name);
    if (!operations_.contains(operation)) {
      requests.push_back(call.request);
      const absl::Status admitted = Admit(call.request);
      if (!admitted.ok()) return End(id, admitted);
      node::v1::Operation& made = operations_[operation].operation;
      operations_[operation].node = call.node;
      made.set_id(operation);
      made.set_request_id(call.request.request_id());
      *made.mutable_pod() = call.request.pod();
      made.set_container_name(name);
      made.set_method(node::v1::METHOD_REPLACE);
      made.set_method_reason("chosen");
      made.mutable_created()->set_seconds(100);
      Move(operation, node::v1::PHASE_ACCEPTED, "");
      loop_.RunAfter(absl::Milliseconds(1), [this, operation] { Stop(operation); });
      return;
    }
    Tell(id, operations_[operation].operation);
  }

  absl::Status Admit(const Request& request) {
    if (absl::Status refused = refuse(request); !refused.ok()) return refused;
    const node::v1::ContainerRestart& wanted = request.containers(0);
    const Container* container =
        Find(request.pod().namespace_(), request.pod().name(), wanted.name());
    if (container == nullptr) return absl::NotFoundError("no such container");
    if (container->exited) return absl::FailedPreconditionError("is exited");
    if (container->id != wanted.expected_container_id()) {
      return absl::FailedPreconditionError(absl::StrCat("is now ", container->id));
    }
    return absl::OkStatus();
  }

  void Stop(const std::string& id) {
    node::v1::Operation& operation = operations_[id].operation;
    if (operation.phase() != node::v1::PHASE_ACCEPTED) return;
    stops.push_back(absl::StrCat(operation.pod().name(), "/", operation.container_name()));
    stopped_at.push_back(loop_.Monotonic());
    Move(id, node::v1::PHASE_STOPPING, "stop signal sent");
    loop_.RunAfter(stop_takes, [this, id] { Start(id); });
  }

  void Start(const std::string& id) {
    node::v1::Operation& operation = operations_[id].operation;
    if (const auto bad = fails.find(operation.container_name()); bad != fails.end()) {
      return Move(id, node::v1::PHASE_FAILED, bad->second);
    }
    Container* old =
        Find(operation.pod().namespace_(), operation.pod().name(), operation.container_name());
    if (old == nullptr) return Move(id, node::v1::PHASE_FAILED, "the pod has gone meanwhile");
    old->exited = true;
    Move(id, node::v1::PHASE_STARTING, "");
    loop_.RunAfter(start_takes, [this, id] { Run(id); });
  }

  void Run(const std::string& id) {
    node::v1::Operation& operation = operations_[id].operation;
    Container* container =
        Find(operation.pod().namespace_(), operation.pod().name(), operation.container_name());
    if (container == nullptr) return Move(id, node::v1::PHASE_FAILED, "the pod has gone meanwhile");
    if (const auto bad = fails_start.find(operation.container_name()); bad != fails_start.end()) {
      return Move(id, node::v1::PHASE_FAILED, bad->second);
    }
    container->exited = false;
    container->attempt += 1;
    container->id = absl::StrCat("new", next_id_++);
    operation.set_new_container_id(container->id);
    operation.set_attempt(container->attempt);
    operation.mutable_gap()->set_nanos(84'000'000);
    operation.mutable_ended()->set_seconds(100);
    operation.mutable_ended()->set_nanos(212'000'000);
    if (on_started) {
      for (const Pod& pod : pods[operations_[id].node]) {
        if (pod.name == operation.pod().name() && pod.ns == operation.pod().namespace_()) {
          on_started(pod, *container);
        }
      }
    }
    Move(id, node::v1::PHASE_DONE, "");
  }

  void Move(const std::string& id, node::v1::Phase phase, const std::string& message) {
    node::v1::Operation& operation = operations_[id].operation;
    operation.set_phase(phase);
    operation.set_message(message);
    operation.add_history()->set_phase(phase);
    std::vector<CallId> listeners;
    for (const auto& [call, what] : calls_) {
      if (away.contains(what.node)) continue;
      const std::string& name = what.request.containers(0).name();
      if (absl::StrCat(what.request.request_id(), "/", name) == id) listeners.push_back(call);
    }
    const node::v1::Operation now = operation;
    for (const CallId call : listeners) Tell(call, now);
  }

  void Tell(CallId id, const node::v1::Operation& operation) {
    loop_.RunAfter(latency, [this, id, operation] {
      const auto found = calls_.find(id);
      if (found == calls_.end()) return;
      found->second.events.progress(operation);
      if (operation.phase() >= node::v1::PHASE_DONE) End(id, absl::OkStatus());
    });
  }

  void End(CallId id, const absl::Status& status) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    auto ended = std::move(found->second.events.ended);
    calls_.erase(found);
    ended(status);
  }

  Loop& loop_;
  CallId next_ = 1;
  int next_id_ = 1;
  std::map<CallId, Call> calls_;
  std::map<CallId, PodsDone> lists_;
  std::map<std::string, Running> operations_;
};

}  // namespace rekindle::recreate

#endif  // REKINDLE_TEST_CONTROLLER_RECREATE_FAKE_NODES_H_
