#ifndef REKINDLE_CONTROLLER_ADMISSION_WEBHOOKS_H_
#define REKINDLE_CONTROLLER_ADMISSION_WEBHOOKS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace rekindle::admission {

enum class Phase {
  kMutate,    // sets defaults, fills in, and refuses what can be refused at once
  kValidate,  // looks at the object as it will be stored; never changes it
};

// One admission webhook (spec container-recreate 5 and 13.1, cloneset 2, statefulset 4). The
// manifests in deploy/kubernetes register these and no others; a test compares.
struct Webhook {
  absl::string_view name;  // in the configuration: "mcloneset.kb.io"
  absl::string_view path;
  Phase phase = Phase::kMutate;
  absl::string_view plural;  // of apps.kruise.io, unless `pods`
  bool deletes = false;      // DELETE is looked at as well
  // Of the platform's own pods, and their CREATE alone. Nothing is ever refused there, and a
  // configuration may leave it out.
  bool pods = false;
};

// All of them, by kind. A table; threads: any.
absl::Span<const Webhook> Webhooks();

// By the path of a URL; null when it is none of ours.
const Webhook* FindWebhook(absl::string_view path);

// Where the API server has custom resources converted.
inline constexpr absl::string_view kConvertPath = "/convert";

}  // namespace rekindle::admission

#endif  // REKINDLE_CONTROLLER_ADMISSION_WEBHOOKS_H_
