#ifndef REKINDLE_DAEMON_CRI_EVENT_SOURCE_H_
#define REKINDLE_DAEMON_CRI_EVENT_SOURCE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rekindle::cri {

// Where news of exits come from.
enum class EventSource {
  kCri,         // GetContainerEvents
  kContainerd,  // containerd's own event stream
  kRelist,      // looking again and again
};

// "cri", "containerd", "relist".
absl::string_view EventSourceName(EventSource source);

// The sources worth trying with a runtime, best first; the last one, kRelist, always works
// (spec/node-runtime 1.17).
//
//   runtime              sources
//   containerd below 2   containerd, relist. Never the CRI's: 1.6 has none, and 1.7 has one queue
//                        for all, so that we would steal a kubelet's events
//   containerd from 2    cri, containerd, relist
//   containerd, version
//   not understood       containerd, relist
//   any other            cri, relist
//
// Only the number in front of the first dot of the version counts ("1.6.20~ds1", "v2.0.0").
// Threads: any.
std::vector<EventSource> EventSourcesOf(absl::string_view runtime_name,
                                        absl::string_view runtime_version);

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_EVENT_SOURCE_H_
