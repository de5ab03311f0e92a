#include "controller/plan/recreate/static_pod.h"

#include "absl/strings/string_view.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/json/tree.h"

namespace rekindle::plan {
namespace {

constexpr absl::string_view kMirrorAnnotation = "kubernetes.io/config.mirror";

absl::string_view StaticUid(const Json& pod) {
  return json::String(pod, {"metadata", "annotations", kMirrorAnnotation});
}

}  // namespace

bool IsStaticPod(const Json& pod) { return !StaticUid(pod).empty(); }

std::string RuntimeUid(const Json& pod) {
  absl::string_view uid = StaticUid(pod);
  if (uid.empty()) uid = json::String(pod, {"metadata", "annotations", api::kAnnotationRuntimeUid});
  if (uid.empty()) uid = json::String(pod, {"metadata", "uid"});
  return std::string(uid);
}

}  // namespace rekindle::plan
