#ifndef REKINDLE_DAEMON_CRI_VERBOSE_INFO_H_
#define REKINDLE_DAEMON_CRI_VERBOSE_INFO_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include <nlohmann/json.hpp>

#include "cri/v1/api.pb.h"

namespace rekindle::cri {

// The useful part of a container's verbose status (spec/node-runtime 1.11).
struct ContainerInfo {
  ::runtime::v1::ContainerConfig config;  // as given at creation; env already decoded (rule 5)
  nlohmann::json runtime_spec;            // the OCI spec in force
  std::string sandbox_id;
  int64_t pid = 0;  // 0 unless it runs
  bool removing = false;
};

// The useful part of a sandbox's verbose status.
struct SandboxInfo {
  ::runtime::v1::PodSandboxConfig config;
  std::string netns_path;  // empty: the host's network
  int64_t pid = 0;         // of the pause process
};

// Reads info["info"] of a verbose ContainerStatus by the encoding rules of 1.11: omitted zeros,
// `{}` as "set", integers of 64 bits, env values that a vendor build encodes in base64.
// Errors: kInvalidArgument (not JSON, wrong types; names the place), kUnimplemented when `config`
// holds a field that we do not know: cloning would silently drop it (1.12 rule 2). Never throws.
// Fuzzed by tests/fuzz/verbose_info_fuzz.cc. Threads: any.
absl::StatusOr<ContainerInfo> ParseContainerInfo(std::string_view json);

// The same for info["info"] of a verbose PodSandboxStatus. Unknown fields of the sandbox's
// configuration are an error as well.
absl::StatusOr<SandboxInfo> ParseSandboxInfo(std::string_view json);

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_VERBOSE_INFO_H_
