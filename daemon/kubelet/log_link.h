#ifndef REKINDLE_DAEMON_KUBELET_LOG_LINK_H_
#define REKINDLE_DAEMON_KUBELET_LOG_LINK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rekindle::kubelet {

// The name of the link in /var/log/containers that log collectors follow (spec/node-runtime 2.9):
// "<pod>_<namespace>_<container>-<container id>.log", cut before ".log" so that it has at most 255
// bytes. Pure. Threads: any.
std::string LogLinkName(absl::string_view pod, absl::string_view ns, absl::string_view container,
                        absl::string_view container_id);

// Makes `directory`/`name` a link to `log_path`, replacing a link of that name (two instances of a
// very long name share one). A directory that is not there is no error: nobody collects there.
// Errors: kUnavailable naming the path. Blocking file-system calls. Threads: any.
absl::Status MakeLogLink(const std::string& directory, const std::string& name,
                         const std::string& log_path);

}  // namespace rekindle::kubelet

#endif  // REKINDLE_DAEMON_KUBELET_LOG_LINK_H_
