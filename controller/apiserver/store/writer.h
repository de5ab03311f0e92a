#ifndef REKINDLE_CONTROLLER_APISERVER_STORE_WRITER_H_
#define REKINDLE_CONTROLLER_APISERVER_STORE_WRITER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "controller/apiserver/store/store.h"
#include "controller/apiserver/store/store_file.h"

namespace rekindle::apiserver {

// A commit on its way, with its outcome.
struct PendingCommit {
  std::vector<Write> writes;
  Store::Done done;
  absl::StatusOr<std::vector<Revision>> result = absl::UnknownError("not tried");
};

// The connection that writes: many commits in one transaction with one sync of the disk, and the
// compaction of history. Threads: one at a time.
class Writer {
 public:
  // Gives the text of a recent state without the disk, or null.
  using RecentText = std::function<std::shared_ptr<const std::string>(Revision)>;

  // Errors: as ConnectStore.
  static absl::StatusOr<std::unique_ptr<Writer>> Open(const std::string& path, RecentText recent);

  // Carries out the commits in order, each wholly or not at all, and makes them durable. Sets their
  // results; gives back the changes that became true. When the disk fails none of them did.
  std::vector<std::shared_ptr<const Change>> Execute(absl::Span<PendingCommit> commits);

  // Forgets a bounded part of what no snapshot from `target` on needs. True when more is left to
  // do. Errors: as SqliteError; nothing has changed then.
  absl::StatusOr<bool> Compact(Revision target);

  // Moves the WAL into the database and empties it. Waits for readers, for a bounded time.
  absl::Status Checkpoint();

  Revision newest() const { return marks_.newest; }
  Revision compacted() const { return marks_.compacted; }
  // Pages in the WAL after the last commit.
  int wal_pages() const { return wal_pages_; }

 private:
  explicit Writer(RecentText recent) : recent_(std::move(recent)) {}

  using Changes = std::vector<std::shared_ptr<const Change>>;
  absl::Status ExecuteOne(PendingCommit& commit, Changes& changes);
  // The errors of the file: the transaction cannot go on.
  absl::Status Apply(const Write& write, Changes& changes, absl::Status& refusal);
  absl::StatusOr<Revision> Present(const Key& key);
  absl::StatusOr<std::shared_ptr<const std::string>> TextOf(Revision revision,
                                                            const Changes& changes);
  absl::Status Store(const Change& change, Revision previous);
  absl::Status CompactThrough(Revision target);
  absl::Status RunKey(SqliteStatement& statement, const Key& key, Revision third = 0,
                      Revision fourth = 0);

  const RecentText recent_;
  SqliteDb db_;
  SqliteStatement begin_, commit_, rollback_, savepoint_, release_, rollback_to_, marks_sql_;
  SqliteStatement present_, text_, insert_, put_, remove_, replace_;
  SqliteStatement old_, drop_state_, drop_replaced_, set_marks_;
  Marks marks_;
  Revision next_ = 0;  // of the write that comes next, within a transaction
  int wal_pages_ = 0;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_STORE_WRITER_H_
