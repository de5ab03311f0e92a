#include "controller/apiserver/registry/budgets.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <nlohmann/json.hpp>

#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "controller/apiserver/registry/eviction.h"
#include "controller/apiserver/registry/objects.h"

namespace rekindle::apiserver {
namespace {

constexpr size_t kParallel = 4;
constexpr absl::string_view kManager = "disruption-controller";
constexpr absl::string_view kBudgets = "poddisruptionbudgets.policy";
constexpr absl::string_view kPods = "pods";

std::string PlaceOf(const std::string& name_space, const std::string& name) {
  return absl::StrCat(name_space, "/", name);
}

}  // namespace

Budgets::Budgets(ObjectRegistry& registry, Loop& loop, Blocking& blocking)
    : registry_(registry),
      jobs_(
          loop, blocking, kParallel, [this](const std::string& key) { return Prepare(key); },
          [](const std::string& key, const absl::Status& why) {
            LOG(WARNING) << "disruption budget " << key << ": " << why.message();
          }) {}

Budgets::Pod Budgets::Read(const api::ObjectMeta& meta, const std::string& text) {
  Pod out;
  out.view.name = meta.name;
  out.view.going = meta.BeingDeleted();
  out.labels = meta.labels;
  if (const api::OwnerReference* controller = meta.Controller(); controller != nullptr) {
    out.owned = true;
    out.controller = *controller;
  }
  const absl::StatusOr<Json> object = json::Parse(text);
  out.view.healthy = object.ok() && IsReady(*object);
  return out;
}

void Budgets::LoadPods(const std::string& name_space, Space& space) {
  ListQuery query;
  query.resource = std::string(kPods);
  query.name_space = name_space;
  const absl::Status read = registry_.store()
                                .ForEach(query,
                                         [&](const StoredObject& stored) {
                                           const absl::StatusOr<api::ObjectMeta> meta =
                                               ReadStoredMeta(*stored.text);
                                           if (!meta.ok()) return true;
                                           Pod pod = Read(*meta, *stored.text);
                                           if (pod.owned)
                                             space.controllers.insert(pod.controller.uid);
                                           space.pods[stored.key.name] = std::move(pod);
                                           return true;
                                         })
                                .status();
  if (!read.ok()) {
    // The feed brings them, one by one, when they change.
    LOG(WARNING) << "pods of namespace " << name_space << " for its budgets: " << read.message();
  }
}

void Budgets::OnObject(const ObjectChange& change, const ObjectIndex::Node&, bool) {
  if (change.key.resource == kBudgets) {
    OnBudget(change);
    return;
  }
  const auto found = spaces_.find(change.key.name_space);
  if (found == spaces_.end()) return;
  if (change.key.resource == kPods) {
    OnPod(change);
  } else if (found->second.controllers.count(change.meta.uid) > 0) {
    // It may want another number of pods now.
    for (const auto& [name, selector] : found->second.budgets) {
      jobs_.Add(PlaceOf(change.key.name_space, name));
    }
  }
}

void Budgets::OnBudget(const ObjectChange& change) {
  const std::string& name_space = change.key.name_space;
  if (change.type == Change::Type::kDeleted) {
    const auto found = spaces_.find(name_space);
    if (found == spaces_.end()) return;
    found->second.budgets.erase(change.key.name);
    if (found->second.budgets.empty()) spaces_.erase(found);
    return;
  }
  const auto [found, fresh] = spaces_.try_emplace(name_space);
  if (fresh) LoadPods(name_space, found->second);
  const absl::StatusOr<Json> object = json::Parse(*change.text);
  const Json* selector = object.ok() ? json::Find(*object, {"spec", "selector"}) : nullptr;
  absl::StatusOr<api::Selector> parsed =
      api::Selector::FromJson(selector == nullptr ? Json() : *selector, "spec.selector");
  found->second.budgets[change.key.name] =
      parsed.ok() ? *std::move(parsed) : api::Selector::Nothing();
  jobs_.Add(PlaceOf(name_space, change.key.name));
}

void Budgets::AddCounting(const std::string& name_space, const Space& space,
                          const api::StringMap& labels) {
  for (const auto& [name, selector] : space.budgets) {
    if (selector.Matches(labels)) jobs_.Add(PlaceOf(name_space, name));
  }
}

void Budgets::OnPod(const ObjectChange& change) {
  const std::string& name_space = change.key.name_space;
  Space& space = spaces_.find(name_space)->second;
  const auto known = space.pods.find(change.key.name);
  if (change.type == Change::Type::kDeleted) {
    if (known == space.pods.end()) return;
    AddCounting(name_space, space, known->second.labels);
    space.pods.erase(known);
    return;
  }
  Pod pod = Read(change.meta, *change.text);
  const bool same = known != space.pods.end() && known->second.labels == pod.labels &&
                    known->second.view.healthy == pod.view.healthy &&
                    known->second.view.going == pod.view.going &&
                    known->second.controller == pod.controller;
  if (same) return;
  if (known != space.pods.end()) AddCounting(name_space, space, known->second.labels);
  AddCounting(name_space, space, pod.labels);
  if (pod.owned) space.controllers.insert(pod.controller.uid);
  space.pods[change.key.name] = std::move(pod);
}

JobQueue::Job Budgets::Prepare(const std::string& key) {
  const std::pair<std::string, std::string> place = absl::StrSplit(key, absl::MaxSplits('/', 1));
  const auto space = spaces_.find(place.first);
  if (space == spaces_.end()) return nullptr;
  const auto budget = space->second.budgets.find(place.second);
  if (budget == space->second.budgets.end()) return nullptr;
  Item item;
  item.name_space = place.first;
  item.name = place.second;
  for (const auto& [name, pod] : space->second.pods) {
    if (!budget->second.Matches(pod.labels)) continue;
    item.pods.push_back(pod.view);
    if (pod.owned) {
      item.controllers.emplace(pod.controller.uid, pod.controller);
    } else if (item.trouble.empty()) {
      item.trouble = absl::StrCat("found no controller ref for pod \"", name, "\"");
    }
  }
  return [this, item = std::move(item)] { return Work(item); };
}

absl::StatusOr<int64_t> Budgets::ScaleOf(const std::string& name_space,
                                         const api::OwnerReference& controller) {
  const std::shared_ptr<const Catalog> catalog = registry_.catalog();
  const ServedKind* kind = catalog->Find(controller.api_version, controller.kind);
  if (kind == nullptr || !kind->info->scale) {
    return absl::NotFoundError(
        absl::StrCat(controller.api_version, " ", controller.kind, " has no scale"));
  }
  RK_ASSIGN_OR_RETURN(const Json object,
                      registry_.Read(*kind, *kind->info, name_space, controller.name));
  if (MetaText(object, "uid") != controller.uid) {
    return absl::NotFoundError(absl::StrCat(controller.kind, " ", controller.name, " is another"));
  }
  const Json* at = &object;
  for (const absl::string_view step :
       absl::StrSplit(kind->scale_spec_path, '.', absl::SkipEmpty())) {
    at = json::Find(*at, step);
    if (at == nullptr) return 1;
  }
  return at->is_number_integer() ? at->get<int64_t>() : 1;
}

absl::StatusOr<absl::Duration> Budgets::Work(const Item& item) {
  const std::shared_ptr<const Catalog> catalog = registry_.catalog();
  const ServedKind* kind = catalog->Find("policy/v1", "PodDisruptionBudget");
  if (kind == nullptr) return absl::ZeroDuration();
  std::optional<int64_t> scale;
  std::string trouble = item.trouble;
  if (trouble.empty()) {
    scale = 0;
    for (const auto& [uid, controller] : item.controllers) {
      const absl::StatusOr<int64_t> wanted = ScaleOf(item.name_space, controller);
      if (!wanted.ok()) {
        scale = std::nullopt;
        trouble = std::string(wanted.status().message());
        break;
      }
      *scale += *wanted;
    }
  }
  const absl::Time now = registry_.Now();
  std::optional<absl::Time> again;
  const absl::Status edited =
      registry_.EditObject(*kind, item.name_space, item.name, kManager, [&](Json& budget) {
        again = WorkOutBudget(item.pods, scale, trouble, now, budget);
        return true;
      });
  if (absl::IsNotFound(edited)) return absl::ZeroDuration();
  RK_RETURN_IF_ERROR(edited);
  if (!again.has_value()) return absl::ZeroDuration();
  return std::max(*again - now, absl::Seconds(1));
}

}  // namespace rekindle::apiserver
