#ifndef REKINDLE_CONTROLLER_APISERVER_SURFACE_AGE_H_
#define REKINDLE_CONTROLLER_APISERVER_SURFACE_AGE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rekindle::apiserver {

// A length of time as tables show it: "119s", "2m5s", "3h", "2d" (spec kubernetes-api 18.3).
std::string AgeText(absl::Duration elapsed);

// The age of an API time (RFC 3339, with or without a fraction): "<unknown>" when there is none,
// "<invalid>" when it is no time.
std::string AgeOf(absl::string_view time, absl::Time now);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_SURFACE_AGE_H_
