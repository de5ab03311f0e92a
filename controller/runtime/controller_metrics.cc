#include "controller/runtime/controller_metrics.h"

#include <utility>

#include "common/metrics/metric_set.h"

namespace rekindle {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

// Seconds. Most runs decide and write once: a few milliseconds; one that waits for a daemon takes
// as long as a restart.
Histogram::BucketBoundaries RunBuckets() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120};
}
Histogram::BucketBoundaries CallBuckets() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 30, 60};
}

}  // namespace

struct ControllerMetrics::Families : MetricSet {
  using MetricSet::MetricSet;

  Family<Counter>& runs =
      Count("rekindle_controller_reconciles_total",
            "Runs of control loops that have ended, by controller and outcome.");
  Family<Counter>& late = Count("rekindle_controller_reconciles_late_total",
                                "Runs without an outcome within their deadline, by controller.");
  Family<Histogram>& run_time = Spread("rekindle_controller_reconcile_duration_seconds",
                                       "Time of runs that have ended, by controller.");
  Family<Gauge>& queue = Level("rekindle_controller_queue_depth",
                               "Keys in work queues, by controller and state: due, waiting for "
                               "their moment, being worked on.");
  Family<Counter>& calls =
      Count("rekindle_controller_api_calls_total",
            "Calls to the API that are over, by verb, group, resource and code.");
  Family<Counter>& repeats = Count("rekindle_controller_api_repeats_total",
                                   "Repeated attempts of calls to the API, by verb and resource.");
  Family<Histogram>& call_time =
      Spread("rekindle_controller_api_call_duration_seconds",
             "Time of calls to the API with all their attempts; of no watches.");
  Gauge& leading =
      Level("rekindle_controller_leading", "1 while this process leads, else 0.").Add({});
  Gauge& ready =
      Level("rekindle_controller_ready", "1 while caches are filled and work is done or awaited.")
          .Add({});
  Family<Gauge>& cached = Level("rekindle_controller_cache_objects",
                                "Objects in caches, by controller (empty: shared) and cache.");
  Family<Gauge>& broken =
      Level("rekindle_controller_cache_broken_objects", "Objects that could not be read.");
  Family<Gauge>& synced =
      Level("rekindle_controller_cache_synced", "1 once a cache has its first list, else 0.");
  Family<Counter>& lists =
      Count("rekindle_controller_cache_lists_total", "Lists that filled a cache anew.");
  Family<Counter>& changes =
      Count("rekindle_controller_cache_events_total", "Changes that watches told caches.");
  Family<Counter>& failures = Count("rekindle_controller_cache_failures_total",
                                    "Lists and watches of caches that ended with an error.");
  Family<Counter>& events =
      Count("rekindle_controller_events_total", "Events for users, by what became of them.");
  Gauge& events_waiting =
      Level("rekindle_controller_events_waiting", "Events that are still to be written.").Add({});
};

ControllerMetrics::ControllerMetrics(const std::string& version)
    : families_(std::make_unique<Families>("rekindle_controller", version)) {
  // Present from the start: an alert on a counter that does not exist yet never fires.
  for (const char* outcome : {"written", "suppressed", "overflowed", "rejected"}) {
    families_->events.Add({{"outcome", outcome}});
  }
}

ControllerMetrics::~ControllerMetrics() = default;

void ControllerMetrics::ObserveCall(const client::CallReport& report) {
  const std::string verb(report.verb);
  families_->calls
      .Add({{"verb", verb},
            {"group", report.resource.group},
            {"resource", report.resource.plural},
            {"code", absl::StatusCodeToString(report.status.code())}})
      .Increment();
  if (report.attempts > 1) {
    families_->repeats.Add({{"verb", verb}, {"resource", report.resource.plural}})
        .Increment(report.attempts - 1);
  }
  if (verb == "watch") return;
  families_->call_time.Add({{"verb", verb}, {"resource", report.resource.plural}}, CallBuckets())
      .Observe(absl::ToDoubleSeconds(report.took));
}

void ControllerMetrics::ObserveRun(absl::string_view controller,
                                   const client::ControlLoop::Report& report) {
  const Labels labels = {{"controller", std::string(controller)}};
  if (report.late) return families_->late.Add(labels).Increment();
  families_->run_time.Add(labels, RunBuckets()).Observe(absl::ToDoubleSeconds(report.took));
}

void ControllerMetrics::SetCache(const CacheState& cache, const std::string& controller) {
  const Labels labels = {{"controller", controller}, {"cache", cache.name}};
  families_->cached.Add(labels).Set(static_cast<double>(cache.objects));
  families_->broken.Add(labels).Set(static_cast<double>(cache.broken));
  families_->synced.Add(labels).Set(cache.synced ? 1 : 0);
  Raise(families_->lists.Add(labels), static_cast<double>(cache.counters.lists));
  Raise(families_->changes.Add(labels), static_cast<double>(cache.counters.events));
  Raise(families_->failures.Add(labels), static_cast<double>(cache.counters.failures));
}

void ControllerMetrics::SetState(const ManagerState& state) {
  MutexLock lock(&mutex_);
  families_->leading.Set(state.leading ? 1 : 0);
  families_->ready.Set(Readiness(state).ok ? 1 : 0);
  for (const CacheState& cache : state.caches) SetCache(cache, "");
  for (const ManagerState::OneController& one : state.controllers) {
    const auto count = [&](const char* outcome, uint64_t now) {
      Raise(families_->runs.Add({{"controller", one.name}, {"outcome", outcome}}),
            static_cast<double>(now));
    };
    count("done", one.counters.done);
    count("again", one.counters.again);
    count("retry", one.counters.retry);
    count("terminal", one.counters.terminal);
    const auto depth = [&](const char* what, size_t now) {
      families_->queue.Add({{"controller", one.name}, {"state", what}})
          .Set(static_cast<double>(now));
    };
    depth("due", one.due);
    depth("waiting", one.waiting);
    depth("working", one.working);
    families_->late.Add({{"controller", one.name}});
    for (const CacheState& cache : one.caches) SetCache(cache, one.name);
  }
  const auto count = [&](const char* outcome, uint64_t now) {
    Raise(families_->events.Add({{"outcome", outcome}}), static_cast<double>(now));
  };
  count("written", state.events.written);
  count("suppressed", state.events_suppressed);
  count("overflowed", state.events.overflowed);
  count("rejected", state.events.rejected);
  families_->events_waiting.Set(static_cast<double>(state.events_waiting));
}

void ControllerMetrics::AddSource(const std::string& name, const std::string& help, bool total,
                                  const Labels& labels, std::function<double()> read) {
  families_->AddSource(name, help, total, labels, std::move(read));
}

std::string ControllerMetrics::Text() {
  MutexLock lock(&mutex_);
  return families_->Text();
}

}  // namespace rekindle
