#include "controller/apiserver/surface/protobuf_reader.h"

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"

namespace rekindle::apiserver {

absl::Status BadProtobuf(absl::string_view path, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("protobuf: ", path.empty() ? "the object" : path, ": ", what));
}

absl::StatusOr<uint64_t> ProtobufReader::Varint() {
  uint64_t out = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (bytes_.empty()) return BadProtobuf(path_, "it ends within a number");
    const auto byte = static_cast<unsigned char>(bytes_[0]);
    bytes_.remove_prefix(1);
    if (shift < 64) out |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return out;
  }
  return BadProtobuf(path_, "a number is longer than ten bytes");
}

absl::StatusOr<Part> ProtobufReader::Next() {
  Part out;
  RK_ASSIGN_OR_RETURN(const uint64_t tag, Varint());
  if (tag >> 3 == 0 || tag >> 3 > 536'870'911) {
    return BadProtobuf(path_, "a field number out of range");
  }
  out.number = static_cast<uint32_t>(tag >> 3);
  out.type = static_cast<int>(tag & 7);
  switch (out.type) {
    case kVarint: {
      RK_ASSIGN_OR_RETURN(out.value, Varint());
      return out;
    }
    case kFixed64:
    case kFixed32: {
      const size_t size = out.type == kFixed64 ? 8 : 4;
      if (bytes_.size() < size) return BadProtobuf(path_, "it ends within a number");
      for (size_t i = 0; i < size; ++i) {
        out.value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes_[i])) << (8 * i);
      }
      bytes_.remove_prefix(size);
      return out;
    }
    case kBytes: {
      RK_ASSIGN_OR_RETURN(const uint64_t size, Varint());
      if (size > bytes_.size()) return BadProtobuf(path_, "it ends within a field");
      out.bytes = bytes_.substr(0, size);
      bytes_.remove_prefix(size);
      return out;
    }
    default:
      return BadProtobuf(path_, absl::StrCat("field ", out.number, " has wire type ", out.type));
  }
}

}  // namespace rekindle::apiserver
