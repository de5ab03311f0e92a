#include "common/metrics/metric_set.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include <prometheus/text_serializer.h>

namespace rekindle {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

MetricSet::MetricSet(const std::string& program, const std::string& version) {
  Level(absl::StrCat(program, "_build_info"), "The program's version; always 1.")
      .Add({{"version", version}})
      .Set(1);
}

Family<Counter>& MetricSet::Count(const std::string& name, const std::string& help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
}

Family<Gauge>& MetricSet::Level(const std::string& name, const std::string& help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry_);
}

Family<Histogram>& MetricSet::Spread(const std::string& name, const std::string& help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
}

void MetricSet::AddSource(const std::string& name, const std::string& help, bool total,
                          const prometheus::Labels& labels, std::function<double()> read) {
  Source source{.read = std::move(read)};
  if (total) {
    source.counter = &Count(name, help).Add(labels);
  } else {
    source.gauge = &Level(name, help).Add(labels);
  }
  MutexLock lock(&mutex_);
  sources_.push_back(std::move(source));
}

std::string MetricSet::Text() {
  MutexLock lock(&mutex_);
  for (const Source& source : sources_) {
    const double now = source.read();
    if (source.gauge != nullptr) source.gauge->Set(now);
    if (source.counter != nullptr) Raise(*source.counter, now);
  }
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

void Raise(Counter& counter, double now) {
  if (now > counter.Value()) counter.Increment(now - counter.Value());
}

}  // namespace rekindle
