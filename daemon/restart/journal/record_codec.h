#ifndef REKINDLE_DAEMON_RESTART_JOURNAL_RECORD_CODEC_H_
#define REKINDLE_DAEMON_RESTART_JOURNAL_RECORD_CODEC_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "daemon/restart/operation.h"

namespace rekindle::restart {

// An operation as the bytes of rekindle.journal.v1.OperationRecord. Times and durations keep
// nanoseconds; what int64 nanoseconds cannot hold becomes infinite. Never fails.
// Threads: any.
std::string EncodeRecord(const OperationRecord& record);

// The reverse. Total: any bytes give a record or an error.
// Errors: kDataLoss naming the field: not such a message, an empty request_id or container_name, an
// enum number that does not exist, a port above 65535, a handler without an action, headers
// without values.
// Threads: any. Fuzzed by tests/fuzz/journal_record_fuzz.cc.
absl::StatusOr<OperationRecord> DecodeRecord(absl::string_view bytes);

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_JOURNAL_RECORD_CODEC_H_
