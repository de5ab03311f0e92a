#include "controller/plan/restart.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/api/names.h"
#include "common/json/tree.h"

namespace rekindle::plan {
namespace {

using api::PodRecord;
using State = RestartState::Phase;

// Names with the same parent are ordered by number: web-9 before web-10.
int CompareNames(const std::string& a, const std::string& b) {
  const auto [parent_a, ordinal_a] = api::SplitOrdinal(a);
  const auto [parent_b, ordinal_b] = api::SplitOrdinal(b);
  if (ordinal_a >= 0 && ordinal_b >= 0 && parent_a == parent_b) {
    return ordinal_a < ordinal_b ? -1 : (ordinal_b < ordinal_a ? 1 : 0);
  }
  return a.compare(b);
}

// Ready again for long enough after its restart, or simply serving.
bool Serving(const PodRecord& pod, int64_t min_ready, absl::Time now, int64_t* left) {
  if (pod.phase != api::Phase::kRunning || pod.ready != api::Tri::kTrue) return false;
  if (min_ready <= 0) return true;
  const int64_t now_s = absl::ToUnixSeconds(now);
  const int64_t since = pod.ready_since == api::kNoTime ? now_s : pod.ready_since;
  const int64_t missing = since + min_ready - now_s;
  if (missing > 0) *left = missing;
  return missing <= 0;
}

class Restarter {
 public:
  Restarter(const RestartSpec& spec, const std::vector<PodPtr>& pods,
            const std::map<std::string, RestartState>& states, const RestartOptions& options,
            absl::Time now)
      : spec_(spec), pods_(pods), states_(states), options_(options), now_(now) {}

  RestartPlan Run() {
    plan_.reasons.resize(pods_.size());
    is_down_.assign(pods_.size(), false);
    Arrange();
    Observe();
    Decide();
    plan_.finished =
        plan_.running == 0 && plan_.start.empty() && plan_.done + plan_.failed >= plan_.wanted;
    return std::move(plan_);
  }

 private:
  const PodRecord& Pod(int32_t i) const { return *pods_[static_cast<size_t>(i)]; }
  const RestartState& StateOf(int32_t i) const {
    static const RestartState kNone;
    const auto it = states_.find(Pod(i).name);
    return it == states_.end() ? kNone : it->second;
  }
  void Say(int32_t i, Reason why) { plan_.reasons[static_cast<size_t>(i)] = std::move(why); }

  bool Before(int32_t a, int32_t b) const {
    const PodRecord& x = Pod(a);
    const PodRecord& y = Pod(b);
    if (!spec_.priority.empty()) {
      const uint64_t px = PriorityOf(x, spec_.priority);
      const uint64_t py = PriorityOf(y, spec_.priority);
      if (px != py) return px < py;
    }
    if (spec_.order == RestartSpec::Order::kOldestFirst && x.created != y.created) {
      return x.created < y.created;
    }
    const int names = CompareNames(x.name, y.name);
    if (spec_.order == RestartSpec::Order::kNameAscending) return names < 0;
    return names > 0;
  }

  // The order must not depend on what changes while the job runs (readiness), or the batches would
  // shift; "not ready first" applies within the pods that have not been touched.
  void Arrange() {
    for (size_t i = 0; i < pods_.size(); ++i) {
      const auto index = static_cast<int32_t>(i);
      if (Pod(index).Active()) {
        order_.push_back(index);
      } else {
        Say(index, Because(Code::kNotActive));
      }
    }
    std::sort(order_.begin(), order_.end(), [&](int32_t a, int32_t b) { return Before(a, b); });
    const auto total = static_cast<int64_t>(order_.size());
    const int64_t keep = spec_.Kept(total);
    plan_.wanted = total - keep;
    for (int64_t i = plan_.wanted; i < total; ++i) {
      Say(order_[static_cast<size_t>(i)], Figures(Code::kOutOfPartition, keep));
    }
    kept_.assign(order_.begin() + plan_.wanted, order_.end());
    order_.resize(static_cast<size_t>(plan_.wanted));
    const int64_t size = spec_.BatchSize(total);
    for (size_t i = 0; i < order_.size(); ++i) {
      if (i % static_cast<size_t>(size) == 0) plan_.batches.emplace_back();
      plan_.batches.back().push_back(order_[i]);
    }
    budget_ = spec_.Budget(total);
  }

  // Counts what runs and what is down, also among the pods that are not restarted.
  void Observe() {
    const auto look = [&](int32_t i, bool ours) {
      const RestartState& state = StateOf(i);
      int64_t left = 0;
      const bool serving = Serving(Pod(i), spec_.min_ready_seconds, now_, &left);
      const bool running = state.phase == State::kRunning;
      const bool settling = state.phase == State::kSucceeded && !serving;
      if (left > 0) {
        const absl::Duration wait = absl::Seconds(left);
        plan_.requeue = plan_.requeue ? std::min(*plan_.requeue, wait) : wait;
      }
      if (!serving || running) {
        MarkDown(i);
        if (running || settling) ++domains_[Domain(i)];
      }
      if (!ours) return;
      if (running) {
        ++plan_.running;
        Say(i, Because(Code::kRestartRunning, state.detail));
      } else if (state.phase == State::kFailed) {
        ++plan_.failed;
        Say(i, Because(Code::kRestartFailed, state.detail));
      } else if (settling) {
        ++plan_.running;
        Reason why = left > 0 ? Figures(Code::kMinReady, left, spec_.min_ready_seconds)
                              : Because(Code::kNotReady, "after its restart");
        Say(i, std::move(why));
      } else if (state.phase == State::kSucceeded) {
        ++plan_.done;
        Say(i, Because(Code::kRestartDone));
      }
    };
    for (const int32_t i : order_) look(i, true);
    for (const int32_t i : kept_) look(i, false);
  }

  std::string Domain(int32_t i) const {
    if (spec_.topology_key.empty() || !options_.node_label) return "";
    return std::string(options_.node_label(Pod(i).node.view(), spec_.topology_key));
  }

  bool IsDown(int32_t i) const { return is_down_[static_cast<size_t>(i)]; }
  void MarkDown(int32_t i) {
    is_down_[static_cast<size_t>(i)] = true;
    down_.push_back(i);
  }

  void Decide() {
    const int64_t tolerated = spec_.Tolerated(plan_.wanted);
    plan_.halted = plan_.failed > tolerated;
    bool open = true;  // this batch may start pods: all earlier ones are through
    for (size_t b = 0; b < plan_.batches.size(); ++b) {
      std::vector<int32_t> batch = plan_.batches[b];
      if (spec_.order == RestartSpec::Order::kNotReadyFirst) {
        std::stable_partition(batch.begin(), batch.end(), [&](int32_t i) { return IsDown(i); });
      }
      bool through = true;
      int64_t ahead = 0;
      for (const int32_t i : batch) {
        const State phase = StateOf(i).phase;
        if (phase == State::kNone) {
          TryStart(i, b, open, ahead, tolerated);
          through = false;
          ++ahead;
        } else if (phase == State::kRunning || (phase == State::kSucceeded && IsDown(i))) {
          through = false;
          ++ahead;
        }
      }
      open = open && through;
    }
  }

  void TryStart(int32_t i, size_t batch, bool open, int64_t ahead, int64_t tolerated) {
    if (plan_.halted) return Say(i, Figures(Code::kFailureThreshold, plan_.failed, tolerated));
    if (spec_.paused) return Say(i, Because(Code::kPaused));
    if (!open) {
      return Say(i, Figures(Code::kBatchFull, static_cast<int64_t>(plan_.batches[0].size()),
                            ahead + static_cast<int64_t>(batch * plan_.batches[0].size())));
    }
    const auto used = static_cast<int64_t>(down_.size());
    const bool down = IsDown(i);
    if (!down && used >= budget_) {
      std::vector<std::string> names;
      for (const int32_t d : down_) {
        if (names.size() < 3) names.push_back(Pod(d).name);
      }
      return Say(i, Figures(Code::kMaxUnavailable, used, budget_, 0, absl::StrJoin(names, ", ")));
    }
    const std::string domain = Domain(i);
    if (!spec_.topology_key.empty() && domains_[domain] >= spec_.per_domain) {
      return Say(i, Figures(Code::kSpread, domains_[domain], spec_.per_domain, 0,
                            domain.empty() ? "nodes without the label" : domain));
    }
    if (!down && options_.budget_allows && !options_.budget_allows(Pod(i))) {
      plan_.requeue = absl::Seconds(1);
      return Say(i, Because(Code::kDisruptionBudget));
    }
    plan_.start.push_back(i);
    ++domains_[domain];
    if (!down) MarkDown(i);
    Say(i, Figures(Code::kRestart, static_cast<int64_t>(batch) + 1,
                   static_cast<int64_t>(plan_.batches.size())));
  }

  const RestartSpec& spec_;
  const std::vector<PodPtr>& pods_;
  const std::map<std::string, RestartState>& states_;
  const RestartOptions& options_;
  const absl::Time now_;
  RestartPlan plan_;
  std::vector<int32_t> order_;
  std::vector<int32_t> kept_;
  std::vector<int32_t> down_;
  std::vector<bool> is_down_;
  std::map<std::string, int64_t> domains_;
  int64_t budget_ = 1;
};

absl::Status ReadCount(const Json& spec, absl::string_view key,
                       std::optional<api::IntOrPercent>& out) {
  const Json* value = json::Find(spec, key);
  if (value == nullptr) return absl::OkStatus();
  absl::StatusOr<api::IntOrPercent> parsed =
      api::IntOrPercent::FromJson(*value, absl::StrCat("spec.", key));
  if (!parsed.ok()) return parsed.status();
  if (parsed->Resolve(100, api::Rounding::kDown) < 0) {
    return absl::InvalidArgumentError(absl::StrCat("spec.", key, ": must not be negative"));
  }
  out = *parsed;
  return absl::OkStatus();
}

}  // namespace

int64_t RestartSpec::Kept(int64_t pods) const {
  return partition ? std::clamp<int64_t>(partition->Resolve(pods, api::Rounding::kUp), 0, pods) : 0;
}

int64_t RestartSpec::BatchSize(int64_t pods) const {
  return std::max<int64_t>(1, batch ? batch->Resolve(pods, api::Rounding::kUp) : pods - Kept(pods));
}

int64_t RestartSpec::Budget(int64_t pods) const {
  return std::max<int64_t>(1, max_unavailable.Resolve(pods, api::Rounding::kDown));
}

int64_t RestartSpec::Tolerated(int64_t wanted) const {
  return max_failures ? max_failures->Resolve(wanted, api::Rounding::kDown) : wanted;
}

absl::StatusOr<RestartSpec> ParseRestart(const Json& spec) {
  RestartSpec out;
  std::optional<api::IntOrPercent> unavailable;
  absl::Status status = ReadCount(spec, "batch", out.batch);
  if (status.ok()) status = ReadCount(spec, "maxUnavailable", unavailable);
  if (status.ok()) status = ReadCount(spec, "partition", out.partition);
  if (status.ok()) status = ReadCount(spec, "maxFailures", out.max_failures);
  if (!status.ok()) return status;
  if (unavailable) out.max_unavailable = *unavailable;
  const absl::string_view order = json::String(spec, "order");
  if (order == "NameAscending") {
    out.order = RestartSpec::Order::kNameAscending;
  } else if (order == "OldestFirst") {
    out.order = RestartSpec::Order::kOldestFirst;
  } else if (order == "NotReadyFirst") {
    out.order = RestartSpec::Order::kNotReadyFirst;
  } else if (!order.empty() && order != "NameDescending") {
    return absl::InvalidArgumentError(
        absl::StrCat("spec.order: \"", order,
                     "\" is none of NameDescending, NameAscending, OldestFirst, NotReadyFirst"));
  }
  absl::StatusOr<PriorityStrategy> priority =
      ParsePriority(json::Find(spec, "priorityStrategy"), "spec.priorityStrategy");
  if (!priority.ok()) return priority.status();
  out.priority = *std::move(priority);
  out.topology_key = std::string(json::String(spec, {"spread", "topologyKey"}));
  out.per_domain = std::max<int64_t>(1, json::Int(spec, {"spread", "maxPerDomain"}).value_or(1));
  out.min_ready_seconds = json::Int(spec, "minReadySeconds").value_or(0);
  out.paused = json::Bool(spec, {"paused"});
  if (const Json* list = json::Find(spec, "containers"); list && list->is_array()) {
    for (const Json& name : *list) {
      if (name.is_string()) out.containers.push_back(name.get<std::string>());
    }
  }
  return out;
}

RestartPlan PlanRestart(const RestartSpec& spec, const std::vector<PodPtr>& pods,
                        const std::map<std::string, RestartState>& states,
                        const RestartOptions& options, absl::Time now) {
  return Restarter(spec, pods, states, options, now).Run();
}

}  // namespace rekindle::plan
