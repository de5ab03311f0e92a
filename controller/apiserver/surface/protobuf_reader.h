#ifndef REKINDLE_CONTROLLER_APISERVER_SURFACE_PROTOBUF_READER_H_
#define REKINDLE_CONTROLLER_APISERVER_SURFACE_PROTOBUF_READER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rekindle::apiserver {

// The wire format of protobuf without its descriptors: the API's messages are read by our own
// tables. kInvalidArgument "protobuf: <path>: <what>".
absl::Status BadProtobuf(absl::string_view path, absl::string_view what);

enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kGroup = 3, kEndGroup = 4, kFixed32 = 5 };

// One field on the wire.
struct Part {
  uint32_t number = 0;
  int type = 0;
  uint64_t value = 0;       // kVarint, kFixed64, kFixed32
  absl::string_view bytes;  // kBytes
};

// The fields of one message. `path` names it in errors, and outlives the reader as `bytes` does.
// Errors: BadProtobuf. Threads: owned by one.
class ProtobufReader {
 public:
  ProtobufReader(absl::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  bool Done() const { return bytes_.empty(); }
  absl::StatusOr<uint64_t> Varint();
  // Groups are refused.
  absl::StatusOr<Part> Next();

 private:
  absl::string_view bytes_;
  const std::string& path_;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_SURFACE_PROTOBUF_READER_H_
