#ifndef REKINDLE_DAEMON_RESTART_JOURNAL_JOURNAL_SCHEMA_H_
#define REKINDLE_DAEMON_RESTART_JOURNAL_JOURNAL_SCHEMA_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "common/sqlite/sqlite_db.h"

namespace rekindle::restart {

// "RKJL": tells a journal from any other SQLite database.
inline constexpr int64_t kJournalApplicationId = 0x524b4a4c;

// The SQL that brings a journal from version i to i + 1, for each i. The last element leads to the
// version that this program writes. Elements are never changed once released, only added
// (docs/formats/journal.md).
const std::vector<std::string>& JournalSchemaSteps();

// The version that this program writes and the newest that it reads.
int64_t JournalVersion();

// Brings the database to version steps.size() in one transaction: wholly, or not at all.
// Errors: kFailedPrecondition naming both versions when the file is newer (it is only read then);
// kDataLoss when it is no journal; else see SqliteError.
absl::Status MigrateJournal(SqliteDb& db, const std::vector<std::string>& steps);

// CRC-32 (IEEE) over key, a zero byte and record: what the checksum column holds.
int64_t JournalChecksum(absl::string_view id, absl::string_view record);

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_JOURNAL_JOURNAL_SCHEMA_H_
