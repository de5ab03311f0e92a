#include "common/base/logging.h"

#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace rekindle {
namespace {

// Writes each message as one line with systemd's priority prefix.
class JournalSink final : public google::LogSink {
 public:
  void send(google::LogSeverity severity, const char* /*full_filename*/, const char* base_filename,
            int line, const google::LogMessageTime& /*time*/, const char* message,
            size_t message_len) override {
    int priority = 6;
    if (severity == google::GLOG_WARNING) priority = 4;
    if (severity == google::GLOG_ERROR) priority = 3;
    if (severity == google::GLOG_FATAL) priority = 2;
    std::string text(message, message_len);
    // A message of several lines stays one journal entry.
    for (char& c : text) {
      if (c == '\n' || c == '\r') c = ' ';
    }
    const std::string out =
        absl::StrCat("<", priority, ">", base_filename, ":", line, "] ", text, "\n");
    // Best effort: there is nowhere to report a failing standard error to.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, out.data(), out.size());
  }
};

}  // namespace

void InitLogging(const char* program, LogFormat format, int verbosity) {
  FLAGS_logtostderr = format == LogFormat::kText;
  FLAGS_v = verbosity;
  google::InitGoogleLogging(program);
  if (format == LogFormat::kJournal) {
    // The sink is the only output: no files, and nothing twice on standard error.
    static JournalSink sink;
    for (int severity = 0; severity < google::NUM_SEVERITIES; ++severity) {
      google::SetLogDestination(severity, "");
    }
    google::SetStderrLogging(google::NUM_SEVERITIES);
    google::AddLogSink(&sink);
  }
}

void SetLogVerbosity(int verbosity) { FLAGS_v = verbosity; }

LogFormat DefaultLogFormat(const char* journal_stream_env) {
  return journal_stream_env != nullptr && *journal_stream_env != '\0' ? LogFormat::kJournal
                                                                      : LogFormat::kText;
}

}  // namespace rekindle
