#ifndef REKINDLE_CLI_RECREATE_OBJECT_H_
#define REKINDLE_CLI_RECREATE_OBJECT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/restart_flags.h"

#include "common/json/json_fwd.h"

namespace rekindle::cli {

// The flags of `rekindle restart`, as given.
struct PodRestartOptions : RestartFlags {
  std::vector<std::string> pods;  // "pod/NAME"
  std::string selector;
  std::string ttl = "1h";
  bool respect_budget = false;
  std::string name;
  bool dry_run = false;
};

// Label of the requests that one command has made for several pods.
inline constexpr char kBatchLabel[] = "rekindle.io/batch";

// Names of the pods that are meant, without "pod/". Errors: kInvalidArgument (no such form, twice
// the same, both names and a selector, neither). Pure.
absl::StatusOr<std::vector<std::string>> PodNames(const PodRestartOptions& options);

// Checks what can be checked without a pod. Errors: kInvalidArgument naming the flag. Pure.
absl::Status CheckPodRestart(const PodRestartOptions& options);

// The request for one pod: a ContainerRecreateRequest v1beta1 under `name`, with the label `batch`
// unless it is empty. Errors: kInvalidArgument naming the flag or, for a pod of several containers
// and no choice, listing them; kNotFound for a container that the pod does not have. Pure.
absl::StatusOr<Json> MakeRecreateRequest(const PodRestartOptions& options, const Json& pod,
                                         const std::string& name, const std::string& batch);

// "web-restart-x7k2p": of the pod's name, cut to fit, and letters at random. Named here and not by
// the server, so that a creation whose answer got lost can be looked for, and is not done twice.
std::string NewRequestName(absl::string_view pod, const std::function<uint32_t()>& random);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_RECREATE_OBJECT_H_
