// GET of objects and collections (spec kubernetes-api 5).
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/base/sync.h"
#include "common/json/tree.h"
#include "controller/apiserver/registry/continue_token.h"
#include "controller/apiserver/registry/object_registry.h"
#include "controller/apiserver/registry/objects.h"
#include "controller/apiserver/registry/selection.h"

namespace rekindle::apiserver {
namespace {

// Objects that are in memory at once while a list is made.
constexpr size_t kChunk = 500;

absl::Status InvalidList(api::FieldErrors errors) {
  return ToStatus(api::Invalid({"meta.k8s.io", "", "ListOptions", ""}, errors));
}

// Which revision a list shows (5.3).
struct Snapshot {
  Revision exact = 0;  // 0: the newest
  Revision at_least = 0;
  bool unlimited = false;  // the limit does not count
};

absl::StatusOr<Snapshot> WantedSnapshot(const Call& call) {
  const std::string& match = call.resource_version_match;
  const api::FieldPath at("resourceVersionMatch");
  api::FieldErrors errors;
  if (call.send_initial_events) {
    errors.Forbidden(api::FieldPath("sendInitialEvents"),
                     "sendInitialEvents is forbidden for list");
  } else if (!match.empty() && call.resource_version.empty()) {
    errors.Forbidden(at, "resourceVersionMatch is forbidden unless resourceVersion is provided");
  } else if (!match.empty() && !call.continue_token.empty()) {
    errors.Forbidden(at, "resourceVersionMatch is forbidden when continue is provided");
  } else if (!match.empty() && match != "Exact" && match != "NotOlderThan") {
    errors.NotSupported(at, match, {"Exact", "NotOlderThan", ""});
  } else if (match == "Exact" && call.resource_version == "0") {
    errors.Forbidden(at, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
  }
  if (!errors.empty()) return InvalidList(errors);
  RK_ASSIGN_OR_RETURN(const std::optional<Revision> given, ParseRevision(call.resource_version));
  if (!call.continue_token.empty()) {
    if (given.has_value()) {
      return ToStatus(
          api::BadRequest("specifying resource version is not allowed when using continue"));
    }
    return Snapshot();
  }
  Snapshot out;
  if (!given.has_value()) {
    out.unlimited = call.resource_version == "0";
  } else if (match == "Exact" || (match.empty() && call.limit > 0)) {
    out.exact = *given;
    out.at_least = *given;
  } else {
    out.at_least = *given;
  }
  return out;
}

// The list as it grows: as a tree or as text.
class Listing {
 public:
  Listing(const Call& call, bool spliced)
      : call_(call),
        // Items of built-in kinds do not say what they are (1.3.6).
        typed_(call.kind->user_defined || call.kind->info->custom),
        spliced_(spliced) {}

  size_t size() const { return size_; }

  void Add(Json object) {
    if (!typed_) {
      object.erase("apiVersion");
      object.erase("kind");
    }
    if (spliced_) {
      AddItem(json::Dump(object));
      return;
    }
    ++size_;
    items_.push_back(std::move(object));
  }
  void AddText(const StoredObject& stored) {
    std::string item = SplicedText(*stored.text, stored.revision, typed_);
    if (item.empty()) {
      absl::StatusOr<Json> object = ParseStored(stored.key, *stored.text, stored.revision);
      item = object.ok() ? json::Dump(*object) : "{}";
    }
    AddItem(item);
  }

  Reply Take(Revision revision, const std::string& token, std::optional<int64_t> remaining) {
    Json metadata = {{"resourceVersion", std::to_string(revision)}};
    if (!token.empty()) metadata["continue"] = token;
    if (remaining.has_value()) metadata["remainingItemCount"] = *remaining;
    const api::KindInfo& info = *call_.kind->info;
    const std::string kind = info.list_kind.empty() ? info.kind + "List" : info.list_kind;
    Reply reply;
    if (spliced_) {
      reply.text = absl::StrCat(
          "{\"kind\":", json::Dump(kind), ",\"apiVersion\":", json::Dump(info.ApiVersion()),
          ",\"metadata\":", json::Dump(metadata), ",\"items\":[", text_, "]}");
      return reply;
    }
    reply.body = {{"kind", kind}, {"apiVersion", info.ApiVersion()}};
    reply.body["metadata"] = std::move(metadata);
    reply.body["items"] = std::move(items_);
    return reply;
  }

 private:
  void AddItem(absl::string_view item) {
    if (size_ > 0) text_ += ',';
    ++size_;
    absl::StrAppend(&text_, item);
  }

  const Call& call_;
  const bool typed_;
  const bool spliced_;
  size_t size_ = 0;
  Json items_ = Json::array();
  std::string text_;
};

}  // namespace

absl::Status ObjectRegistry::CheckReached(Revision revision) {
  if (revision <= store().revision()) return absl::OkStatus();
  return ToStatus(api::TooLargeResourceVersion(static_cast<uint64_t>(revision),
                                               static_cast<uint64_t>(store().revision())));
}

absl::StatusOr<Reply> ObjectRegistry::Get(const Call& call) {
  RK_ASSIGN_OR_RETURN(const std::optional<Revision> least, ParseRevision(call.resource_version));
  RK_RETURN_IF_ERROR(CheckReached(least.value_or(0)));
  const ServedKind& kind = *call.kind;
  const absl::StatusOr<StoredObject> stored =
      store().Get({kind.Resource(), call.name_space, call.name});
  if (absl::IsNotFound(stored.status())) {
    return ToStatus(api::NotFound(SubjectOf(*kind.info, call.name)));
  }
  if (!stored.ok()) return StoreError(stored.status());
  Reply reply;
  if (call.as_text && KeptAs(kind, *stored->text)) {
    reply.text = SplicedText(*stored->text, stored->revision, /*with_type=*/true);
    if (!reply.text.empty()) return reply;
  }
  RK_ASSIGN_OR_RETURN(reply.body, Decode(*stored, kind, *kind.info));
  return reply;
}

bool ObjectRegistry::KeptAs(const ServedKind& kind, absl::string_view text) {
  // Objects of users' kinds are read under today's schema.
  return !kind.user_defined &&
         absl::StartsWith(text, absl::StrCat("{\"apiVersion\":\"", kind.info->ApiVersion(), "\","));
}

absl::StatusOr<Reply> ObjectRegistry::List(const Call& call) {
  RK_ASSIGN_OR_RETURN(const Selection selection, Selection::Parse(call));
  RK_ASSIGN_OR_RETURN(const Snapshot wanted, WantedSnapshot(call));
  const ServedKind& kind = *call.kind;
  RK_RETURN_IF_ERROR(CheckReached(wanted.at_least));
  ListQuery query;
  query.resource = kind.Resource();
  query.name_space = call.name_space;
  query.revision = wanted.exact;
  if (!call.continue_token.empty()) {
    RK_ASSIGN_OR_RETURN(const ContinueToken token,
                        ContinueToken::Parse(call.continue_token, call.name_space));
    query.revision = std::max<Revision>(token.revision, 0);
    query.after_name_space = token.name_space;
    query.after_name = token.name;
  } else if (selection.Name() != nullptr && wanted.exact == 0 &&
             (!kind.info->namespaced || !call.name_space.empty())) {
    return ListOne(call, *selection.Name());
  }
  const size_t limit = wanted.unlimited ? 0 : call.limit;
  // Text is enough unless objects are shown in another version than they are kept in.
  const bool spliced =
      call.as_text && !kind.user_defined && kind.info->version == kind.storage->version;
  Listing listing(call, spliced);
  std::string token;
  std::optional<int64_t> remaining;
  for (bool more = true; more;) {
    query.limit =
        limit == 0 ? kChunk : std::min(kChunk, std::max<size_t>(limit - listing.size(), 1));
    const absl::StatusOr<Page> page = store().List(query);
    if (!page.ok()) return ListError(call, query, page.status());
    query.revision = page->revision;
    more = page->more;
    for (size_t i = 0; i < page->objects.size(); ++i) {
      const StoredObject& stored = page->objects[i];
      query.after_name_space = stored.key.name_space;
      query.after_name = stored.key.name;
      RK_ASSIGN_OR_RETURN(const bool added,
                          AddIfSelected(kind, selection, stored, spliced, [&](Json* tree) {
                            if (tree == nullptr) {
                              listing.AddText(stored);
                            } else {
                              listing.Add(std::move(*tree));
                            }
                          }));
      if (!added || limit == 0 || listing.size() < limit) continue;
      const bool rest = i + 1 < page->objects.size();
      if (rest || page->more) {
        token = ContinueToken{page->revision, stored.key.name_space, stored.key.name}.Text();
        if (selection.MatchesEverything()) {
          remaining = page->remaining + static_cast<int64_t>(page->objects.size() - i - 1);
        }
      }
      more = false;
      break;
    }
  }
  return listing.Take(query.revision, token, remaining);
}

absl::StatusOr<bool> ObjectRegistry::AddIfSelected(const ServedKind& kind,
                                                   const Selection& selection,
                                                   const StoredObject& stored, bool spliced,
                                                   absl::FunctionRef<void(Json*)> add) {
  if (!selection.MayMatch(stored.key) || !selection.MayMatchText(*stored.text)) return false;
  if (spliced && !KeptAs(kind, *stored.text)) spliced = false;
  if (spliced && !selection.HasFields()) {
    if (!selection.MatchesEverything()) {
      RK_ASSIGN_OR_RETURN(const api::ObjectMeta meta, ReadStoredMeta(*stored.text));
      if (!selection.MatchesLabels(meta.labels)) return false;
    }
    add(nullptr);
    return true;
  }
  RK_ASSIGN_OR_RETURN(Json object, Decode(stored, kind, *kind.info));
  if (!selection.Matches(object)) return false;
  add(spliced ? nullptr : &object);
  return true;
}

// A list that can only hold one object: no scan. The revision is one at which it was so.
absl::StatusOr<Reply> ObjectRegistry::ListOne(const Call& call, const std::string& name) {
  const ServedKind& kind = *call.kind;
  RK_ASSIGN_OR_RETURN(const Selection selection, Selection::Parse(call));
  Revision revision = store().revision();
  Listing listing(call, /*spliced=*/false);
  const absl::StatusOr<StoredObject> stored = store().Get({kind.Resource(), call.name_space, name});
  if (stored.ok()) {
    revision = std::max(revision, stored->revision);
    RK_ASSIGN_OR_RETURN(Json object, Decode(*stored, kind, *kind.info));
    if (selection.Matches(object)) listing.Add(std::move(object));
  } else if (!absl::IsNotFound(stored.status())) {
    return StoreError(stored.status());
  }
  return listing.Take(revision, "", std::nullopt);
}

absl::Status ObjectRegistry::ListError(const Call& call, const ListQuery& query,
                                       const absl::Status& status) {
  if (!absl::IsOutOfRange(status)) return StoreError(status);
  if (call.continue_token.empty()) {
    return ToStatus(api::Expired("The resourceVersion for the provided list is too old."));
  }
  const ContinueToken rest{-1, query.after_name_space, query.after_name};
  return ToStatus(api::Expired(
      "The provided continue parameter is too old to display a consistent list result. Start a new "
      "list without it, or go on with the token in this answer: the rest is then listed as it is "
      "now, and objects that changed meanwhile may be missing or appear twice.",
      rest.Text()));
}

}  // namespace rekindle::apiserver
