#ifndef REKINDLE_TEST_CONTROLLER_PLAN_STATEFULSET_FIXTURE_H_
#define REKINDLE_TEST_CONTROLLER_PLAN_STATEFULSET_FIXTURE_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/plan/statefulset.h"
#include "tests/controller/plan/fixtures.h"

namespace rekindle::plan {

using testing::At;
using testing::J;
using testing::PodDesc;
using testing::TemplateOf;

// A set of three that is `object_`, its pods in short notation, and what a plan does in short
// words.
class StatefulSetTest : public testing::TwoRevisionsTest {
 protected:
  StatefulSetTest() {
    object_ = J(R"({"apiVersion":"apps.kruise.io/v1beta1","metadata":{"name":"web","uid":"set-uid"},
      "spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}},"template":{"spec":{"containers":[]}},
      "podManagementPolicy":"Parallel","updateStrategy":{"type":"RollingUpdate","rollingUpdate":{}}}})");
  }
  Json& Field(const char* pointer) { return object_["spec"][Json::json_pointer(pointer)]; }
  Json& Rolling() { return object_["spec"]["updateStrategy"]["rollingUpdate"]; }
  void Ordered() { object_["spec"]["podManagementPolicy"] = "OrderedReady"; }
  // "0-3o 4n! 5nT": ordinals, revision, ! not ready, T terminating, * specified, F failed.
  void Pods(const std::string& text) {
    pods_.clear();
    const std::vector<std::string> parts = absl::StrSplit(text, ' ', absl::SkipEmpty());
    for (const std::string& part : parts) {
      const size_t letter = part.find_first_of("on");
      const std::vector<std::string> bounds = absl::StrSplit(part.substr(0, letter), '-');
      const std::string marks = part.substr(letter + 1);
      for (int i = std::stoi(bounds.front()); i <= std::stoi(bounds.back()); ++i) {
        PodDesc desc;
        desc.name = absl::StrCat("web-", i);
        desc.lifecycle = lifecycle_;
        desc.ready = marks.find('!') == std::string::npos && marks.find('F') == std::string::npos;
        desc.terminating = marks.find('T') != std::string::npos;
        desc.specified = marks.find('*') != std::string::npos;
        if (marks.find('F') != std::string::npos) desc.phase = "Failed";
        if (marks.find('P') != std::string::npos) desc.phase = "Pending";
        desc.ready_for = ready_for_;
        Add(desc, part[letter] == 'n');
      }
    }
  }
  void Add(const PodDesc& desc, bool fresh) {
    pods_.push_back(world_.Pod(fresh ? new_ : old_, desc));
  }
  StatefulSetPlan Plan(double now = 0) {
    const auto spec = ParseStatefulSet(object_, gates_);
    EXPECT_TRUE(spec.ok()) << spec.status();
    return PlanStatefulSet(*spec, {new_, old_, {old_, new_}}, pods_, claims_, options_, At(now));
  }
  // "-5 -4 +3o ~2": deletions, creations (o: current revision), in-place updates.
  std::string Does(const StatefulSetPlan& plan) {
    std::vector<std::string> parts;
    for (const PodAction& action : plan.actions) {
      const std::string& name = pods_[static_cast<size_t>(action.pod)]->name;
      const std::string ordinal = name.substr(name.rfind('-') + 1);
      if (action.action == Action::kDelete) parts.push_back("-" + ordinal);
      if (action.action == Action::kUpdateInPlace) parts.push_back("~" + ordinal);
      if (action.action == Action::kRepairIdentity) parts.push_back("=" + ordinal);
      if (action.action == Action::kResizeClaim) parts.push_back("#" + ordinal);
      if (action.action == Action::kError) parts.push_back("e" + ordinal);
      if (action.action == Action::kLifecycle) {
        parts.push_back(ordinal + ">" + std::string(api::LifecycleName(action.lifecycle->to)));
      }
    }
    for (const Creation& creation : plan.creations) {
      parts.push_back(absl::StrCat("+", creation.ordinal, creation.current_revision ? "o" : ""));
    }
    return absl::StrJoin(parts, " ");
  }
  std::string Once(const std::string& pods) {
    Pods(pods);
    return Does(Plan());
  }
  Code CodeOf(const StatefulSetPlan& plan, const std::string& name) {
    for (size_t i = 0; i < pods_.size(); ++i) {
      if (pods_[i]->name == name) return plan.reasons[i].code;
    }
    return Code::kCount;
  }

  Json object_;
  StatefulSetGates gates_;
  StatefulSetOptions options_;
  std::vector<PodPtr> pods_;
  std::vector<SetClaim> claims_;
  std::string lifecycle_ = "Normal";
  double ready_for_ = 3600;
};

}  // namespace rekindle::plan

#endif  // REKINDLE_TEST_CONTROLLER_PLAN_STATEFULSET_FIXTURE_H_
