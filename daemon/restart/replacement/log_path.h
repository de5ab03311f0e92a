#ifndef REKINDLE_DAEMON_RESTART_REPLACEMENT_LOG_PATH_H_
#define REKINDLE_DAEMON_RESTART_REPLACEMENT_LOG_PATH_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace rekindle::restart {

// The log path of attempt `next` of a container whose attempt `current` logs to `path`; never
// `path` itself, since two instances would mix their lines in one file (pitfall 30):
//
//   path (current 4, next 5)   result
//   main/4.log                 main/5.log         a kubelet's naming (spec/node-runtime 2.9)
//   main.4.log                 main.5.log         what the last row became before
//   main.log                   main.5.log
//   main/2024.log              main/2024.5.log    a number of another kind
//   main                       main.5
//
// Precondition: `next` differs from `current`. Threads: any.
std::string NextLogPath(absl::string_view path, uint32_t current, uint32_t next);

// `path` below `directory` as the runtime joins them; empty, that is no log, when either is.
std::string AbsoluteLogPath(absl::string_view directory, absl::string_view path);

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_REPLACEMENT_LOG_PATH_H_
