// ContainerRecreateRequest: admission (spec container-recreate 5).
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/api/kinds/kruise_rules.h"
#include "common/api/status.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

using json::At;

absl::Status Refuse(absl::string_view message) { return ToStatus(BadRequest(message)); }

absl::Status Denied(const AdmissionRequest& request, absl::string_view message) {
  ApiError error;
  error.code = 403;
  error.reason = "Forbidden";
  error.message = std::string(message);
  error.group = request.kind->group;
  error.kind = request.kind->plural;
  error.name = std::string(json::String(*request.object, {"metadata", "name"}));
  return ToStatus(error);
}

// Absent, null and empty mean the same in a spec.
bool SameMeaning(const Json& a, const Json& b) {
  if (a.is_object() && b.is_object()) {
    const auto covered = [](const Json& x, const Json& y) {
      for (const auto& [key, value] : x.items()) {
        const auto it = y.find(key);
        if (it == y.end() ? !json::IsEmpty(value) : !SameMeaning(value, *it)) return false;
      }
      return true;
    };
    return covered(a, b) && covered(b, a);
  }
  if (a.is_array() && b.is_array() && a.size() == b.size()) {
    for (size_t i = 0; i < a.size(); ++i) {
      if (!SameMeaning(a[i], b[i])) return false;
    }
    return true;
  }
  return a == b || (json::IsEmpty(a) && json::IsEmpty(b));
}

absl::Status AdmitUpdate(const AdmissionRequest& request) {
  const Json& now = *request.object;
  const Json& old = *request.old;
  if (!SameMeaning(At(now, "spec"), At(old, "spec"))) {
    return Denied(request, "spec of ContainerRecreateRequest is immutable");
  }
  const auto value = [](const Json& object, const char* map, absl::string_view key) {
    return json::String(object, {"metadata", map, key});
  };
  for (const absl::string_view label : {kLabelRecreatePodUid, kLabelRecreateNode}) {
    if (value(now, "labels", label) != value(old, "labels", label)) {
      return Denied(request, absl::StrCat("not allowed to update immutable label ", label));
    }
  }
  const absl::string_view drain = value(old, "annotations", kAnnotationRecreateUnready);
  if (request.kind->version == "v1alpha1" && !drain.empty() &&
      drain != value(now, "annotations", kAnnotationRecreateUnready)) {
    return Denied(request, absl::StrCat("not allowed to update immutable annotation ",
                                        kAnnotationRecreateUnready));
  }
  return absl::OkStatus();
}

absl::Status CheckNumbers(const Json& spec) {
  const auto number = [](const Json& tree, const char* name) { return json::Int(tree, name); };
  if (const auto value = number(spec, "activeDeadlineSeconds"); value.has_value() && *value < 3) {
    return Refuse("activeDeadlineSeconds can not be less than 3s");
  }
  const Json& strategy = At(spec, "strategy");
  for (const char* name :
       {"terminationGracePeriodSeconds", "unreadyGracePeriodSeconds", "minStartedSeconds"}) {
    if (number(strategy, name).value_or(0) < 0) {
      return Refuse(absl::StrCat(name, " must be non-negative integer"));
    }
  }
  if (number(spec, "ttlSecondsAfterFinished").value_or(0) < 0) {
    return Refuse("ttlSecondsAfterFinished must be non-negative integer");
  }
  return absl::OkStatus();
}

const Json* FindNamed(const Json& list, absl::string_view name) {
  if (!list.is_array()) return nullptr;
  for (const Json& one : list) {
    if (json::String(one, "name") == name) return &one;
  }
  return nullptr;
}

bool Active(const Json& pod) {
  const absl::string_view phase = json::String(pod, {"status", "phase"});
  return phase != "Succeeded" && phase != "Failed" &&
         json::Find(pod, {"metadata", "deletionTimestamp"}) == nullptr;
}

bool SidecarTerminated(const Json& pod) {
  for (const Json& condition : At(At(pod, "status"), "conditions")) {
    if (json::String(condition, "type") == "SidecarTerminated") return true;
  }
  return false;
}

// Fills what the daemon needs of one container of the pod (5.3, steps 14 to 21).
absl::Status CompleteContainer(const Json& pod, Json& container) {
  const std::string name(json::String(container, "name"));
  for (const char* member : {"preStop", "ports", "statusContext"}) {
    if (!At(container, member).is_null()) {
      return Refuse("preStop, ports, statusContext in container are ready-only fields");
    }
  }
  const Json& spec = At(pod, "spec");
  const Json* described = FindNamed(At(spec, "initContainers"), name);
  if (described == nullptr) described = FindNamed(At(spec, "containers"), name);
  if (described == nullptr) return Refuse(absl::StrCat("container ", name, " not found in Pod"));
  const Json* status = FindNamed(At(At(pod, "status"), "containerStatuses"), name);
  if (status == nullptr) {
    return Refuse(absl::StrCat("not found ", name, " containerStatus in Pod Status"));
  }
  const std::string id(json::String(*status, "containerID"));
  if (id.empty()) {
    return Refuse(absl::StrCat("no containerID in ", name,
                               " containerStatus, maybe the container has not been initialized"));
  }
  if (const Json* hook = json::Find(*described, {"lifecycle", "preStop"}); hook != nullptr) {
    Json copy = Json::object();
    for (const char* member : {"exec", "httpGet", "tcpSocket"}) {
      if (const Json& action = At(*hook, member); !action.is_null()) copy[member] = action;
    }
    if (copy.contains("httpGet")) {
      if (const Json& ports = At(*described, "ports"); !ports.is_null()) container["ports"] = ports;
    }
    container["preStop"] = std::move(copy);
  }
  container["statusContext"] = {{"containerID", id},
                                {"restartCount", json::Int(*status, "restartCount").value_or(0)}};
  return absl::OkStatus();
}

absl::Status CompleteFromPod(const AdmissionRequest& request) {
  Json& object = *request.object;
  Json& spec = object["spec"];
  const std::string pod_name(json::String(spec, "podName"));
  const std::string name_space(json::String(object, {"metadata", "namespace"}));
  const absl::StatusOr<Json> pod = request.reader->Get("v1", "Pod", name_space, pod_name);
  if (absl::IsNotFound(pod.status())) {
    return Refuse(absl::StrCat("no found Pod named ", pod_name));
  }
  if (!pod.ok()) {
    return ToStatus(PlainServerError(
        absl::StrCat("failed to find Pod ", pod_name, ": ", pod.status().message())));
  }
  if (!Active(*pod) && !SidecarTerminated(*pod)) {
    return Refuse("not allowed to recreate containers in an inactive Pod");
  }
  const std::string node_name(json::String(*pod, {"spec", "nodeName"}));
  if (node_name.empty()) return Refuse("not allowed to recreate containers in a pending Pod");
  const absl::StatusOr<Json> node = request.reader->Get("v1", "Node", "", node_name);
  if (!node.ok()) {
    const std::string message =
        absl::StrCat("failed to get Node ", node_name, ": ", node.status().message());
    return absl::IsNotFound(node.status()) ? Refuse(message) : ToStatus(PlainServerError(message));
  }
  Json& labels = object["metadata"]["labels"];
  labels[std::string(kLabelRecreateNode)] = node_name;
  labels[std::string(kLabelRecreatePodUid)] = json::String(*pod, {"metadata", "uid"});
  if (json::String(*node, {"metadata", "labels", "type"}) == "virtual-kubelet") {
    labels["type"] = "virtual-kubelet";
  }
  Json& strategy = spec["strategy"];
  if (const auto grace = json::Int(*pod, {"spec", "terminationGracePeriodSeconds"});
      grace.has_value() && At(strategy, "terminationGracePeriodSeconds").is_null()) {
    strategy["terminationGracePeriodSeconds"] = *grace;
  }
  std::set<std::string> seen;
  for (Json& container : spec["containers"]) {
    const std::string name(json::String(container, "name"));
    if (!seen.insert(name).second) {
      return Refuse(absl::StrCat("can not recreate ", name, " multi times"));
    }
    if (absl::Status status = CompleteContainer(*pod, container); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status AdmitCreate(const AdmissionRequest& request) {
  Json& object = *request.object;
  Json& spec = object["spec"];
  if (!spec.is_object() || json::String(spec, "podName").empty()) {
    return Refuse("podName can not be empty");
  }
  if (At(spec, "strategy").is_null()) spec["strategy"] = Json::object();
  object["metadata"]["labels"][std::string(kLabelRecreateActive)] = "true";
  const Json& containers = At(spec, "containers");
  if (!containers.is_array() || containers.empty()) {
    return Refuse("containers list can not be null");
  }
  if (absl::Status status = CheckNumbers(spec); !status.ok()) return status;
  const std::string policy(json::String(spec, {"strategy", "failurePolicy"}));
  if (policy.empty()) {
    spec["strategy"]["failurePolicy"] = "Fail";
  } else if (policy != "Fail" && policy != "Ignore") {
    return Refuse(absl::StrCat("unknown failurePolicy ", policy));
  }
  return request.reader == nullptr ? absl::OkStatus() : CompleteFromPod(request);
}

}  // namespace

absl::Status AdmitRecreateRequest(const AdmissionRequest& request) {
  if (!request.gates.daemon) {
    return Denied(request, "feature-gate KruiseDaemon is not enabled");
  }
  return request.old != nullptr ? AdmitUpdate(request) : AdmitCreate(request);
}

}  // namespace rekindle::api
