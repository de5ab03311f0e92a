#ifndef REKINDLE_TEST_MEASURE_SWAP_H_
#define REKINDLE_TEST_MEASURE_SWAP_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "tests/bed/bed.h"
#include "tests/measure/probe.h"

namespace rekindle::measure {

// Watches the pod's server from outside while `act` replaces its container; of `pod` only the IP is
// looked at. Waits for service before and after. kFailedPrecondition if it is not there before,
// kDeadlineExceeded if it does not come back within `back` of the end of `act`.
absl::StatusOr<ProbeResult> Watch(const bed::Pod& pod, int port,
                                  const std::function<absl::Status()>& act,
                                  absl::Duration back = absl::Seconds(30));

// The floor: what the runtime itself needs to replace a container. The replacement has been
// created before; then StopContainer and StartContainer by plain CRI calls, one right after the
// other. The old container is removed when the watch is over. Returns what the users saw.
absl::StatusOr<ProbeResult> SwapByHand(bed::Bed* bed, bed::Pod* pod, const std::string& container,
                                       int port);

}  // namespace rekindle::measure

#endif  // REKINDLE_TEST_MEASURE_SWAP_H_
