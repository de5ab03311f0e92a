#ifndef REKINDLE_CONTROLLER_APISERVER_SURFACE_PROTOBUF_H_
#define REKINDLE_CONTROLLER_APISERVER_SURFACE_PROTOBUF_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::apiserver {

// The JSON form of an object or of options in protobuf, envelope and magic included (spec
// kubernetes-api 1.4), as a client would have sent it as JSON: texts, numbers and booleans that are
// zero are left out where zero means absent. Unknown numbers are skipped. Errors: kInvalidArgument
// naming the member for anything malformed (bytes missing, a wrong wire type, text that is not
// UTF-8, embedded JSON that is none); kUnimplemented for kinds without numbers, which are taken as
// JSON only. Thread-safe.
absl::StatusOr<Json> DecodeProtobuf(absl::string_view bytes);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_SURFACE_PROTOBUF_H_
