#ifndef REKINDLE_DAEMON_HOOKS_ANNOTATION_H_
#define REKINDLE_DAEMON_HOOKS_ANNOTATION_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "daemon/hooks/handler.h"

namespace rekindle::hooks {

// What a kubelet notes on a container it creates (spec/node-runtime 2.12, container-recreate 2.3).
inline constexpr char kPreStopHandlerAnnotation[] = "io.kubernetes.container.preStopHandler";
inline constexpr char kPortsAnnotation[] = "io.kubernetes.container.ports";

// The pre-stop hook out of the values of the two annotations (JSON; empty: not there).
//
//   handler                                      result
//   "" or null                                   none
//   one of exec, httpGet, tcpSocket, sleep       that one; a member that is null counts as missing
//   none of them, or several                     error
//
//   port of httpGet and tcpSocket                result
//   integer, or a string of digits, 1..65535     that port
//   "" (httpGet only)                            80
//   another string                               containerPort of that name in `ports`, else error
//
// Unknown members are ignored, as the API does. Total: never throws.
// Errors: kInvalidArgument naming annotation and field.
// Threads: any. Fuzzed by tests/fuzz/hook_annotation_fuzz.cc.
absl::StatusOr<std::optional<Handler>> ParsePreStopHandler(absl::string_view handler,
                                                           absl::string_view ports);

// The same for a map of annotations: std::map or google::protobuf::Map of strings.
template <typename Annotations>
absl::StatusOr<std::optional<Handler>> ParsePreStopAnnotation(const Annotations& annotations) {
  const auto value = [&annotations](const char* key) -> absl::string_view {
    const auto it = annotations.find(key);
    return it == annotations.end() ? absl::string_view() : absl::string_view(it->second);
  };
  return ParsePreStopHandler(value(kPreStopHandlerAnnotation), value(kPortsAnnotation));
}

}  // namespace rekindle::hooks

#endif  // REKINDLE_DAEMON_HOOKS_ANNOTATION_H_
