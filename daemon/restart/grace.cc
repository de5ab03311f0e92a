#include "daemon/restart/grace.h"

#include <algorithm>

namespace rekindle::restart {

absl::Duration StopTimeout(absl::Duration grace, absl::Duration spent) {
  const absl::Duration charged =
      absl::Floor(std::clamp(spent, absl::ZeroDuration(), grace), absl::Seconds(1));
  return std::max(grace - charged, kMinStopTimeout);
}

}  // namespace rekindle::restart
