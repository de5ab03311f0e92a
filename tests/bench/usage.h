#ifndef REKINDLE_TESTS_BENCH_USAGE_H_
#define REKINDLE_TESTS_BENCH_USAGE_H_

#include <sys/types.h>

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rekindle::bench {

// What a process uses, as the kernel counts it. Errors: kUnavailable when it is gone. Threads: any.

// Resident memory: "VmRSS", or "RssAnon" for what is no file's.
absl::StatusOr<size_t> ResidentBytes(pid_t pid, absl::string_view kind);
// Processor time of all its threads since it was started.
absl::StatusOr<absl::Duration> ProcessorTime(pid_t pid);

}  // namespace rekindle::bench

#endif  // REKINDLE_TESTS_BENCH_USAGE_H_
