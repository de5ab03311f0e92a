// Simulated rollouts of random workloads: random specs, random pods in random states, changes of
// the template in the middle, failures and hooks that never answer. REKINDLE_SEED picks the first
// seed, REKINDLE_ROLLOUTS the number; the seed of a failure is printed.

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/plan/simulate.h"
#include "tests/controller/plan/fixtures.h"

namespace rekindle::plan {
namespace {

using testing::At;
using testing::J;
using testing::TemplateOf;
using testing::World;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int64_t kRollouts = 200;
#else
constexpr int64_t kRollouts = 1000;  // of each kind; the shards of ctest run 50,000 of each
#endif

int64_t FromEnvironment(const char* name, int64_t otherwise) {
  int64_t value = 0;
  const char* text = std::getenv(name);
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

struct Dice {
  explicit Dice(uint64_t seed) : random(seed) {}
  int64_t Below(int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); }
  bool OneIn(int64_t n) { return Below(n) == 0; }
  std::mt19937_64 random;
};

// Revisions shared by all rollouts: r0 -> r1 differ in one image, r2 in two, r3 in the environment
// (not in place), r4 in a label that the environment reads, r5 never becomes ready.
class Revisions {
 public:
  Revisions() {
    const auto make = [&](const char* name, int64_t number, const char* a, const char* b,
                          const char* zone, bool args) {
      Json tree = TemplateOf({absl::StrCat("main=", a), absl::StrCat("side=", b)});
      tree["metadata"]["labels"]["zone"] = zone;
      Json& main = tree["spec"]["containers"][0];
      main["env"] =
          J(R"([{"name":"ZONE","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels['zone']"}}},
          {"name":"KRUISE_CONTAINER_BARRIER","valueFrom":{"configMapKeyRef":{"name":"b","key":"p_5"}}}])");
      tree["spec"]["containers"][1]["env"] = J(
          R"([{"name":"KRUISE_CONTAINER_BARRIER","valueFrom":{"configMapKeyRef":{"name":"b","key":"p_1"}}}])");
      if (args) main["args"] = {"-x"};
      tree["spec"]["readinessGates"] =
          J(R"([{"conditionType":"InPlaceUpdateReady"},{"conditionType":"KruisePodReady"}])");
      all.push_back(world.Rev(name, tree, number));
    };
    make("web-r0", 1, "a:1", "b:1", "eu", false);
    make("web-r1", 2, "a:2", "b:1", "eu", false);
    make("web-r2", 3, "a:3", "b:2", "eu", false);
    make("web-r3", 4, "a:3", "b:2", "eu", true);
    make("web-r4", 5, "a:3", "b:2", "us", true);
    make("web-r5", 6, "bad:1", "b:2", "us", true);
  }
  RevisionSet Set(size_t current, size_t update) const { return {all[update], all[current], all}; }

  World world;
  std::vector<Revision> all;
};

constexpr size_t kBad = 5;  // its pods never become ready: an earlier rollout that failed

Hooks RandomHooks(Dice& dice) {
  Json tree = Json::object();
  if (dice.OneIn(4)) tree["inPlaceUpdate"]["finalizersHandler"] = {"f/update"};
  if (dice.OneIn(5)) tree["preDelete"]["labelsHandler"]["hold"] = "yes";
  for (auto& [name, hook] : tree.items()) hook["markPodNotReady"] = dice.OneIn(3);
  return tree.empty() ? Hooks() : ParseHooks(&tree);
}

PodPtr RandomPod(const Revisions& revisions, size_t revision, const std::string& name, Dice& dice,
                 const Hooks& hooks) {
  auto pod = std::make_shared<api::PodRecord>();
  const Revision& r = revisions.all[revision];
  pod->name = name;
  pod->uid = "uid-" + name;
  pod->instance_id = name.substr(name.rfind('-') + 1);
  pod->owner_uid = api::Text("set-uid");
  pod->revision = api::Text(r.name);
  pod->has_template_hash = !dice.OneIn(20);
  pod->node = api::Text("n1");
  pod->phase = api::Phase::kRunning;
  pod->created = testing::kStart - 1000;
  pod->shape = r.pod_template.shape;
  auto labels = std::make_shared<api::StringMap>(r.pod_template.labels);
  auto finalizers = std::make_shared<std::vector<std::string>>();
  if (hooks.in_place) finalizers->push_back("f/update");
  if (hooks.pre_delete) labels->Set("hold", "yes");
  pod->labels = labels;
  pod->finalizers = finalizers;
  pod->annotations = std::make_shared<api::StringMap>();
  pod->lifecycle = dice.OneIn(10) ? api::Lifecycle::kEmpty : api::Lifecycle::kNormal;
  pod->specified_delete = dice.OneIn(25);
  const bool broken = revision == kBad || dice.OneIn(8);
  for (const api::ContainerShape& container : pod->shape->containers) {
    api::ContainerStatus status;
    status.image = std::make_shared<api::ImageStatus>(
        api::ImageStatus{container.image.str(), absl::StrCat("sha256:", container.image.view())});
    status.id = static_cast<uint64_t>(dice.random() | 1);
    status.present = status.running = true;
    status.ready = !broken;
    pod->statuses.push_back(status);
  }
  pod->in_place_ready = pod->pod_ready = api::Tri::kTrue;
  pod->containers_ready = pod->ready = broken ? api::Tri::kFalse : api::Tri::kTrue;
  if (!broken) pod->ready_since = testing::kStart - 500;
  return pod;
}

ModelOptions RandomModel(Dice& dice) {
  ModelOptions model;
  model.seed = dice.random();
  model.jitter_seconds = dice.Below(4);
  model.start_seconds = 1 + dice.Below(3);
  model.ready_seconds = 1 + dice.Below(4);
  model.never_ready["bad:1"] = true;
  return model;
}

// Two containers, and each changes at most once for a change of the template.
void ExpectFewRestarts(const ModelCluster& model, int changes) {
  for (size_t i = 0; i < model.pods().size(); ++i) {
    if (!model.pods()[i]) continue;
    EXPECT_LE(model.RestartsOf(static_cast<int32_t>(i)), 2 * changes)
        << model.pods()[i]->name << " restarted more than once for one change";
  }
}

// The pods of a model in words, for the message of a failure.
std::string Describe(const ModelCluster& model) {
  std::string out;
  for (const PodPtr& pod : model.pods()) {
    if (!pod) continue;
    absl::StrAppend(
        &out, pod->name, " ", pod->revision.view(), " ", api::LifecycleName(pod->lifecycle),
        pod->ready == api::Tri::kTrue ? "" : " not ready", pod->terminating ? " terminating" : "",
        pod->specified_delete ? " specified" : "", pod->book && pod->book->grace ? " grace" : "",
        pod->in_place_ready == api::Tri::kTrue ? "" : " gate closed");
    for (size_t i = 0; i < pod->statuses.size(); ++i) {
      absl::StrAppend(&out, " ", pod->shape->containers[i].image.view(), "/",
                      pod->statuses[i].image ? pod->statuses[i].image->image : "-",
                      pod->statuses[i].ready ? "" : "!");
    }
    const Completion completion = CompletionOf(*pod, {});
    absl::StrAppend(&out, completion.done ? "" : absl::StrCat(" [", Words(completion.why), "]"),
                    "\n");
  }
  return out;
}

std::string CloneSetText(const CloneSetPlan& plan) {
  std::string out;
  for (const PodAction& a : plan.actions) {
    absl::StrAppend(&out, a.pod, ActionName(a.action), CodeName(a.why.code), ";");
  }
  for (const Creation& c : plan.creations) absl::StrAppend(&out, c.name, c.current_revision, ";");
  return out;
}

void OneCloneSet(const Revisions& revisions, uint64_t seed) {
  Dice dice(seed);
  const int64_t replicas = 1 + dice.Below(7);
  Json rolling = {{"partition", dice.OneIn(3) ? dice.Below(replicas + 1) : 0},
                  {"maxUnavailable", 1 + dice.Below(3)},
                  {"maxSurge", dice.OneIn(3) ? dice.Below(3) : 0},
                  {"podUpdatePolicy", dice.OneIn(4) ? "ReCreate" : "InPlaceIfPossible"}};
  if (dice.OneIn(4)) rolling["inPlaceUpdateStrategy"]["gracePeriodSeconds"] = 1 + dice.Below(5);
  Json object = {{"apiVersion", "apps.kruise.io/v1beta1"},
                 {"metadata", {{"name", "web"}, {"uid", "set-uid"}}},
                 {"spec",
                  {{"replicas", replicas},
                   {"minReadySeconds", dice.OneIn(3) ? dice.Below(5) : 0},
                   {"selector", {{"matchLabels", {{"app", "web"}}}}},
                   {"template", *revisions.all[0].pod_template.tree},
                   {"updateStrategy", {{"rollingUpdate", rolling}}}}}};
  CloneSetSpec spec = *ParseCloneSet(object);
  SCOPED_TRACE(rolling.dump());
  spec.hooks = RandomHooks(dice);
  const size_t before = static_cast<size_t>(dice.Below(3));
  size_t target = static_cast<size_t>(dice.Below(6));
  ModelCluster model(RandomModel(dice), At(0), spec.hooks, spec.uid);
  // A broken pod that the partition keeps stays broken for good; that is nothing to wait for.
  const bool bad = spec.Partition() == 0;
  const int64_t pods = std::max<int64_t>(0, replicas + dice.Below(3) - 1);
  for (int64_t i = 0; i < pods; ++i) {
    model.Add(RandomPod(revisions,
                        bad && dice.OneIn(6)                       ? kBad
                        : (bad || target != kBad) && dice.OneIn(4) ? target
                                                                   : before,
                        absl::StrCat("web-p000", i), dice, spec.hooks));
  }
  // Pods of a failed rollout may fall under the partition of the next one and stay as they are.
  const bool failed = target == kBad;
  const bool kept = !bad;
  const int64_t change_at = dice.OneIn(2) ? dice.Below(40) : INT64_MAX;
  const bool rolls_back = dice.OneIn(2);
  std::map<std::string, std::map<std::string, int>> started;  // pod -> target -> updates begun
  CloneSetIndex index(spec, revisions.Set(before, target), {});
  const bool trace = std::getenv("REKINDLE_TRACE") != nullptr;
  const auto watch = [&](const CloneSetPlan& plan, const ModelCluster& cluster) {
    int64_t taken = 0;
    for (const PodAction& action : plan.actions) {
      if (!trace) break;
      std::printf("%lld %s %s: %s\n", static_cast<long long>(absl::ToUnixSeconds(cluster.now())),
                  index.pods()[static_cast<size_t>(action.pod)]->name.c_str(),
                  std::string(ActionName(action.action)).c_str(), Words(action.why).c_str());
    }
    for (const PodAction& action : plan.actions) {
      const api::PodRecord& pod = *index.pods()[static_cast<size_t>(action.pod)];
      const bool takes = action.action == Action::kDelete ||
                         (action.action == Action::kUpdateInPlace && action.step->set_unready) ||
                         (action.action == Action::kUpdateInPlace && action.step->lifecycle) ||
                         (action.lifecycle && action.lifecycle->to != api::Lifecycle::kNormal &&
                          action.lifecycle->to != api::Lifecycle::kPreparingNormal);
      if (takes && index.IsAvailable(action.pod)) ++taken;
      if (action.action == Action::kUpdateInPlace) {
        const int count = ++started[pod.uid][index.revisions().update.name];
        EXPECT_EQ(count, 1) << pod.name << " is updated twice for one change: " << Words(action.why)
                            << "\n"
                            << Describe(model);
      }
    }
    std::set<int32_t> acted;
    for (const PodAction& action : plan.actions) acted.insert(action.pod);
    for (size_t i = 0; i < index.pods().size(); ++i) {
      const auto slot = static_cast<int32_t>(i);
      if (!index.pods()[i] || acted.contains(slot)) continue;
      const Reason why = index.Explain(slot, plan);
      EXPECT_NE(Words(why), "");
      if (why.code != Code::kUpToDate) continue;
      EXPECT_TRUE(index.IsUpdated(slot) && index.IsAvailable(slot))
          << index.pods()[i]->name << " has no reason to stand still\n"
          << Describe(model);
    }
    const int64_t budget = spec.MaxUnavailable() + plan.status.replicas - replicas;
    const int64_t down = plan.status.replicas - plan.status.available;
    EXPECT_LE(down + taken, std::max(down, budget))
        << taken << " pods taken down, " << down << " were down, budget " << budget;
    EXPECT_LE(plan.status.replicas + static_cast<int64_t>(plan.creations.size()),
              std::max(plan.status.replicas, replicas + spec.Surge()));
    // The partition is never undercut: pods leave their revision only beyond it.
    if (plan.update.update > 0) {
      int64_t moves = 0;
      for (const PodAction& action : plan.actions) {
        moves +=
            action.action == Action::kUpdateInPlace || action.action == Action::kMarkForDeletion
                ? (index.IsUpdated(action.pod) ? 0 : 1)
                : 0;
      }
      EXPECT_LE(moves, plan.update.update);
    }
  };
  const SimulationLimits first{.max_passes = 3000, .max_seconds = change_at, .max_events = 0};
  Timeline timeline = SimulateCloneSet(index, model, first, watch);
  ExpectFewRestarts(model, 1);
  if (change_at != INT64_MAX) {
    target = rolls_back ? before : static_cast<size_t>(dice.Below(6));
    started.clear();  // a new change
    index.Configure(spec, revisions.Set(before, target));
    timeline = SimulateCloneSet(index, model, {.max_passes = 3000, .max_events = 0}, watch);
  }
  ExpectFewRestarts(model, 2);
  // bad:1 never becomes ready; a rollout to it must stop with reasons, all others converge.
  if (!(kept && failed) && target != kBad) {
    EXPECT_TRUE(timeline.Finished()) << absl::StrJoin(timeline.stuck, "\n") << "\n"
                                     << Describe(model);
  } else if (!timeline.Finished()) {
    EXPECT_FALSE(timeline.stuck.empty()) << "stuck without a reason";
  }
  const std::string once = CloneSetText(index.Plan(model.now(), 9));
  EXPECT_EQ(once, CloneSetText(index.Plan(model.now(), 9))) << "planning twice differs";
  if (timeline.Finished()) {
    EXPECT_EQ(once, "") << "a converged plan still acts";
  }
}

void OneStatefulSet(const Revisions& revisions, uint64_t seed) {
  Dice dice(seed);
  const int64_t replicas = 1 + dice.Below(6);
  const bool parallel = dice.OneIn(2);
  Json rolling = {{"partition", dice.OneIn(3) ? dice.Below(replicas + 1) : 0},
                  {"podUpdatePolicy", dice.OneIn(4) ? "ReCreate" : "InPlaceIfPossible"},
                  {"minReadySeconds", dice.OneIn(3) ? dice.Below(5) : 0}};
  if (parallel) rolling["maxUnavailable"] = 1 + dice.Below(3);
  if (parallel && dice.OneIn(4)) rolling["unorderedUpdate"] = Json::object();
  if (dice.OneIn(4)) rolling["inPlaceUpdateStrategy"]["gracePeriodSeconds"] = 1 + dice.Below(5);
  Json object = {{"apiVersion", "apps.kruise.io/v1beta1"},
                 {"metadata", {{"name", "web"}, {"uid", "set-uid"}}},
                 {"spec",
                  {{"replicas", replicas},
                   {"podManagementPolicy", parallel ? "Parallel" : "OrderedReady"},
                   {"ordinals", {{"start", dice.OneIn(4) ? dice.Below(3) : 0}}},
                   {"selector", {{"matchLabels", {{"app", "web"}}}}},
                   {"template", *revisions.all[0].pod_template.tree},
                   {"updateStrategy", {{"rollingUpdate", rolling}}}}}};
  if (dice.OneIn(4)) object["spec"]["reserveOrdinals"] = {dice.Below(4), "2-3"};
  if (parallel && dice.OneIn(5))
    object["spec"]["scaleStrategy"]["maxUnavailable"] = 1 + dice.Below(3);
  StatefulSetSpec spec = *ParseStatefulSet(object, {});
  SCOPED_TRACE(object["spec"]["updateStrategy"].dump());
  spec.hooks = RandomHooks(dice);
  const size_t before = static_cast<size_t>(dice.Below(3));
  size_t target = static_cast<size_t>(dice.Below(6));
  ModelCluster model(RandomModel(dice), At(0), spec.hooks, spec.uid);
  const OrdinalRange range = WantedOrdinals(spec.start, spec.replicas, spec.reserved);
  for (int64_t i = dice.Below(2); i < replicas + dice.Below(3); ++i) {
    // In order, two broken condemned pods wait for each other for good (scenario 25).
    const bool bad = spec.partition == 0 && (parallel || range.Has(static_cast<int32_t>(i)));
    model.Add(RandomPod(revisions,
                        bad && dice.OneIn(6)                       ? kBad
                        : (bad || target != kBad) && dice.OneIn(5) ? target
                                                                   : before,
                        absl::StrCat("web-", i), dice, spec.hooks));
  }
  // Pods of a failed rollout may fall under the partition of the next one and stay as they are.
  const bool failed = target == kBad;
  const bool kept = spec.partition > 0;
  const int64_t change_at = dice.OneIn(2) ? dice.Below(40) : INT64_MAX;
  std::map<std::string, int> started;
  std::vector<PodPtr> pods;
  std::string last;  // what the last plan does, for the message of a failure
  const auto watch = [&](const StatefulSetPlan& plan, const ModelCluster& cluster) {
    last.clear();
    for (const PodAction& action : plan.actions) {
      absl::StrAppend(&last, action.pod, " ", ActionName(action.action), ": ", Words(action.why),
                      "\n");
    }
    pods.clear();
    for (const PodPtr& pod : cluster.pods()) {
      if (pod) pods.push_back(pod);
    }
    std::map<int32_t, const api::PodRecord*> by_ordinal;
    int64_t down = 0;
    int64_t taken = 0;
    int32_t lowest = INT32_MAX;  // ordinal that is taken down for its update
    const int64_t now = absl::ToUnixSeconds(cluster.now());
    const auto available = [&](const api::PodRecord& pod) {
      return pod.ready == api::Tri::kTrue && !pod.terminating &&
             now - pod.ready_since >= spec.min_ready_seconds &&
             (pod.lifecycle == api::Lifecycle::kEmpty || pod.lifecycle == api::Lifecycle::kNormal);
    };
    for (const PodPtr& pod : pods) {
      const int32_t ordinal = OrdinalOf(pod->name, "web");
      EXPECT_TRUE(by_ordinal.emplace(ordinal, pod.get()).second) << "two pods " << pod->name;
    }
    for (const int32_t ordinal : range.ordinals) {
      const auto it = by_ordinal.find(ordinal);
      if (it == by_ordinal.end() || !available(*it->second)) ++down;
    }
    for (const PodAction& action : plan.actions) {
      const api::PodRecord& pod = *pods[static_cast<size_t>(action.pod)];
      const int32_t ordinal = OrdinalOf(pod.name, "web");
      if (action.action == Action::kUpdateInPlace) {
        EXPECT_EQ(++started[pod.uid], 1)
            << pod.name << " is updated twice for one change: " << Words(action.why) << "\n"
            << Describe(model) << last;
        const auto position =
            std::lower_bound(range.ordinals.begin(), range.ordinals.end(), ordinal) -
            range.ordinals.begin();
        if (!spec.unordered) {
          EXPECT_GE(position, spec.partition) << "partition undercut";
        }
      }
      const bool takes = action.action == Action::kDelete ||
                         (action.action == Action::kUpdateInPlace &&
                          (action.step->set_unready || action.step->lifecycle)) ||
                         (action.lifecycle && action.lifecycle->to != api::Lifecycle::kNormal);
      if (!takes || !range.Has(ordinal) || !available(pod)) continue;
      ++taken;
      lowest = std::min(lowest, pod.specified_delete ? INT32_MAX : ordinal);
    }
    // In order, from the top: nobody that could have gone is passed over by a lower one.
    for (size_t i = 0; i < pods.size() && !spec.unordered; ++i) {
      const int32_t ordinal = OrdinalOf(pods[i]->name, "web");
      if (ordinal <= lowest || !range.Has(ordinal) || !available(*pods[i])) continue;
      const Code why = plan.reasons[i].code;
      EXPECT_TRUE(why != Code::kMaxUnavailable && why != Code::kOrderedPredecessor)
          << pods[i]->name << " is passed over: " << Words(plan.reasons[i]) << "\n"
          << last;
    }
    EXPECT_LE(down + taken, std::max(down, spec.Budget()))
        << taken << " taken down, " << down << " down, budget " << spec.Budget();
    for (const Creation& creation : plan.creations) {
      EXPECT_TRUE(range.Has(creation.ordinal));
      EXPECT_FALSE(by_ordinal.contains(creation.ordinal)) << "created twice";
    }
    if (!spec.parallel) {
      EXPECT_LE(plan.creations.size(), 1U) << "order of creation";
    }
    for (const Reason& why : plan.reasons) EXPECT_FALSE(Words(why).empty());
  };
  Timeline timeline =
      SimulateStatefulSet(spec, revisions.Set(before, target), {}, model,
                          {.max_passes = 3000, .max_seconds = change_at, .max_events = 0}, watch);
  ExpectFewRestarts(model, 1);
  if (change_at != INT64_MAX) {
    target = dice.OneIn(2) ? before : static_cast<size_t>(dice.Below(6));
    started.clear();
    timeline = SimulateStatefulSet(spec, revisions.Set(before, target), {}, model,
                                   {.max_passes = 3000, .max_events = 0}, watch);
  }
  ExpectFewRestarts(model, 2);
  if (!(kept && failed) && target != kBad) {
    EXPECT_TRUE(timeline.Finished()) << absl::StrJoin(timeline.stuck, "\n") << "\n"
                                     << Describe(model);
  } else if (!timeline.Finished()) {
    EXPECT_FALSE(timeline.stuck.empty()) << "stuck without a reason";
  }
  pods.clear();
  for (const PodPtr& pod : model.pods()) {
    if (pod) pods.push_back(pod);
  }
  const auto text = [&] {
    const RevisionSet set = revisions.Set(before, target);
    std::string out;
    for (const PodAction& action : PlanStatefulSet(spec, set, pods, {}, {}, model.now()).actions) {
      absl::StrAppend(&out, action.pod, ActionName(action.action), CodeName(action.why.code), ";");
    }
    return out;
  };
  const std::string once = text();
  EXPECT_EQ(once, text()) << "planning twice differs";
  if (timeline.Finished()) {
    EXPECT_EQ(once, "") << "a converged plan still acts";
  }
}

template <typename One>
void Many(One one) {
  const int64_t first = FromEnvironment("REKINDLE_SEED", 20260101);
  const int64_t count = FromEnvironment("REKINDLE_ROLLOUTS", kRollouts);
  ::testing::Test::RecordProperty("first_seed", std::to_string(first));
  std::printf("seeds %lld..%lld\n", static_cast<long long>(first),
              static_cast<long long>(first + count - 1));
  const Revisions revisions;
  for (int64_t i = 0; i < count; ++i) {
    SCOPED_TRACE(absl::StrCat("REKINDLE_SEED=", first + i, " REKINDLE_ROLLOUTS=1"));
    one(revisions, static_cast<uint64_t>(first + i));
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Property, CloneSetRollouts) { Many(OneCloneSet); }
TEST(Property, StatefulSetRollouts) { Many(OneStatefulSet); }

}  // namespace
}  // namespace rekindle::plan
