#ifndef REKINDLE_DAEMON_KUBELET_BACKOFF_ESTIMATE_H_
#define REKINDLE_DAEMON_KUBELET_BACKOFF_ESTIMATE_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "absl/time/time.h"

namespace rekindle::kubelet {

// Which container of which pod in which version; a kubelet counts its back-off by the same.
struct BackoffKey {
  std::string pod_uid;
  std::string container;
  std::string hash;
  bool operator<(const BackoffKey& other) const {
    return std::tie(pod_uid, container, hash) <
           std::tie(other.pod_uid, other.container, other.hash);
  }
};

// What can be known of a kubelet's crash back-off (spec/node-runtime 2.6) by looking at containers:
// nobody tells it. 10 s doubling to 300 s, counted from the end of the newest dead container; the
// first restart is immediate, and one that comes 600 s after the last starts over. It remembers
// what it saw; of what it did not see it learns from the time that goes by without a start.
// Threads: one.
class BackoffEstimate {
 public:
  // The kubelet started a container at `started`; the one before it ended at `finished`.
  void SawStart(const BackoffKey& key, absl::Time finished, absl::Time started);

  // When the kubelet will probably start the container that ended at `finished` and that does not
  // run at `now`; none when nothing speaks for a back-off. The kubelet looks at a pod every 60 to
  // 90 s when nothing else happens, so it may be so much later; the time may also have passed.
  std::optional<absl::Time> Until(const BackoffKey& key, absl::Time finished, absl::Time now) const;

  // Containers that something is remembered of; bounded.
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    absl::Duration delay;  // of the next start
    absl::Time updated;
  };

  std::map<BackoffKey, Entry> entries_;
};

}  // namespace rekindle::kubelet

#endif  // REKINDLE_DAEMON_KUBELET_BACKOFF_ESTIMATE_H_
