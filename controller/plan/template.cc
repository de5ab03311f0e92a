#include "controller/plan/template.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include <nlohmann/json.hpp>

#include "common/api/quantity.h"
#include "common/json/tree.h"

namespace rekindle::plan {
namespace {

struct Default {
  absl::string_view field;
  const char* json;
};

constexpr Default kPodDefaults[] = {{"restartPolicy", "\"Always\""},
                                    {"dnsPolicy", "\"ClusterFirst\""},
                                    {"terminationGracePeriodSeconds", "30"},
                                    {"schedulerName", "\"default-scheduler\""},
                                    {"enableServiceLinks", "true"},
                                    {"hostNetwork", "false"},
                                    {"hostPID", "false"},
                                    {"hostIPC", "false"},
                                    {"preemptionPolicy", "\"PreemptLowerPriority\""}};
constexpr Default kContainerDefaults[] = {{"terminationMessagePath", "\"/dev/termination-log\""},
                                          {"terminationMessagePolicy", "\"File\""},
                                          {"stdin", "false"},
                                          {"stdinOnce", "false"},
                                          {"tty", "false"}};
constexpr Default kProbeDefaults[] = {{"timeoutSeconds", "1"},
                                      {"periodSeconds", "10"},
                                      {"successThreshold", "1"},
                                      {"failureThreshold", "3"},
                                      {"initialDelaySeconds", "0"}};
constexpr Default kHttpDefaults[] = {{"scheme", "\"HTTP\""}, {"path", "\"/\""}};
constexpr Default kModeDefault[] = {{"defaultMode", "420"}};
constexpr Default kFieldRefDefault[] = {{"apiVersion", "\"v1\""}};
constexpr Default kPortDefault[] = {{"protocol", "\"TCP\""}};
constexpr Default kHostPathDefault[] = {{"type", "\"\""}};
constexpr Default kTokenDefault[] = {{"expirationSeconds", "3600"}};
constexpr Default kReadOnlyDefault[] = {{"readOnly", "false"}};

// Maps whose values are the user's own text, where "" is a value, and selectors, where {} means
// everything: nothing is stripped inside.
constexpr absl::string_view kFreeForm[] = {"labels",      "annotations",      "nodeSelector",
                                           "matchLabels", "labelSelector",    "namespaceSelector",
                                           "podSelector", "volumeAttributes", "options"};

bool IsFreeForm(absl::string_view key) {
  return std::find(std::begin(kFreeForm), std::end(kFreeForm), key) != std::end(kFreeForm);
}

template <size_t N>
void DropDefaults(Json& tree, const Default (&defaults)[N]) {
  if (!tree.is_object()) return;
  for (const Default& entry : defaults) {
    const auto it = tree.find(entry.field);
    if (it != tree.end() && *it == Json::parse(entry.json)) tree.erase(it);
  }
}

Json* Child(Json& tree, absl::string_view key) {
  if (!tree.is_object()) return nullptr;
  const auto it = tree.find(key);
  return it == tree.end() ? nullptr : &*it;
}

template <typename F>
void Each(Json& tree, absl::string_view key, F visit) {
  Json* list = Child(tree, key);
  if (list == nullptr || !list->is_array()) return;
  for (Json& element : *list) visit(element);
}

// Removes nulls, "", {} and [] everywhere but in free-form maps and list elements.
void Strip(Json& tree) {
  if (tree.is_array()) {
    for (Json& element : tree) Strip(element);
    return;
  }
  if (!tree.is_object()) return;
  for (auto it = tree.begin(); it != tree.end();) {
    if (!IsFreeForm(it.key())) Strip(it.value());
    const bool keep_empty =
        IsFreeForm(it.key()) && absl::EndsWith(it.key(), "Selector") && it.key() != "nodeSelector";
    if (json::IsEmpty(it.value()) && !(keep_empty && !it->is_null())) {
      it = tree.erase(it);
    } else {
      ++it;
    }
  }
}

// Equal amounts get equal text, also across suffix classes.
void CanonicalAmounts(Json& map) {
  if (!map.is_object()) return;
  for (auto& [name, value] : map.items()) {
    const absl::StatusOr<api::Quantity> quantity = api::Quantity::FromJson(value);
    if (quantity.ok()) value = quantity->PlainText();
  }
}

void NormalizeResources(Json& container) {
  Json* resources = Child(container, "resources");
  if (resources == nullptr || !resources->is_object()) return;
  Json* limits = Child(*resources, "limits");
  if (limits != nullptr && limits->is_object()) {
    CanonicalAmounts(*limits);
    const Json copy = *limits;
    Json& requests = (*resources)["requests"];
    if (!requests.is_object()) requests = Json::object();
    for (const auto& [name, value] : copy.items()) {
      if (!requests.contains(name)) requests[name] = value;
    }
  }
  if (Json* requests = Child(*resources, "requests")) CanonicalAmounts(*requests);
}

void SortBy(Json& tree, absl::string_view list, std::initializer_list<absl::string_view> keys) {
  Json* found = Child(tree, list);
  if (found == nullptr || !found->is_array()) return;
  std::vector<Json> elements(found->begin(), found->end());
  std::stable_sort(elements.begin(), elements.end(), [&](const Json& a, const Json& b) {
    for (const absl::string_view key : keys) {
      const Json left = a.value(std::string(key), Json());
      const Json right = b.value(std::string(key), Json());
      if (left != right) return left < right;
    }
    return false;
  });
  *found = Json(elements);
}

// Order matters when an entry refers to an earlier one, and when a name repeats (the last wins).
void SortEnv(Json& container) {
  Json* env = Child(container, "env");
  if (env == nullptr || !env->is_array()) return;
  std::set<std::string> names;
  for (const Json& entry : *env) {
    if (absl::StrContains(json::String(entry, "value"), "$(")) return;
    if (!names.insert(std::string(json::String(entry, "name"))).second) return;
  }
  SortBy(container, "env", {"name"});
}

void NormalizeHandler(Json& handler) {
  if (Json* http = Child(handler, "httpGet")) DropDefaults(*http, kHttpDefaults);
}

absl::string_view DefaultPullPolicy(const Json& container, bool always) {
  if (always) return "Always";
  const absl::string_view image = json::String(container, "image");
  if (absl::StrContains(image, "@")) return "IfNotPresent";
  const size_t slash = image.rfind('/');
  const absl::string_view last = slash == absl::string_view::npos ? image : image.substr(slash + 1);
  const size_t colon = last.find(':');
  const bool latest = colon == absl::string_view::npos || last.substr(colon + 1) == "latest";
  return latest ? "Always" : "IfNotPresent";
}

void NormalizeContainer(Json& container, bool always_pull) {
  DropDefaults(container, kContainerDefaults);
  if (json::String(container, "imagePullPolicy") == DefaultPullPolicy(container, always_pull)) {
    container.erase("imagePullPolicy");
  }
  for (const absl::string_view probe : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    if (Json* tree = Child(container, probe)) {
      DropDefaults(*tree, kProbeDefaults);
      NormalizeHandler(*tree);
    }
  }
  if (Json* lifecycle = Child(container, "lifecycle")) {
    for (const absl::string_view hook : {"preStop", "postStart"}) {
      if (Json* tree = Child(*lifecycle, hook)) NormalizeHandler(*tree);
    }
  }
  Each(container, "ports", [](Json& port) { DropDefaults(port, kPortDefault); });
  Each(container, "volumeMounts", [](Json& mount) { DropDefaults(mount, kReadOnlyDefault); });
  Each(container, "env", [](Json& entry) {
    if (Json* from = Child(entry, "valueFrom")) {
      if (Json* ref = Child(*from, "fieldRef")) DropDefaults(*ref, kFieldRefDefault);
    }
  });
  NormalizeResources(container);
  SortEnv(container);
  SortBy(container, "ports", {"containerPort", "protocol", "name"});
  SortBy(container, "volumeMounts", {"mountPath", "name"});
}

void NormalizeVolume(Json& volume) {
  const auto items = [](Json& source) {
    Each(source, "items", [](Json& item) {
      if (Json* ref = Child(item, "fieldRef")) DropDefaults(*ref, kFieldRefDefault);
    });
  };
  for (const absl::string_view source : {"secret", "configMap", "downwardAPI", "projected"}) {
    Json* tree = Child(volume, source);
    if (tree == nullptr) continue;
    DropDefaults(*tree, kModeDefault);
    items(*tree);
    Each(*tree, "sources", [&](Json& part) {
      if (Json* token = Child(part, "serviceAccountToken")) DropDefaults(*token, kTokenDefault);
      if (Json* downward = Child(part, "downwardAPI")) items(*downward);
    });
  }
  if (Json* path = Child(volume, "hostPath")) DropDefaults(*path, kHostPathDefault);
  if (Json* claim = Child(volume, "persistentVolumeClaim")) DropDefaults(*claim, kReadOnlyDefault);
}

api::StringMap ReadMap(const Json* tree) {
  api::StringMap out;
  if (tree == nullptr || !tree->is_object()) return out;
  for (const auto& [key, value] : tree->items()) {
    if (value.is_string()) out.Set(key, value.get_ref<const std::string&>());
  }
  return out;
}

}  // namespace

Json NormalizeTemplate(const Json& pod_template, const NormalizeOptions& options) {
  Json out = pod_template;
  if (!out.is_object()) return out;
  out.erase("$patch");
  if (Json* spec = Child(out, "spec")) {
    DropDefaults(*spec, kPodDefaults);
    if (json::String(*spec, "serviceAccount") == json::String(*spec, "serviceAccountName")) {
      spec->erase("serviceAccount");
    }
    Each(*spec, "containers",
         [&](Json& container) { NormalizeContainer(container, options.pull_policy_always); });
    Each(*spec, "initContainers", [](Json& container) { NormalizeContainer(container, false); });
    Each(*spec, "volumes", NormalizeVolume);
    SortBy(*spec, "volumes", {"name"});
    SortBy(*spec, "imagePullSecrets", {"name"});
  }
  Strip(out);
  if (!out.contains("metadata")) out["metadata"] = Json::object();
  return out;
}

absl::StatusOr<Template> MakeTemplate(const Json& pod_template, const NormalizeOptions& options,
                                      api::PodParser& parser) {
  Template out;
  absl::StatusOr<std::shared_ptr<const api::PodShape>> shape = parser.ShapeOf(pod_template, "");
  if (!shape.ok()) return shape.status();
  out.shape = *std::move(shape);
  out.tree = std::make_shared<const Json>(pod_template);
  out.normal = std::make_shared<const Json>(NormalizeTemplate(pod_template, options));
  out.labels = ReadMap(json::Find(pod_template, {"metadata", "labels"}));
  out.annotations = ReadMap(json::Find(pod_template, {"metadata", "annotations"}));
  const Json* finalizers = json::Find(pod_template, {"metadata", "finalizers"});
  if (finalizers != nullptr && finalizers->is_array()) {
    for (const Json& name : *finalizers) {
      if (name.is_string()) out.finalizers.push_back(name.get<std::string>());
    }
  }
  return out;
}

bool SameMeaning(const Template& a, const Template& b) { return *a.normal == *b.normal; }

}  // namespace rekindle::plan
