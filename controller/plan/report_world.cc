#include "controller/plan/report_world.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/container_hash.h"
#include "common/json/tree.h"
#include "controller/plan/ordinals.h"
#include "controller/plan/ownership.h"

namespace rekindle::plan {
namespace {

constexpr int64_t kSettledFor = 3600;  // seconds that assumed pods have been ready

// A pod of a settled workload: running, ready and reported by its daemon.
PodPtr SettledPod(const Revision& revision, const Settled& settled, int64_t now, size_t serial) {
  const std::string& name = settled.names[serial];
  auto pod = std::make_shared<api::PodRecord>();
  pod->name = name;
  pod->uid = absl::StrCat("uid-", name);
  pod->instance_id = name.substr(name.rfind('-') + 1);
  pod->owner_uid = api::Text(settled.owner_uid);
  pod->revision = api::Text(revision.name);
  pod->has_template_hash = settled.adds_gate;
  pod->node = api::Text(absl::StrCat("node-", serial % 3));
  pod->phase = api::Phase::kRunning;
  pod->created = now - kSettledFor - 60;
  pod->ready_since = now - kSettledFor;
  pod->ready = pod->containers_ready = pod->in_place_ready = api::Tri::kTrue;
  pod->lifecycle = settled.lifecycle ? api::Lifecycle::kNormal : api::Lifecycle::kEmpty;
  auto shape = std::make_shared<api::PodShape>(*revision.pod_template.shape);
  shape->gate_in_place = shape->gate_in_place || settled.adds_gate;
  shape->gate_pod_ready = shape->gate_pod_ready || settled.lifecycle;
  if (shape->gate_pod_ready) pod->pod_ready = api::Tri::kTrue;
  shape->claim_volumes = settled.claim_names;
  pod->shape = shape;
  auto labels = std::make_shared<api::StringMap>(revision.pod_template.labels);
  auto finalizers = std::make_shared<std::vector<std::string>>(revision.pod_template.finalizers);
  // A settled pod carries the handlers of its hooks.
  for (const std::optional<Hook>* hook :
       {&settled.hooks.in_place, &settled.hooks.pre_normal, &settled.hooks.pre_delete}) {
    if (!hook->has_value()) continue;
    for (const auto& [key, value] : (*hook)->labels) labels->Set(key, value);
    for (const std::string& finalizer : (*hook)->finalizers) {
      if (std::find(finalizers->begin(), finalizers->end(), finalizer) == finalizers->end()) {
        finalizers->push_back(finalizer);
      }
    }
  }
  pod->labels = std::move(labels);
  pod->finalizers = std::move(finalizers);
  pod->annotations = std::make_shared<api::StringMap>(revision.pod_template.annotations);
  pod->meta_present = true;
  for (const api::ContainerShape& container : shape->containers) {
    api::ContainerStatus status;
    status.image = std::make_shared<api::ImageStatus>(
        api::ImageStatus{container.image.str(), absl::StrCat("sha256:", container.image.view())});
    status.id = api::Fingerprint(absl::StrCat(name, "/", container.name));
    status.present = status.running = status.ready = true;
    status.meta_id = status.id;
    status.meta_plain = container.plain_hash;
    status.resources = std::make_shared<api::Resources>(container.resources);
    std::vector<std::pair<std::string, std::string>> env;
    for (const api::EnvRef& ref : container.refs) {
      env.emplace_back(
          ref.env, std::string(ref.label ? pod->Label(ref.key) : pod->annotations->Get(ref.key)));
    }
    status.meta_env = api::EnvHash(std::move(env));
    pod->statuses.push_back(std::move(status));
  }
  return pod;
}

}  // namespace

ReportWorld SortDocuments(const Json& next, const std::vector<Json>& against) {
  ReportWorld out;
  const absl::string_view kind = json::String(next, "kind");
  const absl::string_view name = json::String(next, {"metadata", "name"});
  const absl::string_view space = json::String(next, {"metadata", "namespace"});
  for (const Json& document : against) {
    const absl::string_view its = json::String(document, "kind");
    const absl::string_view its_space = json::String(document, {"metadata", "namespace"});
    if (!space.empty() && !its_space.empty() && its_space != space) continue;
    if (its == "Pod") {
      out.pods.push_back(&document);
    } else if (its == "ControllerRevision") {
      out.revisions.push_back(&document);
    } else if (its == "PersistentVolumeClaim") {
      out.claims.push_back(&document);
    } else if (its == "ContainerRecreateRequest") {
      out.requests.push_back(&document);
    } else if (its == "Node") {
      auto& labels = out.node_labels[std::string(json::String(document, {"metadata", "name"}))];
      const Json* tree = json::Find(document, {"metadata", "labels"});
      if (tree == nullptr || !tree->is_object()) continue;
      for (const auto& [key, value] : tree->items()) {
        if (value.is_string()) labels[key] = value.get<std::string>();
      }
    } else if (its == kind && json::String(document, {"metadata", "name"}) == name) {
      out.present = &document;
    }
  }
  return out;
}

ReportWorld OwnDocuments(ReportWorld world, absl::string_view uid, const api::Selector& selector) {
  const auto others = [&](const Json* tree, bool orphans) {
    const Ownership owner = OwnershipOf(*tree, uid);
    if (owner.controller_uid.empty() && !orphans) return true;
    if (!owner.controller_uid.empty() && owner.controller_uid != uid) return true;
    api::StringMap labels;
    if (const Json* map = json::Find(*tree, {"metadata", "labels"}); map && map->is_object()) {
      for (const auto& [key, value] : map->items()) {
        if (value.is_string()) labels.Set(key, value.get_ref<const std::string&>());
      }
    }
    return owner.controller_uid.empty() && !selector.Matches(labels);
  };
  std::erase_if(world.revisions, [&](const Json* tree) { return others(tree, true); });
  std::erase_if(world.claims, [&](const Json* tree) { return others(tree, uid == kDefaultUid); });
  return world;
}

absl::StatusOr<RevisionPlan> RevisionsOf(const std::string& owner, const Json& next_template,
                                         const std::optional<std::string>& claims_hash,
                                         const ReportWorld& world, const NormalizeOptions& options,
                                         api::PodParser& parser, RevisionSet& out) {
  RevisionInput input;
  input.owner = owner;
  input.claims_hash = claims_hash;
  absl::StatusOr<Template> live = MakeTemplate(next_template, options, parser);
  if (!live.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("spec.template.", live.status().message()));
  }
  input.pod_template = *std::move(live);
  for (const Json* object : world.revisions) {
    absl::StatusOr<Revision> revision = ParseRevision(*object, options, parser);
    if (!revision.ok()) return revision.status();
    input.history.push_back(*std::move(revision));
  }
  if (world.present != nullptr) {
    input.status_current = std::string(json::String(*world.present, {"status", "currentRevision"}));
    const Json* before = json::Find(*world.present, {"spec", "template"});
    absl::StatusOr<Template> made = MakeTemplate(before ? *before : Json(), options, parser);
    if (!made.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("present spec.template.", made.status().message()));
    }
    const Revision* known = nullptr;
    for (const Revision& r : input.history) {
      if (SameMeaning(r.pod_template, *made)) known = &r;
    }
    if (known == nullptr) {
      Revision revision;
      revision.name = RevisionName(owner, RevisionHash(RevisionData(*before), 0));
      for (const Revision& r : input.history) {
        revision.number = std::max(revision.number, r.number);
      }
      ++revision.number;
      revision.pod_template = *std::move(made);
      if (claims_hash) revision.claims_hash = ClaimTemplatesHash(ClaimTemplatesOf(*world.present));
      input.history.push_back(std::move(revision));
      known = &input.history.back();
    }
    if (input.status_current.empty()) input.status_current = known->name;
  }
  RevisionPlan plan = PlanRevisions(input);
  out.update = plan.update;
  out.current = plan.current;
  out.history = std::move(input.history);
  std::erase_if(out.history, [&](const Revision& r) { return r.name == plan.update.name; });
  out.history.push_back(plan.update);
  return plan;
}

absl::StatusOr<WorldPods> PodsOf(const ReportWorld& world, const RevisionSet& revisions,
                                 const Settled& settled, const api::Selector& selector,
                                 absl::Time now, api::PodParser& parser) {
  WorldPods out;
  for (const Json* tree : world.pods) {
    absl::StatusOr<api::PodRecord> record = parser.Parse(*tree);
    if (!record.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Pod ", json::String(*tree, {"metadata", "name"}), ": ", record.status().message()));
    }
    const Ownership owner = OwnershipOf(*tree, settled.owner_uid);
    const api::StringMap labels = record->AllLabels();
    const OwnerQuestion question{.workload_uid = settled.owner_uid,
                                 .workload_deleting = settled.deleting,
                                 .selector = &selector,
                                 .labels = &labels,
                                 .terminating = record->terminating};
    const bool by_hand = settled.owner_uid == kDefaultUid && owner.controller_uid.empty();
    Claim claim = by_hand && selector.Matches(labels) ? Claim::kKeep : Claim::kIgnore;
    if (!by_hand) {
      claim = settled.set_name.empty()
                  ? ClaimForCloneSet(owner, question)
                  : ClaimForStatefulSet(owner, question,
                                        OrdinalOf(record->name, settled.set_name) >= 0);
    }
    if (claim == Claim::kIgnore) continue;
    if (claim == Claim::kRelease) {
      out.released.push_back(record->name);
      continue;
    }
    if (claim == Claim::kAdopt) out.adopted.push_back(record->name);
    record->owner_uid = api::Text(settled.owner_uid);
    out.members.push_back(std::make_shared<const api::PodRecord>(*std::move(record)));
  }
  if (!world.pods.empty() || world.present == nullptr) return out;
  const int64_t seconds = absl::ToUnixSeconds(now);
  for (size_t i = 0; i < settled.names.size(); ++i) {
    out.members.push_back(SettledPod(revisions.current, settled, seconds, i));
  }
  return out;
}

void AddOwners(const WorldPods& pods, Json& report) {
  const auto add = [&](const std::string& pod, const char* action, const char* reason) {
    report["owners"].push_back({{"pod", pod}, {"action", action}, {"reason", reason}});
  };
  for (const std::string& pod : pods.adopted) {
    add(pod, "Adopt", "has no owner and fits the name and the selector");
  }
  for (const std::string& pod : pods.released) {
    add(pod, "Release", "its labels no longer match the selector");
  }
}

Json Completed(const Json& next, const ReportWorld& world) {
  Json out = next;
  if (world.present != nullptr && json::Find(out, "status") == nullptr) {
    if (const Json* status = json::Find(*world.present, "status")) out["status"] = *status;
  }
  if (!json::String(out, {"metadata", "uid"}).empty()) return out;
  std::string uid;
  if (world.present != nullptr)
    uid = std::string(json::String(*world.present, {"metadata", "uid"}));
  for (const auto* documents : {&world.pods, &world.claims, &world.revisions}) {
    for (const Json* document : *documents) {
      const Json* owners = json::Find(*document, {"metadata", "ownerReferences"});
      if (!uid.empty() || owners == nullptr || !owners->is_array()) continue;
      for (const Json& owner : *owners) {
        if (json::String(owner, "kind") == json::String(next, "kind") &&
            json::String(owner, "name") == json::String(next, {"metadata", "name"})) {
          uid = std::string(json::String(owner, "uid"));
        }
      }
    }
  }
  out["metadata"]["uid"] = uid.empty() ? kDefaultUid : uid;
  return out;
}

NodeLabel NodeLabelOf(const ReportWorld& world) {
  return [labels = world.node_labels](absl::string_view node, absl::string_view key) {
    const auto at = labels.find(std::string(node));
    if (at == labels.end()) return absl::string_view();
    const auto value = at->second.find(std::string(key));
    return value == at->second.end() ? absl::string_view() : absl::string_view(value->second);
  };
}

}  // namespace rekindle::plan
