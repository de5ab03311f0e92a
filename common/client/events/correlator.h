#ifndef REKINDLE_COMMON_CLIENT_EVENTS_CORRELATOR_H_
#define REKINDLE_COMMON_CLIENT_EVENTS_CORRELATOR_H_

#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/base/token_bucket.h"

namespace rekindle::client {

// The object that an event is about. All of it is shown to users; the UID is what `kubectl
// describe` looks for, apiVersion and kind what `kubectl events` does.
struct EventSubject {
  std::string api_version;
  std::string kind;
  std::string name_space;
  std::string name;
  std::string uid;
  std::string resource_version;
  std::string field_path;
};

struct EventText {
  bool warning = false;
  std::string reason;
  std::string message;
};

// Keeps a busy or broken controller from flooding the API with events (spec kubernetes-api 10.1):
// the same event again counts up the one that is there, many that differ in their message only
// become one, and one object gets a burst of 25 and then one in five minutes. Threads:
// thread-compatible. Times are monotonic.
class EventCorrelator {
 public:
  struct Limits {
    size_t most_similar = 10;  // with different messages, before they are folded
    absl::Duration similar_within = absl::Minutes(10);
    double burst = 25;
    absl::Duration refill = absl::Minutes(5);
    size_t most_remembered = 4096;
  };

  explicit EventCorrelator(const Limits& limits) : limits_(limits) {}

  struct Verdict {
    std::string key;      // equal for events that are one
    std::string message;  // as it is to be written
    int64_t count = 1;    // over 1: of an event that was written before
  };
  // None: it is not to be written.
  std::optional<Verdict> Consider(const EventSubject& subject, const EventText& text,
                                  absl::Duration now);

  uint64_t suppressed() const { return suppressed_; }

 private:
  // The least recently used go first.
  template <typename Value>
  class Remembered {
   public:
    // The value of `key`, made anew if it is not remembered.
    template <typename... Args>
    Value& Get(const std::string& key, size_t most, Args&&... args) {
      const auto found = index_.find(key);
      if (found != index_.end()) {
        order_.splice(order_.begin(), order_, found->second);
        return found->second->value;
      }
      order_.emplace_front(key, std::forward<Args>(args)...);
      index_[key] = order_.begin();
      if (order_.size() > most) {
        index_.erase(order_.back().key);
        order_.pop_back();
      }
      return order_.front().value;
    }
    size_t size() const { return order_.size(); }

   private:
    struct Node {
      template <typename... Args>
      explicit Node(const std::string& k, Args&&... args)
          : key(k), value(std::forward<Args>(args)...) {}
      std::string key;
      Value value;
    };
    std::list<Node> order_;
    absl::flat_hash_map<std::string, typename std::list<Node>::iterator> index_;
  };

  struct Similar {
    std::set<std::string> messages;
    absl::Duration last = -absl::InfiniteDuration();
  };
  struct Seen {
    int64_t count = 0;
  };

  const Limits limits_;
  Remembered<Similar> similar_;
  Remembered<Seen> seen_;
  Remembered<TokenBucket> buckets_;
  uint64_t suppressed_ = 0;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_EVENTS_CORRELATOR_H_
