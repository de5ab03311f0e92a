#ifndef REKINDLE_TEST_DEMO_KUBE_DEMO_H_
#define REKINDLE_TEST_DEMO_KUBE_DEMO_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <nlohmann/json.hpp>

#include "tests/deploy/daemon_set.h"
#include "tests/kube/cluster.h"
#include "tests/measure/probe.h"

namespace rekindle::demo {

struct KubeDemoOptions {
  deploy::DaemonSetOptions daemon_set;
  int rounds = 3;       // restarts of each method but delegate
  int load_rate = 500;  // requests a second during the hot restarts
};

// The story that `./demo --kubernetes` tells: a private Kubernetes, rekindled as its DaemonSet, and
// containers of StatefulSets restarted by each method while a client watches. Printed as it
// happens.
class KubeDemo {
 public:
  explicit KubeDemo(KubeDemoOptions options) : options_(std::move(options)) {}

  // OK when everything shown was as promised; else the first thing that was not. The last line
  // printed is the RESULT line in either case, with what is known.
  absl::Status Run();

 private:
  // What a restart in place promises to keep, and what it changes.
  struct Facts {
    std::string uid;
    std::string ip;
    std::string note;      // content of the file in the volume, read through the container
    std::string instance;  // of the server
    std::string container;
    int restarts = 0;
  };
  // One line of the comparison.
  struct Row {
    std::string what;
    std::vector<double> gaps_ms;
    bool ip_kept = true;
    bool uid_kept = true;
    bool volume_kept = true;
    bool counted = true;  // the restart count went up by one each time
  };

  absl::Status SetUp();
  absl::Status ShowReplace();
  absl::Status ShowHot();
  absl::Status ShowDelegate();
  absl::StatusOr<Facts> Look(const std::string& pod);
  // Restarts the container of `pod` while a client watches; adds to `row` what it saw and what was
  // kept.
  absl::Status Restart(const std::string& pod, const std::vector<std::string>& flags, Row* row);
  void PrintRows() const;
  void PrintResult() const;

  const KubeDemoOptions options_;
  std::unique_ptr<kube::Cluster> cluster_;
  std::unique_ptr<deploy::DaemonSet> daemon_;
  std::vector<Row> rows_;
  int64_t hot_failed_ = -1;
  int64_t hot_sent_ = 0;
};

}  // namespace rekindle::demo

#endif  // REKINDLE_TEST_DEMO_KUBE_DEMO_H_
