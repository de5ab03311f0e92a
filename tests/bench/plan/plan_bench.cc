#include "tests/bench/plan/plan_bench.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "controller/plan/simulate.h"
#include "tests/bench/plan/plan_world.h"

namespace rekindle::bench {
namespace {

using plan::CloneSetIndex;
using plan::CloneSetPlan;
using plan::PodPtr;

constexpr int64_t kPods = 100'000;
constexpr int64_t kReplicas = 10'000;

absl::Time Now() { return absl::FromUnixSeconds(kNow); }

double Milliseconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

double Median(std::vector<double> values) {
  values.erase(values.begin());  // the warm-up
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double WorstOf99(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() * 99 / 100];
}

// The whole of a CloneSet from the records of a cache: index built, one pass planned.
absl::Status WholePlan(int rounds, Results& results) {
  PlanWorld world;
  const std::vector<PodPtr> pods = world.CloneSetPods(kPods, kPods / 3);
  std::vector<double> times;
  for (int i = -1; i < rounds; ++i) {  // the first one warms up
    std::vector<PodPtr> copy = pods;
    size_t actions = 0;
    times.push_back(Milliseconds([&] {
      CloneSetIndex index(world.CloneSet(kPods, kPods / 100), world.revisions(), {});
      index.Load(std::move(copy));
      actions = index.Plan(Now()).actions.size();
    }));
    if (actions != kPods / 100) return absl::InternalError(absl::StrCat(actions, " actions"));
  }
  return results.Add({.bench = "plan",
                      .metric = "cloneset_100000_pods",
                      .value = Median(times),
                      .unit = "ms",
                      .limit = 50});
}

// One pod of 100,000 changes in the middle of a rollout, and the set is planned again.
absl::Status OneChange(const char* metric, const plan::CloneSetSpec& spec,
                       const plan::CloneSetOptions& options, PlanWorld& world,
                       std::vector<PodPtr> pods, int rounds, Results& results) {
  const std::vector<PodPtr> all = pods;
  CloneSetIndex index(spec, world.revisions(), options);
  index.Load(std::move(pods));
  index.Plan(Now());
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    // It loses its readiness and finds it again.
    const PodPtr& pod = all[static_cast<size_t>(i) * 7919 % all.size()];
    auto down = std::make_shared<api::PodRecord>(*pod);
    down->ready = down->containers_ready = api::Tri::kFalse;
    down->ready_since = api::kNoTime;
    for (const PodPtr& state : {PodPtr(down), pod}) {
      times.push_back(Milliseconds([&] {
        index.Upsert(state);
        index.Plan(Now());
      }));
    }
  }
  return results.Add(
      {.bench = "plan", .metric = metric, .value = WorstOf99(times), .unit = "ms", .limit = 1});
}

// Pods of which `busy` are in the middle of their update, so that the budget is used up.
std::vector<PodPtr> Rolling(PlanWorld& world, const plan::CloneSetSpec& spec, int64_t busy) {
  std::vector<PodPtr> pods = world.CloneSetPods(kPods, kPods / 3);
  CloneSetIndex index(spec, world.revisions(), {});
  index.Load(pods);
  const CloneSetPlan first = index.Plan(Now());
  for (const plan::PodAction& action : first.actions) {
    if (!action.step || busy-- <= 0) continue;
    auto pod = std::make_shared<api::PodRecord>(
        ApplyStep(*pods[static_cast<size_t>(action.pod)], *action.step));
    pod->ready = pod->containers_ready = api::Tri::kFalse;
    pod->ready_since = api::kNoTime;
    pod->statuses[0].ready = false;
    pods[static_cast<size_t>(action.pod)] = std::move(pod);
  }
  return pods;
}

absl::Status Incremental(int rounds, Results& results) {
  PlanWorld world;
  const plan::CloneSetSpec spec = world.CloneSet(kPods, kPods / 100);
  absl::Status status = OneChange("one_changed_pod_p99", spec, {}, world,
                                  Rolling(world, spec, kPods / 100), rounds, results);
  if (!status.ok()) return status;
  // A tenth of the set is being updated: what only waits is not looked at again.
  const plan::CloneSetSpec wide = world.CloneSet(kPods, kPods / 10);
  status = OneChange("one_changed_pod_10000_updating_p99", wide, {}, world,
                     Rolling(world, wide, kPods / 10), rounds, results);
  if (!status.ok()) return status;
  // Scale-in of 2,000 pods, of which only those go that the budget lets go.
  plan::CloneSetSpec fewer = world.CloneSet(kPods - 2000, 0);
  fewer.max_unavailable = api::IntOrPercent::Count(0);
  status = OneChange("one_changed_pod_scale_in_p99", fewer, {}, world,
                     world.CloneSetPods(kPods, kPods), rounds, results);
  if (!status.ok()) return status;
  // A raised partition moves pods back.
  plan::CloneSetSpec back = world.CloneSet(kPods, 10);
  back.partition = api::IntOrPercent::Percent(90);
  return OneChange("one_changed_pod_partition_rollback_p99", back, {.partition_rollback = true},
                   world, world.CloneSetPods(kPods, kPods / 3), rounds, results);
}

absl::Status StatefulSet(int rounds, Results& results) {
  PlanWorld world;
  const std::vector<PodPtr> pods = world.StatefulSetPods(kReplicas, kReplicas / 3);
  const plan::StatefulSetSpec spec = world.StatefulSet(kReplicas, 100);
  std::vector<double> times;
  for (int i = -1; i < rounds; ++i) {
    size_t actions = 0;
    times.push_back(Milliseconds([&] {
      actions = PlanStatefulSet(spec, world.revisions(), pods, {}, {}, Now()).actions.size();
    }));
    if (actions != 100) return absl::InternalError(absl::StrCat(actions, " actions"));
  }
  return results.Add({.bench = "plan",
                      .metric = "statefulset_10000_replicas",
                      .value = Median(times),
                      .unit = "ms",
                      .limit = 5});
}

// Records as they come from the API server, all of them with the bookkeeping of an update.
absl::Status Memory(Results& results) {
  constexpr int64_t kCount = 20'000;
  PlanWorld world;
  api::PodParser parser;
  std::vector<PodPtr> pods;
  pods.reserve(kCount);
  size_t largest = 0;
  malloc_trim(0);
  const size_t before = mallinfo2().uordblks;
  for (int64_t i = 0; i < kCount; ++i) {
    absl::StatusOr<api::PodRecord> record = parser.Parse(world.BusyPodTree(i));
    if (!record.ok()) return record.status();
    pods.push_back(std::make_shared<const api::PodRecord>(*std::move(record)));
    largest = std::max(largest, pods.back()->MemoryBytes());
  }
  const auto held = static_cast<double>(mallinfo2().uordblks - before) / kCount;
  absl::Status status = results.Add({.bench = "plan",
                                     .metric = "pod_record_largest",
                                     .value = static_cast<double>(largest),
                                     .unit = "bytes",
                                     .limit = 1024});
  if (!status.ok()) return status;
  return results.Add({.bench = "plan",
                      .metric = "pod_record_heap",
                      .value = held,
                      .unit = "bytes",
                      .limit = 1024});
}

absl::Status Simulation(int64_t pods, Results& results) {
  PlanWorld world;
  const plan::CloneSetSpec spec = world.CloneSet(pods, pods / 10);
  plan::ModelOptions options;
  options.nodes = pods / 10;
  plan::ModelCluster model(options, Now(), spec.hooks, spec.uid);
  std::vector<PodPtr> all = world.CloneSetPods(pods, 0);
  for (PodPtr& pod : all) model.Add(std::move(pod));
  all.clear();
  CloneSetIndex index(spec, world.revisions(), {});
  plan::Timeline timeline;
  const double seconds =
      Milliseconds([&] { timeline = SimulateCloneSet(index, model, {.max_events = 0}); }) / 1000;
  if (!timeline.Finished() || timeline.restarts != pods) {
    return absl::InternalError(
        absl::StrCat("the rollout ended with ", timeline.restarts, " restarts"));
  }
  return results.Add({.bench = "plan",
                      .metric = absl::StrCat("simulation_", pods, "_pods"),
                      .value = seconds,
                      .unit = "s",
                      .limit = 60});
}

}  // namespace

absl::Status PlanBench(const PlanBenchSettings& settings, Results& results) {
  absl::Status status = WholePlan(settings.rounds, results);
  if (status.ok()) status = Incremental(settings.rounds * 10, results);
  if (status.ok()) status = StatefulSet(settings.rounds, results);
  if (status.ok()) status = Memory(results);
  if (status.ok()) status = Simulation(settings.simulated_pods, results);
  return status;
}

}  // namespace rekindle::bench
