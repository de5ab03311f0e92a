// Where a watch starts (spec kubernetes-api 6.2, 6.6).
#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "controller/apiserver/registry/object_registry.h"
#include "controller/apiserver/registry/objects.h"
#include "controller/apiserver/registry/selection.h"
#include "controller/apiserver/registry/server_watch.h"

namespace rekindle::apiserver {
namespace {

constexpr size_t kInitialChunk = 500;

// A watch whose receiver wanted no more before it began.
class EndedWatch final : public WatchHandle {};

absl::Status CheckParameters(const Call& call) {
  const api::FieldPath match_at("resourceVersionMatch");
  api::FieldErrors errors;
  if (!call.send_initial_events) {
    if (!call.resource_version_match.empty()) {
      errors.Forbidden(match_at,
                       "resourceVersionMatch is forbidden for watch unless "
                       "sendInitialEvents is provided");
    }
  } else if (call.resource_version_match != "NotOlderThan") {
    errors.Forbidden(match_at,
                     "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  } else if (!call.bookmarks) {
    errors.Forbidden(api::FieldPath("allowWatchBookmarks"),
                     "sendInitialEvents requires setting allowWatchBookmarks to true");
  }
  if (errors.empty()) return absl::OkStatus();
  return ToStatus(api::Invalid({"meta.k8s.io", "", "ListOptions", ""}, errors));
}

}  // namespace

absl::StatusOr<Revision> ObjectRegistry::SendInitial(const Call& call, const ServedKind& kind,
                                                     const Selection& selection, ServerWatch& watch,
                                                     bool& wanted) {
  ListQuery query;
  query.resource = kind.Resource();
  query.name_space = call.name_space;
  query.limit = kInitialChunk;
  for (bool more = true; more && wanted;) {
    const absl::StatusOr<Page> page = store().List(query);
    if (!page.ok()) return ListError(call, query, page.status());
    std::vector<WatchEvent> events;
    for (const StoredObject& stored : page->objects) {
      query.after_name_space = stored.key.name_space;
      query.after_name = stored.key.name;
      if (!selection.MayMatch(stored.key) || !selection.MayMatchText(*stored.text)) continue;
      const bool kept = KeptAs(kind, *stored.text);
      if (kept && !selection.MatchesEverything()) {
        RK_ASSIGN_OR_RETURN(const Json object, ReadSelectable(*stored.text));
        if (!selection.Matches(object)) continue;
      }
      if (kept && call.as_text) {
        std::string text = SplicedText(*stored.text, stored.revision, /*with_type=*/true);
        if (!text.empty()) {
          events.push_back(
              {"ADDED", nullptr, std::make_shared<const std::string>(std::move(text))});
          continue;
        }
      }
      RK_ASSIGN_OR_RETURN(Json object, Decode(stored, kind, *kind.info));
      if (!kept && !selection.Matches(object)) continue;
      events.push_back({"ADDED", std::make_shared<const Json>(std::move(object))});
    }
    query.revision = page->revision;
    more = page->more;
    if (!events.empty()) wanted = watch.Initial(std::move(events));
  }
  return query.revision;
}

absl::StatusOr<std::unique_ptr<WatchHandle>> ObjectRegistry::Watch(
    const Call& call, std::shared_ptr<WatchReceiver> receiver) {
  if (call.kind == nullptr) return ToStatus(api::BadRequest("no kind of objects is named"));
  RK_RETURN_IF_ERROR(CheckParameters(call));
  RK_ASSIGN_OR_RETURN(const Selection selection, Selection::Parse(call));
  RK_ASSIGN_OR_RETURN(const std::optional<Revision> after, ParseRevision(call.resource_version));
  RK_RETURN_IF_ERROR(CheckReached(after.value_or(0)));
  // The watch outlives the call and the catalog that the caller holds.
  const std::shared_ptr<const Catalog> kinds = catalog();
  const api::KindInfo& asked = *call.kind->info;
  const ServedKind* kind = kinds->FindResource(asked.group, asked.version, asked.plural);
  if (kind == nullptr) return ToStatus(api::NotFound(SubjectOf(asked, "")));
  ServerWatch::Setup setup;
  setup.catalog = kinds;
  setup.kind = kind;
  setup.selection = selection;
  setup.receiver = std::move(receiver);
  setup.cache = decoded_;
  setup.decode = [kind](const std::string& text) -> absl::StatusOr<Json> {
    RK_ASSIGN_OR_RETURN(Json object, ParseStored({kind->Resource(), "", ""}, text, 0));
    return ToVersion(std::move(object), *kind, *kind->info);
  };
  setup.kept = [kind](absl::string_view text) { return KeptAs(*kind, text); };
  setup.as_text = call.as_text;
  setup.now = options_.now;
  setup.bookmarks = call.bookmarks;
  setup.bookmark_every = options_.bookmark_every;
  const auto watch = std::make_shared<ServerWatch>(std::move(setup));
  Revision from = after.value_or(0);
  if (!after.has_value() || call.send_initial_events) {
    bool wanted = true;
    RK_ASSIGN_OR_RETURN(from, SendInitial(call, *kind, selection, *watch, wanted));
    if (wanted && call.send_initial_events) {
      wanted = watch->Bookmark(from, /*initial_end=*/true);
    }
    if (!wanted) return std::make_unique<EndedWatch>();
  }
  absl::StatusOr<std::unique_ptr<WatchHandle>> handle =
      store().Watch(kind->Resource(), call.name_space, from, watch);
  if (handle.ok()) return handle;
  if (absl::IsOutOfRange(handle.status())) {
    return ToStatus(api::Expired(
        absl::StrCat("too old resource version: ", from, " (", store().revision(), ")")));
  }
  return StoreError(handle.status());
}

}  // namespace rekindle::apiserver
