#ifndef REKINDLE_TEST_BENCH_PLAN_PLAN_WORLD_H_
#define REKINDLE_TEST_BENCH_PLAN_PLAN_WORLD_H_

#include <string>
#include <vector>

#include "controller/plan/cloneset.h"
#include "controller/plan/revision.h"
#include "controller/plan/statefulset.h"

namespace rekindle::bench {

inline constexpr int64_t kNow = 1'900'000'000;

// Workloads as large as a benchmark wants them: two containers, an environment that reads a label,
// nodes with ten pods each. The update changes one image.
class PlanWorld {
 public:
  PlanWorld();

  const plan::RevisionSet& revisions() const { return revisions_; }
  // A running, ready pod on the present or the new revision.
  std::shared_ptr<api::PodRecord> Pod(const std::string& name, int64_t serial, bool updated);
  // Pods of a CloneSet; the first `updated` of them run the new revision.
  std::vector<plan::PodPtr> CloneSetPods(int64_t count, int64_t updated);
  std::vector<plan::PodPtr> StatefulSetPods(int64_t count, int64_t updated);
  plan::CloneSetSpec CloneSet(int64_t replicas, int64_t max_unavailable) const;
  plan::StatefulSetSpec StatefulSet(int64_t replicas, int64_t max_unavailable) const;
  // The v1 Pod of a pod in the middle of an update with batches and a grace period: the longest
  // bookkeeping that a pod carries.
  Json BusyPodTree(int64_t serial) const;
  // "web-bbbbb" for 0 and so on: names as a CloneSet makes them.
  static std::string Name(int64_t serial);

 private:
  api::PodParser parser_;
  plan::RevisionSet revisions_;
  api::TextPool texts_;
  api::Text owner_;
  std::shared_ptr<const api::StringMap> labels_[2];
  std::shared_ptr<const api::StringMap> none_;
  std::shared_ptr<const api::ImageStatus> images_[2][2];
};

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_PLAN_PLAN_WORLD_H_
