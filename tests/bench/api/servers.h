#ifndef REKINDLE_TESTS_BENCH_API_SERVERS_H_
#define REKINDLE_TESTS_BENCH_API_SERVERS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "tests/conformance/http.h"

namespace rekindle::bench {

struct Usage {
  size_t resident_bytes = 0;  // that are no file's
  absl::Duration processor_time;
};

// An API server in processes of its own, with its data on the disk of temporary files; both end
// with the object.
class ApiServer {
 public:
  virtual ~ApiServer() = default;
  virtual conformance::Endpoint endpoint() const = 0;
  // A file with which a client is the administrator.
  virtual std::string kubeconfig() const = 0;
  // By all its processes until now. kUnavailable: one of them is gone.
  virtual absl::StatusOr<Usage> Used() const = 0;
};

// `program` is rekindle-controller. Errors: as EmbeddedServer, kDeadlineExceeded.
absl::StatusOr<std::unique_ptr<ApiServer>> StartEmbedded(const std::string& program);

// kube-apiserver with etcd, which syncs its disk as it does anywhere, and no controllers. Errors:
// as ControlPlane.
absl::StatusOr<std::unique_ptr<ApiServer>> StartKubeApiserver();

}  // namespace rekindle::bench

#endif  // REKINDLE_TESTS_BENCH_API_SERVERS_H_
