#ifndef REKINDLE_TEST_DEMO_KUBE_DEMO_H_
#define REKINDLE_TEST_DEMO_KUBE_DEMO_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <nlohmann/json.hpp>

#include "tests/bed/bed.h"
#include "tests/demo/requests.h"
#include "tests/deploy/system.h"
#include "tests/kube/cluster.h"

namespace rekindle::demo {

struct KubeDemoOptions {
  deploy::DaemonSetOptions install;
  int rounds = 3;       // restarts to compare with the runtime's own stop and start
  int load_rate = 500;  // requests a second during the hot restarts
};

// The story that `./demo --kubernetes` tells: a private Kubernetes, all of Rekindle on it as users
// install it, and containers of StatefulSets restarted by ContainerRecreateRequests, by each
// method, while a client watches. Printed as it happens.
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
    std::string sandbox;
    std::string note;      // content of the file in the volume, read through the container
    std::string instance;  // of the server
    std::string container;
    int restarts = 0;
  };
  // One line of the comparison.
  struct Row {
    std::string what;
    std::vector<double> gaps_ms;
    int64_t failed = 0;  // requests of the watching client
    int64_t good = 0;
    bool ip_kept = true;
    bool uid_kept = true;
    bool sandbox_kept = true;
    bool volume_kept = true;
    bool counted = true;  // the restart count went up by one each time

    bool kept() const { return ip_kept && uid_kept && sandbox_kept && volume_kept && counted; }
  };
  struct Change {
    Facts before;
    Facts after;
  };

  absl::Status SetUp();
  absl::Status StartWorkloads();
  absl::Status ShowRestart();
  absl::Status CompareWithFloor();
  absl::Status ShowHot();
  absl::Status ShowDelegate();
  // Every restart that was asked for happened once, and one container runs.
  absl::Status CheckCounts();
  absl::StatusOr<Facts> Look(const std::string& pod);
  // Restarts the container of a pod while a client watches; adds to `row` what it saw and what was
  // kept. `shown`: as a user does it, in full; else without a word, and its time counts.
  absl::StatusOr<Change> Restart(const Wish& wish, bool shown, Row* row);
  static void PrintChange(const Change& change);
  // Also for rows that an error has left unfinished.
  absl::Status Add(Row row, const absl::Status& status);
  const Row* Find(const std::string& what) const;
  void PrintRows() const;
  void PrintResult() const;

  const KubeDemoOptions options_;
  std::unique_ptr<kube::Cluster> cluster_;
  std::unique_ptr<bed::Bed> bare_;  // a runtime without a kubelet, for the floor
  bed::Pod bare_pod_;
  std::unique_ptr<deploy::System> system_;
  std::unique_ptr<Requests> requests_;
  std::map<std::string, int> asked_;  // restarts, by pod
  std::vector<Row> rows_;
  std::vector<double> floors_ms_;
  std::vector<double> requests_ms_;
  int64_t hot_failed_ = -1;
  bool counts_exact_ = false;
};

}  // namespace rekindle::demo

#endif  // REKINDLE_TEST_DEMO_KUBE_DEMO_H_
