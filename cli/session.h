#ifndef REKINDLE_CLI_SESSION_H_
#define REKINDLE_CLI_SESSION_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/connection.h"
#include "cli/io.h"
#include "cli/output.h"
#include "cli/render.h"
#include <google/protobuf/message.h>

#include "rekindle/node/v1/node.grpc.pb.h"

namespace rekindle::cli {

// A plain call has this long.
inline constexpr absl::Duration kCallLimit = absl::Seconds(30);

// What every command of `rekindle node` shares: options, connection, output.
struct Session {
  Io& io;
  Target target;
  Format format = Format::kTable;
  std::optional<absl::Duration> timeout;  // --timeout
  bool colors = false;                    // a terminal, and NO_COLOR is not set
  std::unique_ptr<v1::NodeService::Stub> stub;

  Style style() const {
    return {.now = io.now(), .colors = colors, .wide = format == Format::kWide, .width = io.width};
  }
  bool for_people() const { return format == Format::kTable || format == Format::kWide; }
  absl::Duration call_limit() const { return timeout.value_or(kCallLimit); }

  // Prints `message` as JSON or YAML; in the formats for people, what `table` makes of it.
  void Print(const google::protobuf::Message& message,
             const std::function<std::string()>& table) const;

  // Prints "error: ..." for a failed call and returns its exit code.
  int Fail(const absl::Status& status) const;

  // The pods of the node that match; empty parts match all.
  absl::StatusOr<v1::ListPodsResponse> ListPods(const v1::PodRef& filter,
                                                bool include_exited) const;
};

// Reads "namespace/name" or "name" (namespace default).
// Errors: kInvalidArgument naming POD. Pure.
absl::StatusOr<v1::PodRef> ParsePod(absl::string_view text);

// Adds to a kNotFound the pods or operations that may have been meant. Pure.
absl::Status WithNearest(const absl::Status& status, absl::string_view word,
                         const std::vector<std::string>& candidates);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_SESSION_H_
