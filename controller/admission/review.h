#ifndef REKINDLE_CONTROLLER_ADMISSION_REVIEW_H_
#define REKINDLE_CONTROLLER_ADMISSION_REVIEW_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/api/kinds/admission.h"
#include "controller/admission/webhooks.h"

namespace rekindle::admission {

enum class Outcome {
  kAllowed,
  kPatched,  // allowed, with a patch
  kDenied,   // a rule refused it (4xx)
  kFailed,   // it could not be decided (5xx): another object cannot be read
  kConverted,
  kUnconverted,  // a ConversionReview answered by Failure
  kMalformed,    // no review at all: HTTP 400
};
absl::string_view OutcomeName(Outcome outcome);  // "allowed", "patched", ...

// What an API server is answered, as HTTP has it.
struct ReviewAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  Outcome outcome = Outcome::kMalformed;
  std::string why;                    // of a refusal, for logs
  std::vector<std::string> warnings;  // of a conversion, which has no other way to tell
};

// What the rules need beside the review.
struct ReviewContext {
  api::AdmissionGates gates;
  const api::ObjectReader* reader = nullptr;  // null only where no rule looks at other objects
  absl::Time now;
};

// Answers an AdmissionReview (admission.k8s.io/v1 and v1beta1; spec kubernetes-api 14.2) that came
// to the path of `webhook`:
//
// - The version of the object is request.resource.version: v1beta1, and v1alpha1 for anything else;
//   requestKind and requestResource are not looked at (spec container-recreate 5).
// - A denial has code, reason, message and causes of the rule (api::MakeDefaults, api::Validate,
//   api::AdmitDelete). A patch is a JSON patch from request.object to what the rules made of it; of
//   metadata it changes labels and annotations alone, and status never.
// - Subresources, operations that the webhook is not for, and resources of other groups are let
//   through: a configuration that names this path by mistake must not hold up other objects.
//   Another resource of our own group is refused (400), since its own rules would be left out.
// - A pod is let through whatever it is. One that is being created may get readiness gate
//   KruisePodReady (api::WantsReadyGate), and nothing else of it is changed.
// - An update that takes nothing but finalizers from an object that is being deleted is let
//   through, whatever the rules say of the rest, so that everything can be deleted, gates off
//   included (spec container-recreate 20.2.5).
// - What is no review is answered by HTTP 400 and a text.
//
// Pure but for the reader. Threads: any. No exceptions; nesting is bounded (json::ParseLimits).
ReviewAnswer AnswerAdmission(const Webhook& webhook, absl::string_view body,
                             const ReviewContext& context);

// Answers a ConversionReview (apiextensions.k8s.io/v1 and v1beta1; spec kubernetes-api 13.5) for
// every kind of our group: all objects in their order, or a Failure that names the object and the
// reason. Objects of the wanted version already are given back as they are. Pure. Threads: any.
ReviewAnswer AnswerConversion(absl::string_view body);

}  // namespace rekindle::admission

#endif  // REKINDLE_CONTROLLER_ADMISSION_REVIEW_H_
