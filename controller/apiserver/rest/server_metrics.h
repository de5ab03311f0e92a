#ifndef REKINDLE_CONTROLLER_APISERVER_REST_SERVER_METRICS_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_SERVER_METRICS_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"

namespace rekindle::apiserver {

// Prometheus metrics of the server (docs/metrics.md); those of requests have the names of
// kube-apiserver's, so that its dashboards work. An object, not a global. Threads: thread-safe.
class ServerMetrics {
 public:
  explicit ServerMetrics(const std::string& version);
  ~ServerMetrics();

  // What was asked for. Only the verb is set for paths of no resource and for resources that are
  // not served: a client must not be able to make series.
  struct Asked {
    std::string verb;  // in capitals: LIST, WATCH
    std::string group;
    std::string version;
    std::string resource;
    std::string subresource;
  };
  // A request that was answered; of a watch, that it began, which has no duration.
  void Observe(const Asked& asked, int code, absl::Duration took);

  // A number that is asked for at each scrape; `total`: it only grows.
  void AddSource(const std::string& name, const std::string& help, bool total,
                 std::function<double()> read);

  // Everything in the Prometheus text format 0.0.4.
  std::string Text();

 private:
  struct Families;

  const std::unique_ptr<Families> families_;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_SERVER_METRICS_H_
