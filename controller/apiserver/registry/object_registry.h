#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_OBJECT_REGISTRY_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_OBJECT_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/api/apply/managed_fields.h"
#include "common/api/kinds/admission.h"
#include "common/api/object_meta.h"
#include "common/json/json_fwd.h"
#include "controller/apiserver/registry/body.h"
#include "controller/apiserver/registry/decode_cache.h"
#include "controller/apiserver/registry/definitions.h"
#include "controller/apiserver/registry/namespaces.h"
#include "controller/apiserver/registry/registry.h"
#include "controller/apiserver/registry/selection.h"

namespace rekindle::apiserver {

class ServerWatch;

// The registry over a store (see Registry). Thread-safe.
class ObjectRegistry final : public Registry {
 public:
  struct Options {
    Store* store = nullptr;            // outlives the registry
    std::function<absl::Time()> now;   // thread-safe
    std::function<uint32_t()> random;  // thread-safe; uniform, not to be guessed
    api::AdmissionGates gates;
    // How often a watch that asked for bookmarks gets one (6.4).
    absl::Duration bookmark_every = absl::Minutes(1);
  };

  // Reads the stored definitions and makes the namespaces that every cluster has. Errors: those of
  // the store.
  static absl::StatusOr<std::unique_ptr<ObjectRegistry>> Open(Options options);

  std::shared_ptr<const Catalog> catalog() const override { return definitions_.catalog(); }
  absl::StatusOr<Reply> Handle(const Call& call) override;
  absl::StatusOr<std::unique_ptr<WatchHandle>> Watch(
      const Call& call, std::shared_ptr<WatchReceiver> receiver) override;

  // For the background parts.
  Store& store() { return *options_.store; }
  absl::Time Now() const { return options_.now(); }
  Definitions& definitions() { return definitions_; }
  NamespaceGate& namespace_gate() { return namespace_gate_; }

  // A stored object in version `to`, with its resourceVersion.
  // Errors with an ApiError: 404, 500.
  absl::StatusOr<Json> Read(const ServedKind& kind, const api::KindInfo& to,
                            absl::string_view name_space, absl::string_view name);
  // `change` is called with the object in its storage version and makes of it what is to be stored;
  // it may be called again when somebody else wrote meanwhile. False: nothing is to be done. An
  // object that is left without finalizers while it is being deleted goes. Managed fields follow
  // `manager`; nothing is validated. Not on a thread of the store.
  using Edit = absl::FunctionRef<bool(Json& object)>;
  absl::Status EditObject(const ServedKind& kind, absl::string_view name_space,
                          absl::string_view name, absl::string_view manager, Edit change);
  // A delete as a client asks for it; an object that is not there counts as deleted.
  absl::Status DeleteObject(const ServedKind& kind, absl::string_view name_space,
                            absl::string_view name, const DeleteOptions& options);
  // All objects of a kind in a namespace (everywhere when empty). Whether there was something.
  absl::StatusOr<bool> DeleteAll(const ServedKind& kind, absl::string_view name_space);

 private:
  // An object as it was read for a write.
  struct Current {
    StoredObject stored;
    Json object;  // in the version of the call
  };
  // What a write makes of the object as it is now, in the version of the call.
  using Make = absl::FunctionRef<absl::StatusOr<Json>(const Json& current)>;
  struct Modification {
    // Which part is written: "", "status", "scale", "finalize", "binding".
    std::string part;
    bool tracked = false;  // managed fields are already right (apply)
    bool decoded = true;   // unknown members are looked for
    // Rules beyond the schema are not asked (parts that are no admission of the whole object).
    bool schema_only = false;
    // The client has to send the version that it read, if the kind wants it.
    bool whole = false;
    std::vector<std::string> duplicates;
  };

  explicit ObjectRegistry(Options options);

  // Verbs, one file each.
  absl::StatusOr<Reply> Get(const Call& call);
  absl::StatusOr<Reply> List(const Call& call);
  absl::StatusOr<Reply> Create(const Call& call);
  absl::StatusOr<Reply> Update(const Call& call);
  absl::StatusOr<Reply> Patch(const Call& call);
  absl::StatusOr<Reply> Delete(const Call& call);
  absl::StatusOr<Reply> DeleteCollection(const Call& call);
  absl::StatusOr<Reply> Scale(const Call& call);
  absl::StatusOr<Reply> Evict(const Call& call);
  absl::StatusOr<Reply> Bind(const Call& call);

  // create.cc: from a decoded object; `tracked` as in Modification.
  absl::StatusOr<Reply> CreateObject(const Call& call, Json object, bool tracked,
                                     std::vector<std::string> warnings);
  absl::StatusOr<Reply> CreateInside(const Call& call, Json object, bool tracked, int tries,
                                     const std::string& base, std::vector<std::string> warnings);
  // `text` becomes what is stored; empty after a dry run.
  absl::StatusOr<Revision> CommitNew(const Call& call, const Key& key, const Json& object,
                                     std::string& text);
  absl::Status CheckTypes(const ServedKind& kind, const Json& object, bool patched) const;
  absl::Status Default(const ServedKind& kind, const Json* old, bool schema_only, Json& object);
  absl::Status Validate(const ServedKind& kind, const Json* old, bool schema_only, Json& object,
                        std::vector<std::string>* warnings);
  std::string NewUid();

  // update.cc
  absl::StatusOr<Reply> Modify(const Call& call, const Modification& how, Make make);
  absl::StatusOr<Json> Finish(const Call& call, const Modification& how, const Json& old,
                              Json updated, std::vector<std::string>& warnings);
  absl::StatusOr<Current> ReadCurrent(const Call& call);
  api::WriteContext ContextOf(const Call& call, absl::string_view part) const;
  // Stores the new state (in the storage version) of an object that was at `expected`, 0 when it
  // is new; removes it with this last state when it `goes`. kAborted and kNotFound: somebody else
  // was faster.
  absl::StatusOr<Revision> Put(const Key& key, Revision expected, const Json& object, bool goes);
  absl::StatusOr<Revision> PutText(const Key& key, Revision expected, std::string text, bool goes);
  // The answer to a write of `object`, which is now stored as `text`.
  static void Written(const Call& call, absl::string_view text, Revision revision, Json object,
                      Reply& reply);

  // patch.cc
  absl::StatusOr<Json> ApplyPatch(const Call& call, const Json& patch, const Json& current,
                                  const api::Type* type) const;
  absl::StatusOr<Reply> ApplyServerSide(const Call& call, Body body);

  // list.cc
  absl::StatusOr<Reply> ListOne(const Call& call, const std::string& name);
  // 504 for a revision that is still to come: only a client of another store can have it.
  absl::Status CheckReached(Revision revision);
  // Whether the stored text is what the version of `kind` shows, but for the revision.
  static bool KeptAs(const ServedKind& kind, absl::string_view text);
  // Calls `add` with the object when it is selected, with null when its text will do.
  static absl::StatusOr<bool> AddIfSelected(const ServedKind& kind, const Selection& selection,
                                            const StoredObject& stored, bool spliced,
                                            absl::FunctionRef<void(Json*)> add);
  static absl::Status ListError(const Call& call, const ListQuery& query,
                                const absl::Status& status);

  // watch.cc: ADDED for what there is; the revision that changes go on from.
  absl::StatusOr<Revision> SendInitial(const Call& call, const ServedKind& kind,
                                       const Selection& selection, ServerWatch& watch,
                                       bool& wanted);

  // delete.cc
  struct Deletion {
    Json object;  // storage version, as it is left or as it went
    bool gone = false;
    bool changed = false;
  };
  absl::StatusOr<Deletion> PlanDelete(const ServedKind& kind, const StoredObject& stored,
                                      const DeleteOptions& options);
  absl::StatusOr<Deletion> DeleteOne(const ServedKind& kind, const Key& key,
                                     const DeleteOptions& options);
  // A page of them at once: all commits share what they wait for.
  absl::Status DeletePage(const ServedKind& kind, const std::vector<StoredObject>& page,
                          const DeleteOptions& options, std::vector<Deletion>& out);

  // pod_parts.cc: the budget that counts the pod, null when there is none.
  absl::StatusOr<Json> BudgetOf(const Json& pod, const ServedKind& budgets);

  // Conversions.
  static absl::StatusOr<Json> ToVersion(Json object, const ServedKind& kind,
                                        const api::KindInfo& to,
                                        std::vector<std::string>* warnings = nullptr);
  // What a read will show of an object that is written through another version than the one it is
  // kept in: there and back.
  static absl::Status Settle(const ServedKind& kind, Json& object);
  static absl::StatusOr<Json> Decode(const StoredObject& stored, const ServedKind& kind,
                                     const api::KindInfo& to);
  // Anything the store says that is no answer to the client's question.
  static absl::Status StoreError(const absl::Status& status);

  Options options_;
  Definitions definitions_;
  NamespaceGate namespace_gate_;
  const std::shared_ptr<DecodeCache> decoded_ = std::make_shared<DecodeCache>();
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_OBJECT_REGISTRY_H_
