#include "controller/apiserver/registry/definition_cleaner.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "controller/apiserver/registry/definitions.h"
#include "controller/apiserver/registry/objects.h"

namespace rekindle::apiserver {
namespace {

constexpr size_t kParallel = 2;
constexpr absl::string_view kManager = "definition-controller";
constexpr absl::Duration kLook = absl::Seconds(15);
// No name of a definition: these have dots.
constexpr char kStatuses[] = "statuses";

const ServedKind* KindOfResource(const Catalog& catalog, const std::string& resource) {
  for (const ServedKind& kind : catalog.kinds()) {
    if (kind.user_defined && kind.Resource() == resource) return &kind;
  }
  return nullptr;
}

}  // namespace

DefinitionCleaner::DefinitionCleaner(ObjectRegistry& registry, Loop& loop, Blocking& blocking)
    : registry_(registry),
      jobs_(
          loop, blocking, kParallel,
          [this](const std::string& name) -> JobQueue::Job {
            if (name == kStatuses) return [this] { return RenewStatuses(); };
            if (going_.count(name) == 0) return nullptr;
            return [this, name] { return Clean(name); };
          },
          [](const std::string& name, const absl::Status& why) {
            LOG(WARNING) << "definition " << name << ": " << why.message();
          }) {}

void DefinitionCleaner::OnObject(const ObjectChange& change, const ObjectIndex::Node&, bool) {
  if (change.key.resource == kDefinitionResource) {
    if (change.type == Change::Type::kDeleted) {
      going_.erase(change.key.name);
    } else if (change.meta.BeingDeleted() && going_.insert(change.key.name).second) {
      jobs_.Add(change.key.name);
    }
    return;
  }
  if (change.type == Change::Type::kDeleted && going_.count(change.key.resource) > 0) {
    jobs_.Add(change.key.resource);
  }
}

void DefinitionCleaner::OnCatalog() { jobs_.Add(kStatuses); }

absl::StatusOr<absl::Duration> DefinitionCleaner::Clean(const std::string& name) {
  const std::shared_ptr<const Catalog> catalog = registry_.catalog();
  const ServedKind* kind = KindOfResource(*catalog, name);
  const ServedKind* definitions = catalog->Find(kDefinitionVersion, kDefinitionKind);
  if (definitions == nullptr) return absl::InternalError("definitions are not served");
  if (kind != nullptr) {
    RK_RETURN_IF_ERROR(registry_.DeleteAll(*kind, "").status());
    const absl::StatusOr<Page> page = registry_.store().List({.resource = name, .limit = 1});
    RK_RETURN_IF_ERROR(page.status());
    if (!page->objects.empty()) return kLook;
  }
  const absl::Status edited =
      registry_.EditObject(*definitions, "", name, kManager, [](Json& object) {
        std::vector<std::string> finalizers = Finalizers(object);
        const auto it =
            std::find(finalizers.begin(), finalizers.end(), std::string(kDefinitionFinalizer));
        if (!BeingDeleted(object) || it == finalizers.end()) return false;
        finalizers.erase(it);
        SetFinalizers(object, finalizers);
        return true;
      });
  if (!absl::IsNotFound(edited)) RK_RETURN_IF_ERROR(edited);
  return absl::ZeroDuration();
}

absl::StatusOr<absl::Duration> DefinitionCleaner::RenewStatuses() {
  const std::shared_ptr<const Catalog> catalog = registry_.catalog();
  const ServedKind* definitions = catalog->Find(kDefinitionVersion, kDefinitionKind);
  if (definitions == nullptr) return absl::InternalError("definitions are not served");
  for (const std::string& name : registry_.definitions().Stale(registry_.Now())) {
    const absl::Status edited =
        registry_.EditObject(*definitions, "", name, kManager, [&](Json& object) {
          registry_.definitions().SetStatus(object, registry_.Now());
          return true;
        });
    if (!absl::IsNotFound(edited)) RK_RETURN_IF_ERROR(edited);
  }
  return absl::ZeroDuration();
}

}  // namespace rekindle::apiserver
