#include "controller/apiserver/registry/event_expiry.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/base/logging.h"
#include "common/json/tree.h"

namespace rekindle::apiserver {
namespace {

// The timer does not run for each event alone.
constexpr absl::Duration kTogether = absl::Seconds(1);
constexpr size_t kMostAtOnce = 1000;
constexpr absl::Duration kRetry = absl::Minutes(1);

std::string Place(const Key& key) { return absl::StrCat(key.name_space, "/", key.name); }

// When an event was written last, as far as it says so itself.
absl::Time LastSign(const ObjectChange& change, absl::Time now) {
  absl::Time last = change.meta.created.value_or(now);
  const absl::StatusOr<Json> object = json::Parse(*change.text);
  if (!object.ok()) return last;
  if (const auto time = api::ParseTime(json::String(*object, "lastTimestamp")); time.has_value()) {
    last = std::max(last, *time);
  }
  if (const auto time = api::ParseMicroTime(json::String(*object, {"series", "lastObservedTime"}));
      time.has_value()) {
    last = std::max(last, *time);
  }
  // A clock that is ahead elsewhere must not keep it for ever.
  return std::min(last, now);
}

}  // namespace

EventExpiry::EventExpiry(ObjectRegistry& registry, Loop& loop, absl::Duration keep)
    : registry_(registry), loop_(loop), keep_(keep) {}

EventExpiry::~EventExpiry() {
  MutexLock lock(&alive_->mutex);
  alive_->value = false;
}

void EventExpiry::OnObject(const ObjectChange& change, const ObjectIndex::Node&, bool) {
  if (change.key.resource != "events") return;
  const std::string place = Place(change.key);
  if (const auto known = moments_.find(place); known != moments_.end()) {
    due_.erase(known->second);
    moments_.erase(known);
  }
  if (change.type == Change::Type::kDeleted) return;
  const Moment moment(LastSign(change, registry_.Now()) + keep_, change.revision);
  due_.emplace(moment, change.key);
  moments_[place] = moment;
  if (due_.begin()->first == moment || !timer_.pending()) SetTimer();
}

void EventExpiry::SetTimer() {
  if (due_.empty()) return;
  const absl::Duration wait = due_.begin()->first.first - registry_.Now();
  timer_.Set(loop_, std::max(wait, absl::ZeroDuration()) + kTogether, [this] { RemoveDue(); });
}

void EventExpiry::RemoveDue() {
  const absl::Time now = registry_.Now();
  for (size_t n = 0; n < kMostAtOnce && !due_.empty() && due_.begin()->first.first <= now; ++n) {
    const Moment moment = due_.begin()->first;
    const Key key = due_.begin()->second;
    due_.erase(due_.begin());
    moments_.erase(Place(key));
    std::vector<Write> writes(1);
    writes[0].key = key;
    writes[0].expected = moment.second;  // written meanwhile: its time begins anew
    registry_.store().Commit(
        std::move(writes), [this, again = key, revision = moment.second,
                            alive = alive_](absl::StatusOr<std::vector<Revision>> done) {
          if (done.ok() || absl::IsAborted(done.status()) || absl::IsNotFound(done.status()))
            return;
          LOG(WARNING) << "event " << Place(again) << " stays: " << done.status().message();
          MutexLock lock(&alive->mutex);
          if (!alive->value) return;
          loop_.Post([this, again, revision, alive] {
            {
              MutexLock inner(&alive->mutex);
              if (!alive->value) return;
            }
            TryLater(again, revision);
          });
        });
  }
  SetTimer();
}

void EventExpiry::TryLater(const Key& key, Revision revision) {
  if (moments_.contains(Place(key))) return;  // written meanwhile
  const Moment later(registry_.Now() + kRetry, revision);
  due_.emplace(later, key);
  moments_[Place(key)] = later;
  if (!timer_.pending()) SetTimer();
}

}  // namespace rekindle::apiserver
