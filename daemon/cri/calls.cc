#include "daemon/cri/calls.h"

#include "absl/strings/str_cat.h"
#include <grpc/support/time.h>

#include "common/base/sync.h"
#include "common/net/grpc_status.h"

namespace rekindle::cri {

namespace {

// Deadlines are counted on the monotonic clock: a jump of the wall clock cuts no call short.
gpr_timespec DeadlineAfter(absl::Duration delay) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_millis(absl::ToInt64Milliseconds(delay), GPR_TIMESPAN));
}

}  // namespace

Calls::Calls(Loop& loop, std::shared_ptr<Connection> connection, absl::Duration connect_wait,
             CallObserver observe)
    : loop_(loop),
      connection_(std::move(connection)),
      connect_wait_(connect_wait),
      observe_(std::move(observe)),
      gate_(std::make_shared<Gate>(loop, this)) {}

Calls::~Calls() {
  gate_->owner = nullptr;
  for (auto& [id, call] : calls_) {
    if (call->connect_timer != 0) loop_.Cancel(call->connect_timer);
    // Here, since what a reply captures belongs to the loop's thread.
    call->Drop();
    if (call->kind.read) call->context.TryCancel();
  }
  gate_->CloseAndAwaitReads();
}

void Calls::Prepare(const std::shared_ptr<Call>& call) {
  call->gate = gate_;
  call->started = loop_.Monotonic();
  call->context.set_deadline(DeadlineAfter(call->kind.deadline));
  if (!call->kind.containerd_namespace.empty()) {
    call->context.AddMetadata("containerd-namespace", std::string(call->kind.containerd_namespace));
  }
  if (call->kind.read) {
    gate_->AddRead();
    call->context.set_wait_for_ready(true);
    call->connect_timer =
        loop_.RunAfter(connect_wait_, [this, id = call->id] { OnConnectTimer(id); });
  } else {
    ++mutations_;
  }
  calls_[call->id] = call;
  connection_->Track(call);
}

void Calls::Cancel(CallId id) {
  auto it = calls_.find(id);
  if (it != calls_.end()) it->second->context.TryCancel();
}

void Calls::OnConnectTimer(CallId id) {
  auto it = calls_.find(id);
  if (it == calls_.end()) return;
  Call& call = *it->second;
  call.connect_timer = 0;
  // With a connection the call is with the runtime by now and has its deadline to go.
  if (connection_->channel()->GetState(false) == GRPC_CHANNEL_READY) return;
  call.gave_up_connecting = true;
  call.context.TryCancel();
}

void Calls::OnFinished(CallId id, absl::Status status) {
  auto it = calls_.find(id);
  if (it == calls_.end()) return;
  std::shared_ptr<Call> call = std::move(it->second);
  calls_.erase(it);
  if (call->connect_timer != 0) loop_.Cancel(call->connect_timer);
  if (!call->kind.read) --mutations_;
  if (call->gave_up_connecting && absl::IsCancelled(status)) {
    status = absl::UnavailableError(
        absl::StrCat("no connection to the runtime within ", absl::FormatDuration(connect_wait_)));
  }
  if (observe_) observe_(call->kind.method, status.code(), loop_.Monotonic() - call->started);
  call->Deliver(Annotate(status, call->kind.method));
}

void Calls::Gate::AddRead() {
  MutexLock lock(&mutex_);
  ++reads_;
}

void Calls::Gate::Finish(const Call& call) {
  MutexLock lock(&mutex_);
  if (call.kind.read) --reads_;
  if (loop_ == nullptr) return;
  loop_->Post(
      [gate = shared_from_this(), id = call.id, result = net::FromGrpc(call.status)]() mutable {
        if (gate->owner != nullptr) gate->owner->OnFinished(id, std::move(result));
      });
}

bool Calls::Call::Done(bool) {
  gate->Finish(*this);
  return true;
}

void Calls::Gate::CloseAndAwaitReads() {
  MutexLock lock(&mutex_);
  loop_ = nullptr;
  mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return reads_ == 0; });
}

}  // namespace rekindle::cri
