#ifndef REKINDLE_COMMON_CLIENT_REFLECTOR_H_
#define REKINDLE_COMMON_CLIENT_REFLECTOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/base/loop.h"
#include "common/client/api_client.h"
#include "common/client/decode.h"
#include "common/client/pause.h"
#include "common/client/reflector_states.h"
#include "common/client/resource.h"

namespace rekindle::client {

// What is followed: one collection, or a part of it.
struct Collection {
  ApiResource resource;
  std::string name_space;  // empty: all
  std::string label_selector;
  std::string field_selector;
};

// Which list a cache begins with, and goes back to when it has lost the thread.
enum class ListFrom {
  // The latest state, in pages: the server's memory and ours stay small, and nothing that has
  // happened before is missing. A controller that starts from a state of some time ago would create
  // again what it does not see.
  kLatest,
  // Whatever the server has in its cache (resourceVersion 0): cheap for the server, perhaps stale,
  // and in one piece, since servers ignore the page limit there.
  kServerCache,
};

struct ReflectorOptions {
  Collection collection;
  ListFrom from = ListFrom::kLatest;
  int page_limit = 500;
  absl::Duration page_timeout = absl::Seconds(60);
  size_t max_page_bytes = size_t{1} << 30;        // of one answer; one without pages can be large
  size_t max_object_bytes = size_t{16} << 20;     // in a list, or with its event in a watch
  size_t max_waiting_events = 100'000;            // that the loop has not taken yet
  absl::Duration watch_least = absl::Minutes(5);  // a watch is asked to end between these two
  absl::Duration watch_most = absl::Minutes(10);
  absl::Duration internal_errors = absl::Minutes(1);  // a watch answered with 500: then a new list
  Pauses::Options pauses;
};

// Follows a collection: lists it, then watches it from there, and finds its way back after
// whatever happens to a watch (spec kubernetes-api 5.4, 6.8), telling a sink.
// Threads: the loop's; the decoder runs on the transport's thread.
class Reflector {
 public:
  // Called on the loop. Neither may destroy the reflector.
  class Sink {
   public:
    virtual ~Sink() = default;
    // This is all there is. Whatever is not in it is gone.
    virtual void Replace(std::vector<Item> items) = 0;
    // What has happened since, in order: kAdded, kModified and kDeleted only. An event may be told
    // again after a watch has broken.
    virtual void Apply(std::vector<WatchEvent> events) = 0;
  };

  struct Counters {
    uint64_t lists = 0;  // that were completed
    uint64_t pages = 0;
    uint64_t watches = 0;  // that were begun
    uint64_t events = 0;
    uint64_t bookmarks = 0;
    uint64_t failures = 0;  // lists and watches that ended with an error
  };

  // All outlive the reflector.
  Reflector(ApiClient& client, ReflectorOptions options, Decoder& decoder, Sink& sink,
            Random random);
  ~Reflector();
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  void Start();
  // For good.
  void Stop();

  ReflectorState state() const { return state_; }
  // Why it pauses, or paused last; OK before the first failure.
  const absl::Status& last_error() const { return last_error_; }
  // Where the next watch begins.
  const std::string& resource_version() const { return resource_version_; }
  const Counters& counters() const { return counters_; }

 private:
  class PageReader;
  class WatchReader;

  void Step(ReflectorEvent event);
  void Enter(ReflectorState state);
  void Pause();
  void Fail(const absl::Status& why, ReflectorEvent event);

  void BeginList();
  void RequestPage();
  void OnPage(const absl::Status& status);
  void OnListError(const absl::Status& status);
  QueryParameters ListParameters() const;

  void BeginWatch();
  void TakeEvents();
  void OnWatchEnd(const absl::Status& status);
  ReflectorEvent AfterExpired();
  ReflectorEvent AfterWatchError(const absl::Status& status, bool brief);
  std::string Target(const QueryParameters& parameters) const;

  ApiClient& client_;
  Loop& loop_;
  const ReflectorOptions options_;
  Decoder& decoder_;
  Sink& sink_;
  const Random random_;
  Pauses pauses_;
  ReflectorState state_ = ReflectorState::kIdle;
  absl::Status last_error_;
  Counters counters_;
  ScopedTimer timer_;
  ScopedCall call_;

  // Of the list.
  std::shared_ptr<PageReader> page_;
  std::vector<Item> staged_;
  std::string continue_token_;
  std::string list_from_;  // resourceVersion asked for
  bool without_pages_ = false;
  bool too_new_ = false;  // a server did not have the asked version yet
  absl::Duration pause_least_;
  absl::Duration listed_at_ = -absl::InfiniteDuration();

  // Of the watch.
  std::string resource_version_;
  std::shared_ptr<WatchReader> watch_;
  absl::Duration watch_begun_;
  uint64_t watch_events_ = 0;  // of this watch, bookmarks included
  int bad_frames_ = 0;         // in a row
  absl::Duration internal_since_ = absl::InfiniteDuration();
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_REFLECTOR_H_
