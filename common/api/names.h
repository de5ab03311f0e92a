#ifndef REKINDLE_COMMON_API_NAMES_H_
#define REKINDLE_COMMON_API_NAMES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace rekindle::api {

// Name rules of spec kubernetes-api 2.2.
bool IsDns1123Label(absl::string_view name);
bool IsDns1123Subdomain(absl::string_view name);
bool IsQualifiedName(absl::string_view name);  // label keys, condition types, finalizers
bool IsLabelValue(absl::string_view value);    // may be empty

// "web-12" -> {"web", 12}. Without that shape, or when the number does not fit in 32 bits, the
// ordinal is -1 (spec statefulset 5.1).
std::pair<std::string, int32_t> SplitOrdinal(absl::string_view pod_name);

// The part after the last dash: the short hash of a revision name. A name without dash is itself.
absl::string_view AfterLastDash(absl::string_view name);

// True when both name the same revision, in long or short style (spec cloneset 11.8).
bool SameRevision(absl::string_view label, absl::string_view revision_name);

// `count` letters and digits that cannot form words, for generated names (spec 2.1). `random` gives
// uniform 32-bit numbers.
std::string RandomSuffix(size_t count, const std::function<uint32_t()>& random);

// The name for `generateName`: the base cut to 58 characters and 5 random ones.
std::string GeneratedName(absl::string_view base, const std::function<uint32_t()>& random);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_NAMES_H_
