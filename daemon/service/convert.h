#ifndef REKINDLE_DAEMON_SERVICE_CONVERT_H_
#define REKINDLE_DAEMON_SERVICE_CONVERT_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "daemon/images/puller.h"
#include "daemon/restart/engine.h"
#include "daemon/restart/operation.h"
#include "rekindle/node/v1/node.pb.h"

namespace rekindle::service {

namespace v1 = ::rekindle::node::v1;

// Requests of the wire become the daemon's own values here, and only here. All functions are pure;
// threads: any. Fuzz target: tests/fuzz/request_fuzz.cc.
//
// Errors: kInvalidArgument, the message beginning with the field: "containers[1].grace: must not
// be negative".

// What is refused beyond the form of each field (node.proto):
//   a zero or unknown enum value            two containers of one name
//   ready_check without METHOD_HOT          pre_stop together with skip_pre_stop
//   a variable both set and unset, or twice  env that is not UTF-8 (the runtime takes none)
//   a sleep longer than the grace given     any duration above 24 h
absl::StatusOr<restart::RestartRequest> ToRestartRequest(const v1::RestartContainersRequest& wire);

struct ListQuery {
  restart::Engine::Filter filter;
  size_t limit = 0;
};
absl::StatusOr<ListQuery> ToListQuery(const v1::ListOperationsRequest& wire);
absl::StatusOr<restart::Engine::Filter> ToFilter(const v1::WatchOperationsRequest& wire);

// "<request_id>/<container name>" as both GetOperation and CancelOperation take it.
absl::StatusOr<std::string> ToOperationId(const std::string& wire);

// Check the filter fields of ListPods and WatchPods.
absl::Status CheckListPods(const v1::ListPodsRequest& wire);
absl::Status CheckWatchPods(const v1::WatchPodsRequest& wire);

struct PullQuery {
  std::string image;
  images::Credentials credentials;
};
absl::StatusOr<PullQuery> ToPullQuery(const v1::PullImageRequest& wire);

// An operation as callers see it. Texts that are not UTF-8 (they come from the runtime) are made
// so, since no receiver could parse them.
v1::Operation ToWire(const restart::OperationRecord& record);

v1::Phase ToWire(restart::Phase phase);
v1::Method ToWire(restart::Method method);

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_CONVERT_H_
