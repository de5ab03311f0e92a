#ifndef REKINDLE_TEST_MEASURE_STATS_H_
#define REKINDLE_TEST_MEASURE_STATS_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace rekindle::measure {

// The value that `fraction` (0..1) of the sample does not exceed (nearest rank); 0 of an empty one.
inline double Quantile(std::vector<double> sample, double fraction) {
  if (sample.empty()) return 0;
  std::sort(sample.begin(), sample.end());
  double rank = std::ceil(fraction * static_cast<double>(sample.size()));
  return sample[static_cast<size_t>(std::max(1.0, rank)) - 1];
}

inline double Median(std::vector<double> sample) { return Quantile(std::move(sample), 0.5); }

}  // namespace rekindle::measure

#endif  // REKINDLE_TEST_MEASURE_STATS_H_
