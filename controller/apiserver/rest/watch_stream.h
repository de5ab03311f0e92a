#ifndef REKINDLE_CONTROLLER_APISERVER_REST_WATCH_STREAM_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_WATCH_STREAM_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/base/sync.h"
#include "controller/apiserver/registry/registry.h"
#include "controller/apiserver/rest/http_types.h"
#include "controller/apiserver/rest/presentation.h"

namespace rekindle::apiserver {

// What is between a watch and the connection that it is sent on: lines that wait to be written,
// up to a limit. A client that reads too slowly is ended with 410 and starts anew (spec
// kubernetes-api 6); only while a watch begins, with the objects that there are, its own thread
// waits for the client.
//
// Threads: thread-safe.
class WatchStream final : public WatchReceiver {
 public:
  struct Limits {
    size_t bytes = 8 * 1024 * 1024;  // that wait
    // How long the beginning of a watch waits for its client to read.
    absl::Duration beginning = absl::Seconds(30);
  };

  // `wake` is called, on any thread and without locks, when there is something to Take after there
  // was nothing.
  WatchStream(WatchPlan plan, EventLines& lines, const Limits& limits, std::function<void()> wake);

  // The thread that calls Registry::Watch, around that call.
  void Beginning();
  void Begun();

  bool OnEvents(std::vector<WatchEvent> events) override;
  void OnError(const absl::Status& status) override;

  // Ends the stream after what waits.
  void Finish();
  // The client is gone: nothing is taken any more.
  void Abandon();

  struct Batch {
    std::string bytes;
    bool end = false;  // nothing follows
  };
  // What waits, up to about `most` bytes. Empty and not the end: `wake` will be called.
  Batch Take(size_t most);

  const WatchPlan& plan() const { return plan_; }

 private:
  using Line = std::shared_ptr<const std::string>;
  bool Append(const std::vector<Line>& lines);
  void EndWith(Line last);

  const WatchPlan plan_;
  EventLines& lines_;
  const Limits limits_;
  const std::function<void()> wake_;
  bool first_ = true;  // of the thread that calls OnEvents; one at a time
  Mutex mutex_;
  std::thread::id beginner_ ABSL_GUARDED_BY(mutex_);
  std::deque<Line> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;  // nothing is added any more
  bool asleep_ ABSL_GUARDED_BY(mutex_) = true;  // Take has found nothing
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_WATCH_STREAM_H_
