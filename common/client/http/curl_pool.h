#ifndef REKINDLE_COMMON_CLIENT_HTTP_CURL_POOL_H_
#define REKINDLE_COMMON_CLIENT_HTTP_CURL_POOL_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include <curl/curl.h>

#include "common/base/sync.h"
#include "common/client/http/curl_call.h"

namespace rekindle::client {

// One set of connections and the thread that serves them.
// Threads: all methods any; Join not from the pool's own.
class CurlPool {
 public:
  using Report = std::function<void(const std::shared_ptr<CurlCall>&, absl::StatusOr<HttpReply>)>;

  // `report` is called on the pool's thread with what came of a call.
  CurlPool(CurlServer server, Report report);
  ~CurlPool();

  void Start(std::shared_ptr<CurlCall> call);
  // The call ends, unreported.
  void Drop(std::shared_ptr<CurlCall> call);
  // The thread ends when nothing is under way any more.
  void Retire();
  // Ends all calls, unreported, and the thread with them.
  void Stop();
  bool finished() const { return finished_.load(); }

 private:
  struct Orders {
    std::vector<std::shared_ptr<CurlCall>> start;
    std::vector<std::shared_ptr<CurlCall>> drop;
    bool retired = false;
    bool stopped = false;
  };

  void Serve();
  Orders TakeOrders();
  void Begin(const std::shared_ptr<CurlCall>& call);
  void Remove(CURL* easy);
  void ReportFinished();

  const CurlServer server_;
  const Report report_;
  CURLM* const multi_;
  std::map<CURL*, std::shared_ptr<CurlCall>> active_;  // the thread's own
  Mutex mutex_;
  Orders orders_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> finished_{false};
  std::thread thread_;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_HTTP_CURL_POOL_H_
