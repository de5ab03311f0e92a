#include "controller/apiserver/rest/server_metrics.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace rekindle::apiserver {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

// Seconds. A read takes some 0.2 ms, a durable write a few.
Histogram::BucketBoundaries RequestBuckets() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 60};
}

}  // namespace

struct ServerMetrics::Families {
  prometheus::Registry registry;
  Family<Counter>& requests =
      prometheus::BuildCounter()
          .Name("apiserver_request_total")
          .Help("Requests that were answered, by what was asked for and the answer's code.")
          .Register(registry);
  Family<Histogram>& durations =
      prometheus::BuildHistogram()
          .Name("apiserver_request_duration_seconds")
          .Help("From the request's last byte to its answer's first; of no watches.")
          .Register(registry);
};

struct ServerMetrics::Source {
  Counter* counter = nullptr;  // one of the two
  Gauge* gauge = nullptr;
  std::function<double()> read;
};

ServerMetrics::ServerMetrics(const std::string& version) : families_(std::make_unique<Families>()) {
  prometheus::BuildGauge()
      .Name("rekindle_controller_build_info")
      .Help("The program's version; always 1.")
      .Register(families_->registry)
      .Add({{"version", version}})
      .Set(1);
}

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
  Source source{.read = std::move(read)};
  if (total) {
    source.counter =
        &prometheus::BuildCounter().Name(name).Help(help).Register(families_->registry).Add({});
  } else {
    source.gauge =
        &prometheus::BuildGauge().Name(name).Help(help).Register(families_->registry).Add({});
  }
  MutexLock lock(&mutex_);
  sources_.push_back(std::move(source));
}

std::string ServerMetrics::Text() {
  MutexLock lock(&mutex_);
  for (const Source& source : sources_) {
    const double now = source.read();
    if (source.gauge != nullptr) source.gauge->Set(now);
    if (source.counter != nullptr && now > source.counter->Value()) {
      source.counter->Increment(now - source.counter->Value());
    }
  }
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace rekindle::apiserver
