#ifndef REKINDLE_TEST_DEPLOY_KUBE_PODS_H_
#define REKINDLE_TEST_DEPLOY_KUBE_PODS_H_

#include <string>

#include <nlohmann/json.hpp>

#include "tests/bed/pod_spec.h"

namespace rekindle::deploy {

// A Pod for Kubernetes with one container "main", the HTTP server of tests/images on port 8080
// (named http), ready when it answers. `container` is merged into it (RFC 7386).
inline nlohmann::json ServerPod(const std::string& name, const nlohmann::json& container) {
  using nlohmann::json;
  json main = {{"name", "main"},
               {"image", bed::kServerImage},
               {"imagePullPolicy", "Never"},
               {"args", {"serve", "--port", "8080"}},
               {"ports", json::array({{{"containerPort", 8080}, {"name", "http"}}})},
               {"readinessProbe",
                {{"httpGet", {{"port", 8080}, {"path", "/healthz"}}}, {"periodSeconds", 1}}}};
  if (container.is_object()) main.merge_patch(container);
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", {{"name", name}, {"namespace", "default"}, {"labels", {{"app", name}}}}},
          {"spec",
           {{"automountServiceAccountToken", false},
            {"terminationGracePeriodSeconds", 10},
            {"containers", json::array({main})}}}};
}

}  // namespace rekindle::deploy

#endif  // REKINDLE_TEST_DEPLOY_KUBE_PODS_H_
