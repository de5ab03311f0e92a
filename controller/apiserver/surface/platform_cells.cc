// Lines of the platform's kinds in tables (spec kubernetes-api 18.2).
#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

#include "common/api/selector.h"
#include "common/json/tree.h"
#include "controller/apiserver/surface/age.h"
#include "controller/apiserver/surface/cells.h"

namespace rekindle::apiserver {
namespace {

using json::At;

// Member `key` when it is a list or an object; else an empty one.
const Json& List(const Json& tree, absl::string_view key) {
  static const Json none = Json::array();
  const Json& value = At(tree, key);
  return value.is_array() ? value : none;
}
const Json& Map(const Json& tree, absl::string_view key) {
  static const Json none = Json::object();
  const Json& value = At(tree, key);
  return value.is_object() ? value : none;
}

std::string Text(const Json& tree, std::initializer_list<absl::string_view> path) {
  return std::string(json::String(tree, path));
}

std::string Or(std::string text, absl::string_view other) {
  return text.empty() ? std::string(other) : text;
}

std::string NameOf(const Json& object) { return Text(object, {"metadata", "name"}); }

std::string Age(const Json& object, absl::Time now) {
  return AgeOf(json::String(object, {"metadata", "creationTimestamp"}), now);
}

int64_t Count(const Json& value) { return static_cast<int64_t>(value.size()); }

int64_t Number(const Json& tree, std::initializer_list<absl::string_view> path) {
  return json::Int(tree, path).value_or(0);
}

// "a=b,c=d" of a map of labels.
std::string Labels(const Json& map) {
  if (!map.is_object() || map.empty()) return "<none>";
  std::vector<std::string> pairs;
  for (const auto& [key, value] : map.items()) {
    if (value.is_string()) pairs.push_back(absl::StrCat(key, "=", value.get<std::string>()));
  }
  return absl::StrJoin(pairs, ",");
}

std::vector<std::string> Strings(const Json& list) {
  std::vector<std::string> out;
  if (!list.is_array()) return out;
  for (const Json& one : list) {
    if (one.is_string()) out.push_back(one.get<std::string>());
  }
  return out;
}

Column Name() { return {"Name", "string", "name", "Name of the object.", 0}; }
Column AgeColumn() { return {"Age", "string", "", "Time since it was made.", 0}; }

// ---- nodes

std::vector<Json> NodeCells(const Json& node, absl::Time now) {
  std::vector<std::string> status;
  for (const Json& one : List(At(node, "status"), "conditions")) {
    if (json::String(one, "type") != "Ready") continue;
    status.emplace_back(json::String(one, "status") == "True" ? "Ready" : "NotReady");
  }
  if (status.empty()) status.emplace_back("Unknown");
  if (json::Bool(node, {"spec", "unschedulable"})) status.emplace_back("SchedulingDisabled");
  std::set<std::string> roles;
  for (const auto& [key, value] : Map(At(node, "metadata"), "labels").items()) {
    absl::string_view name = key;
    if (absl::ConsumePrefix(&name, "node-role.kubernetes.io/")) {
      if (!name.empty()) roles.insert(std::string(name));
    } else if (name == "kubernetes.io/role" && value.is_string() && !json::IsEmpty(value)) {
      roles.insert(value.get<std::string>());
    }
  }
  const auto address = [&](absl::string_view type) {
    for (const Json& one : List(At(node, "status"), "addresses")) {
      if (json::String(one, "type") == type) return Text(one, {"address"});
    }
    return std::string("<none>");
  };
  const auto info = [&](absl::string_view member) {
    return Or(Text(node, {"status", "nodeInfo", member}), "<unknown>");
  };
  return {NameOf(node),
          absl::StrJoin(status, ","),
          Or(absl::StrJoin(roles, ","), "<none>"),
          Age(node, now),
          Text(node, {"status", "nodeInfo", "kubeletVersion"}),
          address("InternalIP"),
          address("ExternalIP"),
          info("osImage"),
          info("kernelVersion"),
          info("containerRuntimeVersion")};
}

// ---- services

std::string ExternalAddress(const Json& service) {
  const Json& spec = At(service, "spec");
  const std::string type = Text(spec, {"type"});
  std::vector<std::string> addresses;
  if (type == "ExternalName") return Text(spec, {"externalName"});
  if (type == "LoadBalancer") {
    for (const Json& one : List(At(At(service, "status"), "loadBalancer"), "ingress")) {
      std::string ip = Text(one, {"ip"});
      addresses.push_back(ip.empty() ? Text(one, {"hostname"}) : ip);
    }
  }
  for (std::string& ip : Strings(At(spec, "externalIPs"))) addresses.push_back(std::move(ip));
  if (addresses.empty()) return type == "LoadBalancer" ? "<pending>" : "<none>";
  return absl::StrJoin(addresses, ",");
}

std::vector<Json> ServiceCells(const Json& service, absl::Time now) {
  const Json& spec = At(service, "spec");
  std::vector<std::string> ports;
  for (const Json& port : List(spec, "ports")) {
    const int64_t node = Number(port, {"nodePort"});
    ports.push_back(absl::StrCat(Number(port, {"port"}), node > 0 ? absl::StrCat(":", node) : "",
                                 "/", json::String(port, "protocol")));
  }
  return {NameOf(service),
          Text(spec, {"type"}),
          Or(Text(spec, {"clusterIP"}), "<none>"),
          ExternalAddress(service),
          Or(absl::StrJoin(ports, ","), "<none>"),
          Age(service, now),
          Labels(At(spec, "selector"))};
}

// ---- events

std::vector<Json> EventCells(const Json& event, absl::Time now) {
  const auto age = [&](std::initializer_list<absl::string_view> path) {
    return AgeOf(json::String(event, path), now);
  };
  const bool timed = !json::String(event, "firstTimestamp").empty();
  const std::string first = timed ? age({"firstTimestamp"}) : age({"eventTime"});
  std::string last = json::String(event, "lastTimestamp").empty() ? first : age({"lastTimestamp"});
  int64_t count = Number(event, {"count"});
  if (!At(event, "series").is_null()) {
    last = age({"series", "lastObservedTime"});
    count = Number(event, {"series", "count"});
  } else if (count == 0) {
    count = 1;
  }
  const Json& about = At(event, "involvedObject");
  std::string object = absl::AsciiStrToLower(json::String(about, "kind"));
  const std::string name = Text(about, {"name"});
  if (!name.empty()) absl::StrAppend(&object, "/", name);
  std::vector<std::string> source;
  for (const char* member : {"component", "host"}) {
    if (std::string text = Text(event, {"source", member}); !text.empty()) source.push_back(text);
  }
  if (source.empty()) {
    for (const char* member : {"reportingComponent", "reportingInstance"}) {
      if (std::string text = Text(event, {member}); !text.empty()) source.push_back(text);
    }
  }
  return {last,
          Text(event, {"type"}),
          Text(event, {"reason"}),
          object,
          Text(about, {"fieldPath"}),
          absl::StrJoin(source, ", "),
          std::string(absl::StripAsciiWhitespace(json::String(event, "message"))),
          first,
          count,
          NameOf(event)};
}

// ---- small ones

std::vector<Json> StatefulSetCells(const Json& set, absl::Time now) {
  const Json& pod = At(At(At(set, "spec"), "template"), "spec");
  return {NameOf(set),
          absl::StrCat(Number(set, {"status", "readyReplicas"}), "/",
                       Number(set, {"spec", "replicas"})),
          Age(set, now), ContainerTexts(pod, "name"), ContainerTexts(pod, "image")};
}

std::vector<Json> PodTemplateCells(const Json& object, absl::Time now) {
  (void)now;
  const Json& spec = At(At(object, "template"), "spec");
  return {NameOf(object), ContainerTexts(spec, "name"), ContainerTexts(spec, "image"),
          Labels(At(At(At(object, "template"), "metadata"), "labels"))};
}

std::vector<Json> RevisionCells(const Json& revision, absl::Time now) {
  std::string owner = "<none>";
  for (const Json& one : List(At(revision, "metadata"), "ownerReferences")) {
    if (!json::Bool(one, {"controller"})) continue;
    const std::string version = Text(one, {"apiVersion"});
    const size_t slash = version.find('/');
    owner = absl::AsciiStrToLower(json::String(one, "kind"));
    if (slash != std::string::npos) absl::StrAppend(&owner, ".", version.substr(0, slash));
    absl::StrAppend(&owner, "/", json::String(one, "name"));
  }
  return {NameOf(revision), owner, Number(revision, {"revision"}), Age(revision, now)};
}

std::string Share(const Json& value) {
  if (value.is_null()) return "N/A";
  return value.is_string() ? value.get<std::string>() : json::Dump(value);
}

std::vector<Json> BudgetCells(const Json& budget, absl::Time now) {
  const Json& spec = At(budget, "spec");
  return {NameOf(budget), Share(At(spec, "minAvailable")), Share(At(spec, "maxUnavailable")),
          Number(budget, {"status", "disruptionsAllowed"}), Age(budget, now)};
}

std::vector<Json> ClaimCells(const Json& claim, absl::Time now) {
  std::vector<std::string> modes;
  const bool bound = !json::String(claim, {"spec", "volumeName"}).empty();
  if (bound) {
    static constexpr std::pair<absl::string_view, const char*> kModes[] = {
        {"ReadWriteOnce", "RWO"},
        {"ReadOnlyMany", "ROX"},
        {"ReadWriteMany", "RWX"},
        {"ReadWriteOncePod", "RWOP"}};
    const std::vector<std::string> have = Strings(At(At(claim, "status"), "accessModes"));
    for (const auto& [mode, letters] : kModes) {
      if (std::find(have.begin(), have.end(), mode) != have.end()) modes.emplace_back(letters);
    }
  }
  const bool going = !json::String(claim, {"metadata", "deletionTimestamp"}).empty();
  std::string capacity;
  if (const Json& size = At(At(At(claim, "status"), "capacity"), "storage"); bound) {
    capacity = size.is_string() ? size.get<std::string>() : "0";
  }
  return {NameOf(claim),
          going ? "Terminating" : Text(claim, {"status", "phase"}),
          Text(claim, {"spec", "volumeName"}),
          capacity,
          absl::StrJoin(modes, ","),
          Text(claim, {"spec", "storageClassName"}),
          Or(Text(claim, {"spec", "volumeAttributesClassName"}), "<unset>"),
          Age(claim, now),
          Or(Text(claim, {"spec", "volumeMode"}), "<unset>")};
}

std::vector<Json> NamespaceCells(const Json& object, absl::Time now) {
  return {NameOf(object), Text(object, {"status", "phase"}), Age(object, now)};
}

std::vector<Json> ConfigMapCells(const Json& map, absl::Time now) {
  return {NameOf(map), Count(At(map, "data")) + Count(At(map, "binaryData")), Age(map, now)};
}

std::vector<Json> SecretCells(const Json& secret, absl::Time now) {
  return {NameOf(secret), Text(secret, {"type"}), Count(At(secret, "data")), Age(secret, now)};
}

std::vector<Json> AccountCells(const Json& account, absl::Time now) {
  return {NameOf(account), Count(At(account, "secrets")), Age(account, now)};
}

std::vector<Json> LeaseCells(const Json& lease, absl::Time now) {
  return {NameOf(lease), Text(lease, {"spec", "holderIdentity"}), Age(lease, now)};
}

std::vector<Json> DefinitionCells(const Json& crd, absl::Time now) {
  (void)now;
  return {NameOf(crd), Text(crd, {"metadata", "creationTimestamp"})};
}

const std::vector<std::pair<std::string, KindView>>& Views() {
  const auto text = [](const char* name, const char* doc, int priority = 0) {
    return Column{name, "string", "", doc, priority};
  };
  const auto number = [](const char* name, const char* doc, int priority = 0) {
    return Column{name, "integer", "", doc, priority};
  };
  static const auto& views = *new std::vector<std::pair<std::string, KindView>>{
      {"/Pod", {PodColumns(), PodCells}},
      {"/Node",
       {{Name(), text("Status", "Whether it is ready."), text("Roles", "What it is for."),
         AgeColumn(), text("Version", "Version of its kubelet or daemon."),
         text("Internal-IP", "Address in the cluster.", 1),
         text("External-IP", "Address outside.", 1), text("OS-Image", "Its operating system.", 1),
         text("Kernel-Version", "Version of its kernel.", 1),
         text("Container-Runtime", "Its runtime.", 1)},
        NodeCells}},
      {"/Namespace",
       {{Name(), text("Status", "Active or Terminating."), AgeColumn()}, NamespaceCells}},
      {"/Service",
       {{Name(), text("Type", "How it is reached."), text("Cluster-IP", "Address in the cluster."),
         text("External-IP", "Addresses outside."), text("Port(s)", "Ports and protocols."),
         AgeColumn(), text("Selector", "Labels of its pods.", 1)},
        ServiceCells}},
      {"/ConfigMap", {{Name(), number("Data", "Number of keys."), AgeColumn()}, ConfigMapCells}},
      {"/Secret",
       {{Name(), text("Type", "What it is for."), number("Data", "Number of keys."), AgeColumn()},
        SecretCells}},
      {"/ServiceAccount",
       {{Name(), number("Secrets", "Number of secrets."), AgeColumn()}, AccountCells}},
      {"/Event",
       {{text("Last Seen", "When it happened last."), text("Type", "Normal or Warning."),
         text("Reason", "One word for programs."), text("Object", "What it happened to."),
         text("Subobject", "Which part of that.", 1), text("Source", "Who reports it.", 1),
         text("Message", "A sentence for people."),
         text("First Seen", "When it happened first.", 1), number("Count", "How often.", 1),
         Column{"Name", "string", "name", "Name of the event.", 1}},
        EventCells}},
      {"/PersistentVolumeClaim",
       {{Name(), text("Status", "Pending, Bound, Lost or Terminating."),
         text("Volume", "Its volume."), text("Capacity", "Size of the volume."),
         text("Access Modes", "How it may be mounted."), text("StorageClass", "Class of storage."),
         text("VolumeAttributesClass", "Class of attributes."), AgeColumn(),
         text("VolumeMode", "Files or a raw device.", 1)},
        ClaimCells}},
      {"/PodTemplate",
       {{Name(), text("Containers", "Names of the containers."),
         text("Images", "Images of the containers."), text("Pod Labels", "Labels of the pods.")},
        PodTemplateCells}},
      {"apps/StatefulSet",
       {{Name(), text("Ready", "Pods that are ready, of how many."), AgeColumn(),
         text("Containers", "Names of the containers.", 1),
         text("Images", "Images of the containers.", 1)},
        StatefulSetCells}},
      {"apps/ControllerRevision",
       {{Name(), text("Controller", "Whose template it is."), number("Revision", "Its number."),
         AgeColumn()},
        RevisionCells}},
      {"policy/PodDisruptionBudget",
       {{Name(), text("Min Available", "How many have to stay."),
         text("Max Unavailable", "How many may be down."),
         number("Allowed Disruptions", "How many may go now."), AgeColumn()},
        BudgetCells}},
      {"coordination.k8s.io/Lease",
       {{Name(), text("Holder", "Who has it."), AgeColumn()}, LeaseCells}},
      {"apiextensions.k8s.io/CustomResourceDefinition",
       {{Name(), Column{"Created At", "date", "", "When it was made.", 0}}, DefinitionCells}},
  };
  return views;
}

}  // namespace

std::string ContainerTexts(const Json& pod_spec, const char* member) {
  std::vector<std::string> texts;
  for (const Json& one : List(pod_spec, "containers")) {
    texts.push_back(Text(one, {member}));
  }
  return Or(absl::StrJoin(texts, ","), "<none>");
}

const KindView* FindView(const api::KindInfo& info) {
  if (info.custom) return nullptr;
  for (const auto& [name, view] : Views()) {
    const size_t slash = name.find('/');
    if (name.substr(0, slash) == info.group && name.substr(slash + 1) == info.kind) return &view;
  }
  return nullptr;
}

}  // namespace rekindle::apiserver
