#include "controller/apiserver/rest/server_metrics.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/metrics/metric_set.h"

namespace rekindle::apiserver {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;

// Seconds. A read takes some 0.2 ms, a durable write a few.
Histogram::BucketBoundaries RequestBuckets() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 60};
}

}  // namespace

struct ServerMetrics::Families : MetricSet {
  using MetricSet::MetricSet;

  Family<Counter>& requests =
      Count("apiserver_request_total",
            "Requests that were answered, by what was asked for and the answer's code.");
  Family<Histogram>& durations =
      Spread("apiserver_request_duration_seconds",
             "From the request's last byte to its answer's first; of no watches.");
};

ServerMetrics::ServerMetrics(const std::string& version)
    : families_(std::make_unique<Families>("rekindle_controller", version)) {}

ServerMetrics::~ServerMetrics() = default;

void ServerMetrics::Observe(const Asked& asked, int code, absl::Duration took) {
  families_->requests
      .Add({{"verb", asked.verb},
            {"group", asked.group},
            {"version", asked.version},
            {"resource", asked.resource},
            {"subresource", asked.subresource},
            {"code", absl::StrCat(code)}})
      .Increment();
  if (asked.verb == "WATCH") return;
  families_->durations
      .Add({{"verb", asked.verb},
            {"group", asked.group},
            {"resource", asked.resource},
            {"subresource", asked.subresource}},
           RequestBuckets())
      .Observe(absl::ToDoubleSeconds(took));
}

void ServerMetrics::AddSource(const std::string& name, const std::string& help, bool total,
                              std::function<double()> read) {
  families_->AddSource(name, help, total, {}, std::move(read));
}

std::string ServerMetrics::Text() { return families_->Text(); }

}  // namespace rekindle::apiserver
