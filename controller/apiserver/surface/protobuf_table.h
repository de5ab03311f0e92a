#ifndef REKINDLE_CONTROLLER_APISERVER_SURFACE_PROTOBUF_TABLE_H_
#define REKINDLE_CONTROLLER_APISERVER_SURFACE_PROTOBUF_TABLE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/api/schema/schema.h"

namespace rekindle::apiserver {

// How the members of one message are numbered.
struct ProtobufMessage {
  struct Slot {
    const api::Field* field = nullptr;
    bool pointer = false;  // a zero is not the same as nothing
    // Instead of a field: a message whose members JSON shows as members of the outer one.
    std::unique_ptr<ProtobufMessage> inlined;
  };
  std::map<uint32_t, Slot> slots;
};

// The messages of the types that have numbers. Immutable; thread-safe.
class ProtobufTable {
 public:
  // `numbers`: the text of protobuf_numbers.cc. Errors: kInvalidArgument naming a type or member
  // that `schema` does not have, or what cannot be read.
  static absl::StatusOr<ProtobufTable> Make(const api::Schema& schema, absl::string_view numbers);
  // Null for a type without numbers.
  const ProtobufMessage* Find(const api::Type& type) const;

 private:
  std::map<const api::Type*, ProtobufMessage> messages_;
};

absl::string_view ProtobufNumbers();

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_SURFACE_PROTOBUF_TABLE_H_
