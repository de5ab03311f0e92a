#ifndef REKINDLE_DAEMON_RESTART_JOURNAL_JOURNAL_FILE_H_
#define REKINDLE_DAEMON_RESTART_JOURNAL_JOURNAL_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/sqlite/database_files.h"
#include "common/sqlite/sqlite_db.h"
#include "daemon/restart/journal.h"

namespace rekindle::restart {

// A record as it is stored.
struct EncodedRecord {
  std::string id;
  std::string bytes;  // EncodeRecord
};

// The journal's files in the state directory (docs/formats/journal.md):
//
//   <directory>/                      0700, made when missing
//     journal.lock                    held (flock) while a daemon uses the directory
//     journal.db                      0600; SQLite, WAL
//     journal.db-wal                  0600; kept between runs
//     journal.db.corrupt-<UTC time>   a damaged journal.db that was set aside (and its -wal)
//
// Everything blocks; SqliteJournal runs it on its own thread.
// Threads: one at a time.
class JournalFile {
 public:
  struct Opened;

  // Opens or makes the journal, holding the directory's lock until destruction. Damage is never an
  // error: records that cannot be read are moved to the table `quarantine`, a file that is damaged
  // as a whole is set aside after its readable records were saved; both are named in `contents`.
  // `vfs`: SQLite file layer, empty for the default; `now` dates what is set aside.
  // Errors: kFailedPrecondition (another daemon holds the lock; the journal is of a newer version,
  // which leaves every byte of it as it is), kResourceExhausted (no room to make it),
  // kUnavailable (cannot be read or written, read-only directory).
  // Fuzzed by tests/fuzz/journal_file_fuzz.cc.
  static absl::StatusOr<Opened> Open(const std::string& directory, const std::string& vfs,
                                     absl::Time now);

  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;
  ~JournalFile();

  // Transactions. A durable one costs exactly one disk sync at Commit, the other kind none. After
  // an error of any of these the transaction is to be rolled back. kDataLoss never comes out.
  absl::Status Begin(bool durable);
  absl::Status Commit();
  void Rollback();

  // All or none of them. kAlreadyExists leaves the transaction usable.
  absl::Status Insert(const std::vector<EncodedRecord>& records);
  // kNotFound leaves the transaction usable.
  absl::Status Replace(const EncodedRecord& record);
  absl::Status Delete(const std::vector<std::string>& ids);

  // Makes all commits so far durable against loss of power: one disk sync. Errors: as ForCaller
  // gives them; needs_checkpoint() is true then.
  absl::Status Sync();

  // Moves the WAL's content into the database and starts the WAL over, with the header written and
  // synced so that the next durable commit needs one sync only. No transaction may be open.
  absl::Status Checkpoint();

  // Pages written to the WAL since it was started over.
  int wal_pages() const { return wal_pages_; }

  // A sync failed: what the WAL holds on disk is unknown (the kernel may have dropped the pages).
  // Only a Checkpoint that succeeds makes the file usable for durable commits again.
  bool needs_checkpoint() const { return needs_checkpoint_; }

 private:
  JournalFile(std::string directory, std::string vfs) : directory_(directory), vfs_(vfs) {}

  std::string path() const { return directory_ + "/journal.db"; }
  absl::Status CreateEmpty();
  absl::Status Attach(absl::Time now, JournalContents& contents);
  absl::Status Load(absl::Time now, JournalContents& contents);
  absl::Status SetAside(absl::Time now, absl::string_view reason, JournalContents& contents);
  std::vector<EncodedRecord> Salvage();
  absl::Status Restore(const std::vector<EncodedRecord>& records);
  absl::Status Synchronous(bool full);
  // Null when there is none.
  sqlite3_file* WalFile();
  // Gives the WAL its blocks beforehand, as zeros behind its last frame, which are no frame: a sync
  // of what is written into them later waits for these pages alone, not for the file system's own
  // journal and for what other programs have in it. For speed only: errors are let go.
  void ReserveWal();

  const std::string directory_;
  const std::string vfs_;
  std::unique_ptr<DirectoryLock> lock_;
  bool torn_ = false;
  SqliteDb db_;
  SqliteStatement begin_, commit_, insert_, replace_, delete_, savepoint_, release_, rollback_to_;
  bool full_ = false;
  bool needs_checkpoint_ = false;
  int wal_pages_ = 0;
};

struct JournalFile::Opened {
  std::unique_ptr<JournalFile> file;
  JournalContents contents;
};

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_JOURNAL_JOURNAL_FILE_H_
