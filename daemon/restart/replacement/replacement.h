#ifndef REKINDLE_DAEMON_RESTART_REPLACEMENT_REPLACEMENT_H_
#define REKINDLE_DAEMON_RESTART_REPLACEMENT_REPLACEMENT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "cri/v1/api.pb.h"

namespace rekindle::restart {

struct ReplacementInput {
  const ::runtime::v1::ContainerStatusResponse* container = nullptr;  // verbose; the current one
  const ::runtime::v1::PodSandboxStatusResponse* sandbox = nullptr;   // verbose; its sandbox
  uint32_t attempt = 0;  // of the replacement: newest attempt of that name + 1
  std::vector<std::pair<std::string, std::string>> env;  // sets or replaces
  std::vector<std::string> unset_env;
  // Annotations to be set on it, beside those of the old container.
  std::vector<std::pair<std::string, std::string>> annotations;
};

// Everything that is needed to create the replacement of a container.
struct Replacement {
  ::runtime::v1::CreateContainerRequest request;
  std::string log_path;  // absolute; empty when logging is off
  std::vector<std::string>
      mount_sources;             // host paths of mounts and devices, must exist beforehand
  std::string termination_file;  // host file to be made fresh; empty: none
  std::string image;             // what must be present
};

// Builds the configuration of the replacement by the rules of spec/node-runtime 1.12: the old
// configuration in full with attempt, restart-count annotation and log path raised together,
// resources from the spec in force, a fresh termination-message file, overrides of env applied.
// Pure. Errors: kFailedPrecondition when something cannot be recovered (the message says what):
// unknown fields, env that is not UTF-8, missing verbose info, a sandbox of another pod, a process
// namespace of another container, unsetting a variable of the image; kInvalidArgument when env or
// unset_env is malformed. Threads: any.
absl::StatusOr<Replacement> BuildReplacement(const ReplacementInput& input);

// Checks that every source of a mount or device exists (for a mount the runtime would make an empty
// directory in its place, 1.12 rule 7), if it is below one of the directories `visible` (none: all
// are), and makes the termination-message file (empty, mode 0666).
// Errors: kFailedPrecondition naming the path. Blocking file-system calls, a few microseconds on
// local disks: call it where a slow network mount may block without harm.
absl::Status PrepareFiles(const Replacement& replacement,
                          const std::vector<std::string>& visible = {});

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_REPLACEMENT_REPLACEMENT_H_
