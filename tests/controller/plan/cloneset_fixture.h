#ifndef REKINDLE_TEST_CONTROLLER_PLAN_CLONESET_FIXTURE_H_
#define REKINDLE_TEST_CONTROLLER_PLAN_CLONESET_FIXTURE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/plan/cloneset.h"
#include "tests/controller/plan/fixtures.h"

namespace rekindle::plan {

using testing::At;
using testing::J;
using testing::PodDesc;
using testing::TemplateOf;

// Pods by the notation of the pages: O old, N new; ! unavailable; * specified.
class CloneSetTest : public testing::TwoRevisionsTest {
 protected:
  CloneSetTest() {
    object_ = J(
        R"({"apiVersion":"apps.kruise.io/v1beta1","kind":"CloneSet","metadata":{"name":"web","uid":"set-uid","generation":3},
      "spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}},"template":{"spec":{"containers":[]}},
      "updateStrategy":{"rollingUpdate":{}}}})");
  }
  Json& Rolling() { return object_["spec"]["updateStrategy"]["rollingUpdate"]; }
  RevisionSet Revisions() { return {new_, old_, {old_, new_}}; }
  CloneSetSpec Spec() {
    const auto spec = ParseCloneSet(object_);
    EXPECT_TRUE(spec.ok()) << spec.status();
    return *spec;
  }
  // "4O 2N! 1O*" adds pods named o0.., n0..
  void Pods(const std::string& text) {
    pods_.clear();
    int serial = 0;
    const std::vector<std::string> parts = absl::StrSplit(text, ' ', absl::SkipEmpty());
    for (const std::string& part : parts) {
      size_t at = 0;
      int count = 0;
      while (at < part.size() && part[at] >= '0' && part[at] <= '9')
        count = count * 10 + (part[at++] - '0');
      const bool fresh = part[at] == 'N';
      const std::string marks = part.substr(at + 1);
      for (int i = 0; i < count; ++i) {
        PodDesc desc;
        desc.name = absl::StrCat("web-", fresh ? "n" : "o", "000", serial++);
        desc.ready = marks.find('!') == std::string::npos;
        desc.specified = marks.find('*') != std::string::npos;
        if (marks.find("PD") != std::string::npos) desc.lifecycle = "PreparingDelete";
        if (marks.find("PU") != std::string::npos) desc.lifecycle = "PreparingUpdate";
        if (!desc.ready) desc.node = "n2";
        Add(desc, fresh);
      }
    }
  }
  void Add(const PodDesc& desc, bool fresh) {
    pods_.push_back(world_.Pod(fresh ? new_ : old_, desc));
  }
  CloneSetPlan Plan(double now = 0) {
    index_ = std::make_unique<CloneSetIndex>(Spec(), Revisions(), options_);
    index_->SetClaims(claims_);
    index_->Load(pods_);
    return index_->Plan(At(now), 7);
  }
  // "Delete 2, Recreate 1, Create 3(1 old)".
  std::string Summary(const CloneSetPlan& plan) {
    std::map<std::string, int> counts;
    for (const PodAction& action : plan.actions) ++counts[std::string(ActionName(action.action))];
    int old = 0;
    for (const Creation& creation : plan.creations) {
      ++counts["Create"];
      old += creation.current_revision ? 1 : 0;
    }
    std::vector<std::string> parts;
    parts.reserve(counts.size());
    for (const auto& [name, count] : counts) parts.push_back(absl::StrCat(name, " ", count));
    std::string out = absl::StrJoin(parts, ", ");
    if (old > 0) absl::StrAppend(&out, " (", old, " old)");
    return out;
  }
  std::string Name(const PodAction& action) {
    return index_->pods()[static_cast<size_t>(action.pod)]->name;
  }

  Json object_;
  CloneSetOptions options_;
  std::vector<PodPtr> pods_;
  std::vector<ClaimRecord> claims_;
  std::unique_ptr<CloneSetIndex> index_;
};

}  // namespace rekindle::plan

#endif  // REKINDLE_TEST_CONTROLLER_PLAN_CLONESET_FIXTURE_H_
