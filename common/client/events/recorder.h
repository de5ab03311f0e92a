#ifndef REKINDLE_COMMON_CLIENT_EVENTS_RECORDER_H_
#define REKINDLE_COMMON_CLIENT_EVENTS_RECORDER_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/base/loop.h"
#include "common/client/api_client.h"
#include "common/client/events/correlator.h"
#include "common/client/pause.h"

namespace rekindle::client {

// Tells users what happened to their objects, as core v1 Events (spec kubernetes-api 10.1).
// Recording never fails and never waits: what cannot be written is dropped and counted. Several
// events are written at a time, behind whatever else the client has to do; those of one series one
// after the other. Threads: the loop's.
class EventRecorder {
 public:
  struct Options {
    std::string component;  // "rekindle-controller"
    std::string instance;   // which of its processes
    EventCorrelator::Limits limits;
    // Beyond this the new ones are dropped: some 10 MB of them, what a restart of every pod of a
    // large cluster makes in a few seconds.
    size_t most_waiting = 10'000;
    size_t most_at_once = 8;
    int attempts = 12;
    absl::Duration retry = absl::Seconds(10);
  };
  struct Counters {
    uint64_t written = 0;
    uint64_t overflowed = 0;  // too many waited
    uint64_t rejected = 0;    // by the server, or given up after all attempts
  };

  // `client` outlives it.
  EventRecorder(ApiClient& client, Options options, Random random);

  // `text.reason` in CamelCase, cut to 128 bytes; the message is cut to 1024.
  void Record(const EventSubject& subject, EventText text);

  // `done` comes when nothing waits any more, or after `limit`: kDeadlineExceeded with what is
  // left.
  void Flush(absl::Duration limit, absl::AnyInvocable<void(absl::Status)> done);

  // With those that are being written.
  size_t waiting() const { return line_.size() + flights_.size(); }
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
  // One that is being written, or pauses after a failure.
  struct Flight {
    Waiting what;
    ScopedCall call;
    ScopedTimer pause;
  };
  using Flights = std::list<Flight>;

  void Next();
  void Write(Flights::iterator flight);
  void Post(Flights::iterator flight, bool again);
  void Patch(Flights::iterator flight);
  void Ended(Flights::iterator flight, const absl::Status& status);
  void CheckFlushed();
  std::string NewName(const std::string& object);
  Json EventOf(const Waiting& what) const;

  ApiClient& client_;
  Loop& loop_;
  const Options options_;
  const Random random_;
  EventCorrelator correlator_;
  std::list<Waiting> line_;                                                 // one a key
  absl::flat_hash_map<std::string, std::list<Waiting>::iterator> waiting_;  // by key
  Flights flights_;
  absl::flat_hash_set<std::string> flying_;  // their keys
  absl::flat_hash_map<std::string, Written> written_;
  Counters counters_;
  int64_t last_name_ = 0;
  ScopedTimer flush_timer_;
  absl::AnyInvocable<void(absl::Status)> flushed_;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_EVENTS_RECORDER_H_
