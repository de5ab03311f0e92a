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

absl::StatusOr<WatchEvent> ServerWatch::Event(const char* type, const Change& change,
                                              DecodeCache::Side side) const {
  const Revision revision = change.revision;
  if (setup_.as_text) {
    RK_ASSIGN_OR_RETURN(
        std::shared_ptr<const std::string> text,
        setup_.cache->GetText(change, side, setup_.kind->info->ApiVersion(),
                              [&](const std::string& stored) -> absl::StatusOr<std::string> {
                                if (!setup_.kept(stored)) return "";
                                return SplicedText(stored, revision, /*with_type=*/true);
                              }));
    if (!text->empty()) return WatchEvent{type, nullptr, std::move(text)};
  }
  RK_ASSIGN_OR_RETURN(std::shared_ptr<const Json> object, ObjectOf(change, side));
  return WatchEvent{type, std::move(object)};
}

absl::StatusOr<bool> ServerWatch::Selected(const Change& change, DecodeCache::Side side) const {
  const std::shared_ptr<const std::string>& text =
      side == DecodeCache::Side::kAfter ? change.text : change.before;
  std::shared_ptr<const Json> object;
  if (text != nullptr && setup_.kept(*text)) {
    RK_ASSIGN_OR_RETURN(object, setup_.cache->Get(change, side, "", &ReadSelectable));
  } else {
    RK_ASSIGN_OR_RETURN(object, ObjectOf(change, side));
  }
  return setup_.selection.Matches(*object);
}

absl::StatusOr<std::optional<WatchEvent>> ServerWatch::EventOf(const Change& change) {
  using Side = DecodeCache::Side;
  if (!setup_.selection.MayMatch(change.key)) return std::nullopt;
  if (setup_.selection.MatchesEverything()) {
    return Event(change.type == Change::Type::kAdded     ? "ADDED"
                 : change.type == Change::Type::kDeleted ? "DELETED"
                                                         : "MODIFIED",
                 change, Side::kAfter);
  }
  bool was = false;
  if (change.type != Change::Type::kAdded && change.before != nullptr) {
    RK_ASSIGN_OR_RETURN(was, Selected(change, Side::kBefore));
  }
  if (change.type == Change::Type::kDeleted) {
    if (!was) return std::nullopt;
    return Event("DELETED", change, Side::kAfter);
  }
  RK_ASSIGN_OR_RETURN(const bool is, Selected(change, Side::kAfter));
  if (is) return Event(was ? "MODIFIED" : "ADDED", change, Side::kAfter);
  if (was) return Event("DELETED", change, Side::kBefore);
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
