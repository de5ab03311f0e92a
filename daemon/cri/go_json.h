#ifndef REKINDLE_DAEMON_CRI_GO_JSON_H_
#define REKINDLE_DAEMON_CRI_GO_JSON_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

namespace rekindle::cri {

// Documents beyond these bounds are refused. The size is that of the largest reply containerd
// sends; the depth is several times what a configuration or an OCI spec needs, and small enough
// that code which walks a document may recurse.
inline constexpr std::size_t kMaxJsonBytes = 16u << 20;
inline constexpr int kMaxJsonDepth = 64;

// Parses `text` as one JSON object within the bounds above.
// Errors: kInvalidArgument. Never throws. Threads: any.
absl::StatusOr<nlohmann::json> ParseJsonObject(absl::string_view text);

// The member `key` of an object; nullptr when `value` is no object, has no such member, or it is
// null.
const nlohmann::json* Member(const nlohmann::json& value, const char* key);

// An integer given as a JSON number or as a string of decimal digits, in the range of int64.
// Errors: kInvalidArgument naming `path`.
absl::StatusOr<std::int64_t> ToInt64(const nlohmann::json& value, absl::string_view path);

// Fills the empty `message` from `value` as Go's encoding/json writes a protobuf struct
// (spec/node-runtime 1.11): members carry the names of the .proto file, zero values are left out,
// an empty object is a message that is set, enumerations are numbers. Works by reflection, so a
// field added to the .proto needs no code here. Bytes are taken as the characters of the JSON
// string. Errors: kInvalidArgument for a wrong type or a number out of range; kUnimplemented for a
// member that the message does not have. Both name the place, `path` being that of `value`.
// Threads: any.
absl::Status FromGoJson(const nlohmann::json& value, const std::string& path,
                        google::protobuf::Message& message);

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_GO_JSON_H_
