#ifndef REKINDLE_TEST_BED_NODE_MOUNTS_H_
#define REKINDLE_TEST_BED_NODE_MOUNTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "tests/bed/process.h"

namespace rekindle::bed {

// A mount namespace in which the paths that a kubelet and containerd hard-code lead into the bed's
// directory, so that programs of a node find them where production has them and neither another
// bed nor the machine's own kubelet sees them:
//
//   /var/lib/kubelet     <dir>/node/kubelet        /run/containerd   <dir>/node/run
//   /var/log/pods        <dir>/node/pods           /var/lib/cni      <dir>/node/cni
//   /var/log/containers  <dir>/node/containers
//
// The sysctls that a kubelet sets are covered with files that hold what it wants: it finds them set
// and leaves the machine's alone. Mounts made in the namespace go with its last process.

// Where the runtime's socket is, as seen from the machine.
std::string NodeSocket(const std::string& dir);

// Makes the namespace, held by a process that does nothing else; its ID is in <dir>/node/holder.
// kDeadlineExceeded with the last words of what failed.
absl::StatusOr<ProcessId> MakeNodeMounts(const std::string& dir);

// A command line that runs `argv` in the namespace, as the same process; argv[0] must be absolute
// or on PATH.
std::vector<std::string> InNodeMounts(const ProcessId& holder,
                                      const std::vector<std::string>& argv);

// Processes of the bed's namespace; none if it has none or its holder has ended.
std::vector<pid_t> ProcessesInNodeMounts(const std::string& dir);

// Removes the directories that had to be made on this machine to mount on, if no bed is left and
// nothing is in them.
void RemoveMountPoints();

}  // namespace rekindle::bed

#endif  // REKINDLE_TEST_BED_NODE_MOUNTS_H_
