#ifndef REKINDLE_COMMON_API_CONTAINER_HASH_H_
#define REKINDLE_COMMON_API_CONTAINER_HASH_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::api {

// Hashes that must equal, byte for byte, what the kubelet and the node daemon compute
// (spec in-place-update 13; vectors there).

// 32-bit FNV-1a over the text "([]uint8)[1 2 3]" of the bytes.
uint32_t HashOfBytesText(absl::string_view bytes);

// Plain hash of kubelets from 1.31 on: only name and image count.
uint32_t PlainHash(absl::string_view name, absl::string_view image);

// Plain hash of older kubelets over the whole container. The typed form always carries `resources`.
// Best effort: a field that the kubelet defaults and the tree lacks gives another value.
uint32_t OldPlainHash(const Json& container);

// Hash of the (name, value) pairs read from the pod's labels and annotations. Sorts by name,
// stable. No entries give kNoEnvHash.
uint32_t EnvHash(std::vector<std::pair<std::string, std::string>> values);

inline constexpr uint32_t kNoEnvHash = 86995377;

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_CONTAINER_HASH_H_
