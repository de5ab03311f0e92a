#ifndef REKINDLE_CLI_RENDER_H_
#define REKINDLE_CLI_RENDER_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/output.h"

#include "rekindle/node/v1/node.pb.h"

namespace rekindle::cli {

namespace v1 = ::rekindle::node::v1;

// How to draw for people.
struct Style {
  absl::Time now;  // for ages and elapsed times
  bool colors = false;
  bool wide = false;  // more columns
  size_t width = 80;  // of the terminal; live lines are cut to it
};

// What one line says of the restart of a container, whoever told it: a daemon's operation or the
// state of a request on the API. All printable.
struct ProgressLine {
  std::string name;
  std::string phase;
  Color color = Color::kNone;
  std::string time;  // elapsed, or since the beginning
  std::string gap;   // empty: not known (yet)
  std::string message;
};

// The lines of the live view, without line breaks, none wider than the terminal.
std::vector<std::string> RenderLive(const std::vector<ProgressLine>& lines, const Style& style);
// "web app: stopping (1.2 s) message", with a line break.
std::string RenderChange(const ProgressLine& line, const Style& style);
// "web app: restarted in 1.1 s, gap 137 ms (HOW)", with a line break; `how` may be empty.
std::string RenderRestarted(const ProgressLine& line, const std::string& how, const Style& style);
// "web app: failed after 1.1 s: message", with a line break.
std::string RenderNotRestarted(const ProgressLine& line, const Style& style);

// "delegate instead of replace: REASON"; empty when the method in use is the one asked for. "auto"
// asks for replace, an unknown method for nothing.
std::string OtherMethod(const std::string& asked, const std::string& used,
                        const std::string& reason);

// The first characters of an ID, as container tools print it.
std::string ShortId(const std::string& id);

// What people see, as pure functions of the messages. Text of the daemon is made printable.
// Golden files in tests/testdata/cli show each of them. Threads: any.

// "stopping"; "unknown" for a phase that this program does not know.
std::string PhaseName(v1::Phase phase);
std::string MethodName(v1::Method method);
std::string ContainerStateName(v1::ContainerState state);

bool HasEnded(const v1::Operation& operation);

// "default/web".
std::string PodName(const v1::PodRef& pod);

std::string RenderPods(const v1::ListPodsResponse& pods, const Style& style);
std::string RenderOperations(const v1::ListOperationsResponse& operations, const Style& style);
std::string RenderOperation(const v1::Operation& operation, const Style& style);
std::string RenderNodeInfo(const v1::NodeInfo& info, const Style& style);

// One line per change, for logs and pipes: times count from the operation's beginning.
std::string RenderChange(const v1::Operation& operation, const Style& style);

// How an ended operation went, in one or two lines.
std::string RenderOutcome(const v1::Operation& operation, const Style& style);

// The lines of the live view.
std::vector<std::string> RenderLive(const std::vector<v1::Operation>& operations,
                                    const Style& style);
std::string RenderPullProgress(const std::string& image, const v1::PullProgress& progress,
                               const Style& style);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_RENDER_H_
