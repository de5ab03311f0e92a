#ifndef REKINDLE_COMMON_JSON_TREE_H_
#define REKINDLE_COMMON_JSON_TREE_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::json {

// Reading of JSON trees without exceptions. All functions are thread-compatible: concurrent reads
// of one tree are fine.

// Parses `text`. Errors: kInvalidArgument with the byte offset for anything but one JSON value.
absl::StatusOr<Json> Parse(absl::string_view text);

// Compact text, keys in byte order, invalid UTF-8 replaced by U+FFFD.
std::string Dump(const Json& tree);

// Like Dump with `<`, `>`, `&`, U+2028 and U+2029 escaped, which is how the Go encoder writes JSON;
// hashes over stored objects depend on it (spec in-place-update 13.1, cloneset 31).
std::string DumpLikeGo(const Json& tree);

// The value under a chain of object keys, or nullptr when a step is missing or not an object.
// A JSON null counts as missing.
const Json* Find(const Json& tree, std::initializer_list<absl::string_view> path);
const Json* Find(const Json& tree, absl::string_view key);
// The value under a key; null when Find has none. For reading on without a look at each step.
const Json& At(const Json& tree, absl::string_view key);

// Text, integer and boolean under a chain of keys. Another type counts as missing.
absl::string_view String(const Json& tree, std::initializer_list<absl::string_view> path);
absl::string_view String(const Json& tree, absl::string_view key);
std::optional<int64_t> Int(const Json& tree, std::initializer_list<absl::string_view> path);
std::optional<int64_t> Int(const Json& tree, absl::string_view key);
bool Bool(const Json& tree, std::initializer_list<absl::string_view> path);

// True for null, {}, [] and "".
bool IsEmpty(const Json& tree);

}  // namespace rekindle::json

#endif  // REKINDLE_COMMON_JSON_TREE_H_
