#include "daemon/service/health.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace rekindle::service {

namespace {

constexpr absl::Duration kLookEvery = absl::Seconds(1);

}  // namespace

Readiness JudgeReadiness(const cri::Monitor::State& runtime, const restart::Engine::Stats& engine) {
  Readiness out;
  if (!runtime.ready) absl::StrAppend(&out.reason, "runtime: ", runtime.reason);
  if (!engine.accepting) {
    absl::StrAppend(&out.reason, out.reason.empty() ? "" : "; ",
                    "no new work: ", engine.accepting_reason);
  }
  out.ready = runtime.ready && engine.accepting;
  return out;
}

HealthWatch::HealthWatch(Loop& loop, cri::Monitor& monitor, restart::Engine& engine,
                         Metrics& metrics, std::function<void(const Readiness&)> changed)
    : loop_(loop),
      monitor_(monitor),
      engine_(engine),
      metrics_(metrics),
      changed_(std::move(changed)),
      watch_(monitor.WatchState([this](const cri::Monitor::State&) { Look(); })) {
  Look();
  LookLater();
}

HealthWatch::~HealthWatch() { monitor_.Unwatch(watch_); }

void HealthWatch::Look() {
  const restart::Engine::Stats stats = engine_.GetStats();
  metrics_.SetEngineStats(stats);
  metrics_.SetRuntimeReady(monitor_.state().ready);
  Readiness now = JudgeReadiness(monitor_.state(), stats);
  if (last_ && last_->ready == now.ready) return;
  last_ = std::make_unique<Readiness>(std::move(now));
  changed_(*last_);
}

void HealthWatch::LookLater() {
  timer_.Set(loop_, kLookEvery, [this] {
    Look();
    LookLater();
  });
}

}  // namespace rekindle::service
