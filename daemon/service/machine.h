#ifndef REKINDLE_DAEMON_SERVICE_MACHINE_H_
#define REKINDLE_DAEMON_SERVICE_MACHINE_H_

#include <string>

#include "absl/strings/string_view.h"

#include "rekindle/node/v1/node.pb.h"

namespace rekindle::service {

// What `GetNodeInfo` says of the machine. Nothing in it needs rights; what cannot be found out
// stays empty. Addresses are those that packets to elsewhere would leave with: no packet is sent.
// Threads: any. A few quick system calls and two small local files.
rekindle::node::v1::Machine ReadMachine();

// PRETTY_NAME of an os-release file, without its quotes; empty when there is none. Pure.
std::string OsNameOf(absl::string_view os_release);

// The name that container images use for what uname calls the processor ("x86_64" -> "amd64"); one
// that is not known stays as it is. Pure.
std::string ArchitectureOf(absl::string_view machine);

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_MACHINE_H_
