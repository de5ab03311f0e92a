#include "common/client/control_loop.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace rekindle::client {
namespace {

ControlLoop::Kind KindOf(const Reconciler::Outcome& outcome) {
  if (outcome.ok()) {
    return outcome->has_value() ? ControlLoop::Kind::kAgain : ControlLoop::Kind::kDone;
  }
  switch (outcome.status().code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
      return ControlLoop::Kind::kTerminal;
    default:
      return ControlLoop::Kind::kRetry;
  }
}

}  // namespace

ControlLoop::ControlLoop(Loop& loop, Reconciler& reconciler, Options options, Random random)
    : loop_(loop),
      reconciler_(reconciler),
      options_(std::move(options)),
      queue_(loop, options_.queue, std::move(random)) {
  queue_.OnReady([this] { Pump(); });
}

ControlLoop::~ControlLoop() {
  *alive_ = false;
  for (const auto& [id, run] : runs_) loop_.Cancel(run.deadline);
  queue_.ShutDown();
}

void ControlLoop::Start() {
  started_ = true;
  Pump();
}

void ControlLoop::Pump() {
  while (started_ && !stopping_ && static_cast<int>(runs_.size()) < options_.concurrency) {
    const std::optional<ObjectKey> key = queue_.Take();
    if (!key.has_value()) return;
    const uint64_t id = next_run_++;
    const absl::Duration now = loop_.Monotonic();
    const Loop::TimerId timer = loop_.RunAfter(options_.deadline, [this, id] { Late(id); });
    runs_[id] = {.key = *key, .begun = now, .deadline = timer};
    reconciler_.Reconcile(*key, now + options_.deadline,
                          [this, alive = alive_, id](Reconciler::Outcome outcome) {
                            // Off the reconciler's stack: it may answer inline.
                            if (!*alive) return;
                            loop_.Post([this, alive, id, got = std::move(outcome)]() mutable {
                              if (*alive) Ended(id, std::move(got));
                            });
                          });
  }
}

void ControlLoop::Tell(uint64_t id, const Run& run, Kind kind, const absl::Status& status,
                       bool late) {
  if (!options_.observer) return;
  options_.observer({.key = run.key,
                     .run = id,
                     .kind = kind,
                     .status = status,
                     .took = loop_.Monotonic() - run.begun,
                     .late = late});
}

// The key stays taken: a second run beside one that hangs would break the reconciler's promise.
void ControlLoop::Late(uint64_t id) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return;
  Tell(id, found->second, Kind::kRetry,
       absl::DeadlineExceededError("no outcome within the deadline"), /*late=*/true);
}

void ControlLoop::Ended(uint64_t id, Reconciler::Outcome outcome) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return;
  const Run run = found->second;
  runs_.erase(found);
  loop_.Cancel(run.deadline);
  const Kind kind = KindOf(outcome);
  switch (kind) {
    case Kind::kDone:
      ++counters_.done;
      queue_.Forget(run.key);
      break;
    case Kind::kAgain:
      ++counters_.again;
      queue_.Forget(run.key);
      queue_.AddAfter(run.key, (*outcome)->after);
      break;
    case Kind::kRetry:
      ++counters_.retry;
      queue_.AddRateLimited(run.key);
      break;
    case Kind::kTerminal:
      ++counters_.terminal;
      queue_.Forget(run.key);
      break;
  }
  queue_.Done(run.key);
  Tell(id, run, kind, outcome.status(), /*late=*/false);
  StopIfIdle();
  Pump();
}

void ControlLoop::Stop(absl::Duration limit, absl::AnyInvocable<void(absl::Status)> stopped) {
  stopping_ = true;
  stopped_ = std::move(stopped);
  queue_.ShutDown();
  stop_timer_.Set(loop_, limit, [this] {
    const std::string key = runs_.empty() ? "" : runs_.begin()->second.key.Text();
    if (auto call = std::exchange(stopped_, nullptr)) {
      call(absl::DeadlineExceededError(
          absl::StrCat(runs_.size(), " keys are still being worked on, one of them ", key)));
    }
  });
  StopIfIdle();
}

void ControlLoop::StopIfIdle() {
  if (!stopping_ || !runs_.empty() || !stopped_) return;
  stop_timer_.Cancel();
  loop_.Post([call = std::exchange(stopped_, nullptr)]() mutable { call(absl::OkStatus()); });
}

}  // namespace rekindle::client
