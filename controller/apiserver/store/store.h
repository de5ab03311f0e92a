#ifndef REKINDLE_CONTROLLER_APISERVER_STORE_STORE_H_
#define REKINDLE_CONTROLLER_APISERVER_STORE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rekindle::apiserver {

// A revision of the whole store: grows by one with each write and never goes back, not even over a
// crash or a restore. It is what clients see as resourceVersion (spec kubernetes-api 2.4).
using Revision = int64_t;

// Where an object lives. `resource` is "pods" or "clonesets.apps.kruise.io" (plural and group: all
// versions of a kind share their objects); `name_space` is empty for cluster-scoped objects.
struct Key {
  std::string resource;
  std::string name_space;
  std::string name;

  bool operator==(const Key&) const = default;
  // NOLINTNEXTLINE(modernize-use-nullptr): a false alarm on the 0 inside the defaulted operator
  auto operator<=>(const Key&) const = default;
};

// An object as it is kept: JSON text in the storage version of its kind, without
// metadata.resourceVersion, which is `revision`.
struct StoredObject {
  Key key;
  Revision revision = 0;
  std::shared_ptr<const std::string> text;
};

// One change as watchers see it.
struct Change {
  enum class Type { kAdded, kModified, kDeleted };
  Type type = Type::kAdded;
  Revision revision = 0;
  Key key;
  std::shared_ptr<const std::string> text;    // after the change; the last state when deleted
  std::shared_ptr<const std::string> before;  // null when added
};

// One write of a commit.
struct Write {
  Key key;
  // 0: the object must not exist. Otherwise its revision must still be this one.
  Revision expected = 0;
  // nullopt: the object goes.
  std::optional<std::string> text;
  // What watchers get as the last state of an object that goes; nullopt: as it was stored.
  std::optional<std::string> last_text;
};

struct Page {
  std::vector<StoredObject> objects;  // by name_space, then name, in byte order
  Revision revision = 0;              // of the snapshot
  bool more = false;
  int64_t remaining = 0;  // objects after this page; only counted when `more`
};

struct ListQuery {
  std::string resource;
  std::string name_space;  // empty: all
  // Starts after this key of an earlier page; empty: at the beginning.
  std::string after_name_space;
  std::string after_name;
  size_t limit = 0;       // 0: all
  Revision revision = 0;  // 0: now
};

// A subscription to changes; ends when destroyed. See Store::Watch.
class WatchHandle {
 public:
  virtual ~WatchHandle() = default;
};

// What a watcher is given. Called on the store's own threads, one call at a time for one watcher,
// changes in order of their revisions; must return soon.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  virtual void OnChanges(const std::vector<std::shared_ptr<const Change>>& changes) = 0;
  // Nothing up to and including `revision` is still to come. After each batch of the store, also
  // when no change of it was for this watcher, at most every `progress_every`.
  virtual void OnProgress(Revision revision) = 0;
  // The store is closing (kUnavailable) or the history was compacted away (kOutOfRange). Last call.
  virtual void OnEnd(const absl::Status& why) = 0;
};

// The objects of the embedded API server with their history (DESIGN 2 and 6: SQLite). Thread-safe.
class Store {
 public:
  virtual ~Store() = default;

  // Errors: kNotFound; kUnavailable and kInternal from the disk.
  virtual absl::StatusOr<StoredObject> Get(const Key& key) = 0;

  // A consistent snapshot, page by page (spec 5.4). Errors: kOutOfRange when the revision has been
  // compacted away or lies in the future (the message says which).
  virtual absl::StatusOr<Page> List(const ListQuery& query) = 0;

  // The same one after the other: `visit` returns false to stop. Not more than a page in memory.
  virtual absl::StatusOr<Revision> ForEach(const ListQuery& query,
                                           absl::FunctionRef<bool(const StoredObject&)> visit) = 0;

  // All writes or none, each with its own revision, ascending in the order given; done means on the
  // disk. Many commits share one sync of the disk. `done` runs on a thread of the store, with the
  // revision of each write, before or after watchers are told.
  // Errors: kAlreadyExists, kAborted (another revision; or gone: kNotFound), kResourceExhausted
  // (disk full), kUnavailable (closing, disk).
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::vector<Revision>>) &&>;
  virtual void Commit(std::vector<Write> writes, Done done) = 0;
  // The same, waiting. Not on a thread of the store.
  virtual absl::StatusOr<std::vector<Revision>> Commit(std::vector<Write> writes) = 0;

  // Every change after `after` of the resource (in one namespace, or all when empty) in order, none
  // twice, none left out; `after` 0 means from now. Errors: kOutOfRange (compacted, or future).
  virtual absl::StatusOr<std::unique_ptr<WatchHandle>> Watch(const std::string& resource,
                                                             const std::string& name_space,
                                                             Revision after,
                                                             std::shared_ptr<WatchSink> sink) = 0;

  // The newest committed revision.
  virtual Revision revision() const = 0;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_STORE_STORE_H_
