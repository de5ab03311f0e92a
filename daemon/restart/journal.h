#ifndef REKINDLE_DAEMON_RESTART_JOURNAL_H_
#define REKINDLE_DAEMON_RESTART_JOURNAL_H_

#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "daemon/restart/operation.h"

namespace rekindle::restart {

// Where operations are kept so that a killed daemon goes on from where it was
// (DESIGN.md section 3). Replies arrive on the loop given to the implementation, never inline, in
// the order of the calls.
// Threads: the loop's thread.
class Journal {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;

  virtual ~Journal() = default;

  // Stores new operations, all or none. They survive a kill of the process when it replies, and a
  // loss of power before any later call replies with success: what must not be done before that
  // waits for the Update that announces it. Calls that come close together share one disk sync.
  // Errors: kResourceExhausted (disk full), kUnavailable (any other write error, read-only
  // directory), kAlreadyExists (an ID is stored already). Nothing is stored then.
  virtual void Append(std::vector<OperationRecord> records, Done done) = 0;

  // Replaces a stored operation's record. It survives a kill of the process; a loss of power may
  // lose it (the containers are gone then, too, and recovery reads what the runtime says).
  // Errors: as Append; kNotFound.
  virtual void Update(const OperationRecord& record, Done done) = 0;

  // Deletes operations by ID; unknown ones are ignored.
  virtual void Remove(std::vector<std::string> ids, Done done) = 0;
};

// What a journal held when it was opened.
struct JournalContents {
  std::vector<OperationRecord> records;  // oldest first
  std::vector<std::string> quarantined;  // one line per damaged record: its key and what is wrong
};

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_JOURNAL_H_
