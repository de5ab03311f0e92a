#ifndef REKINDLE_DAEMON_KUBELET_VERIFICATION_H_
#define REKINDLE_DAEMON_KUBELET_VERIFICATION_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "cri/v1/api.pb.h"

namespace rekindle::kubelet {

// What has to be done so that one container of a name runs and the kubelet is in nobody's way.
struct Repair {
  std::string current;              // ID of the running one that stays; empty: none runs
  std::vector<std::string> stop;    // run beside it, older: invisible to the kubelet
  std::vector<std::string> remove;  // of ours: never started, or dead and in the kubelet's way
  std::string note;                 // what was found, for people; empty: nothing is wrong

  bool ok() const { return stop.empty() && remove.empty(); }
};

// Judges what the runtime lists of a pod (spec/node-runtime 2.17 "Verification"); `containers`
// newest first, without placeholders; only those of `name` count. No operation may be under way on
// them: a hot restart has two for a while.
//
//   found                                                    what is done
//   one runs, nothing else of ours                           nothing
//   more than one runs                                       the newest stays, the others stop
//   created by us and never started                          removed: the kubelet would replace it
//   none runs; the newest is dead; the attempt that the      removed: the kubelet could never
//     kubelet will use next is taken by a dead one of ours     create it (2.17 item 3)
//   none runs, else                                          nothing: the kubelet starts it
//
// Pure. Threads: any.
Repair Judge(const std::vector<::runtime::v1::Container>& containers, absl::string_view name);

}  // namespace rekindle::kubelet

#endif  // REKINDLE_DAEMON_KUBELET_VERIFICATION_H_
