#include "daemon/service/metrics.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"

#include "common/base/sync.h"
#include "common/metrics/metric_set.h"
#include "daemon/service/convert.h"

namespace rekindle::service {

namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using Buckets = Histogram::BucketBoundaries;

// Seconds. The runtime's own floor of a gap is some 130 ms (DESIGN.md section 3).
const Buckets& GapBuckets() {
  static const Buckets* const kBuckets =
      new Buckets{0.01, 0.05, 0.1, 0.125, 0.15, 0.175, 0.2, 0.25, 0.3, 0.5, 1, 2.5, 5, 10, 30, 120};
  return *kBuckets;
}
const Buckets& PhaseBuckets() {
  static const Buckets* const kBuckets = new Buckets{
      0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800};
  return *kBuckets;
}
const Buckets& CallBuckets() {
  static const Buckets* const kBuckets = new Buckets{
      0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 120};
  return *kBuckets;
}

// An ended operation is remembered so long that later looks at it are not taken for a new one.
constexpr size_t kEndedRemembered = 8192;

// "PHASE_PRE_STOP" -> "pre_stop": one spelling for wire and metrics.
std::string Label(absl::string_view wire_name, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(wire_name, prefix));
}
std::string PhaseLabel(restart::Phase phase) {
  return Label(v1::Phase_Name(ToWire(phase)), "PHASE_");
}
std::string MethodLabel(restart::Method method) {
  return Label(v1::Method_Name(ToWire(method)), "METHOD_");
}
std::string CodeLabel(absl::StatusCode code) { return absl::StatusCodeToString(code); }

}  // namespace

struct Metrics::Families : MetricSet {
  using MetricSet::MetricSet;

  Family<Counter>& operations =
      Count("rekindled_operations_total", "Operations that have ended, by method and outcome.");
  Family<Counter>& start_failures =
      Count("rekindled_start_failures_total", "Replacements that did not come up, by method.");
  Family<Counter>& service_down =
      Count("rekindled_service_down_total",
            "Operations that ended with a container down that ran before, by method.");
  Family<Histogram>& gap =
      Spread("rekindled_gap_seconds",
             "From the old container's exit to the new one's start, by method; 0: an overlap.");
  Family<Histogram>& phase =
      Spread("rekindled_phase_duration_seconds", "Time spent in each phase, by phase.");
  Gauge& active = Level("rekindled_operations_active", "Operations that have not ended.").Add({});
  Gauge& queued =
      Level("rekindled_operations_queued", "Active operations that wait for their turn.").Add({});
  Gauge& stored =
      Level("rekindled_operations_stored", "Operations in the journal, active and ended.").Add({});
  Gauge& accepting = Level("rekindled_accepting", "1 while new work is accepted, else 0.").Add({});
  Gauge& quarantined = Level("rekindled_journal_quarantined_records",
                             "Damaged journal records set aside at the last start.")
                           .Add({});
  Family<Histogram>& journal = Spread("rekindled_journal_duration_seconds",
                                      "Time from a journal call to its reply, by call.");
  Family<Counter>& journal_errors =
      Count("rekindled_journal_errors_total", "Failed journal calls, by call and code.");
  Family<Histogram>& runtime_calls =
      Spread("rekindled_runtime_call_duration_seconds",
             "Time of the calls to the container runtime, by method.");
  Family<Counter>& runtime_errors =
      Count("rekindled_runtime_errors_total",
            "Failed calls to the container runtime, by method and code.");
  Gauge& runtime_ready =
      Level("rekindled_runtime_ready", "1 while the container runtime is ready, else 0.").Add({});
  Family<Counter>& rpcs = Count("rekindled_rpcs_total",
                                "Calls to this daemon that have ended, by listener, method and "
                                "code.");
  Family<Counter>& refused =
      Count("rekindled_refused_connections_total",
            "Connections to the local socket that were closed at once, by reason.");
  Family<Gauge>& tls_not_after =
      Level("rekindled_tls_certificate_not_after_seconds",
            "When the daemon's own certificate expires, in seconds since the epoch.");
  Family<Gauge>& registered =
      Level("rekindled_registered", "1 while the controller has this node's registration.");
};

Metrics::Metrics(const std::string& version)
    : families_(std::make_unique<Families>("rekindled", version)) {
  // Present from the start: an alert on a counter that does not exist yet never fires.
  for (const auto method :
       {restart::Method::kReplace, restart::Method::kHot, restart::Method::kDelegate}) {
    for (const auto end :
         {restart::Phase::kDone, restart::Phase::kFailed, restart::Phase::kCancelled}) {
      families_->operations.Add({{"method", MethodLabel(method)}, {"outcome", PhaseLabel(end)}});
    }
    families_->service_down.Add({{"method", MethodLabel(method)}});
    families_->start_failures.Add({{"method", MethodLabel(method)}});
  }
}

Metrics::~Metrics() = default;

void Metrics::ObserveOperation(const restart::OperationRecord& record) {
  const std::string id = record.id();
  MutexLock lock(&mutex_);
  if (ended_.contains(id)) return;
  Seen& seen = running_[id];
  CountPhases(record, seen);
  seen.phase = record.phase;
  if (restart::IsTerminal(record.phase)) {
    CountEnd(record);
    running_.erase(id);
    ended_.insert(id);
    ended_order_.push_back(id);
    if (ended_order_.size() > kEndedRemembered) {
      ended_.erase(ended_order_.front());
      ended_order_.pop_front();
    }
  }
  const auto waits = [](const auto& entry) {
    return entry.second.phase == restart::Phase::kAccepted;
  };
  families_->queued.Set(
      static_cast<double>(std::count_if(running_.begin(), running_.end(), waits)));
}

void Metrics::CountPhases(const restart::OperationRecord& record, Seen& seen) {
  // An entry's end is the next one's beginning; the last one has not ended yet.
  for (; seen.history + 1 < record.history.size(); ++seen.history) {
    const restart::PhaseTime& entry = record.history[seen.history];
    const absl::Duration spent = record.history[seen.history + 1].entered - entry.entered;
    families_->phase
        .Add({{"phase", PhaseLabel(entry.phase)}}, PhaseBuckets())
        // Wall time may jump; a negative time would spoil the sum for good.
        .Observe(std::max(0.0, absl::ToDoubleSeconds(spent)));
  }
}

void Metrics::CountEnd(const restart::OperationRecord& record) {
  const std::string method = MethodLabel(record.method);
  families_->operations.Add({{"method", method}, {"outcome", PhaseLabel(record.phase)}})
      .Increment();
  families_->start_failures.Add({{"method", method}}).Increment(record.start_failures);
  if (record.service_down) families_->service_down.Add({{"method", method}}).Increment();
  if (record.gap) {
    families_->gap.Add({{"method", method}}, GapBuckets())
        .Observe(absl::ToDoubleSeconds(*record.gap));
  }
}

void Metrics::SetEngineStats(const restart::Engine::Stats& stats) {
  families_->active.Set(static_cast<double>(stats.active));
  families_->stored.Set(static_cast<double>(stats.stored));
  families_->accepting.Set(stats.accepting ? 1 : 0);
}

void Metrics::SetRuntimeReady(bool ready) { families_->runtime_ready.Set(ready ? 1 : 0); }

void Metrics::SetQuarantinedRecords(size_t count) {
  families_->quarantined.Set(static_cast<double>(count));
}

void Metrics::SetRegistered(bool registered) {
  families_->registered.Add({}).Set(registered ? 1 : 0);
}

void Metrics::SetTlsNotAfter(absl::Time not_after) {
  families_->tls_not_after.Add({}).Set(static_cast<double>(absl::ToUnixSeconds(not_after)));
}

void Metrics::ObserveJournal(absl::string_view call, const absl::Status& status,
                             absl::Duration latency) {
  families_->journal.Add({{"call", std::string(call)}}, CallBuckets())
      .Observe(absl::ToDoubleSeconds(latency));
  if (status.ok()) return;
  families_->journal_errors.Add({{"call", std::string(call)}, {"code", CodeLabel(status.code())}})
      .Increment();
}

void Metrics::ObserveRuntimeCall(absl::string_view method, absl::StatusCode code,
                                 absl::Duration latency) {
  families_->runtime_calls.Add({{"method", std::string(method)}}, CallBuckets())
      .Observe(absl::ToDoubleSeconds(latency));
  if (code == absl::StatusCode::kOk) return;
  families_->runtime_errors.Add({{"method", std::string(method)}, {"code", CodeLabel(code)}})
      .Increment();
}

void Metrics::ObserveRpc(absl::string_view listener, absl::string_view method,
                         absl::StatusCode code) {
  families_->rpcs
      .Add({{"listener", std::string(listener)},
            {"method", std::string(method)},
            {"code", CodeLabel(code)}})
      .Increment();
}

void Metrics::ObserveRefusedConnection(absl::string_view reason) {
  families_->refused.Add({{"reason", std::string(reason)}}).Increment();
}

std::string Metrics::Text() const { return families_->Text(); }

}  // namespace rekindle::service
