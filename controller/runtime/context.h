#ifndef REKINDLE_CONTROLLER_RUNTIME_CONTEXT_H_
#define REKINDLE_CONTROLLER_RUNTIME_CONTEXT_H_

#include <functional>
#include <string>

#include "absl/strings/string_view.h"

#include "common/api/pod_record.h"
#include "common/base/loop.h"
#include "common/client/api_client.h"
#include "common/client/control_loop.h"
#include "common/client/events/recorder.h"
#include "common/client/informer.h"
#include "common/client/pause.h"

namespace rekindle {

// What every controller of a process is made with. All of it outlives the controllers.
// Threads: the loop's.
struct ControllerContext {
  Loop& loop;
  // Writes while this process leads, and not a moment longer.
  client::ApiClient& client;
  // All pods, shared: indexes are added before Start of the manager, by who is made with this.
  client::Informer<api::PodRecord>& pods;
  client::EventRecorder& events;
  client::Random random;
  std::string name_space;  // of this process itself
  // For ControlLoop::Options::observer of the controller of that name: log lines and metrics.
  std::function<std::function<void(const client::ControlLoop::Report&)>(absl::string_view name)>
      observe;
};

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_RUNTIME_CONTEXT_H_
