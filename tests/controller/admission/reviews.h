#ifndef REKINDLE_TESTS_CONTROLLER_ADMISSION_REVIEWS_H_
#define REKINDLE_TESTS_CONTROLLER_ADMISSION_REVIEWS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/kinds/admission.h"
#include "common/api/kinds/registry.h"
#include "common/json/diff.h"
#include "common/json/json_fwd.h"
#include "common/json/tree.h"

namespace rekindle::admission {

inline Json J(const std::string& text) { return Json::parse(text); }

// Objects by "Kind/namespace/name".
class FakeReader final : public api::ObjectReader {
 public:
  std::map<std::string, Json> objects;
  absl::Status error;  // of every Get

  absl::StatusOr<Json> Get(absl::string_view, absl::string_view kind, absl::string_view name_space,
                           absl::string_view name) const override {
    if (!error.ok()) return error;
    const auto it = objects.find(absl::StrCat(kind, "/", name_space, "/", name));
    if (it == objects.end()) return absl::NotFoundError(absl::StrCat("no ", kind, " ", name));
    return it->second;
  }
};

// The pod of the scenarios.
inline Json CartPod() {
  return J(R"({"apiVersion":"v1","kind":"Pod",
    "metadata":{"name":"cart-0","namespace":"shop","uid":"pod-uid"},
    "spec":{"nodeName":"n1","terminationGracePeriodSeconds":45,
      "initContainers":[{"name":"init"},{"name":"sidecar","restartPolicy":"Always"}],
      "ephemeralContainers":[{"name":"debugger"}],
      "containers":[
        {"name":"cart","ports":[{"name":"web","containerPort":80}],
         "lifecycle":{"preStop":{"exec":{"command":["/bin/drain"]}}}},
        {"name":"web","ports":[{"name":"http","containerPort":8080}],
         "lifecycle":{"preStop":{"httpGet":{"port":"http"}}}},
        {"name":"fresh"}]},
    "status":{"phase":"Running","containerStatuses":[
      {"name":"cart","containerID":"containerd://aa","restartCount":2},
      {"name":"web","containerID":"containerd://bb","restartCount":0},
      {"name":"fresh","containerID":""}]}})");
}
inline Json NodeOne() {
  return J(R"({"apiVersion":"v1","kind":"Node","metadata":{"name":"n1","labels":{}}})");
}

inline Json RestartRequest(const std::string& spec = R"({"podName":"cart-0",
    "containers":[{"name":"cart"}]})",
                           const std::string& version = "v1beta1") {
  return {{"apiVersion", "apps.kruise.io/" + version},
          {"kind", "ContainerRecreateRequest"},
          {"metadata", {{"name", "r"}, {"namespace", "shop"}}},
          {"spec", J(spec)}};
}

inline Json CloneSet(const std::string& version = "v1beta1") {
  return {{"apiVersion", "apps.kruise.io/" + version},
          {"kind", "CloneSet"},
          {"metadata", {{"name", "web"}, {"namespace", "shop"}}},
          {"spec", J(R"({"selector":{"matchLabels":{"app":"web"}},
             "template":{"metadata":{"labels":{"app":"web"}},
               "spec":{"containers":[{"name":"web","image":"web:1"}]}}})")}};
}

// An AdmissionReview as kube-apiserver sends it. `object` and `old` may be null.
inline Json ReviewOf(const std::string& operation, const std::string& plural, const Json& object,
                     const Json& old = Json(), const std::string& review_version = "v1") {
  const Json& any = object.is_null() ? old : object;
  const std::string api_version(json::String(any, "apiVersion"));
  const size_t slash = api_version.find('/');
  const bool core = slash == std::string::npos;
  const Json resource = {{"group", core ? "" : api_version.substr(0, slash)},
                         {"version", core ? api_version : api_version.substr(slash + 1)},
                         {"resource", plural}};
  return {{"apiVersion", "admission.k8s.io/" + review_version},
          {"kind", "AdmissionReview"},
          {"request",
           {{"uid", "u-1"},
            {"kind",
             {{"group", resource["group"]},
              {"version", resource["version"]},
              {"kind", json::String(any, "kind")}}},
            {"resource", resource},
            {"requestResource", resource},
            {"name", json::String(any, {"metadata", "name"})},
            {"namespace", "shop"},
            {"operation", operation},
            {"userInfo", {{"username", "eve"}}},
            {"object", object},
            {"oldObject", old},
            {"dryRun", false},
            {"options", nullptr}}}};
}

inline Json ConversionOf(const std::string& wanted, const std::vector<Json>& objects,
                         const std::string& review_version = "v1") {
  return {{"apiVersion", "apiextensions.k8s.io/" + review_version},
          {"kind", "ConversionReview"},
          {"request", {{"uid", "c-1"}, {"desiredAPIVersion", wanted}, {"objects", objects}}},
          {"response", {{"uid", ""}, {"convertedObjects", nullptr}, {"result", Json::object()}}}};
}

// What an API server makes of a review's answer: the object with the patch applied.
inline Json Patched(const Json& object, const Json& response) {
  if (!response.contains("patch")) return object;
  EXPECT_EQ(response.value("patchType", ""), "JSONPatch");
  std::string text;
  EXPECT_TRUE(absl::Base64Unescape(response["patch"].get<std::string>(), &text));
  const absl::StatusOr<Json> done = json::ApplyJsonPatch(object, J(text));
  EXPECT_TRUE(done.ok()) << done.status() << " " << text;
  return done.value_or(Json());
}

}  // namespace rekindle::admission

#endif  // REKINDLE_TESTS_CONTROLLER_ADMISSION_REVIEWS_H_
