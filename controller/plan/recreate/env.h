#ifndef REKINDLE_CONTROLLER_PLAN_RECREATE_ENV_H_
#define REKINDLE_CONTROLLER_PLAN_RECREATE_ENV_H_

#include <string>
#include <utility>
#include <vector>

#include "common/json/json_fwd.h"

namespace rekindle::plan {

// How the environment of a container would differ from the one it was made with if the kubelet
// made it now.
struct EnvPlan {
  // Variables whose value may have changed and is known, each once, in the order of the
  // specification. A replacement that is made from the old configuration sets them.
  std::vector<std::pair<std::string, std::string>> changed;
  // What may have changed and is not known here, for messages: "GREETING (ConfigMap web-settings)",
  // "all of Secret web-keys", "args: $(TRACK)". Such a container is made anew rightly by the
  // kubelet alone. In the order of the specification.
  std::vector<std::string> unknown;
};

// Evaluates `env` and `envFrom` of `container`, which is one of `pod`'s (a v1 Pod), by the rules of
// node-runtime 3.16. What can change while a pod lives: its labels and annotations, ConfigMaps and
// Secrets, and, once a container has been resized in place, its resources. Names, addresses and
// the service account cannot; so variables made of them alone are left as they are.
//
// A value that is not known makes those unknown that are made from it: another variable that refers
// to it and also to a changed one cannot be computed. Command, arguments and subPathExpr refer to
// variables too and are fixed in the old configuration, so a reference to a variable that may have
// changed is in `unknown`.
// Pure. Threads: any.
EnvPlan PlanEnv(const Json& pod, const Json& container);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_RECREATE_ENV_H_
