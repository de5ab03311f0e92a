#ifndef REKINDLE_CONTROLLER_APP_RUN_FLAGS_H_
#define REKINDLE_CONTROLLER_APP_RUN_FLAGS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include <CLI/CLI.hpp>

#include "controller/app/embedded_server.h"
#include "controller/app/run_options.h"

namespace rekindle {

// The flags of a program that runs, as they are written, and what they mean.
class RunFlags {
 public:
  // Adds them to `app`, which outlives this object.
  explicit RunFlags(CLI::App& app, EmbeddedOptions& embedded);

  // What was parsed. Errors: kInvalidArgument; the message names the flag and what is allowed.
  // Pure.
  absl::Status Read(RunOptions& run, EmbeddedOptions& embedded) const;

 private:
  void AddEmbedded(CLI::App& app, EmbeddedOptions& embedded);
  void AddCluster(CLI::App& app);
  void AddElection(CLI::App& app);
  void AddShared(CLI::App& app);
  absl::Status CheckMode() const;
  absl::Status ReadEmbedded(EmbeddedOptions& embedded) const;
  absl::Status ReadElection(RunOptions& run) const;
  absl::Status ReadRates(RunOptions& run) const;
  absl::Status ReadTls(RunOptions& run) const;
  absl::Status ReadNodes(RunOptions& run) const;
  absl::Status ReadMetrics(RunOptions& run) const;

  bool embedded_ = false;
  std::string listen_ = "127.0.0.1:6443";
  std::string keep_history_ = "5m";
  std::string keep_events_ = "1h";
  RunOptions run_;
  std::string controllers_ = "*";
  std::vector<std::string> feature_gates_;
  std::string lease_duration_ = "15s";
  std::string renew_deadline_ = "10s";
  std::string retry_period_ = "2s";
  std::string nodes_listen_;
  std::string metrics_listen_ = "127.0.0.1:10232";
  std::string webhook_listen_ = ":9443";
  std::string webhook_linger_ = "5s";
  const CLI::Option* qps_ = nullptr;
  const CLI::Option* burst_ = nullptr;
  std::vector<const CLI::Option*> of_embedded_;  // that say nothing without --embedded
  std::vector<const CLI::Option*> of_cluster_;   // that say nothing with it
};

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_APP_RUN_FLAGS_H_
