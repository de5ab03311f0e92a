#ifndef REKINDLE_TEST_BED_HOST_H_
#define REKINDLE_TEST_BED_HOST_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rekindle::bed {

// Everything of one bed that lies outside its directory carries its ID in the name.
std::string BridgeName(const std::string& id);   // at most 15 characters, as the kernel asks
std::string CgroupName(const std::string& id);   // a top-level cgroup in every hierarchy
std::string NetworkName(const std::string& id);  // in the CNI configuration

// One line "id -> directory" per bed of this machine, dead or alive, as symbolic links.
inline constexpr char kRegistryDir[] = "/run/rekindle-beds";

// A lock on a file that goes with the process that took it. Move-only. Threads: owned by one.
class FileLock {
 public:
  // Creates the file if needed. Waits for the lock if `wait`; otherwise kUnavailable when somebody
  // else has it.
  static absl::StatusOr<FileLock> Take(const std::string& path, bool wait);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

struct Network {
  std::string gateway;  // "10.200.4.1", on the bridge
  std::string subnet;   // "10.200.4.0/22": a thousand pods
  // The upper quarter, which the pods of a node do not get: "10.200.7.0/24", "10.200.7.1".
  std::string service_subnet;
  std::string first_service;
  std::string last_pod;   // "10.200.6.255"
  std::string node_pods;  // "10.200.4.0/23": what a node is said to have, half of the subnet
};

// From the gateway all else follows; empty for a text that is no address.
Network NetworkOf(const std::string& gateway);

// Makes the bridge with an address in a subnet that nothing on this machine uses. The bridge is
// ours, so that the CNI plugin neither enables IP forwarding nor writes firewall rules.
absl::StatusOr<Network> CreateBridge(const std::string& id);

// True if the process may lower an oom_score_adj (CAP_SYS_RESOURCE in its effective set).
bool HasSysResource();
// True if overlayfs can keep its upper directories below `dir` (which it cannot on an overlay).
bool OverlayPossible(const std::string& dir);

// Removes all that a bed has left: containerd, shims, containers, mounts, network namespaces,
// bridge, cgroups, CNI results, shim sockets, and its directory. Tolerates any part missing and
// may be called again. kFailedPrecondition names what would not go.
absl::Status RemoveResidue(const std::string& dir, const std::string& id);

// RemoveResidue for every registered bed whose owner is dead; all beds, dead or alive, with
// `even_alive`. Returns how many went.
absl::StatusOr<int> Sweep(bool even_alive = false);

}  // namespace rekindle::bed

#endif  // REKINDLE_TEST_BED_HOST_H_
