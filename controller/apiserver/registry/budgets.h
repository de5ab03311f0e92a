#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_BUDGETS_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_BUDGETS_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/api/object_meta.h"
#include "common/api/selector.h"
#include "common/base/blocking.h"
#include "common/base/loop.h"
#include "controller/apiserver/registry/budget_status.h"
#include "controller/apiserver/registry/job_queue.h"
#include "controller/apiserver/registry/object_feed.h"
#include "controller/apiserver/registry/object_registry.h"

namespace rekindle::apiserver {

// Keeps the status of PodDisruptionBudgets, on which evictions rest (spec kubernetes-api 9.3). Only
// pods of namespaces with budgets are remembered. Threads: the loop's.
class Budgets final : public ObjectListener {
 public:
  Budgets(ObjectRegistry& registry, Loop& loop, Blocking& blocking);

  void OnObject(const ObjectChange& change, const ObjectIndex::Node& before,
                bool owners_changed) override;
  bool idle() const { return jobs_.idle(); }

 private:
  struct Pod {
    BudgetPod view;
    api::StringMap labels;
    bool owned = false;
    api::OwnerReference controller;
  };
  struct Space {
    std::map<std::string, api::Selector> budgets;
    std::map<std::string, Pod> pods;
    std::set<std::string> controllers;  // UIDs
  };
  // What the index said when a job began.
  struct Item {
    std::string name_space;
    std::string name;
    std::vector<BudgetPod> pods;
    std::map<std::string, api::OwnerReference> controllers;  // by UID
    std::string trouble;                                     // a pod that nobody controls
  };

  void OnBudget(const ObjectChange& change);
  void OnPod(const ObjectChange& change);
  static Pod Read(const api::ObjectMeta& meta, const std::string& text);
  void LoadPods(const std::string& name_space, Space& space);
  // The budgets that count the pod before or after a change of it.
  void AddCounting(const std::string& name_space, const Space& space, const api::StringMap& labels);
  JobQueue::Job Prepare(const std::string& key);
  absl::StatusOr<absl::Duration> Work(const Item& item);
  absl::StatusOr<int64_t> ScaleOf(const std::string& name_space,
                                  const api::OwnerReference& controller);

  ObjectRegistry& registry_;
  std::map<std::string, Space> spaces_;
  JobQueue jobs_;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_BUDGETS_H_
