#include <algorithm>
#include <set>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

#include "controller/plan/cloneset.h"

namespace rekindle::plan {
namespace {

using api::Lifecycle;
using api::PodRecord;

constexpr absl::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
constexpr int kIdLength = 5;

uint64_t SplitMix(uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

std::vector<std::string> MakeInstanceIds(size_t count, uint64_t seed,
                                         const std::function<bool(const std::string&)>& taken) {
  std::set<std::string> ids;
  while (ids.size() < count) {
    uint64_t bits = SplitMix(seed);
    std::string id;
    for (int i = 0; i < kIdLength; ++i) {
      id += kAlphabet[bits % kAlphabet.size()];
      bits /= kAlphabet.size();
    }
    if (!taken(id)) ids.insert(id);
  }
  return {ids.begin(), ids.end()};
}

// Claims of pods that somebody else deleted, when they are not kept for the next pod (spec 17.4).
void CloneSetIndex::PlanClaims(CloneSetPlan& plan) const {
  if (spec_.reuse_claims || claims_.empty()) return;
  absl::flat_hash_set<std::string> active;
  absl::flat_hash_map<std::string, std::string> inactive;
  for (size_t i = 0; i < pods_.size(); ++i) {
    if (pods_[i] == nullptr || pods_[i]->instance_id.empty()) continue;
    if (views_[i].claimed) {
      active.insert(pods_[i]->instance_id);
    } else {
      inactive.emplace(pods_[i]->instance_id, pods_[i]->name);
    }
  }
  for (const ClaimRecord& claim : claims_) {
    if (claim.terminating || active.contains(claim.instance_id)) continue;
    const auto it = inactive.find(claim.instance_id);
    if (it != inactive.end()) {
      plan.claims.push_back({ClaimAction::Kind::kGiveToPod, claim.name, it->second});
    } else {
      plan.claims.push_back({ClaimAction::Kind::kDelete, claim.name, ""});
    }
  }
}

// Pods that prepare their deletion return to service when they are wanted again (spec 14, step 2).
bool CloneSetIndex::Regret(CloneSetPlan& plan) const {
  const auto marks = [](const std::optional<Hook>& hook) { return hook && hook->mark_not_ready; };
  if (marks(spec_.hooks.pre_delete) || marks(spec_.hooks.in_place)) return false;
  int64_t planned = static_cast<int64_t>(specified_.size());
  for (const int32_t slot : preparing_delete_) planned += specified_.contains(slot) ? 0 : 1;
  int64_t lack = spec_.replicas - claimed_ + planned;
  bool acted = false;
  for (const int32_t slot : ByName(preparing_delete_)) {
    if (lack <= 0) break;
    if (specified_.contains(slot)) continue;
    PodAction action;
    action.pod = slot;
    action.action = Action::kLifecycle;
    action.why = Figures(Code::kRegret, lack);
    action.lifecycle = LifecycleStep{.to = Lifecycle::kPreparingNormal};
    plan.actions.push_back(std::move(action));
    --lack;
    acted = true;
  }
  return acted;
}

bool CloneSetIndex::DeleteList(const std::vector<int32_t>& slots, const Reason& why,
                               CloneSetPlan& plan) const {
  bool changed = false;
  for (const int32_t slot : slots) {
    const PodRecord& pod = *pods_[static_cast<size_t>(slot)];
    const Passage passage = BeforeDelete(pod, spec_.hooks);
    if (!passage.go && !passage.step) continue;
    PodAction action;
    action.pod = slot;
    action.why = passage.go ? why : passage.why;
    action.action = passage.go ? Action::kDelete : Action::kLifecycle;
    action.lifecycle = passage.step;
    // The readiness mark is asserted again on every pass; that alone is no change of the plan.
    changed = changed || passage.go || pod.lifecycle != Lifecycle::kPreparingDelete;
    if (passage.go) {
      for (const ClaimRecord& claim : claims_) {
        if (!pod.instance_id.empty() && claim.instance_id == pod.instance_id) {
          plan.claims.push_back({ClaimAction::Kind::kDelete, claim.name, pod.name});
        }
      }
    }
    plan.actions.push_back(std::move(action));
  }
  return changed;
}

bool CloneSetIndex::DeletePrepared(CloneSetPlan& plan) const {
  return DeleteList({preparing_delete_.begin(), preparing_delete_.end()},
                    Figures(Code::kHookReleased, 0), plan);
}

bool CloneSetIndex::Grow(CloneSetPlan& plan, uint64_t seed) const {
  const DiffNumbers& d = plan.scale;
  if (d.up <= 0) return false;
  plan.scale_limited = d.up > d.up_limit;
  if (d.up_limit <= 0) return false;  // deletions must not wait for a growth that is blocked (P14)
  absl::flat_hash_set<std::string> used;
  for (const PodPtr& pod : pods_) {
    // Also of pods that are going: their name is taken until they are gone (P29).
    if (pod != nullptr && !pod->instance_id.empty()) used.insert(pod->instance_id);
  }
  std::set<std::string> free;
  for (const ClaimRecord& claim : claims_) {
    if (claim.instance_id.empty()) continue;
    if (!claim.terminating && spec_.reuse_claims && !used.contains(claim.instance_id)) {
      free.insert(claim.instance_id);
    }
  }
  for (const ClaimRecord& claim : claims_) used.insert(claim.instance_id);
  const auto wanted = static_cast<size_t>(d.up_limit);
  std::vector<std::string> ids(free.begin(), free.end());
  if (ids.size() > wanted) ids.resize(wanted);
  const std::vector<std::string> fresh = MakeInstanceIds(
      wanted - ids.size(), seed, [&](const std::string& id) { return used.contains(id); });
  ids.insert(ids.end(), fresh.begin(), fresh.end());
  std::sort(ids.begin(), ids.end());
  int64_t old = std::min(d.up_limit, d.up_old);
  const bool surge = d.use_surge > 0 && claimed_ >= spec_.replicas;
  for (const std::string& id : ids) {
    Creation creation;
    creation.instance_id = id;
    creation.name = absl::StrCat(spec_.name, "-", id);
    creation.current_revision = old-- > 0;
    creation.why = surge ? Figures(Code::kSurge, d.use_surge)
                         : Figures(Code::kScaleUp, spec_.replicas + d.use_surge,
                                   spec_.replicas + d.use_surge - d.up);
    creation.volumes = spec_.claim_names;
    creation.adds_gate = true;
    creation.after_actions = plan.actions.size();
    for (const std::string& claim : spec_.claim_names) {
      creation.claims.push_back(absl::StrCat(claim, "-", creation.name));
    }
    plan.creations.push_back(std::move(creation));
  }
  return true;
}

bool CloneSetIndex::DeleteSpecified(CloneSetPlan& plan) const {
  // The arithmetic leaves specified pods out of the unavailable ones; those that are down are down
  // all the same, so the serving ones among them have to wait for them.
  int64_t left = plan.scale.delete_ready_limit;
  for (const int32_t slot : specified_) {
    const View& view = views_[static_cast<size_t>(slot)];
    if (!view.available && !view.preparing_delete) --left;
  }
  std::vector<int32_t> chosen;
  for (const int32_t slot : ByName(specified_)) {
    const View& view = views_[static_cast<size_t>(slot)];
    if (view.preparing_delete) continue;
    const Lifecycle state = pods_[static_cast<size_t>(slot)]->lifecycle;
    const bool serving = view.ready && (state == Lifecycle::kEmpty || state == Lifecycle::kNormal);
    if (serving && left-- <= 0) continue;
    chosen.push_back(slot);
  }
  return DeleteList(chosen, Figures(Code::kSpecifiedDelete, 0), plan);
}

// The first pods of a side in the order of deletion (spec 16). By nodes the order is kept from pass
// to pass; by topology domains it is made anew, because one pod moves the rank of a whole domain.
std::vector<int32_t> CloneSetIndex::ChooseForDeletion(int side, int64_t count) {
  const std::vector<std::string> keys = TopologyKeys(*revisions_.update.pod_template.tree);
  if (keys.empty() || !options_.node_label) {
    if (deletion_ == nullptr) {
      std::vector<DeletionOrder::Item> items;
      for (size_t i = 0; i < pods_.size(); ++i) {
        const View& view = views_[i];
        if (!view.claimed) continue;
        items.push_back({static_cast<int32_t>(i), pods_[i].get(), view.available,
                         view.new_when_scaling ? 1 : 0});
      }
      deletion_ = std::make_unique<DeletionOrder>(items);
    }
    return deletion_->First(side, count);
  }
  RankingInput ranking;
  ranking.topology_keys = keys;
  ranking.node_label = options_.node_label;
  for (size_t i = 0; i < pods_.size(); ++i) {
    ranking.pods.push_back(pods_[i].get());
    ranking.available.push_back(views_[i].available);
    if (!views_[i].claimed || (views_[i].new_when_scaling ? 1 : 0) != side) continue;
    ranking.candidates.push_back(static_cast<int32_t>(i));
  }
  std::vector<int32_t> out = RankForDeletion(ranking);
  if (static_cast<int64_t>(out.size()) > count) out.resize(static_cast<size_t>(count));
  return out;
}

bool CloneSetIndex::Shrink(CloneSetPlan& plan) {
  const DiffNumbers& d = plan.scale;
  if (d.down <= 0) deletion_ = nullptr;
  if (d.down <= 0 || !specified_.empty() || !preparing_delete_.empty()) return false;
  const int64_t from_old = std::min(d.down, d.down_old);
  std::vector<int32_t> chosen;
  for (const int side : {0, 1}) {
    const int64_t count = side == 0 ? from_old : d.down - from_old;
    if (count <= 0) continue;
    const std::vector<int32_t> first = ChooseForDeletion(side, count);
    chosen.insert(chosen.end(), first.begin(), first.end());
  }
  int64_t left = d.delete_ready_limit;
  std::erase_if(chosen, [&](int32_t slot) {
    const View& view = views_[static_cast<size_t>(slot)];
    const Lifecycle state = pods_[static_cast<size_t>(slot)]->lifecycle;
    const bool serving = view.ready && (state == Lifecycle::kEmpty || state == Lifecycle::kNormal);
    return serving && left-- <= 0;
  });
  Reason why = Figures(Code::kScaleDown, d.down);
  if (from_old > 0 && from_old < d.down) {
    why.detail = api::Text(absl::StrCat(", ", from_old, " of them of older revisions"));
  } else if (from_old > 0) {
    why.detail = api::Text(", of older revisions");
  }
  return DeleteList(chosen, why, plan);
}

void CloneSetIndex::Scale(CloneSetPlan& plan, uint64_t seed) {
  plan.scaled = Regret(plan) || DeletePrepared(plan) || Grow(plan, seed) || DeleteSpecified(plan) ||
                Shrink(plan);
}

}  // namespace rekindle::plan
