#include "daemon/restart/journal/journal_schema.h"

#include "absl/strings/str_cat.h"
#include <boost/crc.hpp>

#include "common/base/status_macros.h"

namespace rekindle::restart {

const std::vector<std::string>& JournalSchemaSteps() {
  static const auto* steps = new std::vector<std::string>{
      // 0 -> 1
      R"(CREATE TABLE operations (
           seq INTEGER PRIMARY KEY,
           id TEXT NOT NULL UNIQUE,
           record BLOB NOT NULL,
           checksum INTEGER NOT NULL) STRICT;
         CREATE TABLE quarantine (
           seq INTEGER PRIMARY KEY,
           id BLOB,
           record BLOB,
           checksum BLOB,
           reason TEXT NOT NULL,
           found_ns INTEGER NOT NULL);)",
      // 1 -> 2: the method delegate, and what operations beside a kubelet have (journal.proto). The
      // tables stay; an older daemon would misread the records.
      "UPDATE operations SET seq = seq WHERE 0;",
  };
  return *steps;
}

int64_t JournalVersion() { return static_cast<int64_t>(JournalSchemaSteps().size()); }

absl::Status MigrateJournal(SqliteDb& db, const std::vector<std::string>& steps) {
  const int64_t newest = static_cast<int64_t>(steps.size());
  RK_ASSIGN_OR_RETURN(const int64_t application, db.QueryInt("PRAGMA application_id"));
  RK_ASSIGN_OR_RETURN(const int64_t version, db.QueryInt("PRAGMA user_version"));
  RK_ASSIGN_OR_RETURN(const int64_t objects, db.QueryInt("SELECT count(*) FROM sqlite_master"));
  const bool fresh = application == 0 && version == 0 && objects == 0;
  if (!fresh && application != kJournalApplicationId) {
    return absl::DataLossError("a database, but not a journal (application_id)");
  }
  if (version > newest) {
    return absl::FailedPreconditionError(
        absl::StrCat("journal version ", version, " is newer than ", newest,
                     ", the newest that this program reads; it was left as it is"));
  }
  if (version < 0 || (version == 0 && !fresh)) {
    return absl::DataLossError(absl::StrCat("journal version ", version, " does not exist"));
  }
  if (version == newest) return absl::OkStatus();

  RK_RETURN_IF_ERROR(db.Exec("PRAGMA synchronous=FULL"));
  RK_RETURN_IF_ERROR(db.Exec("BEGIN IMMEDIATE"));
  absl::Status status;
  for (int64_t step = version; step < newest && status.ok(); ++step) {
    status = Annotate(db.Exec(steps[static_cast<size_t>(step)].c_str()),
                      absl::StrCat("migration from version ", step));
  }
  if (status.ok()) {
    status = db.Exec(absl::StrCat("PRAGMA application_id=", kJournalApplicationId,
                                  "; PRAGMA user_version=", newest, "; COMMIT")
                         .c_str());
  }
  if (!status.ok() && sqlite3_get_autocommit(db.get()) == 0) (void)db.Exec("ROLLBACK");
  return status;
}

int64_t JournalChecksum(absl::string_view id, absl::string_view record) {
  boost::crc_32_type crc;
  crc.process_bytes(id.data(), id.size());
  crc.process_byte(0);
  crc.process_bytes(record.data(), record.size());
  return static_cast<int64_t>(crc.checksum());
}

}  // namespace rekindle::restart
