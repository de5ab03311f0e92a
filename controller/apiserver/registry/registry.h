#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_REGISTRY_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <nlohmann/json.hpp>  // Reply holds one

#include "common/json/json_fwd.h"
#include "controller/apiserver/catalog/catalog.h"
#include "controller/apiserver/store/store.h"

namespace rekindle::apiserver {

// Who asks, as the authenticator found out.
struct User {
  std::string name;
  std::vector<std::string> groups;
};

enum class Verb { kGet, kList, kWatch, kCreate, kUpdate, kPatch, kDelete, kDeleteCollection };

enum class PatchType { kNone, kJson, kMerge, kStrategic, kApply };
enum class FieldValidation { kIgnore, kWarn, kStrict };

// One request for objects, after routing and decoding of the query (spec kubernetes-api 1.2, 5.2,
// 6.1, 7.1, 8.1). Bodies are already JSON (from JSON, YAML or protobuf).
struct Call {
  Verb verb = Verb::kGet;
  const ServedKind* kind = nullptr;
  std::string subresource;  // "", "status", "scale", "eviction", "binding", "finalize", ...
  std::string name_space;
  std::string name;
  User user;
  std::string user_agent;  // field manager when none is given: up to the first slash

  std::string body;  // JSON text; empty: none
  PatchType patch = PatchType::kNone;
  FieldValidation field_validation = FieldValidation::kWarn;
  bool dry_run = false;
  bool force = false;  // of an apply
  std::string field_manager;

  std::string label_selector;
  std::string field_selector;
  std::string resource_version;        // as given
  std::string resource_version_match;  // as given
  size_t limit = 0;
  std::string continue_token;
  bool bookmarks = false;
  bool send_initial_events = false;

  // The answer is plain JSON: Reply::text may take the place of Reply::body, WatchEvent::text that
  // of WatchEvent::object, spliced from what is stored instead of parsed and printed.
  bool as_text = false;

  // DeleteOptions that come as query parameters; the body wins.
  std::optional<int64_t> grace_period_seconds;
  std::string propagation_policy;
};

struct Reply {
  int code = 200;  // 200, 201, 202
  // An object, a list (`{"kind": "PodList", "items": [...]}`) or a Status. Objects have the version
  // of `Call::kind` and their resourceVersion.
  Json body;
  std::string text;  // when not empty, the whole JSON text instead of `body` (Call::as_text)
  std::vector<std::string> warnings;  // texts of `Warning:` headers
};

// One event of a watch, converted to the version of the call.
struct WatchEvent {
  std::string type;  // ADDED, MODIFIED, DELETED, BOOKMARK
  std::shared_ptr<const Json> object;
  // When set, the object's whole JSON text, and `object` is null (Call::as_text).
  std::shared_ptr<const std::string> text = nullptr;
};

// Called on threads of the store; must return soon. False: the watcher takes no more, the watch
// ends without a further call.
class WatchReceiver {
 public:
  virtual ~WatchReceiver() = default;
  virtual bool OnEvents(std::vector<WatchEvent> events) = 0;
  // The last call: an ERROR event with this status (410, 503), spec 6.
  virtual void OnError(const absl::Status& status) = 0;
};

// The verbs of the REST API over the store: defaults, validation, generation, finalizers, grace,
// conversions, selectors, patches, apply. Thread-safe; calls block while the disk is waited for.
// Every error carries an api::ApiError (api::FromStatus).
class Registry {
 public:
  virtual ~Registry() = default;

  // The kinds at this moment; a Call must name one of a catalog that is still held.
  virtual std::shared_ptr<const Catalog> catalog() const = 0;

  virtual absl::StatusOr<Reply> Handle(const Call& call) = 0;

  // Verb::kWatch. The watch lives as long as the handle.
  virtual absl::StatusOr<std::unique_ptr<WatchHandle>> Watch(
      const Call& call, std::shared_ptr<WatchReceiver> receiver) = 0;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_REGISTRY_H_
