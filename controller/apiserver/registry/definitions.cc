#include "controller/apiserver/registry/definitions.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "controller/apiserver/catalog/definition.h"
#include "controller/apiserver/registry/objects.h"

namespace rekindle::apiserver {
namespace {

std::vector<Json> ListOf(const std::map<std::string, Json>& definitions) {
  std::vector<Json> out;
  for (const auto& [name, definition] : definitions) out.push_back(definition);
  return out;
}

// A definition of our own as it is to be stored; `present` is null when there is none yet.
Json BuiltIn(Json fresh, const Json* present, const Catalog& catalog, absl::Time now,
             const std::function<std::string()>& new_uid) {
  if (present != nullptr) {
    Json out = *present;
    out["spec"] = fresh["spec"];
    Metadata(out)["generation"] = json::Int(out, {"metadata", "generation"}).value_or(0) + 1;
    MergeStatus(catalog.StatusOf(MetaText(out, "name")), now, out);
    return out;
  }
  Json& metadata = Metadata(fresh);
  metadata["uid"] = new_uid();
  metadata["creationTimestamp"] = api::FormatTime(now);
  metadata["generation"] = 1;
  MergeStatus(catalog.StatusOf(MetaText(fresh, "name")), now, fresh);
  return fresh;
}

}  // namespace

bool IsDefinition(const api::KindInfo& kind) {
  return kind.kind == kDefinitionKind && kind.group == "apiextensions.k8s.io";
}

Definitions::Definitions() : catalog_(Catalog::Make({})) {}

absl::Status Definitions::Load(Store& store, absl::Time now,
                               const std::function<std::string()>& new_uid) {
  std::map<std::string, Json> found;
  absl::Status bad;
  ListQuery query;
  query.resource = std::string(kDefinitionResource);
  const absl::Status read = store
                                .ForEach(query,
                                         [&](const StoredObject& stored) {
                                           absl::StatusOr<Json> object = ParseStored(
                                               stored.key, *stored.text, stored.revision);
                                           if (!object.ok()) {
                                             bad = object.status();
                                             return false;
                                           }
                                           found[stored.key.name] = *std::move(object);
                                           return true;
                                         })
                                .status();
  RK_RETURN_IF_ERROR(read);
  RK_RETURN_IF_ERROR(bad);
  const std::shared_ptr<const Catalog> made = Catalog::Make(ListOf(found));
  for (Json& fresh : BuiltInDefinitions()) {
    const std::string name(MetaText(fresh, "name"));
    const auto present = found.find(name);
    const Json* old = present == found.end() ? nullptr : &present->second;
    if (old != nullptr && old->value("spec", Json()) == fresh["spec"]) continue;
    Json object = BuiltIn(std::move(fresh), old, *made, now, new_uid);
    std::vector<Write> writes;
    writes.push_back({.key = {query.resource, "", name},
                      .expected = old == nullptr ? 0 : RevisionOf(*old),
                      .text = StoredText(object)});
    RK_ASSIGN_OR_RETURN(const std::vector<Revision> done, store.Commit(std::move(writes)));
    SetRevision(object, done.front());
    found[name] = std::move(object);
  }
  Renew(std::move(found));
  return absl::OkStatus();
}

std::shared_ptr<const Catalog> Definitions::catalog() const {
  MutexLock lock(&mutex_);
  return catalog_;
}

void Definitions::SetStatus(Json& definition, absl::Time now) const {
  const std::string name(MetaText(definition, "name"));
  std::map<std::string, Json> all;
  {
    MutexLock lock(&mutex_);
    all = definitions_;
  }
  all[name] = definition;
  MergeStatus(Catalog::Make(ListOf(all))->StatusOf(name), now, definition);
}

void Definitions::Renew(std::map<std::string, Json> definitions) {
  std::shared_ptr<const Catalog> made = Catalog::Make(ListOf(definitions));
  {
    MutexLock lock(&mutex_);
    definitions_ = std::move(definitions);
    catalog_ = std::move(made);
  }
  MutexLock lock(&told_mutex_);
  if (told_ != nullptr) told_();
}

void Definitions::Publish(const Json& definition) {
  std::map<std::string, Json> next;
  {
    MutexLock lock(&mutex_);
    next = definitions_;
  }
  next[std::string(MetaText(definition, "name"))] = definition;
  Renew(std::move(next));
}

void Definitions::Remove(const std::string& name) {
  std::map<std::string, Json> next;
  {
    MutexLock lock(&mutex_);
    next = definitions_;
  }
  next.erase(name);
  Renew(std::move(next));
}

std::vector<std::string> Definitions::Stale(absl::Time now) const {
  std::map<std::string, Json> all;
  {
    MutexLock lock(&mutex_);
    all = definitions_;
  }
  const std::shared_ptr<const Catalog> made = Catalog::Make(ListOf(all));
  std::vector<std::string> out;
  for (const auto& [name, definition] : all) {
    Json fresh = definition;
    MergeStatus(made->StatusOf(name), now, fresh);
    if (fresh != definition) out.push_back(name);
  }
  return out;
}

void Definitions::OnChange(std::function<void()> told) {
  MutexLock lock(&told_mutex_);
  told_ = std::move(told);
}

}  // namespace rekindle::apiserver
