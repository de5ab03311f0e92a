#ifndef REKINDLE_CONTROLLER_ADMISSION_ENVELOPE_H_
#define REKINDLE_CONTROLLER_ADMISSION_ENVELOPE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include <nlohmann/json.hpp>

#include "common/json/json_fwd.h"
#include "controller/admission/review.h"

namespace rekindle::admission {

// What both kinds of review have around them.
struct Envelope {
  std::string api_version;
  std::string uid;  // of the request; echoed
  Json review;      // with its `request`, an object
};

// Errors: kInvalidArgument saying what is wrong with the text. `kind` must come in version v1 or
// v1beta1 of `group`. Threads: any.
absl::StatusOr<Envelope> OpenEnvelope(absl::string_view body, absl::string_view group,
                                      absl::string_view kind);

// HTTP 400 with that text.
ReviewAnswer Malformed(const absl::Status& why);

}  // namespace rekindle::admission

#endif  // REKINDLE_CONTROLLER_ADMISSION_ENVELOPE_H_
