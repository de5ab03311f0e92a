#include "controller/apiserver/registry/namespace_cleaner.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "controller/apiserver/registry/objects.h"

namespace rekindle::apiserver {
namespace {

constexpr size_t kParallel = 4;
constexpr absl::string_view kManager = "namespace-controller";
// A create that is on its way is done by then.
constexpr absl::Duration kQuietRetry = absl::Milliseconds(50);
// Something may hold an object that no change tells of.
constexpr absl::Duration kLook = absl::Seconds(15);

Json Condition(absl::string_view type, bool holds, absl::string_view reason,
               const std::string& message, absl::Time now) {
  return {{"type", type},
          {"status", holds ? "True" : "False"},
          {"reason", reason},
          {"message", message},
          {"lastTransitionTime", api::FormatTime(now)}};
}

// Puts a condition in; one that says the same already keeps its time.
void SetCondition(Json& name_space, const Json& condition) {
  Json& conditions = name_space["status"]["conditions"];
  if (!conditions.is_array()) conditions = Json::array();
  for (Json& one : conditions) {
    if (json::String(one, "type") != json::String(condition, "type")) continue;
    const Json since = one.value("lastTransitionTime", Json());
    const bool same = json::String(one, "status") == json::String(condition, "status");
    one = condition;
    if (same) one["lastTransitionTime"] = since;
    return;
  }
  conditions.push_back(condition);
}

}  // namespace

NamespaceCleaner::NamespaceCleaner(ObjectRegistry& registry, Loop& loop, Blocking& blocking)
    : registry_(registry),
      jobs_(
          loop, blocking, kParallel,
          [this](const std::string& name) -> JobQueue::Job {
            if (going_.count(name) == 0) return nullptr;
            return [this, name] { return Clean(name); };
          },
          [](const std::string& name, const absl::Status& why) {
            LOG(WARNING) << "deletion of namespace " << name << ": " << why.message();
          }) {}

void NamespaceCleaner::OnObject(const ObjectChange& change, const ObjectIndex::Node&, bool) {
  if (change.key.resource == "namespaces") {
    if (change.type == Change::Type::kDeleted) {
      going_.erase(change.key.name);
    } else if (change.meta.BeingDeleted() && going_.insert(change.key.name).second) {
      jobs_.Add(change.key.name);
    }
    return;
  }
  // Something less in it, perhaps the last.
  if (change.type == Change::Type::kDeleted && going_.count(change.key.name_space) > 0) {
    jobs_.Add(change.key.name_space);
  }
}

absl::StatusOr<absl::Duration> NamespaceCleaner::Clean(const std::string& name) {
  const std::shared_ptr<const Catalog> catalog = registry_.catalog();
  const ServedKind* namespaces = catalog->Find("v1", "Namespace");
  std::map<std::string, const ServedKind*> kinds;
  for (const ServedKind& kind : catalog->kinds()) {
    if (kind.info->namespaced && !kind.info->review) kinds.emplace(kind.Resource(), &kind);
  }
  if (!registry_.namespace_gate().Quiet(name)) return kQuietRetry;
  for (const auto& [resource, kind] : kinds) {
    RK_RETURN_IF_ERROR(registry_.DeleteAll(*kind, name).status());
  }
  std::vector<std::string> left;
  for (const auto& [resource, kind] : kinds) {
    const absl::StatusOr<Page> page =
        registry_.store().List({.resource = resource, .name_space = name, .limit = 1});
    RK_RETURN_IF_ERROR(page.status());
    if (page->objects.empty()) continue;
    left.push_back(absl::StrCat(resource, " has ", 1 + page->remaining, " resource instances"));
  }
  const absl::Time now = registry_.Now();
  const absl::Status edited =
      registry_.EditObject(*namespaces, "", name, kManager, [&](Json& object) {
        if (!BeingDeleted(object)) return false;
        if (!left.empty()) {
          SetCondition(object, Condition("NamespaceContentRemaining", true, "SomeResourcesRemain",
                                         absl::StrCat("Some resources are remaining: ",
                                                      absl::StrJoin(left, ", ")),
                                         now));
          return true;
        }
        Json kept = Json::array();
        if (const Json* list = json::Find(object, {"spec", "finalizers"}); list != nullptr) {
          for (const Json& one : *list) {
            if (one != "kubernetes") kept.push_back(one);
          }
        }
        object["spec"]["finalizers"] = kept;
        SetCondition(object, Condition("NamespaceContentRemaining", false, "ContentRemoved",
                                       "All content successfully removed", now));
        return true;
      });
  if (absl::IsNotFound(edited)) return absl::ZeroDuration();
  RK_RETURN_IF_ERROR(edited);
  return left.empty() ? absl::ZeroDuration() : kLook;
}

}  // namespace rekindle::apiserver
