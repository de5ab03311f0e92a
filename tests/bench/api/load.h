#ifndef REKINDLE_TESTS_BENCH_API_LOAD_H_
#define REKINDLE_TESTS_BENCH_API_LOAD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "tests/conformance/http.h"

namespace rekindle::bench {

// What clients saw of their requests.
struct LoadResult {
  std::vector<double> milliseconds;  // one a request, sorted
  double seconds = 0;                // from the first to the last

  double PerSecond() const { return static_cast<double>(milliseconds.size()) / seconds; }
  double At(double quantile) const;  // 0.99: the 99th percentile
};

struct Load {
  int clients = 1;  // each on a connection of its own, one request after the other
  int64_t requests = 0;
  double per_second = 0;  // of all clients together; 0: as fast as they are answered
  std::function<conformance::Request(int64_t index)> request;  // called by many threads
  // Called after an answer with what was sent and when; may be null.
  std::function<void(const conformance::Answer&, absl::Time sent)> answered;
};

// Errors: kInternal with the first answer that is none of 200 and 201; as Http::Call.
absl::StatusOr<LoadResult> Run(const conformance::Endpoint& endpoint, const Load& load);

// Watches that are read and thrown away, each on a connection of its own. They end with the object.
class Watchers {
 public:
  // kUnavailable when one of them is refused.
  static absl::StatusOr<std::unique_ptr<Watchers>> Open(const conformance::Endpoint& endpoint,
                                                        const std::vector<std::string>& paths);
  ~Watchers();

 private:
  struct One;
  std::vector<std::unique_ptr<One>> all_;
};

}  // namespace rekindle::bench

#endif  // REKINDLE_TESTS_BENCH_API_LOAD_H_
