#include "controller/apiserver/store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "common/sqlite/database_files.h"
#include "controller/apiserver/store/store_file.h"

namespace rekindle::apiserver {
namespace {

bool Exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// Removes a file that did not become what it should.
class Unfinished {
 public:
  explicit Unfinished(std::string path) : path_(std::move(path)) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) ::unlink((path_ + suffix).c_str());
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

absl::Status MakePrivate(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return DiskError(absl::StrCat("make ", path));
  ::close(fd);
  return absl::OkStatus();
}

// The whole of `from`, as it is at this moment, into the empty file `to`.
absl::Status Copy(SqliteDb& from, const std::string& to) {
  RK_ASSIGN_OR_RETURN(SqliteDb copy, SqliteDb::Open(to, ""));
  errno = 0;
  sqlite3_backup* backup = sqlite3_backup_init(copy.get(), "main", from.get(), "main");
  if (backup == nullptr) {
    return SqliteError(copy.get(), sqlite3_extended_errcode(copy.get()), "copy the store");
  }
  // In one step: it holds one snapshot of the source, and with a WAL no writer waits for that.
  const int code = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) return SqliteError(copy.get(), code, "copy the store");
  // One file, without a WAL beside it.
  RK_RETURN_IF_ERROR(copy.QueryText("PRAGMA journal_mode=DELETE").status());
  RK_RETURN_IF_ERROR(CheckStoreFile(copy));
  RK_ASSIGN_OR_RETURN(const std::string verdict, copy.QueryText("PRAGMA quick_check(1)"));
  if (verdict != "ok") return absl::DataLossError(verdict);
  return absl::OkStatus();
}

absl::StatusOr<BackupSummary> Summarize(const std::string& path) {
  RK_ASSIGN_OR_RETURN(SqliteDb db, SqliteDb::Open(path, ""));
  RK_ASSIGN_OR_RETURN(SqliteStatement marks, SqliteStatement::Prepare(db.get(), kMarksSql));
  RK_ASSIGN_OR_RETURN(const Marks found, ReadMarks(marks));
  BackupSummary summary{.revision = found.newest};
  RK_ASSIGN_OR_RETURN(summary.objects, db.QueryInt("SELECT count(*) FROM objects"));
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) summary.bytes = info.st_size;
  return summary;
}

absl::StatusOr<Revision> NewestOf(const std::string& path) {
  RK_ASSIGN_OR_RETURN(SqliteDb db, ConnectStore(path, Access::kRead));
  RK_RETURN_IF_ERROR(CheckStoreFile(db));
  RK_ASSIGN_OR_RETURN(SqliteStatement marks, SqliteStatement::Prepare(db.get(), kMarksSql));
  RK_ASSIGN_OR_RETURN(const Marks found, ReadMarks(marks));
  return found.newest;
}

absl::Status Leap(const std::string& path, Revision at_least) {
  RK_ASSIGN_OR_RETURN(SqliteDb db, ConnectStore(path, Access::kWrite));
  RK_ASSIGN_OR_RETURN(SqliteStatement marks, SqliteStatement::Prepare(db.get(), kMarksSql));
  RK_ASSIGN_OR_RETURN(const Marks found, ReadMarks(marks));
  const Revision floor = std::max(found.newest, at_least) + kRestoreLeap;
  return db.Exec(
      absl::StrCat("BEGIN IMMEDIATE; "
                   "DELETE FROM states WHERE revision NOT IN (SELECT revision FROM objects); "
                   "DELETE FROM replaced; "
                   "UPDATE meta SET floor = ",
                   floor, ", compacted = ", floor, "; COMMIT")
          .c_str());
}

absl::Status Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return DiskError(absl::StrCat("rename ", from, " to ", to));
}

// One file without a WAL, so that it can be moved.
absl::Status Settle(const std::string& path) {
  RK_ASSIGN_OR_RETURN(SqliteDb db, ConnectStore(path, Access::kWrite));
  RK_RETURN_IF_ERROR(db.QueryText("PRAGMA journal_mode=DELETE").status());
  return absl::OkStatus();
}

// Keeps what is there under another name and puts `copy` in its place: there is a store at every
// moment.
absl::Status Exchange(const std::string& copy, const std::string& path) {
  const std::string kept = path + ".before-restore";
  if (Exists(path)) {
    // A damaged store can be replaced as well; then its WAL goes with it.
    (void)Settle(path);
    for (const char* suffix : {"", "-wal"}) ::unlink((kept + suffix).c_str());
    if (Exists(path + "-wal")) RK_RETURN_IF_ERROR(Rename(path + "-wal", kept + "-wal"));
    ::unlink((path + "-shm").c_str());
    if (::link(path.c_str(), kept.c_str()) != 0) return DiskError(absl::StrCat("make ", kept));
  }
  return Rename(copy, path);
}

}  // namespace

absl::StatusOr<BackupSummary> BackupStore(const std::string& directory, const std::string& file) {
  const std::string path = StorePath(directory);
  if (!Exists(path)) return absl::NotFoundError(absl::StrCat(directory, " holds no store"));
  if (Exists(file)) return absl::AlreadyExistsError(absl::StrCat(file, " exists already"));
  const Unfinished copy(file + ".unfinished");
  RK_RETURN_IF_ERROR(MakePrivate(copy.path()));
  {
    RK_ASSIGN_OR_RETURN(SqliteDb db, ConnectStore(path, Access::kRead));
    RK_RETURN_IF_ERROR(Annotate(CheckStoreFile(db), path));
    RK_RETURN_IF_ERROR(Annotate(Copy(db, copy.path()), path));
  }
  RK_ASSIGN_OR_RETURN(const BackupSummary summary, Summarize(copy.path()));
  RK_RETURN_IF_ERROR(SyncFile(copy.path()));
  if (::link(copy.path().c_str(), file.c_str()) != 0) {
    if (errno == EEXIST) return absl::AlreadyExistsError(absl::StrCat(file, " exists already"));
    return DiskError(absl::StrCat("make ", file));
  }
  RK_RETURN_IF_ERROR(SyncDirectory(FolderOf(file)));
  return summary;
}

absl::StatusOr<BackupSummary> RestoreStore(const std::string& file, const std::string& directory) {
  if (!Exists(file)) return absl::NotFoundError(absl::StrCat(file, " does not exist"));
  RK_ASSIGN_OR_RETURN(const std::unique_ptr<DirectoryLock> lock, LockStore(directory));
  const std::string path = StorePath(directory);
  const Unfinished copy(path + ".unfinished");
  RK_RETURN_IF_ERROR(MakePrivate(copy.path()));
  {
    RK_ASSIGN_OR_RETURN(SqliteDb db, SqliteDb::Open(file, ""));
    RK_RETURN_IF_ERROR(Annotate(CheckStoreFile(db), file));
    RK_RETURN_IF_ERROR(Annotate(Copy(db, copy.path()), file));
  }
  Revision there = 0;
  if (Exists(path)) {
    // What cannot be read any more gave out no revision beyond the leap.
    const absl::StatusOr<Revision> newest = NewestOf(path);
    if (newest.ok()) there = *newest;
  }
  RK_RETURN_IF_ERROR(Leap(copy.path(), there));
  RK_RETURN_IF_ERROR(SyncFile(copy.path()));
  RK_RETURN_IF_ERROR(Exchange(copy.path(), path));
  RK_RETURN_IF_ERROR(SyncDirectory(directory));
  return Summarize(path);
}

}  // namespace rekindle::apiserver
