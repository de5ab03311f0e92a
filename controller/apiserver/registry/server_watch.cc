#include "controller/apiserver/registry/server_watch.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/status.h"
#include "common/base/status_macros.h"
#include "controller/apiserver/registry/objects.h"

namespace rekindle::apiserver {

absl::StatusOr<std::shared_ptr<const Json>> ServerWatch::ObjectOf(const Change& change,
                                                                  DecodeCache::Side side) const {
  const Revision revision = change.revision;
  // Whatever side it is, the event has the revision of the change (2.4.8, 6.3).
  return setup_.cache->Get(change, side, setup_.kind->info->ApiVersion(),
                           [&](const std::string& text) -> absl::StatusOr<Json> {
                             RK_ASSIGN_OR_RETURN(Json object, setup_.decode(text));
                             SetRevision(object, revision);
                             return object;
                           });
}

absl::StatusOr<std::optional<WatchEvent>> ServerWatch::EventOf(const Change& change) {
  if (!setup_.selection.MayMatch(change.key)) return std::nullopt;
  using Side = DecodeCache::Side;
  RK_ASSIGN_OR_RETURN(std::shared_ptr<const Json> after, ObjectOf(change, Side::kAfter));
  if (setup_.selection.MatchesEverything()) {
    const char* type = change.type == Change::Type::kAdded     ? "ADDED"
                       : change.type == Change::Type::kDeleted ? "DELETED"
                                                               : "MODIFIED";
    return WatchEvent{type, std::move(after)};
  }
  std::shared_ptr<const Json> before;
  if (change.type != Change::Type::kAdded && change.before != nullptr) {
    RK_ASSIGN_OR_RETURN(before, ObjectOf(change, Side::kBefore));
  }
  const bool was = before != nullptr && setup_.selection.Matches(*before);
  if (change.type == Change::Type::kDeleted) {
    if (!was) return std::nullopt;
    return WatchEvent{"DELETED", std::move(after)};
  }
  const bool is = setup_.selection.Matches(*after);
  if (is) return WatchEvent{was ? "MODIFIED" : "ADDED", std::move(after)};
  if (was) return WatchEvent{"DELETED", std::move(before)};
  return std::nullopt;
}

bool ServerWatch::Send(std::vector<WatchEvent> events) {
  if (ended_) return false;
  last_sign_ = setup_.now();
  if (!setup_.receiver->OnEvents(std::move(events))) ended_ = true;
  return !ended_;
}

void ServerWatch::OnChanges(const std::vector<std::shared_ptr<const Change>>& changes) {
  if (ended_) return;
  std::vector<WatchEvent> events;
  for (const std::shared_ptr<const Change>& change : changes) {
    absl::StatusOr<std::optional<WatchEvent>> event = EventOf(*change);
    if (!event.ok()) {
      if (!events.empty() && !Send(std::move(events))) return;
      OnEnd(event.status());
      return;
    }
    if (event->has_value()) events.push_back(std::move(**event));
    last_revision_ = change->revision;
  }
  if (!events.empty()) Send(std::move(events));
}

bool ServerWatch::Initial(std::vector<WatchEvent> events) { return Send(std::move(events)); }

bool ServerWatch::Bookmark(Revision revision, bool initial_end) {
  Json object = {{"kind", setup_.kind->info->kind},
                 {"apiVersion", setup_.kind->info->ApiVersion()},
                 {"metadata",
                  {{"resourceVersion", std::to_string(revision)}, {"creationTimestamp", nullptr}}}};
  if (initial_end) {
    object["metadata"]["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  }
  std::vector<WatchEvent> events;
  events.push_back({"BOOKMARK", std::make_shared<const Json>(std::move(object))});
  last_revision_ = revision;
  return Send(std::move(events));
}

void ServerWatch::OnProgress(Revision revision) {
  if (ended_ || !setup_.bookmarks || revision <= last_revision_) return;
  if (setup_.now() - last_sign_ < setup_.bookmark_every) return;
  Bookmark(revision, /*initial_end=*/false);
}

void ServerWatch::OnEnd(const absl::Status& why) {
  if (ended_) return;
  ended_ = true;
  if (absl::IsOutOfRange(why)) {
    setup_.receiver->OnError(ToStatus(api::Expired(why.message())));
  } else if (absl::IsUnavailable(why)) {
    setup_.receiver->OnError(ToStatus(api::ServiceUnavailable(why.message())));
  } else if (api::FromStatus(why).has_value()) {
    setup_.receiver->OnError(why);
  } else {
    setup_.receiver->OnError(ToStatus(api::InternalError(why.message())));
  }
}

}  // namespace rekindle::apiserver
