#ifndef REKINDLE_COMMON_METRICS_METRIC_SET_H_
#define REKINDLE_COMMON_METRICS_METRIC_SET_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/labels.h>
#include <prometheus/registry.h>

#include "common/base/sync.h"

namespace rekindle {

// The Prometheus metrics of one place that is scraped. An object, not a global; what a program
// counts is in a struct of its own on top of it.
// Threads: thread-safe.
class MetricSet {
 public:
  // Has `PROGRAM_build_info` with the version as its label.
  MetricSet(const std::string& program, const std::string& version);
  MetricSet(const MetricSet&) = delete;
  MetricSet& operator=(const MetricSet&) = delete;

  // Families, to which metrics are added by their labels; `name` is given once. They live as long
  // as the set.
  prometheus::Family<prometheus::Counter>& Count(const std::string& name, const std::string& help);
  prometheus::Family<prometheus::Gauge>& Level(const std::string& name, const std::string& help);
  prometheus::Family<prometheus::Histogram>& Spread(const std::string& name,
                                                    const std::string& help);

  // A number that is asked for at each scrape, on the scraping thread; `total`: it only grows. The
  // same name with other labels adds to its family.
  void AddSource(const std::string& name, const std::string& help, bool total,
                 const prometheus::Labels& labels, std::function<double()> read);

  // Everything in the Prometheus text format 0.0.4. One at a time.
  std::string Text();

 private:
  struct Source {
    prometheus::Counter* counter = nullptr;  // one of the two
    prometheus::Gauge* gauge = nullptr;
    std::function<double()> read;
  };

  prometheus::Registry registry_;
  Mutex mutex_;
  std::vector<Source> sources_ ABSL_GUARDED_BY(mutex_);
};

// For what has been counted elsewhere: `counter` becomes `now`, unless it is there already.
// By one thread at a time for a counter.
void Raise(prometheus::Counter& counter, double now);

}  // namespace rekindle

#endif  // REKINDLE_COMMON_METRICS_METRIC_SET_H_
