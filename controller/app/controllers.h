#ifndef REKINDLE_CONTROLLER_APP_CONTROLLERS_H_
#define REKINDLE_CONTROLLER_APP_CONTROLLERS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "controller/app/node_access.h"
#include "controller/app/run_options.h"
#include "controller/runtime/context.h"
#include "controller/runtime/controller.h"
#include "controller/runtime/manager.h"

namespace rekindle {

using NewClient = std::function<std::unique_ptr<client::ApiClient>(const std::string& component)>;

// What controllers of this program are made with. Threads: the loop's.
struct ControllerParts {
  const ControllerContext& context;
  const RunOptions& run;
  NodeAccess& nodes;  // outlives the controllers
  // Makes a client without a write gate and with a rate of its own, for what is not only the
  // leader's. It does not outlive the program's access.
  const NewClient& new_client;
};

struct ControllerEntry {
  enum class Where { kAnywhere, kCluster, kEmbedded };

  absl::string_view name;
  absl::string_view what;  // for --help
  Where where;
  absl::StatusOr<std::unique_ptr<Controller>> (*make)(const ControllerParts&);
};

// Every controller that this program has, in the order of their start. One line adds one.
absl::Span<const ControllerEntry> ControllerTable();

// Names of those that this mode has.
std::vector<std::string> AvailableControllers(bool embedded);

// "recreate (what it does), ..." of all, for --help.
std::string DescribeControllers();

// Makes those of `names`. Errors: those of the controllers, behind their names.
absl::StatusOr<Manager::Controllers> MakeControllers(const std::vector<std::string>& names,
                                                     const ControllerParts& parts);

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_APP_CONTROLLERS_H_
