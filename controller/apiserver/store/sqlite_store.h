#ifndef REKINDLE_CONTROLLER_APISERVER_STORE_SQLITE_STORE_H_
#define REKINDLE_CONTROLLER_APISERVER_STORE_SQLITE_STORE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/base/sync.h"
#include "controller/apiserver/store/reader.h"
#include "controller/apiserver/store/store.h"
#include "controller/apiserver/store/watch_hub.h"
#include "controller/apiserver/store/writer.h"

namespace rekindle::apiserver {

// The store in SQLite (docs/formats/store.md): one thread writes, all commits that wait for it in
// one transaction and with one sync of the disk (WAL, synchronous=FULL); another moves the WAL into
// the database; readers have connections of their own and wait for nobody. Everything from the last
// minutes can be read and watched again; older history is compacted away.
//
// Threads: thread-safe.
class SqliteStore final : public Store {
 public:
  struct Options {
    std::string directory;  // made (0700) when missing; its parent must exist

    // History is kept for so long, and never more revisions of it.
    absl::Duration keep_history = absl::Minutes(5);
    int64_t max_history = 200'000;
    // So much of it goes at a time, at least.
    int64_t compaction_step = 256;

    size_t max_value_bytes = 16 * 1024 * 1024;
    size_t max_readers = 8;
    // Commits in one transaction.
    size_t max_batch_commits = 512;
    size_t max_batch_bytes = 32 * 1024 * 1024;
    // Commits that wait: more than this are refused (kUnavailable).
    size_t max_queued_commits = 16'384;

    // The WAL is moved into the database from so many pages (4 KiB) on, or once nothing was written
    // for a moment; at `pressing_pages` commits wait for that.
    int checkpoint_pages = 2'000;
    int pressing_pages = 65'536;
    absl::Duration checkpoint_idle = absl::Milliseconds(500);

    size_t watch_threads = 2;
    size_t recent_changes = 32'768;
    size_t recent_bytes = 64 * 1024 * 1024;
    absl::Duration progress_every = absl::Seconds(1);

    // Intervals are measured with it; empty: the system's clock. Thread-safe. Who moves a clock of
    // his own calls Poke() afterwards.
    std::function<absl::Duration()> monotonic;
  };

  struct Stats {
    uint64_t commits = 0;       // that were carried out
    uint64_t refused = 0;       // for what they asked
    uint64_t failures = 0;      // of the disk
    uint64_t transactions = 0;  // each with one sync of the disk
    uint64_t checkpoints = 0;
    Revision compacted = 0;
    size_t watchers = 0;
  };

  // Opens or makes the store. Errors: kFailedPrecondition (another server uses the directory; the
  // store is of a newer version), kDataLoss (damaged: restore a backup), kResourceExhausted,
  // kUnavailable.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(const Options& options);

  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;
  ~SqliteStore() override;

  // Writes out what waits, ends all watches (kUnavailable) and leaves one file. Calls afterwards
  // fail with kUnavailable. A second call does nothing.
  void Close();

  absl::StatusOr<StoredObject> Get(const Key& key) override;
  absl::StatusOr<Page> List(const ListQuery& query) override;
  // Pages of the same snapshot, which is kept from being compacted away meanwhile.
  absl::StatusOr<Revision> ForEach(const ListQuery& query,
                                   absl::FunctionRef<bool(const StoredObject&)> visit) override;
  void Commit(std::vector<Write> writes, Done done) override;
  absl::StatusOr<std::vector<Revision>> Commit(std::vector<Write> writes) override;
  absl::StatusOr<std::unique_ptr<WatchHandle>> Watch(const std::string& resource,
                                                     const std::string& name_space, Revision after,
                                                     std::shared_ptr<WatchSink> sink) override;
  Revision revision() const override { return newest_; }

  // What can be read and watched begins here.
  Revision compacted() const { return compacted_; }

  // Compacts up to `target` (as far as ForEach allows), waiting. Errors: of the disk; kUnavailable.
  absl::Status CompactTo(Revision target);

  void Poke();
  Stats stats() const;

 private:
  class Pin;

  explicit SqliteStore(const Options& options);
  absl::Status Start();
  absl::Status Check(const std::vector<Write>& writes) const;

  // The rest runs on the writer's thread.
  void WriteLoop();
  std::vector<PendingCommit> TakeBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ExecuteBatch(std::vector<PendingCommit> batch);
  void NoteTime();
  // How far history may be forgotten now.
  Revision CompactionTarget() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // No further than the newest revision and what is pinned.
  Revision Allowed(Revision target) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CompactStep(Revision target);
  // On the thread of the checkpoints.
  void KeepLoop();

  Options options_;
  std::unique_ptr<DirectoryLock> lock_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<ReaderPool> readers_;
  std::unique_ptr<WatchHub> hub_;
  std::atomic<Revision> newest_{0};
  std::atomic<Revision> compacted_{0};
  std::atomic<int> wal_pages_{0};
  std::atomic<uint64_t> commits_{0}, refused_{0}, failures_{0}, transactions_{0}, checkpoints_{0};

  mutable Mutex mutex_;
  std::deque<PendingCommit> queue_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t pokes_ ABSL_GUARDED_BY(mutex_) = 0;
  // The newest revision at moments of the past, at most one a second.
  std::deque<std::pair<absl::Duration, Revision>> times_ ABSL_GUARDED_BY(mutex_);
  Revision asked_target_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status compact_error_ ABSL_GUARDED_BY(mutex_);
  std::multiset<Revision> pins_ ABSL_GUARDED_BY(mutex_);

  // Of the checkpoints.
  Mutex keep_mutex_;
  bool keep_stop_ ABSL_GUARDED_BY(keep_mutex_) = false;
  bool keep_dirty_ ABSL_GUARDED_BY(keep_mutex_) = false;

  std::thread write_thread_;
  std::thread keep_thread_;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_STORE_SQLITE_STORE_H_
