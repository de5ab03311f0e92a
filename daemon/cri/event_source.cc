#include "daemon/cri/event_source.h"

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace rekindle::cri {

absl::string_view EventSourceName(EventSource source) {
  switch (source) {
    case EventSource::kCri:
      return "cri";
    case EventSource::kContainerd:
      return "containerd";
    case EventSource::kRelist:
      break;
  }
  return "relist";
}

std::vector<EventSource> EventSourcesOf(absl::string_view runtime_name,
                                        absl::string_view runtime_version) {
  if (runtime_name != "containerd") return {EventSource::kCri, EventSource::kRelist};
  absl::ConsumePrefix(&runtime_version, "v");
  int major = 0;
  if (absl::SimpleAtoi(runtime_version.substr(0, runtime_version.find('.')), &major) &&
      major >= 2) {
    return {EventSource::kCri, EventSource::kContainerd, EventSource::kRelist};
  }
  return {EventSource::kContainerd, EventSource::kRelist};
}

}  // namespace rekindle::cri
