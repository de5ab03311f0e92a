#ifndef REKINDLE_TESTS_BENCH_API_SERVERS_H_
#define REKINDLE_TESTS_BENCH_API_SERVERS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "tests/conformance/http.h"

namespace rekindle::bench {

// An API server in processes of its own, with its data on the disk of temporary files; both end
// with the object.
class ApiServer {
 public:
  virtual ~ApiServer() = default;
  virtual conformance::Endpoint endpoint() const = 0;
  // A file with which a client is the administrator.
  virtual std::string kubeconfig() const = 0;
  // Memory of all its processes that is no file's. kUnavailable: one of them is gone.
  virtual absl::StatusOr<size_t> ResidentBytes() const = 0;
};

// `program` is rekindle-controller. Errors: as EmbeddedServer, kDeadlineExceeded.
absl::StatusOr<std::unique_ptr<ApiServer>> StartEmbedded(const std::string& program);

// kube-apiserver with etcd, which syncs its disk as it does anywhere, and no controllers. Errors:
// as ControlPlane.
absl::StatusOr<std::unique_ptr<ApiServer>> StartKubeApiserver();

}  // namespace rekindle::bench

#endif  // REKINDLE_TESTS_BENCH_API_SERVERS_H_
