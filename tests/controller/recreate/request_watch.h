#ifndef REKINDLE_TESTS_CONTROLLER_RECREATE_REQUEST_WATCH_H_
#define REKINDLE_TESTS_CONTROLLER_RECREATE_REQUEST_WATCH_H_

#include <atomic>
#include <map>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include <nlohmann/json.hpp>

#include "common/base/sync.h"
#include "tests/conformance/http.h"

namespace rekindle {

// What a watch has seen of one ContainerRecreateRequest of one container.
struct SeenRequest {
  std::string uid;
  std::string version;
  absl::Time created;    // when it was seen first
  absl::Time begun;      // when it had a phase; InfiniteFuture before
  absl::Time completed;  // likewise
  int changes = 0;       // versions after the first and until its end, that included
  // At its end.
  std::string message;
  std::string container;  // the container's phase
  std::string container_message;
};

// Follows all requests of a namespace, through restarts of the server. Threads: thread-safe.
class RequestWatch {
 public:
  RequestWatch(conformance::Endpoint endpoint, const std::string& name_space);
  ~RequestWatch();

  std::map<std::string, SeenRequest> seen() const;  // by name
  int completed() const { return completed_; }
  // The server has answered the first watch.
  bool open() const { return open_; }

 private:
  void Run();
  void Follow();
  void Take(const nlohmann::json& request);

  const conformance::Endpoint endpoint_;
  const std::string path_;
  mutable Mutex mutex_;
  std::map<std::string, SeenRequest> seen_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int> completed_{0};
  std::atomic<bool> open_{false};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace rekindle

#endif  // REKINDLE_TESTS_CONTROLLER_RECREATE_REQUEST_WATCH_H_
