#include "controller/plan/conditions.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::plan {
namespace {

constexpr absl::string_view kProgressing = "Progressing";

int64_t Seconds(const Json& tree, absl::string_view key) {
  const std::optional<absl::Time> time = api::ParseTime(json::String(tree, key));
  return time ? absl::ToUnixSeconds(*time) : api::kNoTime;
}

Json TimeJson(int64_t seconds) {
  if (seconds == api::kNoTime) return nullptr;
  return api::FormatTime(absl::FromUnixSeconds(seconds));
}

// A failure that was never there needs no condition that says so.
void SetFailure(std::vector<Condition>& conditions, absl::string_view type, const std::string& text,
                int64_t now) {
  if (text.empty() && FindCondition(conditions, type) == nullptr) return;
  SetCondition(conditions, type, !text.empty(), "", text, now);
}

struct Progress {
  bool ok = true;
  absl::string_view reason;
  std::string message;
  bool clock_runs = false;
};

// The first row that fits decides (spec 23).
Progress ProgressOf(const CloneSetSpec& spec, const StatusCounters& s, const Condition* stored,
                    bool new_revision, int64_t now) {
  const bool stable = s.current_revision == s.update_revision && s.replicas == spec.replicas &&
                      s.updated == spec.replicas && s.updated_available == spec.replicas;
  if (stable) return {true, "CloneSetAvailable", "CloneSet is available"};
  if (spec.paused) return {true, "CloneSetPaused", "CloneSet is paused"};
  if (s.expected_updated < spec.replicas && s.expected_updated <= s.updated_available) {
    return {true, "ProgressPartitionAvailable", "CloneSet has been paused due to partition ready"};
  }
  const bool counts = stored != nullptr && !new_revision;
  const bool exceeded =
      counts && (stored->reason == "ProgressDeadlineExceeded" ||
                 (stored->reason == "CloneSetUpdated" && stored->last_update != api::kNoTime &&
                  stored->last_update + *spec.progress_deadline < now));
  if (exceeded) {
    return {false, "ProgressDeadlineExceeded",
            absl::StrCat("CloneSet revision ", s.update_revision, " has timed out progressing")};
  }
  return {true, "CloneSetUpdated", "CloneSet is progressing", /*clock_runs=*/true};
}

Json Comparable(const Json& status) {
  Json out = status.is_object() ? status : Json::object();
  out.erase("observedGeneration");
  Json conditions = Json::object();
  if (const Json* list = json::Find(out, "conditions"); list && list->is_array()) {
    for (const Json& item : *list) {
      Json& entry = conditions[std::string(json::String(item, "type"))];
      for (const char* key : {"status", "reason", "message"}) {
        entry[key] = std::string(json::String(item, key));
      }
    }
  }
  out["conditions"] = std::move(conditions);
  // Counters that are 0 may be left out of a stored status.
  for (auto it = out.begin(); it != out.end();) {
    const bool zero = it->is_number() && *it == 0;
    it = zero || json::IsEmpty(*it) ? out.erase(it) : std::next(it);
  }
  return out;
}

}  // namespace

std::vector<Condition> ParseConditions(const Json* list) {
  std::vector<Condition> out;
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& item : *list) {
    Condition condition;
    condition.type = std::string(json::String(item, "type"));
    if (condition.type.empty()) continue;
    condition.status = json::String(item, "status") == "True";
    condition.reason = std::string(json::String(item, "reason"));
    condition.message = std::string(json::String(item, "message"));
    condition.last_update = Seconds(item, "lastUpdateTime");
    condition.last_transition = Seconds(item, "lastTransitionTime");
    out.push_back(std::move(condition));
  }
  return out;
}

Json RenderConditions(const std::vector<Condition>& conditions) {
  Json out = Json::array();
  for (const Condition& c : conditions) {
    out.push_back({{"type", c.type},
                   {"status", c.status ? "True" : "False"},
                   {"reason", c.reason},
                   {"message", c.message},
                   {"lastUpdateTime", TimeJson(c.last_update)},
                   {"lastTransitionTime", TimeJson(c.last_transition)}});
  }
  return out;
}

const Condition* FindCondition(const std::vector<Condition>& conditions, absl::string_view type) {
  const auto it = std::find_if(conditions.begin(), conditions.end(),
                               [&](const Condition& c) { return c.type == type; });
  return it == conditions.end() ? nullptr : &*it;
}

void SetCondition(std::vector<Condition>& conditions, absl::string_view type, bool status,
                  absl::string_view reason, absl::string_view message, int64_t now) {
  const auto it = std::find_if(conditions.begin(), conditions.end(),
                               [&](const Condition& c) { return c.type == type; });
  if (it != conditions.end() && it->status == status && it->reason == reason) {
    it->message = std::string(message);
    return;
  }
  Condition made{.type = std::string(type),
                 .status = status,
                 .reason = std::string(reason),
                 .message = std::string(message),
                 .last_update = now,
                 .last_transition = now};
  if (it != conditions.end()) {
    if (it->status == status) made.last_transition = it->last_transition;
    conditions.erase(it);
  }
  conditions.push_back(std::move(made));
}

ConditionPlan PlanCloneSetConditions(const CloneSetSpec& spec, const StatusCounters& status,
                                     const std::vector<Condition>& stored,
                                     absl::string_view stored_update_revision,
                                     const PassFailures& failures, absl::Time now) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  ConditionPlan out;
  out.conditions = stored;
  SetFailure(out.conditions, "FailedScale", failures.scale, seconds);
  SetFailure(out.conditions, "FailedUpdate", failures.update, seconds);
  if (!spec.progress_deadline.has_value()) {
    std::erase_if(out.conditions, [](const Condition& c) { return c.type == kProgressing; });
    return out;
  }
  const Condition* before = FindCondition(stored, kProgressing);
  const bool new_revision = stored_update_revision != status.update_revision;
  const Progress progress = ProgressOf(spec, status, before, new_revision, seconds);
  if (progress.clock_runs && new_revision && before != nullptr) {
    // The clock of the former revision must not run on.
    const int64_t since = before->status ? before->last_transition : seconds;
    std::erase_if(out.conditions, [](const Condition& c) { return c.type == kProgressing; });
    SetCondition(out.conditions, kProgressing, true, progress.reason, progress.message, seconds);
    out.conditions.back().last_transition = since;
  } else {
    SetCondition(out.conditions, kProgressing, progress.ok, progress.reason, progress.message,
                 seconds);
  }
  if (progress.clock_runs) {
    const Condition& set = *FindCondition(out.conditions, kProgressing);
    const absl::Duration left =
        absl::FromUnixSeconds(set.last_update) + absl::Seconds(*spec.progress_deadline) - now;
    out.requeue =
        left >= absl::Seconds(1) ? left + absl::Seconds(1) : std::max(left, absl::Seconds(1));
  }
  return out;
}

std::vector<Condition> PlanStatefulSetConditions(const std::vector<Condition>& stored,
                                                 const PassFailures& failures, absl::Time now) {
  std::vector<Condition> out = stored;
  const int64_t seconds = absl::ToUnixSeconds(now);
  SetFailure(out, "FailedCreatePod", failures.scale, seconds);
  SetFailure(out, "FailedUpdatePod", failures.update, seconds);
  return out;
}

std::string ErrorsOf(const std::vector<PodAction>& actions,
                     const std::function<std::string(int32_t)>& name_of) {
  std::string out;
  size_t more = 0;
  for (const PodAction& action : actions) {
    if (action.action != Action::kError) continue;
    if (out.empty()) {
      out = absl::StrCat(name_of(action.pod), ": ", Words(action.why));
    } else {
      ++more;
    }
  }
  if (more > 0) absl::StrAppend(&out, " (and ", more, " more pods)");
  return out;
}

bool StatusDiffers(const Json& stored, const Json& computed) {
  const auto generation = [](const Json& status) {
    return json::Int(status, "observedGeneration").value_or(0);
  };
  if (generation(computed) > generation(stored)) return true;
  return Comparable(stored) != Comparable(computed);
}

}  // namespace rekindle::plan
