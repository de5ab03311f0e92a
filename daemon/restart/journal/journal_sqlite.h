#ifndef REKINDLE_DAEMON_RESTART_JOURNAL_JOURNAL_SQLITE_H_
#define REKINDLE_DAEMON_RESTART_JOURNAL_JOURNAL_SQLITE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "common/base/loop.h"
#include "common/base/sync.h"
#include "daemon/restart/journal.h"
#include "daemon/restart/journal/journal_file.h"

namespace rekindle::restart {

// The journal in SQLite (docs/formats/journal.md), on a writer thread of its own.
//
// Append costs one disk sync, shared by all calls that waited for the thread together and made once
// they have been answered: it takes its time while the caller prepares what must not be done before
// it. Update and Remove cost none. The WAL is emptied into the
// database while nothing is asked for, or when it has grown past a limit.
//
// Threads: constructed and used on the loop's thread; destroyed there too, or once the loop has
// stopped. Destruction writes out what was asked for and drops the replies that have not run.
class SqliteJournal final : public Journal {
 public:
  struct Options {
    std::string directory;  // made (0700) when missing; its parent must exist
    std::string vfs;        // SQLite file layer; empty: the default

    // Checkpoints, which keep calls waiting for some milliseconds: with any page (4 KiB) in the WAL
    // after `long_idle` without calls, with at least `busy_pages` after `short_idle`, with
    // `pressing_pages` in the first pause as long as that of a container that stops, and with
    // `max_pages` between two calls.
    int busy_pages = 256;
    int pressing_pages = 768;
    int max_pages = 4096;
    absl::Duration long_idle = absl::Seconds(30);
    absl::Duration short_idle = absl::Milliseconds(300);
    absl::Duration pressing_idle = absl::Milliseconds(20);
  };

  struct Opened {
    std::unique_ptr<SqliteJournal> journal;
    JournalContents contents;
  };

  struct Stats {
    uint64_t commits = 0;  // transactions
    uint64_t syncs = 0;    // of them, beside those of checkpoints
    uint64_t checkpoints = 0;
    uint64_t failures = 0;  // calls that were answered with an error
  };

  // Opens the journal, blocking (a few milliseconds), and starts the thread. `loop` must outlive
  // the journal. Errors: see JournalFile::Open.
  static absl::StatusOr<Opened> Open(Loop& loop, const Options& options);

  SqliteJournal(const SqliteJournal&) = delete;
  SqliteJournal& operator=(const SqliteJournal&) = delete;
  ~SqliteJournal() override;

  void Append(std::vector<OperationRecord> records, Done done) override;
  void Update(const OperationRecord& record, Done done) override;
  void Remove(std::vector<std::string> ids, Done done) override;

  // Threads: any.
  Stats stats() const;

 private:
  enum class Kind { kAppend, kUpdate, kRemove };
  struct Request {
    Kind kind;
    std::vector<EncodedRecord> records;
    std::vector<std::string> ids;
    Done done;
    absl::Status result;
  };

  SqliteJournal(Loop& loop, const Options& options, std::unique_ptr<JournalFile> file);

  void Enqueue(Request request);
  // The rest runs on the writer's thread.
  void Write();
  std::deque<Request> Take(bool* stop);
  absl::Duration IdleBeforeCheckpoint() const;
  void Execute(absl::Span<Request> requests);
  void Sync();
  absl::Status Transact(absl::Span<Request> requests);
  absl::Status Apply(Request& request);
  void Checkpoint();
  void Reply(absl::Span<Request> requests);

  Loop& loop_;
  const Options options_;
  const std::unique_ptr<JournalFile> file_;
  // Cleared by the destructor: replies that are still on their way are dropped then.
  const std::shared_ptr<std::atomic<bool>> alive_ = std::make_shared<std::atomic<bool>>(true);
  std::atomic<uint64_t> commits_{0};
  std::atomic<uint64_t> syncs_{0};
  std::atomic<uint64_t> checkpoints_{0};
  std::atomic<uint64_t> failures_{0};
  Mutex mutex_;
  std::deque<Request> queue_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_JOURNAL_JOURNAL_SQLITE_H_
