#ifndef REKINDLE_CONTROLLER_READINESS_POD_STATUS_H_
#define REKINDLE_CONTROLLER_READINESS_POD_STATUS_H_

#include <functional>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

#include "common/client/api_client.h"
#include "common/client/pause.h"
#include "common/json/json_fwd.h"

namespace rekindle::readiness {

// Reads the pod and writes to its status what `change` makes of it (none: nothing is to be
// written), again from the read when somebody else was faster. `done` comes once, on the loop:
// kNotFound when there is no such pod, else the errors of ApiClient; kAborted when the race was
// lost several times. `client` outlives the call. Threads: the loop's.
void ChangePodStatus(client::ApiClient& client, const client::ObjectKey& pod,
                     const client::Random& random,
                     std::function<std::optional<Json>(const Json& pod)> change,
                     absl::AnyInvocable<void(absl::Status)> done);

}  // namespace rekindle::readiness

#endif  // REKINDLE_CONTROLLER_READINESS_POD_STATUS_H_
