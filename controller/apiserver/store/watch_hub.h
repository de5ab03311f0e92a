#ifndef REKINDLE_CONTROLLER_APISERVER_STORE_WATCH_HUB_H_
#define REKINDLE_CONTROLLER_APISERVER_STORE_WATCH_HUB_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/base/sync.h"
#include "controller/apiserver/store/reader.h"
#include "controller/apiserver/store/store.h"

namespace rekindle::apiserver {

// Brings committed changes to watchers. A watcher is a place in the history, not a queue: what it
// has not got yet is read from the recent changes in memory, or from the disk when it is further
// behind. However slow a sink is, nothing piles up here for it.
//
// Threads: thread-safe. Each watcher belongs to one of the hub's threads, which alone calls its
// sink.
class WatchHub {
 public:
  struct Options {
    size_t threads = 2;
    size_t recent_changes = 32'768;
    size_t recent_bytes = 64 * 1024 * 1024;
    absl::Duration progress_every = absl::Seconds(1);
    std::function<absl::Duration()> monotonic;  // thread-safe
  };
  // Reads changes that are no longer in memory. Errors: kOutOfRange, and those of the disk.
  using History = std::function<absl::StatusOr<HistoryPage>(
      const std::string& resource, const std::string& name_space, Revision after, Revision upto)>;

  WatchHub(const Options& options, Revision newest, History history);
  WatchHub(const WatchHub&) = delete;
  WatchHub& operator=(const WatchHub&) = delete;
  ~WatchHub();

  // The changes that follow the newest, without a gap.
  void Publish(const std::vector<std::shared_ptr<const Change>>& changes);

  // See Store::Watch; whether `after` is within the history the caller has found out. A call of the
  // sink that has begun may still run when the handle's destruction is over.
  std::unique_ptr<WatchHandle> Add(const std::string& resource, const std::string& name_space,
                                   Revision after, std::shared_ptr<WatchSink> sink);

  // The text of a recent state; null when it is not among them.
  std::shared_ptr<const std::string> RecentText(Revision revision);

  // Ends all watches with `why`; later ones end at once.
  void Close(const absl::Status& why);

  // Looks at the clock. For tests with a clock of their own.
  void Poke();

  // How many watches there are.
  size_t watchers() const { return watchers_; }

 private:
  using Changes = std::vector<std::shared_ptr<const Change>>;
  struct Watcher;
  struct Bell;
  class Handle;
  struct Lane {
    std::vector<std::shared_ptr<Watcher>> watchers;  // of its thread alone
    std::vector<std::shared_ptr<Watcher>> added;     // guarded by the hub's mutex
    Revision seen = 0;                               // what the thread has handed out
    uint64_t pokes = 0;
    std::thread thread;
  };
  struct Round {
    Revision newest = 0;
    bool closed = false;
    Changes changes;  // after Lane::seen; empty when they are not in memory any more
  };

  void Serve(Lane& lane);
  Round AwaitRound(Lane& lane, bool behind, absl::Duration progress_due);
  // The recent changes after `after`, at most `limit`. False: not all of them are in memory.
  bool CopyRecent(Revision after, size_t limit, Changes& out) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CatchUp(Watcher& watcher, Revision newest);
  void End(Watcher& watcher, const absl::Status& why);
  // Tells the watcher how far it is, unless it is too early: then the moment is noted in `due`.
  void Progress(Watcher& watcher, absl::Duration now, absl::Duration& due);

  const Options options_;
  const History history_;
  const std::shared_ptr<Bell> bell_;
  std::atomic<size_t> watchers_{0};
  std::atomic<size_t> next_lane_{0};
  Mutex mutex_;
  Revision newest_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<const Change>> recent_ ABSL_GUARDED_BY(mutex_);
  size_t recent_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status why_ ABSL_GUARDED_BY(mutex_);
  uint64_t pokes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_STORE_WATCH_HUB_H_
