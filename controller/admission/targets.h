#ifndef REKINDLE_CONTROLLER_ADMISSION_TARGETS_H_
#define REKINDLE_CONTROLLER_ADMISSION_TARGETS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include <nlohmann/json.hpp>

#include "common/client/resource.h"
#include "common/json/json_fwd.h"
#include "controller/admission/webhooks.h"

namespace rekindle::admission {

// What of the cluster names our webhooks.
struct Registration {
  std::string name_space;  // of service and Secret
  std::string service = "rekindle-controller";
  std::string secret = "rekindle-webhook-tls";
  std::string configuration = "rekindle";  // of both kinds
};

// The names that API servers look for in the server's certificate: `<service>.<namespace>.svc` and
// those with more and less behind it.
std::vector<std::string> ServerNames(const Registration& registration);

// One object that has to say whom to trust.
struct Target {
  enum class Kind { kWebhooks, kDefinition };
  Kind kind = Kind::kWebhooks;
  client::ObjectRef ref;
  Phase phase = Phase::kMutate;  // of kWebhooks
};

// Both webhook configurations, and the CustomResourceDefinitions of our kinds whose versions
// differ.
std::vector<Target> Targets(const Registration& registration);

struct TargetPlan {
  // A JSON patch that sets `caBundle` where it differs, of webhooks and conversions that name our
  // service alone; with tests, so that it fails when somebody else has changed their order
  // meanwhile. An empty array: nothing to do.
  Json patch;
  // What makes it useless all the same, and is not ours to change: webhooks that are missing or
  // name another service, but for that of pods; a conversion that is not a webhook's.
  std::vector<std::string> problems;
};

// Pure. Threads: any.
TargetPlan PlanTarget(const Target& target, const Registration& registration,
                      const std::string& bundle, const Json& object);

}  // namespace rekindle::admission

#endif  // REKINDLE_CONTROLLER_ADMISSION_TARGETS_H_
