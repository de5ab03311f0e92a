#ifndef REKINDLE_COMMON_API_KINDS_REGISTRY_H_
#define REKINDLE_COMMON_API_KINDS_REGISTRY_H_

#include "absl/strings/string_view.h"

#include "common/api/schema/schema.h"

namespace rekindle::api {

// All kinds that the system knows: those of the platform and our own. Read once, at first use;
// immutable and thread-safe.
const Schema& Kinds();

// Types that decisions ask for again and again.
const Type& PodType();
const Type& PodTemplateType();
const Type& ObjectMetaType();
const Type& ClaimType();

inline constexpr absl::string_view kKruiseGroup = "apps.kruise.io";

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_KINDS_REGISTRY_H_
