#ifndef REKINDLE_TEST_FAKES_FAKE_KUBELET_H_
#define REKINDLE_TEST_FAKES_FAKE_KUBELET_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "common/base/loop.h"
#include "tests/fakes/fake_runtime.h"

namespace rekindle {

// A kubelet over the fake runtime, in simulated time: the parts of spec/node-runtime 2.4 to 2.8
// that meet somebody who replaces containers beside it. One pod, restart policy Always. It lists
// every second, keeps what it saw in a cache, acts on the cache alone (one sync at a time), names
// the next container by the newest one's restart count, does its crash back-off and its two garbage
// collections. It is another client of the runtime than the engine under test.
class FakeKubelet {
 public:
  // `first_relist`: when the first list begins, from now: its phase.
  FakeKubelet(Loop& loop, FakeRuntime& runtime, std::string sandbox,
              std::vector<std::string> containers, absl::Duration first_relist);
  ~FakeKubelet() { *alive_ = false; }

  // It notices nothing and does nothing any more; what it has asked for happens all the same.
  void Kill() { *alive_ = false; }

  // Containers that it has created, and creates that failed.
  size_t created = 0;
  size_t failed_creates = 0;

  absl::Duration relist_period = absl::Seconds(1);
  absl::Duration relist_takes = absl::Milliseconds(15);
  absl::Duration sync_delay = absl::Milliseconds(3);
  absl::Duration periodic_sync = absl::Seconds(60);
  absl::Duration collection = absl::Minutes(1);
  absl::Duration after_error = absl::Seconds(10);
  // The next sync begins with what was last seen, whatever happened since.
  void SyncNow() { Sync(); }
  void CollectNow() { CollectGarbage(); }
  // The containers have liveness probes of a short period: one that a sync finds created counts as
  // failed when it runs, and is killed (its own are never seen so: creating and starting is one
  // sync's work).
  bool health_checks = false;
  size_t killed = 0;
  // Containers without a log that it removed. Each time a real one deletes what it can of its own
  // working directory: it looks for "<log path>*".
  size_t folders_wiped = 0;
  // How often it found a container held back.
  size_t backoffs = 0;

 private:
  struct Seen {
    std::string id;
    std::string name;  // by the label
    ::runtime::v1::ContainerState state;
    int64_t created_at = 0;
    int64_t finished_at = 0;
    uint32_t restart_count = 0;
  };
  struct Held {
    absl::Duration delay;
    absl::Time updated;
  };

  void After(absl::Duration delay, absl::AnyInvocable<void()> work);
  void RelistLater(absl::Duration delay);
  void Relist();
  void SyncLater(absl::Duration delay);
  void Sync();
  void SyncPeriodically();
  void SyncContainer(size_t index);
  void StartUnlessHeldBack(size_t index, const Seen* newest);
  void Start(size_t index, const Seen* newest);
  void CollectGarbage();
  void Remove(const std::string& id);
  void RemoveBeyondNewestDead(const std::string& name);
  std::vector<Seen> Look() const;
  const Seen* Newest(const std::string& name) const;
  bool InBackoff(const std::string& name, const Seen& dead);

  Loop& loop_;
  FakeRuntime& runtime_;
  const std::string sandbox_;
  const std::vector<std::string> names_;
  std::vector<Seen> cache_;
  std::map<std::string, ::runtime::v1::ContainerState> states_;
  std::map<std::string, Held> held_;
  std::set<std::string> unhealthy_;
  bool syncing_ = false;
  bool sync_wanted_ = false;
  bool failed_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_FAKE_KUBELET_H_
