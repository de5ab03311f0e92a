#include "controller/fleet/fleet.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "common/base/text.h"
#include "controller/fleet/verdict.h"

namespace rekindle::fleet {

namespace {

using node::v1::NodeService;
using Async = NodeService::StubInterface::async_interface;

constexpr absl::Duration kLongestTimeout = absl::Hours(24 * 30);  // what timers can count

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
      shared_{.loop = loop,
              .host = *this,
              .remote = remote_,
              .watch = watch_,
              .tls = std::move(tls),
              .random = std::move(random)} {}

Fleet::~Fleet() {
  calls_.clear();
  nodes_.clear();  // closes their links, while what these tell is still there
}

absl::Status Fleet::SetEndpoint(const std::string& node, const Endpoint& endpoint) {
  RK_RETURN_IF_ERROR(CheckEndpoint(endpoint));
  if (!endpoint.local() && shared_.tls == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "target: ", endpoint.target, " takes mutual TLS, and no certificates are configured"));
  }
  Node& known = NodeOf(node);
  if (known.link->endpoint() == endpoint) {
    known.link->Retry();
    return absl::OkStatus();
  }
  const bool moved = known.link->endpoint().has_value();
  known.link->SetEndpoint(endpoint);
  // Answers of one attempt may still come from where it went.
  const std::vector<CallId> flying(known.under_way.begin(), known.under_way.end());
  for (const CallId id : flying) {
    Call& call = *calls_.at(id);
    if (!moved || call.kind != CallKind::kRestart) continue;
    remote_.Cancel(call.flight);
    Land(call);
    ++stats_.repeated;
    call.cut = absl::UnavailableError(absl::StrCat("the daemon of node ", node, " is now at ",
                                                   endpoint.target, " and is being called there"));
    turns_.Add(node, id);
  }
  LinkChanged(node);
  return absl::OkStatus();
}

void Fleet::RemoveEndpoint(const std::string& node) {
  const auto it = nodes_.find(node);
  if (it == nodes_.end()) return;
  it->second->link->SetEndpoint(std::nullopt);
  LinkChanged(node);
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
                                         absl::Duration timeout, OperationDone done) {
  node::v1::CancelOperationRequest request;
  request.set_id(operation);
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

FleetStats Fleet::Stats() const {
  FleetStats out = stats_;
  out.connected = counters_.connected;
  out.connect_failures = counters_.failed;
  out.connections_broken = counters_.broken;
  out.under_way = turns_.under_way();
  out.waiting = calls_.size() - turns_.under_way();
  for (const auto& [name, node] : nodes_) {
    const Link& link = *node->link;
    out.nodes += link.endpoint().has_value() ? 1 : 0;
    out.connections += link.up() ? 1 : 0;
    out.connecting += link.state() == LinkState::kConnecting ? 1 : 0;
    out.unreachable += !link.up() && link.failing() ? 1 : 0;
  }
  return out;
}

void Fleet::AskTurn(const std::string& node, bool again) {
  connecting_.Add(node, again);
  Schedule();
}

void Fleet::GiveTurn(const std::string& node) {
  connecting_.Remove(node);
  Schedule();
}

void Fleet::LinkChanged(const std::string& node) {
  relinked_.insert(node);
  Touch(node);
}

void Fleet::Touch(const std::string& node) {
  touched_.insert(node);
  Schedule();
}

Fleet::Node& Fleet::NodeOf(const std::string& name) {
  std::unique_ptr<Node>& node = nodes_[name];
  if (node == nullptr) {
    node = std::make_unique<Node>();
    node->link = std::make_unique<Link>(shared_, counters_, options_.link, name);
  }
  return *node;
}

Fleet::Call* Fleet::Find(CallId id) {
  const auto it = calls_.find(id);
  return it == calls_.end() ? nullptr : it->second.get();
}

void Fleet::Schedule() {
  if (std::exchange(scheduled_, true)) return;
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.lock()) Pump();
  });
}

// Brings everything to where it should be: all that is decided elsewhere waits for this, so that
// callbacks never run inside a call of the fleet's.
void Fleet::Pump() {
  scheduled_ = false;
  const absl::flat_hash_set<std::string> touched = std::exchange(touched_, {});
  const absl::flat_hash_set<std::string> relinked = std::exchange(relinked_, {});
  std::vector<CallId> waiting = std::exchange(queued_, {});
  for (const std::string& name : touched) {
    const auto it = nodes_.find(name);
    if (it == nodes_.end()) continue;
    turns_.SetOpen(name, it->second->link->up());
    if (turns_.IsWaiting(name)) it->second->link->Want();
  }
  while (const std::optional<std::string> node = connecting_.Next()) {
    nodes_.at(*node)->link->Connect();
  }
  while (const std::optional<Turns::Turn> turn = turns_.Next()) Send(*turn);
  for (const std::string& name : relinked) {
    const std::vector<CallId> all = turns_.Waiting(name);
    waiting.insert(waiting.end(), all.begin(), all.end());
  }
  for (const CallId id : waiting) Explain(id);
  for (const std::string& name : touched) Tidy(name);
}

void Fleet::Send(const Turns::Turn& turn) {
  Node& node = *nodes_.at(turn.node);
  Call& call = *calls_.at(turn.id);
  if (!node.link->Usable()) {
    // It ended in peace while nobody used it.
    turns_.Ended(turn.node);
    turns_.Add(turn.node, turn.id);
    turns_.SetOpen(turn.node, false);
    return LinkChanged(turn.node);
  }
  node.idle.Cancel();
  node.under_way.insert(turn.id);
  call.generation = node.link->generation();
  call.flight = call.send(node.link->stub());
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
  if (last.empty()) last = absl::StrCat("the daemon of node ", call.node, " has not answered");
  End(id, absl::DeadlineExceededError(
              absl::StrCat("no end within ", absl::FormatDuration(call.timeout), ": ", last)));
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

void Fleet::Tidy(const std::string& name) {
  const auto it = nodes_.find(name);
  if (it == nodes_.end()) return;
  Node& node = *it->second;
  if (!node.under_way.empty() || turns_.IsWaiting(name)) return node.idle.Cancel();
  if (node.link->endpoint().has_value()) {
    if (!node.link->up() || node.idle.pending()) return;
    node.idle.Set(loop_, options_.idle_after, [this, name] {
      nodes_.at(name)->link->Close();
      LinkChanged(name);
    });
    return;
  }
  if (node.calls == 0) nodes_.erase(it);
}

}  // namespace rekindle::fleet
