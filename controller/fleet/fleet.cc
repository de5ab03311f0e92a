#include "controller/fleet/fleet.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "controller/fleet/verdict.h"

namespace rekindle::fleet {

namespace {

using node::v1::NodeService;
using Async = NodeService::StubInterface::async_interface;

constexpr absl::Duration kLongestTimeout = absl::Hours(24 * 30);  // what timers can count

constexpr size_t kPoolThreads = 2;

// Whether an attempt has ended for want of a connection or of a daemon that works.
bool IsAway(const absl::Status& status) { return JudgeRestart(status.code()) == Verdict::kRepeat; }

std::string Quoted(const absl::Status& status) {
  return PrintableText(std::string(status.message()));
}

}  // namespace

Fleet::Fleet(Loop& loop, const FleetOptions& options, std::shared_ptr<net::TlsFiles> tls,
             client::Random random)
    : loop_(loop),
      options_(options),
      turns_(options.calls),
      connecting_(options.most_connecting),
      watch_(loop),
      remote_(loop),
      pool_(loop, kPoolThreads, "fleet-connect"),
      shared_{.loop = loop,
              .host = *this,
              .remote = remote_,
              .watch = watch_,
              .pool = pool_,
              .tls = std::move(tls),
              .random = std::move(random)},
      ahead_pace_(options.ahead_per_second, static_cast<double>(options.ahead_at_once)) {}

Fleet::~Fleet() {
  calls_.clear();
  nodes_.clear();  // closes their links, while what these tell is still there
}

NodeCalls::CallId Fleet::Restart(const std::string& node,
                                 node::v1::RestartContainersRequest request, absl::Duration timeout,
                                 RestartEvents events) {
  auto call = std::make_unique<Call>();
  call->kind = CallKind::kRestart;
  call->node = node;
  call->timeout = timeout;
  call->ended = std::move(events.ended);
  call->progress = std::move(events.progress);
  call->waiting = std::move(events.waiting);
  call->repeats = std::make_unique<Backoff>(options_.repeats);
  call->send = [this, id = last_id_ + 1, request = std::move(request)](const Remote::Stub& stub) {
    return remote_.Restart(
        stub, request,
        [this, id](node::v1::Operation operation) { OnOperation(id, std::move(operation)); },
        [this, id](const absl::Status& status) { OnStreamEnd(id, status); });
  };
  return Add(std::move(call));
}

template <typename Request, typename Response>
NodeCalls::CallId Fleet::Plain(CallKind kind, const std::string& node,
                               Remote::Method<Request, Response> method, Request request,
                               absl::Duration timeout,
                               absl::AnyInvocable<void(absl::StatusOr<Response>)> done) {
  // Called by an answer, or by whatever ends the call without one.
  using Done = absl::AnyInvocable<void(absl::StatusOr<Response>)>;
  auto shared = std::make_shared<Done>(std::move(done));
  auto call = std::make_unique<Call>();
  call->kind = kind;
  call->node = node;
  call->timeout = timeout;
  call->ended = [shared](const absl::Status& status) { (*shared)(status); };
  call->send = [this, id = last_id_ + 1, method, request = std::move(request),
                shared](const Remote::Stub& stub) {
    return remote_.Call<Request, Response>(stub, method, request,
                                           [this, id, shared](absl::StatusOr<Response> answer) {
                                             absl::Status status = answer.status();
                                             if (!OnAnswer(id, status)) return;
                                             if (!status.ok()) answer = std::move(status);
                                             (*shared)(std::move(answer));
                                           });
  };
  return Add(std::move(call));
}

NodeCalls::CallId Fleet::ListPods(const std::string& node, node::v1::ListPodsRequest request,
                                  absl::Duration timeout, PodsDone done) {
  return Plain<node::v1::ListPodsRequest, node::v1::ListPodsResponse>(
      CallKind::kListPods, node, &Async::ListPods, std::move(request), timeout, std::move(done));
}

NodeCalls::CallId Fleet::CancelOperation(const std::string& node, const std::string& operation,
                                         bool pod_terminating, absl::Duration timeout,
                                         OperationDone done) {
  node::v1::CancelOperationRequest request;
  request.set_id(operation);
  request.set_pod_terminating(pod_terminating);
  return Plain<node::v1::CancelOperationRequest, node::v1::Operation>(
      CallKind::kCancelOperation, node, &Async::CancelOperation, std::move(request), timeout,
      std::move(done));
}

NodeCalls::CallId Fleet::Add(std::unique_ptr<Call> call) {
  const CallId id = ++last_id_;
  call->id = id;
  call->timeout = std::clamp(call->timeout, absl::ZeroDuration(), kLongestTimeout);
  call->limit.Set(loop_, call->timeout, [this, id] { OnLimit(id); });
  const std::string node = call->node;
  calls_.emplace(id, std::move(call));
  ++NodeOf(node).calls;
  turns_.Add(node, id);
  queued_.push_back(id);
  Touch(node);
  return id;
}

void Fleet::Drop(CallId id) {
  const std::unique_ptr<Call> call = Take(id);
  if (call != nullptr) ++stats_.calls[static_cast<size_t>(call->kind)].dropped;
}

Fleet::Call* Fleet::Find(CallId id) {
  const auto it = calls_.find(id);
  return it == calls_.end() ? nullptr : it->second.get();
}

void Fleet::Explain(CallId id) {
  Call* call = Find(id);  // another one's callback may have dropped it
  if (call == nullptr || call->flight != nullptr || call->pause.pending()) return;
  const absl::Status why = WhyWaiting(*call);
  if (why.ok()) return;
  if (call->kind == CallKind::kRestart) return Tell(*call, why);
  // One attempt, which the connection's own has been.
  const Link& link = *nodes_.at(call->node)->link;
  if (!link.endpoint().has_value() || link.state() == LinkState::kPausing) End(id, why);
}

absl::Status Fleet::WhyWaiting(const Call& call) const {
  const Link& link = *nodes_.at(call.node)->link;
  if (!link.endpoint().has_value()) {
    return absl::UnavailableError(absl::StrCat("no daemon is known on node ", call.node));
  }
  if (!link.up()) return link.failing() ? link.reason() : call.cut;
  if (!turns_.NodeHasRoom(call.node)) {
    return absl::ResourceExhaustedError(absl::StrCat(turns_.limits().per_node, " calls to node ",
                                                     call.node,
                                                     " are under way; no more are made at once"));
  }
  if (turns_.HasRoom()) return call.cut;
  return absl::ResourceExhaustedError(absl::StrCat(
      turns_.limits().in_all, " calls to nodes are under way; no more are made at once"));
}

void Fleet::Tell(Call& call, const absl::Status& why) {
  if (call.told == why) return;
  call.told = why;
  if (const auto waiting = call.waiting) waiting(why);
}

void Fleet::OnOperation(CallId id, node::v1::Operation operation) {
  Call* call = Find(id);
  if (call == nullptr) return;
  nodes_.at(call->node)->link->Heard(call->generation);
  call->repeats->Reset();
  call->cut = absl::OkStatus();
  Tell(*call, absl::OkStatus());
  call = Find(id);
  if (call == nullptr) return;
  const auto known = call->seen.find(operation.id());
  if (known != call->seen.end() && !IsNews(known->second, operation)) return;
  call->seen.insert_or_assign(operation.id(), operation);
  if (const auto progress = call->progress) progress(operation);
}

void Fleet::OnStreamEnd(CallId id, const absl::Status& status) {
  Call* call = Find(id);
  if (call == nullptr) return;
  Land(*call);
  if (IsAway(status)) return Repeat(*call, status);
  nodes_.at(call->node)->link->Heard(call->generation);
  End(id, status.ok() ? status : absl::Status(status.code(), Quoted(status)));
}

void Fleet::Repeat(Call& call, const absl::Status& status) {
  ++stats_.repeated;
  const CallId id = call.id;
  Link& link = *nodes_.at(call.node)->link;
  if (link.generation() == call.generation && link.up() && link.Connected()) {
    // The daemon itself says so: it waits by itself, and its node goes on with others.
    link.Heard(call.generation);
    const absl::Duration pause =
        client::Jittered(call.repeats->Next(), options_.link.jitter, shared_.random);
    call.pause.Set(loop_, pause, [this, id] {
      const std::string node = Find(id)->node;
      turns_.Add(node, id);
      Touch(node);
    });
    const absl::StatusCode code = absl::IsResourceExhausted(status)
                                      ? absl::StatusCode::kResourceExhausted
                                      : absl::StatusCode::kUnavailable;
    call.cut = absl::Status(code, absl::StrCat("the daemon of node ", call.node,
                                               " cannot take it now: ", Quoted(status)));
    return Tell(call, call.cut);
  }
  link.Broke(call.generation, status);
  turns_.Add(call.node, id);
  queued_.push_back(id);  // the reason is told from there
  Touch(call.node);
}

bool Fleet::OnAnswer(CallId id, absl::Status& status) {
  Call* call = Find(id);
  if (call == nullptr) return false;
  Land(*call);
  Link& link = *nodes_.at(call->node)->link;
  if (!IsAway(status) || link.Connected()) {
    link.Heard(call->generation);
    if (!status.ok()) status = absl::Status(status.code(), Quoted(status));
  } else {
    link.Broke(call->generation, status);
    status = absl::UnavailableError(absl::StrCat("the connection to the daemon of node ",
                                                 call->node, " broke: ", Quoted(status)));
  }
  ++stats_.calls[static_cast<size_t>(call->kind)].ended[status.code()];
  Take(id);
  return true;
}

void Fleet::OnLimit(CallId id) {
  const Call& call = *calls_.at(id);
  std::string last = std::string(call.told.message());
  if (call.told.ok()) {
    for (const auto& [name, operation] : call.seen) {
      if (operation.has_ended()) continue;
      last =
          absl::StrCat("the daemon works on container ", operation.container_name(),
                       operation.message().empty() ? "" : ": ", PrintableText(operation.message()));
    }
  }
  // Others went first, here: no word about the daemon.
  const Link& link = *nodes_.at(call.node)->link;
  const bool in_line = call.flight == nullptr && (link.state() == LinkState::kInLine || link.up());
  if (last.empty() && in_line) {
    last = link.up()
               ? std::string(WhyWaiting(call).message())
               : absl::StrCat("node ", call.node, " waits to be connected to until others are");
  }
  if (last.empty()) last = absl::StrCat("the daemon of node ", call.node, " has not answered");
  const absl::StatusCode code = in_line && call.kind != CallKind::kRestart
                                    ? absl::StatusCode::kResourceExhausted
                                    : absl::StatusCode::kDeadlineExceeded;
  End(id, absl::Status(code, absl::StrCat("no end within ", absl::FormatDuration(call.timeout),
                                          ": ", last)));
}

void Fleet::End(CallId id, const absl::Status& status) {
  const std::unique_ptr<Call> call = Take(id);
  ++stats_.calls[static_cast<size_t>(call->kind)].ended[status.code()];
  call->ended(status);
}

void Fleet::Land(Call& call) {
  call.flight = nullptr;
  nodes_.at(call.node)->under_way.erase(call.id);
  turns_.Ended(call.node);
  Touch(call.node);  // somebody else's turn
}

std::unique_ptr<Fleet::Call> Fleet::Take(CallId id) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return nullptr;
  std::unique_ptr<Call> call = std::move(it->second);
  calls_.erase(it);
  turns_.Remove(call->node, id);
  if (call->flight != nullptr) {
    remote_.Cancel(call->flight);
    Land(*call);
  }
  --nodes_.at(call->node)->calls;
  Touch(call->node);
  return call;
}

}  // namespace rekindle::fleet
