#ifndef REKINDLE_CONTROLLER_PLAN_RECREATE_HOOK_H_
#define REKINDLE_CONTROLLER_PLAN_RECREATE_HOOK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/json/json_fwd.h"

namespace rekindle::plan {

// A lifecycle hook of a container's specification with its named port looked up (node-runtime 3.10,
// container-recreate 9.4).
struct ExecHook {
  std::vector<std::string> command;
  bool operator==(const ExecHook&) const = default;
};
struct HttpGetHook {
  std::string host;  // empty: the pod
  uint16_t port = 0;
  std::string path = "/";
  bool https = false;
  std::vector<std::pair<std::string, std::string>> headers;
  bool operator==(const HttpGetHook&) const = default;
};
struct TcpSocketHook {
  std::string host;  // as above
  uint16_t port = 0;
  bool operator==(const TcpSocketHook&) const = default;
};
struct SleepHook {
  absl::Duration duration;
  bool operator==(const SleepHook&) const = default;
};
using Hook = std::variant<ExecHook, HttpGetHook, TcpSocketHook, SleepHook>;

// The hook `which` ("preStop", "postStart") of a container of a pod's specification; none when it
// has none. `field` is the path of the container for messages ("spec.containers[0]").
// Errors: kInvalidArgument naming the field: no or several kinds of action, a port that is neither
// a number from 1 to 65535 nor the name of a port of this container, another type than the API's.
// Pure. Threads: any.
absl::StatusOr<std::optional<Hook>> ReadHook(const Json& container, absl::string_view which,
                                             absl::string_view field);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_RECREATE_HOOK_H_
