#ifndef REKINDLE_COMMON_BASE_LOGGING_H_
#define REKINDLE_COMMON_BASE_LOGGING_H_

// The only header that brings glog in. Include it in .cc files only, and never together with gRPC
// headers of a release that brings another LOG macro.
#include <string>

#include <glog/logging.h>

namespace rekindle {

// How log lines look on standard error.
enum class LogFormat {
  kText,     // I1124 16:00:00.123456 4711 engine.cc:42] text; for a terminal
  kJournal,  // <6>engine.cc:42] text; the journal adds time, pid and priority itself
};

// Sends all log output to standard error (never to files) from `min_verbosity` on.
// Call once, in main. Threads: before any other thread logs.
void InitLogging(const char* program, LogFormat format, int verbosity);

// Shows LOG lines with VLOG up to `verbosity` from now on. Threads: any.
void SetLogVerbosity(int verbosity);

// The format that fits where standard error goes: kJournal under systemd (JOURNAL_STREAM is set).
LogFormat DefaultLogFormat(const char* journal_stream_env);

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_LOGGING_H_
