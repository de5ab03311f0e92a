#include "controller/plan/simulate.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

namespace rekindle::plan {
namespace {

constexpr size_t kNamedStuck = 20;

// Keeps the book of one simulation.
class Recorder {
 public:
  Recorder(const ModelCluster& model, const SimulationLimits& limits)
      : limits_(limits), start_(model.now()) {}

  int64_t Second(const ModelCluster& model) const {
    return absl::ToInt64Seconds(model.now() - start_);
  }

  void Status(const ModelCluster& model, const StatusCounters& status) {
    const Sample sample{Second(model), status.replicas, status.available, status.updated,
                        model.restarts()};
    if (!out.samples.empty() && out.samples.back().second == sample.second) {
      out.samples.back() = sample;
    } else {
      out.samples.push_back(sample);
    }
  }

  void Event(const ModelCluster& model, std::string pod, absl::string_view action,
             const Reason& why) {
    if (out.events.size() >= limits_.max_events) return;
    out.events.push_back(
        {Second(model), std::move(pod), std::string(action), Words(why), out.passes});
  }

  bool Exceeded(const ModelCluster& model) const {
    return out.passes >= limits_.max_passes || Second(model) >= limits_.max_seconds;
  }

  Timeline Finish(const ModelCluster& model) {
    out.seconds = Second(model);
    out.restarts = model.restarts();
    // States that last no time are none that anybody sees: the last one of each second counts.
    for (const Sample& s : out.samples) {
      const bool first = &s == out.samples.data();
      out.lowest_available = first ? s.available : std::min(out.lowest_available, s.available);
    }
    return std::move(out);
  }

  Timeline out;

 private:
  const SimulationLimits limits_;
  const absl::Time start_;
};

// Only errors, which change nothing, count as no work.
bool IsWork(const PodAction& action) {
  return action.action != Action::kError && action.action != Action::kNone;
}

// What the last plan leaves alone decides how the simulation ends.
class Rest {
 public:
  void See(const std::string& pod, const Reason& why) {
    // Finished pods stay where they are (cloneset P36).
    if (why.code == Code::kUpToDate || why.code == Code::kNotActive) return;
    if (why.code == Code::kKeptByPartition) {
      ++kept_;
      return;
    }
    rest_ = rest_ && IsRest(why.code);
    if (left_.size() < kNamedStuck) left_.push_back(absl::StrCat(pod, ": ", Words(why)));
  }
  void Put(bool cut_off, Timeline& out) {
    out.ending = cut_off         ? Ending::kCutOff
                 : left_.empty() ? Ending::kFinished
                 : rest_         ? Ending::kAtRest
                                 : Ending::kStandsStill;
    out.kept = kept_;
    out.stuck = std::move(left_);
  }

 private:
  bool rest_ = true;
  int64_t kept_ = 0;
  std::vector<std::string> left_;
};

// Carries out a plan in its order: creations stand between the actions.
template <typename Plan, typename Act, typename Create>
void InOrder(const Plan& plan, Act act, Create create) {
  auto next = plan.creations.begin();
  for (size_t i = 0; i <= plan.actions.size(); ++i) {
    for (; next != plan.creations.end() && next->after_actions <= i; ++next) create(*next);
    if (i < plan.actions.size()) act(plan.actions[i]);
  }
}

// Lets time pass to the next thing that happens; false when nothing ever will.
bool Wait(ModelCluster& model, const std::optional<absl::Duration>& requeue) {
  absl::Time next = model.NextEvent();
  if (requeue.has_value()) next = std::min(next, model.now() + *requeue);
  if (next == absl::InfiniteFuture()) return false;
  model.AdvanceTo(std::max(next, model.now() + absl::Seconds(next > model.now() ? 0 : 1)));
  return true;
}

// The claims of a simulated StatefulSet.
class ClaimKeeper {
 public:
  ClaimKeeper(const StatefulSetSpec& spec, std::vector<SetClaim> claims)
      : spec_(spec), claims_(std::move(claims)), known_(!claims_.empty()) {}

  const std::vector<SetClaim>& claims() const { return claims_; }

  // Carries out what a plan says about claims; true when something is under way until the next
  // second. Without any claim in the beginning none are kept: they are no part of the question.
  bool Carry(const StatefulSetPlan& plan, const std::vector<PodPtr>& pods) {
    if (!known_) return false;
    for (const ClaimOwners& owners : plan.owners) {
      SetClaim* claim = Find(owners.claim);
      if (claim == nullptr) continue;
      claim->owned_by_set = owners.set;
      claim->owner_pod_uid = owners.pod_uid;
    }
    for (const auto& [name, size] : plan.resizes) {
      if (SetClaim* claim = Find(name)) claim->requested = claim->capacity = size;
    }
    for (const Creation& creation : plan.creations) {
      for (const std::string& name : creation.claims) Make(name);
    }
    for (const std::string& name : plan.claims_to_create) Make(name);
    // The collector takes claims whose pod is gone.
    const auto collected = std::erase_if(claims_, [&](const SetClaim& claim) {
      return !claim.owner_pod_uid.empty() &&
             std::none_of(pods.begin(), pods.end(),
                          [&](const PodPtr& pod) { return pod->uid == claim.owner_pod_uid; });
    });
    return collected > 0 || !plan.resizes.empty();
  }

 private:
  SetClaim* Find(const std::string& name) {
    const auto it = std::find_if(claims_.begin(), claims_.end(),
                                 [&](const SetClaim& claim) { return claim.name == name; });
    return it == claims_.end() ? nullptr : &*it;
  }

  void Make(const std::string& name) {
    for (const ClaimTemplate& made : spec_.claims) {
      if (name.rfind(made.name + "-", 0) != 0) continue;
      SetClaim claim;
      claim.name = name;
      claim.requested = claim.capacity = made.storage;
      claim.storage_class = made.storage_class;
      claim.access_modes = made.access_modes;
      claims_.push_back(std::move(claim));
      return;
    }
  }

  const StatefulSetSpec& spec_;
  std::vector<SetClaim> claims_;
  const bool known_;
};

}  // namespace

absl::string_view EndingName(Ending ending) {
  switch (ending) {
    case Ending::kFinished:
      return "Finished";
    case Ending::kAtRest:
      return "AtRest";
    case Ending::kStandsStill:
      return "StandsStill";
    case Ending::kCutOff:
      break;
  }
  return "CutOff";
}

Timeline SimulateCloneSet(CloneSetIndex& index, ModelCluster& model, const SimulationLimits& limits,
                          const Observer<CloneSetPlan>& observer) {
  Recorder record(model, limits);
  const auto sync = [&] {
    // Several changes of one pod are one update of the cache.
    std::vector<std::pair<int32_t, std::string>> changes = model.TakeChanges();
    std::sort(changes.begin(), changes.end());
    changes.erase(std::unique(changes.begin(), changes.end()), changes.end());
    for (const auto& [slot, name] : changes) {
      const PodPtr& pod = model.pods()[static_cast<size_t>(slot)];
      if (pod == nullptr || pod->name != name) {
        index.Erase(name);
      } else {
        index.Upsert(pod);
      }
    }
  };
  absl::flat_hash_map<std::string, int32_t> slots;
  for (size_t i = 0; i < model.pods().size(); ++i) {
    if (model.pods()[i]) slots[model.pods()[i]->name] = static_cast<int32_t>(i);
  }
  uint64_t seed = 1;
  CloneSetPlan plan;
  bool ended = false;
  while (!ended && !record.Exceeded(model)) {
    sync();
    plan = index.Plan(model.now(), seed++);
    ++record.out.passes;
    if (observer) observer(plan, model);
    record.Status(model, plan.status);
    bool worked = false;
    const auto act = [&](const PodAction& action) {
      const std::string& name = index.pods()[static_cast<size_t>(action.pod)]->name;
      if (IsWork(action)) record.Event(model, name, ActionName(action.action), action.why);
      worked = worked || IsWork(action);
      if (action.action == Action::kDelete) ++record.out.deleted;
      model.Apply(slots[name], action);
    };
    InOrder(plan, act, [&](const Creation& creation) {
      const RevisionSet& revisions = index.revisions();
      slots[creation.name] = model.Create(
          creation, creation.current_revision ? revisions.current : revisions.update, false);
      record.Event(model, creation.name, "Create", creation.why);
      ++record.out.created;
      worked = true;
    });
    if (worked) continue;
    ended = !Wait(model, plan.requeue);
  }
  Rest rest;
  std::set<int32_t> errors;
  for (const PodAction& action : plan.actions) {
    if (action.action != Action::kError || !errors.insert(action.pod).second) continue;
    rest.See(index.pods()[static_cast<size_t>(action.pod)]->name, action.why);
  }
  for (size_t i = 0; i < index.pods().size(); ++i) {
    const PodPtr& pod = index.pods()[i];
    const auto slot = static_cast<int32_t>(i);
    if (pod != nullptr && !errors.contains(slot)) rest.See(pod->name, index.Explain(slot, plan));
  }
  if (plan.scale_limited) rest.See("pods to be created", ScaleLimit(plan, index.spec()));
  rest.Put(!ended, record.out);
  return record.Finish(model);
}

Timeline SimulateStatefulSet(const StatefulSetSpec& spec, const RevisionSet& revisions,
                             const StatefulSetOptions& options, ModelCluster& model,
                             const SimulationLimits& limits,
                             const Observer<StatefulSetPlan>& observer,
                             std::vector<SetClaim> claims) {
  Recorder record(model, limits);
  ClaimKeeper keeper(spec, std::move(claims));
  StatefulSetPlan plan;
  RevisionSet set = revisions;
  std::vector<PodPtr> pods;
  std::vector<int32_t> slots;
  bool ended = false;
  while (!ended && !record.Exceeded(model)) {
    pods.clear();
    slots.clear();
    model.TakeChanges();
    for (size_t i = 0; i < model.pods().size(); ++i) {
      if (model.pods()[i] == nullptr) continue;
      pods.push_back(model.pods()[i]);
      slots.push_back(static_cast<int32_t>(i));
    }
    plan = PlanStatefulSet(spec, set, pods, keeper.claims(), options, model.now());
    ++record.out.passes;
    if (observer) observer(plan, model);
    record.Status(model, plan.status);
    bool worked = false;
    const auto act = [&](const PodAction& action) {
      const std::string& name = pods[static_cast<size_t>(action.pod)]->name;
      if (IsWork(action)) record.Event(model, name, ActionName(action.action), action.why);
      worked = worked || IsWork(action);
      if (action.action == Action::kDelete) ++record.out.deleted;
      model.Apply(slots[static_cast<size_t>(action.pod)], action);
    };
    InOrder(plan, act, [&](const Creation& creation) {
      model.Create(creation, creation.current_revision ? set.current : set.update, false);
      record.Event(model, creation.name, "Create", creation.why);
      ++record.out.created;
      worked = true;
    });
    if (plan.status.current_revision == set.update.name) set.current = set.update;
    const bool claims_change = keeper.Carry(plan, pods);
    if (worked && !claims_change) continue;
    if (claims_change) {
      model.AdvanceTo(model.now() + absl::Seconds(1));
    } else {
      ended = !Wait(model, plan.requeue);
    }
  }
  Rest rest;
  const auto missing = [&](int32_t ordinal, const Reason& why) {
    rest.See(absl::StrCat(spec.name, "-", ordinal), why);
  };
  for (const auto& [ordinal, why] : plan.missing) missing(ordinal, why);
  for (const int32_t ordinal : plan.later) missing(ordinal, plan.later_why);
  for (size_t i = 0; i < pods.size(); ++i) rest.See(pods[i]->name, plan.reasons[i]);
  rest.Put(!ended, record.out);
  return record.Finish(model);
}

Timeline SimulateRestart(const RestartSpec& spec, std::vector<PodPtr> pods,
                         std::map<std::string, RestartState> states, const RestartOptions& options,
                         const ModelOptions& model, absl::Time now) {
  const int64_t start = absl::ToUnixSeconds(now);
  const int64_t length = model.stop_seconds + model.start_seconds + model.ready_seconds;
  std::multimap<int64_t, size_t> ends;  // second in which the restart of a pod is over
  Timeline out;
  out.lowest_available = static_cast<int64_t>(pods.size());
  const auto make_ready = [&](size_t i, bool ready) {
    auto edit = std::make_shared<api::PodRecord>(*pods[i]);
    edit->ready = ready ? api::Tri::kTrue : api::Tri::kFalse;
    edit->ready_since = ready ? start + out.seconds : api::kNoTime;
    pods[i] = std::move(edit);
  };
  const auto containers_of = [&](size_t i) {
    const size_t all = pods[i]->shape->containers.size();
    return static_cast<int64_t>(spec.containers.empty() ? all : spec.containers.size());
  };
  for (size_t i = 0; i < pods.size(); ++i) {
    const auto it = states.find(pods[i]->name);
    const bool running = it != states.end() && it->second.phase == RestartState::Phase::kRunning;
    if (!running) continue;
    ends.emplace(length, i);
    make_ready(i, false);
    out.restarts += containers_of(i);
  }
  RestartPlan plan;
  while (true) {
    plan = PlanRestart(spec, pods, states, options, absl::FromUnixSeconds(start + out.seconds));
    ++out.passes;
    for (const int32_t i : plan.start) {
      const auto slot = static_cast<size_t>(i);
      states[pods[slot]->name].phase = RestartState::Phase::kRunning;
      out.events.push_back(
          {out.seconds, pods[slot]->name, "Restart", Words(plan.reasons[slot]), out.passes});
      out.restarts += containers_of(slot);
      make_ready(slot, false);
      ends.emplace(out.seconds + length, slot);
    }
    const int64_t available = std::count_if(pods.begin(), pods.end(), [](const PodPtr& pod) {
      return pod->Active() && pod->ready == api::Tri::kTrue;
    });
    out.lowest_available = std::min(out.lowest_available, available);
    out.samples.push_back(
        {out.seconds, static_cast<int64_t>(pods.size()), available, plan.done, out.restarts});
    if (!plan.start.empty()) continue;
    if (ends.empty() && !plan.requeue) break;
    const int64_t wake =
        plan.requeue ? out.seconds + std::max<int64_t>(1, absl::ToInt64Seconds(*plan.requeue))
                     : INT64_MAX;
    out.seconds = ends.empty() ? wake : std::min(wake, ends.begin()->first);
    while (!ends.empty() && ends.begin()->first <= out.seconds) {
      const size_t slot = ends.begin()->second;
      ends.erase(ends.begin());
      states[pods[slot]->name].phase = RestartState::Phase::kSucceeded;
      make_ready(slot, true);
    }
  }
  Rest rest;
  for (size_t i = 0; i < pods.size(); ++i) {
    const Code code = plan.reasons[i].code;
    const bool over = code == Code::kRestartDone || code == Code::kOutOfPartition;
    if (!over) rest.See(pods[i]->name, plan.reasons[i]);
  }
  rest.Put(/*cut_off=*/false, out);
  if (plan.finished) out.ending = Ending::kFinished;  // the failures are tolerated
  return out;
}

}  // namespace rekindle::plan
