#include "common/api/kinds/pod_rules.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/meta_rules.h"
#include "common/api/kinds/registry.h"
#include "common/api/quantity.h"
#include "common/api/schema/values.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

using json::At;

std::string TextOf(const Json& tree, absl::string_view key) {
  return std::string(json::String(tree, key));
}

// Exactly one of `names` has to be there.
void OneOf(const Json& object, const std::vector<const char*>& names, const FieldPath& at,
           absl::string_view what, FieldErrors& errors) {
  size_t found = 0;
  for (const char* name : names) {
    if (At(object, name).is_null()) continue;
    if (++found > 1) {
      errors.Forbidden(at.Child(name), absl::StrCat("may not specify more than 1 ", what));
    }
  }
  if (found == 0) errors.Required(at, absl::StrCat("must specify a ", what));
}

void CheckHandler(const Json& handler, const FieldPath& at, bool probe, FieldErrors& errors) {
  if (!handler.is_object()) return;
  if (probe) {
    OneOf(handler, {"exec", "httpGet", "tcpSocket", "grpc"}, at, "handler type", errors);
  } else {
    OneOf(handler, {"exec", "httpGet", "tcpSocket", "sleep"}, at, "handler type", errors);
  }
  if (const Json& exec = At(handler, "exec"); exec.is_object()) {
    if (json::IsEmpty(At(exec, "command"))) errors.Required(at.Child("exec").Child("command"));
  }
  for (const char* name : {"httpGet", "tcpSocket"}) {
    const Json& port = At(At(handler, name), "port");
    if (!port.is_number_integer()) continue;
    const int64_t number = port.get<int64_t>();
    if (number < 1 || number > 65535) {
      errors.Invalid(at.Child(name).Child("port"), port, "must be between 1 and 65535, inclusive");
    }
  }
}

void CheckProbes(const Json& container, const FieldPath& at, FieldErrors& errors) {
  for (const char* name : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    const Json& probe = At(container, name);
    if (!probe.is_object()) continue;
    CheckHandler(probe, at.Child(name), true, errors);
    const int64_t successes = json::Int(probe, "successThreshold").value_or(1);
    if (absl::string_view(name) != "readinessProbe" && successes != 1) {
      errors.Invalid(at.Child(name).Child("successThreshold"), successes, "must be 1");
    }
  }
  const Json& lifecycle = At(container, "lifecycle");
  for (const char* name : {"postStart", "preStop"}) {
    CheckHandler(At(lifecycle, name), at.Child("lifecycle").Child(name), false, errors);
  }
}

void CheckEnv(const Json& env, const FieldPath& at, FieldErrors& errors) {
  if (!env.is_array()) return;
  for (size_t i = 0; i < env.size(); ++i) {
    const Json& from = At(env[i], "valueFrom");
    if (!from.is_object()) continue;
    const FieldPath path = at.Index(i).Child("valueFrom");
    size_t found = 0;
    for (const auto& [name, value] : from.items()) found += value.is_null() ? 0 : 1;
    if (found == 0) {
      errors.Invalid(path, "",
                     "must specify one of: `fieldRef`, `resourceFieldRef`, "
                     "`configMapKeyRef` or `secretKeyRef`");
    } else if (!TextOf(env[i], "value").empty()) {
      errors.Invalid(path, "", "may not be specified when `value` is not empty");
    } else if (found > 1) {
      errors.Invalid(path, "", "may not have more than one field specified at a time");
    }
  }
}

void CheckPorts(const Json& ports, const FieldPath& at, std::set<std::string>& host_ports,
                FieldErrors& errors) {
  if (!ports.is_array()) return;
  std::set<std::string> names;
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string name = TextOf(ports[i], "name");
    if (!name.empty() && !names.insert(name).second) {
      errors.Duplicate(at.Index(i).Child("name"), name);
    }
    const int64_t host = json::Int(ports[i], "hostPort").value_or(0);
    if (host == 0) continue;
    const std::string key =
        absl::StrCat(TextOf(ports[i], "protocol"), "/", TextOf(ports[i], "hostIP"), "/", host);
    if (!host_ports.insert(key).second) errors.Duplicate(at.Index(i).Child("hostPort"), key);
  }
}

void CheckMounts(const Json& container, const std::set<std::string>& volumes, const FieldPath& at,
                 FieldErrors& errors) {
  const auto each = [&](const char* list, const char* where) {
    const Json& mounts = At(container, list);
    if (!mounts.is_array()) return;
    std::set<std::string> paths;
    for (size_t i = 0; i < mounts.size(); ++i) {
      const FieldPath path = at.Child(list).Index(i);
      const std::string name = TextOf(mounts[i], "name");
      if (!name.empty() && volumes.count(name) == 0) errors.NotFound(path.Child("name"), name);
      const std::string target = TextOf(mounts[i], where);
      if (!target.empty() && !paths.insert(target).second) {
        errors.Invalid(path.Child(where), target, "must be unique");
      }
    }
  };
  each("volumeMounts", "mountPath");
  each("volumeDevices", "devicePath");
}

void CheckVolumes(const Json& spec, const FieldPath& at, std::set<std::string>& names,
                  FieldErrors& errors) {
  const Json& volumes = At(spec, "volumes");
  if (!volumes.is_array()) return;
  for (size_t i = 0; i < volumes.size(); ++i) {
    const FieldPath path = at.Child("volumes").Index(i);
    const std::string name = TextOf(volumes[i], "name");
    if (!name.empty() && !names.insert(name).second) errors.Duplicate(path.Child("name"), name);
    if (!volumes[i].is_object()) continue;
    size_t sources = 0;
    for (const auto& [key, value] : volumes[i].items()) {
      if (key == "name" || value.is_null()) continue;
      if (++sources > 1)
        errors.Forbidden(path.Child(key), "may not specify more than 1 volume type");
    }
    if (sources == 0) errors.Required(path, "must specify a volume type");
  }
}

void CheckContainers(const Json& spec, const char* list, const FieldPath& at,
                     const std::set<std::string>& volumes, std::set<std::string>& names,
                     std::set<std::string>& host_ports, FieldErrors& errors) {
  const Json& containers = At(spec, list);
  if (!containers.is_array()) return;
  const bool init = absl::string_view(list) == "initContainers";
  for (size_t i = 0; i < containers.size(); ++i) {
    const FieldPath path = at.Child(list).Index(i);
    const Json& container = containers[i];
    const std::string name = TextOf(container, "name");
    if (!name.empty() && !names.insert(name).second) errors.Duplicate(path.Child("name"), name);
    const std::string image = TextOf(container, "image");
    if (image.empty()) {
      errors.Required(path.Child("image"));
    } else if (absl::StripAsciiWhitespace(image) != image) {
      errors.Invalid(path.Child("image"), image, "must not have leading or trailing whitespace");
    }
    if (!init && !TextOf(container, "restartPolicy").empty()) {
      errors.Forbidden(path.Child("restartPolicy"), "may not be set for non-init containers");
    }
    const bool sidecar = init && TextOf(container, "restartPolicy") == "Always";
    if (init && !sidecar) {
      for (const char* member : {"lifecycle", "livenessProbe", "readinessProbe", "startupProbe"}) {
        if (At(container, member).is_null()) continue;
        errors.Forbidden(path.Child(member),
                         "may not be set for init containers without restartPolicy=Always");
      }
    } else {
      CheckProbes(container, path, errors);
    }
    CheckEnv(At(container, "env"), path.Child("env"), errors);
    if (!init) CheckPorts(At(container, "ports"), path.Child("ports"), host_ports, errors);
    CheckMounts(container, volumes, path, errors);
    CheckResources(At(container, "resources"), path.Child("resources"), errors);
  }
}

void CheckTolerations(const Json& tolerations, const FieldPath& at, FieldErrors& errors) {
  if (!tolerations.is_array()) return;
  for (size_t i = 0; i < tolerations.size(); ++i) {
    const Json& one = tolerations[i];
    const FieldPath path = at.Index(i);
    const std::string op = TextOf(one, "operator");
    if (const std::string key = TextOf(one, "key"); !key.empty()) {
      for (const std::string& sentence : CheckText(TextRule::kQualifiedName, key)) {
        errors.Invalid(path.Child("key"), key, sentence);
      }
    } else if (op != "Exists") {
      errors.Invalid(path.Child("operator"), op,
                     "operator must be Exists when `key` is empty, which means \"match all values "
                     "and all keys\"");
    }
    if (op == "Exists" && !TextOf(one, "value").empty()) {
      errors.Invalid(path.Child("operator"), one,
                     "value must be empty when `operator` is 'Exists'");
    }
    if (!op.empty() && op != "Exists" && op != "Equal") {
      errors.NotSupported(path.Child("operator"), op, {"Equal", "Exists"});
    }
    if (!At(one, "tolerationSeconds").is_null() && TextOf(one, "effect") != "NoExecute") {
      errors.Invalid(path.Child("effect"), TextOf(one, "effect"),
                     "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
  }
}

// Selectors of affinity terms and spreading.
void CheckSelectors(const Json& value, const FieldPath& at, FieldErrors& errors) {
  if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) CheckSelectors(value[i], at.Index(i), errors);
  } else if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      if (key == "labelSelector" || key == "namespaceSelector") {
        CheckLabelSelector(member, at.Child(key), errors);
      } else {
        CheckSelectors(member, at.Child(key), errors);
      }
    }
  }
}

}  // namespace

void CheckResources(const Json& resources, const FieldPath& at, FieldErrors& errors) {
  if (!resources.is_object()) return;
  const Json& limits = At(resources, "limits");
  for (const char* list : {"limits", "requests"}) {
    const Json& values = At(resources, list);
    if (!values.is_object()) continue;
    for (const auto& [name, value] : values.items()) {
      const FieldPath path = at.Child(list).Key(name);
      const absl::StatusOr<Quantity> have = Quantity::FromJson(value);
      if (!have.ok()) continue;  // its form is checked elsewhere
      for (const std::string& sentence : CheckText(TextRule::kQualifiedName, name)) {
        errors.Invalid(path, name, sentence);
      }
      if (have->IsNegative()) {
        errors.Invalid(path, value, "must be greater than or equal to 0");
      }
      if (absl::string_view(list) == "limits" || !limits.is_object()) continue;
      const Json& limit = At(limits, name);
      const absl::StatusOr<Quantity> most = Quantity::FromJson(limit);
      if (!limit.is_null() && most.ok() && *most < *have) {
        // Of the whole list, as Kubernetes has it.
        errors.Invalid(
            at.Child(list), value,
            absl::StrCat("must be less than or equal to ", name, " limit of ", most->Text()));
      }
    }
  }
}

void CheckClaimSpec(const Json& spec, const FieldPath& at, FieldErrors& errors) {
  const Json& modes = At(spec, "accessModes");
  if (json::IsEmpty(modes)) {
    errors.Required(at.Child("accessModes"), "at least 1 access mode is required");
  } else {
    const std::set<std::string> known = {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany",
                                         "ReadWriteOncePod"};
    for (const Json& mode : modes) {
      if (mode.is_string() && known.count(mode.get<std::string>()) == 0) {
        errors.NotSupported(at.Child("accessModes"), mode,
                            {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"});
      }
    }
  }
  const Json& storage = At(At(At(spec, "resources"), "requests"), "storage");
  const FieldPath path = at.Child("resources").Key("storage");
  if (storage.is_null()) {
    errors.Required(path);
  } else if (const auto size = Quantity::FromJson(storage);
             size.ok() && (size->IsZero() || size->IsNegative())) {
    errors.Invalid(path, storage, "must be greater than zero");
  }
  CheckLabelSelector(At(spec, "selector"), at.Child("selector"), errors);
}

void CheckPodSpec(const Json& spec, const FieldPath& at, const PodCheckOptions& options,
                  FieldErrors& errors) {
  CheckValue(spec, *PodType().Find("spec")->type, at, Wording::kBuiltIn, errors);
  if (!spec.is_object()) return;
  std::set<std::string> volumes = options.extra_volumes;
  CheckVolumes(spec, at, volumes, errors);
  std::set<std::string> names;
  std::set<std::string> host_ports;
  CheckContainers(spec, "containers", at, volumes, names, host_ports, errors);
  CheckContainers(spec, "initContainers", at, volumes, names, host_ports, errors);
  if (options.is_template && !json::IsEmpty(At(spec, "ephemeralContainers"))) {
    errors.Forbidden(at.Child("ephemeralContainers"),
                     "ephemeral containers not allowed in pod template");
  }
  if (const auto grace = json::Int(spec, "terminationGracePeriodSeconds");
      grace.has_value() && *grace < 0) {
    errors.Invalid(at.Child("terminationGracePeriodSeconds"), *grace,
                   "must be greater than or equal to 0");
  }
  if (TextOf(spec, "dnsPolicy") == "None" &&
      json::IsEmpty(At(At(spec, "dnsConfig"), "nameservers"))) {
    errors.Required(at.Child("dnsConfig").Child("nameservers"),
                    "must provide at least one DNS nameserver when `dnsPolicy` is None");
  }
  CheckLabels(At(spec, "nodeSelector"), at.Child("nodeSelector"), errors);
  CheckTolerations(At(spec, "tolerations"), at.Child("tolerations"), errors);
  CheckSelectors(At(spec, "affinity"), at.Child("affinity"), errors);
  CheckSelectors(At(spec, "topologySpreadConstraints"), at.Child("topologySpreadConstraints"),
                 errors);
}

void CheckPodTemplate(const Json& pod_template, const FieldPath& at, const PodCheckOptions& options,
                      FieldErrors& errors) {
  const Json& metadata = At(pod_template, "metadata");
  CheckLabels(At(metadata, "labels"), at.Child("labels"), errors);
  CheckAnnotations(At(metadata, "annotations"), at.Child("annotations"), errors);
  const Json& spec = At(pod_template, "spec");
  if (!spec.is_object()) {
    errors.Required(at.Child("spec").Child("containers"));
    return;
  }
  PodCheckOptions of_template = options;
  of_template.is_template = true;
  CheckPodSpec(spec, at.Child("spec"), of_template, errors);
  const std::string policy = TextOf(spec, "restartPolicy");
  if (policy == "OnFailure" || policy == "Never") {
    errors.NotSupported(at.Child("spec").Child("restartPolicy"), policy, {"Always"});
  }
  if (!At(spec, "activeDeadlineSeconds").is_null()) {
    errors.Forbidden(at.Child("spec").Child("activeDeadlineSeconds"),
                     "activeDeadlineSeconds in pod template is not supported");
  }
}

void CheckPodUpdate(const Json& pod, const Json& old, bool resize, FieldErrors& errors) {
  Json now = At(pod, "spec");
  const Json& before = At(old, "spec");
  if (!now.is_object() || !before.is_object()) return;
  // What may change is made equal; the rest has to be.
  for (const char* list : {"containers", "initContainers"}) {
    const Json& ours = At(before, list);
    if (!now.contains(list) || !now[list].is_array() || ours.size() != now[list].size()) continue;
    for (size_t i = 0; i < ours.size(); ++i) {
      if (ours[i].contains("image")) now[list][i]["image"] = ours[i]["image"];
      if (resize && ours[i].contains("resources")) now[list][i]["resources"] = ours[i]["resources"];
    }
  }
  const auto deadline = json::Int(now, "activeDeadlineSeconds");
  const auto old_deadline = json::Int(before, "activeDeadlineSeconds");
  if (old_deadline.has_value() && (!deadline.has_value() || *deadline > *old_deadline)) {
    errors.Invalid(FieldPath("spec.activeDeadlineSeconds"),
                   deadline.has_value() ? Json(*deadline) : Json(),
                   deadline.has_value() ? "must be less than or equal to previous value"
                                        : "must not update from a positive integer to nil value");
  }
  const auto take = [&](const char* member) {
    if (before.contains(member)) {
      now[member] = before[member];
    } else {
      now.erase(member);
    }
  };
  take("activeDeadlineSeconds");
  if (json::Int(before, "terminationGracePeriodSeconds").value_or(0) < 0 &&
      json::Int(now, "terminationGracePeriodSeconds") == 1) {
    take("terminationGracePeriodSeconds");
  }
  bool only_more = true;
  for (const Json& one : At(before, "tolerations")) {
    const Json& list = At(now, "tolerations");
    bool kept = false;
    for (const Json& other : list) kept = kept || other == one;
    only_more = only_more && kept;
  }
  if (only_more) take("tolerations");
  if (At(now, "schedulingGates").size() < At(before, "schedulingGates").size()) {
    take("schedulingGates");
  }
  if (now == before) return;
  errors.Forbidden(
      FieldPath("spec"),
      "pod updates may not change fields other than `spec.containers[*].image`,"
      "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
      "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set "
      "to 1 if it was previously negative)");
}

}  // namespace rekindle::api
