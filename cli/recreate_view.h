#ifndef REKINDLE_CLI_RECREATE_VIEW_H_
#define REKINDLE_CLI_RECREATE_VIEW_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/json/json_fwd.h"

namespace rekindle::cli {

// One container of a request and how far it is.
struct ContainerView {
  std::string name;
  std::string phase;  // "Pending", "Recreating", "Succeeded", "Failed"; empty: no state yet
  std::string message;
  bool killed = false;
  std::string new_id;  // of the container that has started since; without the runtime's prefix
  int64_t restarts = 0;
};

// A ContainerRecreateRequest as people look at it.
struct RequestView {
  std::string name_space;
  std::string name;
  std::string uid;
  std::string pod;
  std::string node;
  std::string method = "auto";  // asked for
  std::vector<ContainerView> containers;
  std::string phase;  // "Pending", "Recreating", "Completed"; empty: nobody has looked at it yet
  std::string message;
  std::optional<absl::Time> created;
  std::optional<absl::Time> completed;
  bool draining = false;  // the pod is kept out of service before the first stop
  std::optional<absl::Duration> deadline;

  bool Ended() const { return phase == "Completed" || completed.has_value(); }
  // Whether every container was restarted.
  bool Succeeded() const;
};

// Reads a request of v1beta1; what is missing or has another type stays empty. Pure.
RequestView ReadRequest(const Json& request);

// "Succeeded", "Failed" or "3 of 4" of one that has ended, else its phase; "Requested" while nobody
// has looked at it. Pure.
std::string ResultOf(const RequestView& request);

// Why it waits or how it failed: its own message, else that of the first container with one. Pure.
std::string MessageOf(const RequestView& request);

// What the controller's events have told of one container.
struct RestartNote {
  std::string gap;     // "84 ms"; empty: not measured
  std::string method;  // "replace"; empty: not said
  std::string reason;  // of the method
  std::string remark;  // what else was worth saying; may be empty
};

// What events have told of one request so far.
struct RequestNotes {
  std::string waiting;  // what it has been waiting for
  std::map<std::string, RestartNote> restarted;
};

// Takes up an Event of the request: of reason Restarted ("container a: restarted in 212 ms, gap 84
// ms (replace: REASON); REMARK") and Waiting. Others, and texts of another form, change nothing.
// Pure.
void TakeEvent(const Json& event, RequestNotes& notes);

// When an Event happened last. Pure.
std::optional<absl::Time> EventTime(const Json& event);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_RECREATE_VIEW_H_
