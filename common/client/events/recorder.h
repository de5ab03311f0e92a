#ifndef REKINDLE_COMMON_CLIENT_EVENTS_RECORDER_H_
#define REKINDLE_COMMON_CLIENT_EVENTS_RECORDER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/base/loop.h"
#include "common/client/api_client.h"
#include "common/client/events/correlator.h"
#include "common/client/pause.h"

namespace rekindle::client {

// Tells users what happened to their objects, as core v1 Events (spec kubernetes-api 10.1).
// Recording never fails and never waits: what cannot be written is dropped and counted. Threads:
// the loop's.
class EventRecorder {
 public:
  struct Options {
    std::string component;  // "rekindle-controller"
    std::string instance;   // which of its processes
    EventCorrelator::Limits limits;
    size_t most_waiting = 1000;
    int attempts = 12;
    absl::Duration retry = absl::Seconds(10);
  };
  struct Counters {
    uint64_t written = 0;
    uint64_t overflowed = 0;  // the queue was full
    uint64_t rejected = 0;    // by the server, or given up after all attempts
  };

  // `client` outlives it.
  EventRecorder(ApiClient& client, Options options, Random random);

  // `text.reason` in CamelCase, cut to 128 bytes; the message is cut to 1024.
  void Record(const EventSubject& subject, EventText text);

  // `done` comes when nothing waits any more, or after `limit`: kDeadlineExceeded with what is
  // left.
  void Flush(absl::Duration limit, absl::AnyInvocable<void(absl::Status)> done);

  size_t waiting() const { return queue_.size(); }
  const Counters& counters() const { return counters_; }
  uint64_t suppressed() const { return correlator_.suppressed(); }

 private:
  struct Waiting {
    std::string key;
    std::string name;  // of the event
    EventSubject subject;
    EventText text;
    int64_t count = 1;
    absl::Time first;
    absl::Time last;
    int attempts = 0;
  };
  // What was written under a key.
  struct Written {
    std::string name;
    std::string name_space;
    absl::Time first;
  };

  void Next();
  void Post(bool again);
  void Patch();
  void Ended(const absl::Status& status);
  void CheckFlushed();
  std::string NewName(const std::string& object);
  Json EventOf(const Waiting& what) const;

  ApiClient& client_;
  Loop& loop_;
  const Options options_;
  const Random random_;
  EventCorrelator correlator_;
  std::deque<Waiting> queue_;  // the first is being written
  bool writing_ = false;
  bool busy_ = false;  // the pause after a failure, or a call
  absl::flat_hash_map<std::string, Written> written_;
  Counters counters_;
  int64_t last_name_ = 0;
  ScopedTimer timer_;
  ScopedTimer flush_timer_;
  ScopedCall call_;
  absl::AnyInvocable<void(absl::Status)> flushed_;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_EVENTS_RECORDER_H_
