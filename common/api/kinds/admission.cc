#include "common/api/kinds/admission.h"

#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/int_or_percent.h"
#include "common/api/keys.h"
#include "common/api/kinds/kruise_rules.h"
#include "common/api/kinds/meta_rules.h"
#include "common/api/kinds/pod_rules.h"
#include "common/api/kinds/ready_gate.h"
#include "common/api/kinds/registry.h"
#include "common/api/schema/values.h"
#include "common/api/status.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

using json::At;

constexpr size_t kMostDataBytes = 1 << 20;

Subject SubjectOf(const AdmissionRequest& request) {
  return {request.kind->group, request.kind->plural, request.kind->kind,
          std::string(json::String(*request.object, {"metadata", "name"}))};
}

// ---- defaults of the platform's kinds beyond the schema

void DefaultPod(Json& pod) {
  if (pod.contains("spec")) DefaultPodSpec(pod["spec"], {.pod = true});
}

void DefaultService(Json& service) {
  if (!service.contains("spec") || !service["spec"].is_object()) return;
  Json& spec = service["spec"];
  if (const auto ports = spec.find("ports"); ports != spec.end() && ports->is_array()) {
    for (Json& port : *ports) {
      if (!port.is_object() || !port.contains("port")) continue;
      if (At(port, "targetPort").is_null()) port["targetPort"] = port["port"];
    }
  }
  if (spec.value("type", "") != "ExternalName" && !spec.contains("internalTrafficPolicy")) {
    spec["internalTrafficPolicy"] = "Cluster";
  }
  if (spec.value("sessionAffinity", "") == "ClientIP" && !spec.contains("sessionAffinityConfig")) {
    spec["sessionAffinityConfig"] = {{"clientIP", {{"timeoutSeconds", 10800}}}};
  }
}

void DefaultSecret(Json& secret) {
  const auto plain = secret.find("stringData");
  if (plain == secret.end()) return;
  if (plain->is_object()) {
    for (const auto& [key, value] : plain->items()) {
      if (value.is_string()) {
        secret["data"][key] = absl::Base64Escape(value.get_ref<const std::string&>());
      }
    }
  }
  secret.erase("stringData");
}

void DefaultNativeStatefulSet(Json& set) {
  if (!set.contains("spec") || !set["spec"].is_object()) return;
  Json& spec = set["spec"];
  if (spec.contains("template")) DefaultPodTemplate(spec["template"]);
  if (const auto claims = spec.find("volumeClaimTemplates");
      claims != spec.end() && claims->is_array()) {
    for (Json& claim : *claims) {
      DefaultClaim(claim);
      if (!claim.is_object()) continue;
      claim["apiVersion"] = "v1";
      claim["kind"] = "PersistentVolumeClaim";
    }
  }
  Json& strategy = spec["updateStrategy"];
  if (strategy.is_object() && strategy.value("type", "") == "RollingUpdate") {
    Json& rolling = strategy["rollingUpdate"];
    if (rolling.is_null()) rolling = Json::object();
    if (rolling.is_object() && !rolling.contains("partition")) rolling["partition"] = 0;
  }
}

void DefaultNamespace(Json& name_space, bool create) {
  const std::string name(json::String(name_space, {"metadata", "name"}));
  if (!name.empty()) name_space["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
  if (!create) return;
  name_space["spec"]["finalizers"] = {"kubernetes"};
  name_space["status"]["phase"] = "Active";
}

// ---- rules of the platform's kinds beyond the schema

void CheckData(const AdmissionRequest& request, FieldErrors& errors) {
  const Json& object = *request.object;
  size_t bytes = 0;
  for (const char* member : {"data", "binaryData"}) {
    const Json& map = At(object, member);
    if (!map.is_object()) continue;
    const FieldPath at(member);
    for (const auto& [key, value] : map.items()) {
      bool good = !key.empty() && key.size() <= 253 && key != "." && !absl::StartsWith(key, "..");
      for (const char c : key) {
        good = good && (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
                        c == '_' || c == '.');
      }
      if (!good) {
        errors.Invalid(at.Key(key), key,
                       "a valid config key must consist of alphanumeric characters, '-', '_' or "
                       "'.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for "
                       "validation is '[-._a-zA-Z0-9]+')");
      }
      if (value.is_string()) bytes += value.get_ref<const std::string&>().size();
      if (absl::string_view(member) == "binaryData" && !At(At(object, "data"), key).is_null()) {
        errors.Invalid(at.Key(key), key, "duplicate of key present in data");
      }
    }
  }
  if (bytes > kMostDataBytes) errors.TooLong(FieldPath(), kMostDataBytes);
  if (request.old == nullptr) return;
  if (request.kind->kind == "Secret" &&
      json::String(object, "type") != json::String(*request.old, "type")) {
    errors.Invalid(FieldPath("type"), At(object, "type"), "field is immutable");
  }
  if (!json::Bool(*request.old, {"immutable"})) return;
  if (!json::Bool(object, {"immutable"})) {
    errors.Forbidden(FieldPath("immutable"), "field is immutable when `immutable` is set");
  }
  for (const char* member : {"data", "binaryData"}) {
    if (At(object, member) != At(*request.old, member)) {
      errors.Forbidden(FieldPath(member), "field is immutable when `immutable` is set");
    }
  }
}

void CheckService(const AdmissionRequest& request, FieldErrors& errors) {
  const Json& spec = At(*request.object, "spec");
  const FieldPath at("spec");
  const std::string type(json::String(spec, "type"));
  const Json& ports = At(spec, "ports");
  const bool headless = json::String(spec, "clusterIP") == "None";
  if (json::IsEmpty(ports) && type != "ExternalName" && !headless)
    errors.Required(at.Child("ports"));
  if (type == "ExternalName" && json::String(spec, "externalName").empty()) {
    errors.Required(at.Child("externalName"));
  }
  CheckLabels(At(spec, "selector"), at.Child("selector"), errors);
  std::set<std::string> names;
  for (size_t i = 0; ports.is_array() && i < ports.size(); ++i) {
    const std::string name(json::String(ports[i], "name"));
    const FieldPath path = at.Child("ports").Index(i).Child("name");
    if (name.empty() && ports.size() > 1) errors.Required(path);
    if (!name.empty() && !names.insert(name).second) errors.Duplicate(path, name);
  }
  if (request.old == nullptr) return;
  const Json& before = At(At(*request.old, "spec"), "clusterIP");
  if (!json::IsEmpty(before) && type != "ExternalName" && At(spec, "clusterIP") != before) {
    errors.Invalid(at.Child("clusterIP"), At(spec, "clusterIP"), "field is immutable");
  }
}

void CheckNode(const AdmissionRequest& request, FieldErrors& errors) {
  const Json& taints = At(At(*request.object, "spec"), "taints");
  std::set<std::string> seen;
  for (size_t i = 0; taints.is_array() && i < taints.size(); ++i) {
    const std::string key =
        absl::StrCat(json::String(taints[i], "key"), ":", json::String(taints[i], "effect"));
    if (!seen.insert(key).second) errors.Duplicate(FieldPath("spec.taints").Index(i), taints[i]);
  }
  if (request.old == nullptr) return;
  const auto fixed = [&](const char* member) {
    const Json& before = At(At(*request.old, "spec"), member);
    if (!json::IsEmpty(before) && At(At(*request.object, "spec"), member) != before) {
      errors.Forbidden(FieldPath("spec").Child(member),
                       "node updates may not change it except from \"\" to valid");
    }
  };
  fixed("podCIDR");
  fixed("providerID");
}

void CheckEvent(const AdmissionRequest& request, FieldErrors& errors) {
  const std::string about(json::String(*request.object, {"involvedObject", "namespace"}));
  const std::string own(json::String(*request.object, {"metadata", "namespace"}));
  // Events about objects without namespace live in "default".
  if (about.empty() ? own != "default" && own != "kube-system" : about != own) {
    errors.Invalid(FieldPath("involvedObject.namespace"), about, "does not match event.namespace");
  }
}

void CheckBudget(const AdmissionRequest& request, FieldErrors& errors) {
  const Json& spec = At(*request.object, "spec");
  const FieldPath at("spec");
  if (!At(spec, "minAvailable").is_null() && !At(spec, "maxUnavailable").is_null()) {
    errors.Invalid(at, spec, "minAvailable and maxUnavailable cannot be both set");
  }
  for (const char* member : {"minAvailable", "maxUnavailable"}) {
    const Json& value = At(spec, member);
    if (value.is_null()) continue;
    const auto share = IntOrPercent::FromJson(value, member);
    if (!share.ok()) {
      errors.Invalid(at.Child(member), value,
                     "a valid percent string must be a numeric string followed by an ending '%' "
                     "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')");
    } else if (share->Resolve(100, Rounding::kDown) < 0) {
      errors.Invalid(at.Child(member), value, "must be greater than or equal to 0");
    } else if (share->is_percent() && share->Resolve(100, Rounding::kUp) > 100) {
      errors.Invalid(at.Child(member), value, "must not be greater than 100%");
    }
  }
  CheckLabelSelector(At(spec, "selector"), at.Child("selector"), errors);
}

void CheckNativeStatefulSet(const AdmissionRequest& request, FieldErrors& errors) {
  const Json& spec = At(*request.object, "spec");
  if (!spec.is_object()) return;
  CheckSelectorAndTemplate(spec, /*whole_template=*/true, errors);
  const FieldPath at("spec.updateStrategy");
  const Json& rolling = At(At(spec, "updateStrategy"), "rollingUpdate");
  if (json::String(spec, {"updateStrategy", "type"}) == "OnDelete" && !rolling.is_null()) {
    errors.Invalid(at.Child("rollingUpdate"), rolling,
                   "only allowed for updateStrategy 'RollingUpdate'");
  }
  if (const Json& value = At(rolling, "maxUnavailable"); !value.is_null()) {
    const auto share = IntOrPercent::FromJson(value, "maxUnavailable");
    const int64_t count = share.ok() ? share->Resolve(100, Rounding::kUp) : 0;
    if (count < 1 || (share->is_percent() && count > 100)) {
      errors.Invalid(at.Child("rollingUpdate").Child("maxUnavailable"), value,
                     "must be a positive number or 1% to 100%");
    }
  }
  const Json& status = At(*request.object, "status");
  const int64_t replicas = json::Int(status, "replicas").value_or(0);
  for (const char* member :
       {"readyReplicas", "availableReplicas", "currentReplicas", "updatedReplicas"}) {
    if (const auto value = json::Int(status, member); value.has_value() && *value > replicas) {
      errors.Invalid(FieldPath("status").Child(member), *value,
                     "cannot be greater than status.replicas");
    }
  }
  if (request.old == nullptr) return;
  if (!SameApartFrom(spec, At(*request.old, "spec"),
                     {"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
                      "persistentVolumeClaimRetentionPolicy", "minReadySeconds"})) {
    errors.Forbidden(FieldPath("spec"),
                     "updates to statefulset spec for fields other than 'replicas', 'ordinals', "
                     "'template', 'updateStrategy', 'revisionHistoryLimit', "
                     "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
  }
}

void CheckClaim(const AdmissionRequest& request, FieldErrors& errors) {
  const Json& spec = At(*request.object, "spec");
  CheckClaimSpec(spec, FieldPath("spec"), errors);
  if (request.old == nullptr) return;
  const Json& before = At(*request.old, "spec");
  if (!SameApartFrom(spec, before, {"resources", "volumeName", "volumeAttributesClassName"}) ||
      (!json::IsEmpty(At(before, "volumeName")) &&
       At(spec, "volumeName") != At(before, "volumeName"))) {
    errors.Forbidden(FieldPath("spec"),
                     "spec is immutable after creation except resources.requests and "
                     "volumeAttributesClassName for bound claims");
  }
}

void CheckRevision(const AdmissionRequest& request, FieldErrors& errors) {
  if (json::Int(*request.object, "revision").value_or(0) < 0) {
    errors.Invalid(FieldPath("revision"), At(*request.object, "revision"),
                   "must be greater than or equal to 0");
  }
  if (At(*request.object, "data").is_null())
    errors.Required(FieldPath("data"), "data is mandatory");
  if (request.old != nullptr && At(*request.object, "data") != At(*request.old, "data")) {
    errors.Invalid(FieldPath("data"), At(*request.object, "data"), "field is immutable");
  }
}

void CheckPod(const AdmissionRequest& request, FieldErrors& errors) {
  if (request.old == nullptr) {
    CheckPodSpec(At(*request.object, "spec"), FieldPath("spec"), {}, errors);
  } else {
    CheckPodUpdate(*request.object, *request.old, /*resize=*/false, errors);
  }
}

using Check = void (*)(const AdmissionRequest&, FieldErrors&);

Check CheckOf(const KindInfo& kind) {
  struct Row {
    absl::string_view group;
    absl::string_view kind;
    Check check;
  };
  static constexpr Row rows[] = {
      {"", "Pod", CheckPod},
      {"", "ConfigMap", CheckData},
      {"", "Secret", CheckData},
      {"", "Service", CheckService},
      {"", "Node", CheckNode},
      {"", "Event", CheckEvent},
      {"", "PersistentVolumeClaim", CheckClaim},
      {"apps", "StatefulSet", CheckNativeStatefulSet},
      {"apps", "ControllerRevision", CheckRevision},
      {"policy", "PodDisruptionBudget", CheckBudget},
      {"apps.kruise.io", "CloneSet", CheckCloneSet},
      {"apps.kruise.io", "StatefulSet", CheckKruiseStatefulSet},
  };
  for (const Row& row : rows) {
    if (row.group == kind.group && row.kind == kind.kind) return row.check;
  }
  return nullptr;
}

void DefaultPlatform(const AdmissionRequest& request) {
  Json& object = *request.object;
  const std::string& kind = request.kind->kind;
  if (request.kind->group == "apps" && kind == "StatefulSet") DefaultNativeStatefulSet(object);
  if (!request.kind->group.empty()) return;
  if (kind == "Pod") {
    DefaultPod(object);
    if (request.old == nullptr && WantsReadyGate(object, request.gates)) AddReadyGate(object);
  }
  if (kind == "Service") DefaultService(object);
  if (kind == "Secret") DefaultSecret(object);
  if (kind == "PersistentVolumeClaim") DefaultClaim(object);
  if (kind == "Namespace") DefaultNamespace(object, request.old == nullptr);
}

}  // namespace

absl::Status MakeDefaults(const AdmissionRequest& request) {
  // Kinds that users installed have no rules but their schema, which finds wrong types itself.
  if (request.kind->custom && request.kind->group != kKruiseGroup) {
    PruneAndDefault(*request.object, *request.kind->type);
    return absl::OkStatus();
  }
  // From here on every described member has its type.
  if (std::string mistyped =
          FirstMistyped(*request.object, *request.kind->type, request.kind->kind);
      !mistyped.empty()) {
    return ToStatus(
        BadRequest(absl::StrCat(request.kind->kind, " in version \"", request.kind->version,
                                "\" cannot be handled as a ", request.kind->kind, ": ", mistyped)));
  }
  PruneAndDefault(*request.object, *request.kind->type);
  if (!request.kind->custom) {
    DefaultPlatform(request);
    return absl::OkStatus();
  }
  const std::string& kind = request.kind->kind;
  if (kind == "CloneSet") DefaultCloneSet(request);
  if (kind == "StatefulSet") DefaultKruiseStatefulSet(request);
  if (kind == "ContainerRecreateRequest") return AdmitRecreateRequest(request);
  if (kind == "ImagePullJob") return AdmitImagePullJob(request);
  if (kind == "NodeImage") return AdmitNodeImage(request);
  return absl::OkStatus();
}

void CollectErrors(const AdmissionRequest& request, FieldErrors& errors) {
  CheckValue(*request.object, *request.kind->type, FieldPath(),
             request.kind->custom ? Wording::kCustom : Wording::kBuiltIn, errors);
  if (errors.HasKind(FieldErrorKind::kTypeInvalid)) return;  // the rest would only add noise
  const Json& metadata = At(*request.object, "metadata");
  CheckObjectMeta(metadata, *request.kind, FieldPath("metadata"), errors);
  if (request.old != nullptr) {
    CheckObjectMetaUpdate(metadata, At(*request.old, "metadata"), *request.kind,
                          FieldPath("metadata"), errors);
  }
  if (const Check check = CheckOf(*request.kind); check != nullptr) check(request, errors);
}

absl::Status Validate(const AdmissionRequest& request) {
  FieldErrors errors;
  CollectErrors(request, errors);
  return errors.empty() ? absl::OkStatus() : ToStatus(Invalid(SubjectOf(request), errors));
}

absl::Status AdmitDelete(const KindInfo& kind, const Json& object, const AdmissionGates& gates) {
  if (!gates.deletion_protection || kind.group != kKruiseGroup ||
      json::Find(object, {"metadata", "deletionTimestamp"}) != nullptr) {
    return absl::OkStatus();
  }
  if (kind.kind != "CloneSet" && kind.kind != "StatefulSet") return absl::OkStatus();
  const absl::string_view protection =
      json::String(object, {"metadata", "labels", kLabelDeletionProtection});
  const int64_t replicas = json::Int(object, {"spec", "replicas"}).value_or(1);
  const Subject subject{kind.group, kind.plural, kind.kind,
                        std::string(json::String(object, {"metadata", "name"}))};
  if (protection == "Always") {
    return ToStatus(Forbidden(subject, absl::StrCat("forbidden by ResourcesProtectionDeletion for ",
                                                    kLabelDeletionProtection, "=Always")));
  }
  if (protection == "Cascading" && replicas > 0) {
    return ToStatus(Forbidden(subject, absl::StrCat("forbidden by ResourcesProtectionDeletion for ",
                                                    kLabelDeletionProtection,
                                                    "=Cascading and replicas ", replicas, " > 0")));
  }
  return absl::OkStatus();
}

}  // namespace rekindle::api
