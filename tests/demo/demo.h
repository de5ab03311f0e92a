#ifndef REKINDLE_TEST_DEMO_DEMO_H_
#define REKINDLE_TEST_DEMO_DEMO_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "tests/bare_metal/controller.h"
#include "tests/demo/requests.h"
#include "tests/measure/daemon.h"
#include "tests/measure/probe.h"

namespace rekindle::demo {

struct DemoOptions {
  measure::Daemon::Programs programs;
  std::string controller;  // path of rekindle-controller
  std::string kubectl;     // empty: there is none, the REST API is called directly
  int rounds = 5;
  int load_rate = 500;  // requests a second during the hot restart
};

// The story that ./demo tells, on a bed of its own, printed as it happens.
class Demo {
 public:
  explicit Demo(DemoOptions options) : options_(std::move(options)) {}

  // OK when everything shown was as promised; else the first thing that was not. The last line
  // printed is the RESULT line in either case, with what is known.
  absl::Status Run();

 private:
  struct Facts {
    std::string ip;
    std::string sandbox;
    std::string note;      // content of the file in the volume, read through the container
    std::string instance;  // of the server
    std::string container;
    uint32_t attempt = 0;
  };

  absl::Status SetUp();
  absl::Status ShowPods();
  absl::Status ShowRestart();
  absl::Status CompareWithFloor();
  absl::Status ShowHot();
  absl::StatusOr<Facts> Look(const bed::Pod& pod);
  // Waits until the API shows the container of `pod` that the runtime has.
  absl::Status AwaitShown(const bed::Pod& pod);
  void PrintResult() const;

  const DemoOptions options_;
  std::unique_ptr<bed::Bed> bed_;
  std::unique_ptr<measure::Daemon> daemon_;
  std::unique_ptr<bare_metal::ControllerProcess> controller_;
  std::unique_ptr<Requests> requests_;
  bed::Pod web_;
  bed::Pod hot_;

  bool ip_kept_ = false;
  bool volumes_kept_ = false;
  std::vector<double> gaps_ms_;
  std::vector<double> floors_ms_;
  std::vector<double> requests_ms_;
  double hot_gap_ms_ = -1;
  int64_t hot_failed_ = -1;
  int64_t hot_sent_ = 0;
};

}  // namespace rekindle::demo

#endif  // REKINDLE_TEST_DEMO_DEMO_H_
