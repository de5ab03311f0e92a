#ifndef REKINDLE_DAEMON_RESTART_REPLACEMENT_ENV_OVERRIDES_H_
#define REKINDLE_DAEMON_RESTART_REPLACEMENT_ENV_OVERRIDES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include <nlohmann/json.hpp>

#include "cri/v1/api.pb.h"

namespace rekindle::restart {

// Sets the variables of `set` in config.envs and takes out those of `unset`. A variable that is
// there keeps its place (programs may read the order), a new one goes to the end, in the order of
// `set`; a variable given twice in the configuration is there once afterwards.
//
// Variables of the image are not part of the configuration, so they can be overridden but not
// unset: kFailedPrecondition when the process has a variable to be unset (`runtime_spec`) which the
// configuration does not. Unsetting what the container does not have is fine.
// Other errors: kInvalidArgument for a name that is empty or holds '=' or NUL, a value with NUL, a
// name that is set twice, or set and unset. On error `config` is unchanged. Threads: any.
absl::Status ApplyEnvOverrides(const std::vector<std::pair<std::string, std::string>>& set,
                               const std::vector<std::string>& unset,
                               const nlohmann::json& runtime_spec,
                               ::runtime::v1::ContainerConfig& config);

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_REPLACEMENT_ENV_OVERRIDES_H_
