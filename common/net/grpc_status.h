#ifndef REKINDLE_COMMON_NET_GRPC_STATUS_H_
#define REKINDLE_COMMON_NET_GRPC_STATUS_H_

#include "absl/status/status.h"
#include <grpcpp/support/status.h>

namespace rekindle::net {

// The one place where a gRPC status becomes ours and back. The codes are the same numbers; one that
// gRPC does not define becomes kUnknown. Error details are not carried over.
// Threads: any.
absl::Status FromGrpc(const grpc::Status& status);
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace rekindle::net

#endif  // REKINDLE_COMMON_NET_GRPC_STATUS_H_
