#include "controller/plan/revision.h"

#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/plan/inplace_compare.h"

namespace rekindle::plan {
namespace {

TEST(RevisionHash, VectorsOfThePages) {
  const std::string web =
      R"({"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"labels":{"app":"web"}},"spec":{"containers":[{"image":"web:1","name":"main","resources":{}}]}}}})";
  EXPECT_EQ(RevisionHash(web, 0), "646b968c57");
  EXPECT_EQ(RevisionHash(web, 1), "646b968c56");
  const std::string ledger =
      R"({"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"labels":{"app":"ledger"}},"spec":{"containers":[{"image":"ledger:7","name":"main"}]}}}})";
  EXPECT_EQ(ledger.size(), 165U);
  EXPECT_EQ(RevisionHash(ledger, 0), "755649cb8b");
  EXPECT_EQ(RevisionHash(ledger, 1), "755649cb8c");
  EXPECT_EQ(RevisionName("web", "646b968c57"), "web-646b968c57");
  EXPECT_EQ(RevisionName(std::string(300, 'a'), "x"), std::string(223, 'a') + "-x");
}

TEST(RevisionData, BytesAreThoseOfTypedSerialisation) {
  EXPECT_EQ(
      RevisionData(Json::parse(
          R"({"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"main","image":"web:1"}]}})")),
      R"({"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"labels":{"app":"web"}},"spec":{"containers":[{"image":"web:1","name":"main","resources":{}}]}}}})");
}

TEST(ClaimTemplatesHash, VectorOfCloneSet313) {
  EXPECT_EQ(ClaimTemplatesHash(
                Json::parse(R"([{"metadata":{"name":"data"},"spec":{"accessModes":["ReadWriteOnce"],
      "resources":{"requests":{"storage":"1Gi"}},"volumeMode":"Filesystem"}}])")),
            "765486926");
  EXPECT_EQ(ClaimTemplatesHash(Json::array()), "");
  const Json two =
      Json::parse(R"([{"metadata":{"name":"b"},"spec":{}},{"metadata":{"name":"a"},"spec":{}}])");
  EXPECT_EQ(ClaimTemplatesHash(two), ClaimTemplatesHash(Json::array({two[1], two[0]})));
}

class RevisionsTest : public testing::Test {
 protected:
  Template Make(const std::string& image) {
    return *MakeTemplate(Json{{"metadata", {{"labels", {{"app", "web"}}}}},
                              {"spec", {{"containers", {{{"name", "main"}, {"image", image}}}}}}},
                         {}, parser_);
  }
  // Applies a plan to the history, as the reconciler would.
  RevisionPlan Apply(const std::string& image) {
    input_.owner = "web";
    input_.pod_template = Make(image);
    RevisionPlan plan = PlanRevisions(input_);
    input_.collision_count = plan.collision_count;
    std::erase_if(input_.history, [&](const Revision& r) { return r.name == plan.update.name; });
    input_.history.push_back(plan.update);
    return plan;
  }

  api::PodParser parser_;
  RevisionInput input_;
};

TEST_F(RevisionsTest, RollbackReusesTheNameWithAHigherNumber) {
  const RevisionPlan a = Apply("web:1");
  EXPECT_EQ(a.action, RevisionAction::kCreate);
  EXPECT_EQ(a.update.number, 1);
  EXPECT_EQ(a.hash_label, "646b968c57");
  EXPECT_EQ(Apply("web:2").update.number, 2);
  EXPECT_EQ(Apply("web:3").update.number, 3);
  const RevisionPlan back = Apply("web:1");
  EXPECT_EQ(back.action, RevisionAction::kRollback);
  EXPECT_EQ(back.update.name, a.update.name);
  EXPECT_EQ(back.update.number, 4);
  EXPECT_EQ(Apply("web:1").action, RevisionAction::kReuse);
}

TEST_F(RevisionsTest, CurrentIsTheNamedOneOrTheUpdate) {
  const std::string first = Apply("web:1").update.name;
  input_.status_current = first;
  const RevisionPlan plan = Apply("web:2");
  EXPECT_EQ(plan.current.name, first);
  input_.status_current = "web-gone";
  EXPECT_EQ(Apply("web:2").current.name, plan.update.name);
}

TEST_F(RevisionsTest, CollisionTakesTheNextHashAndKeepsTheFirstLabel) {
  input_.foreign_names = {"web-646b968c57"};
  const RevisionPlan plan = Apply("web:1");
  EXPECT_EQ(plan.collision_count, 1);
  EXPECT_EQ(plan.update.name, "web-646b968c56");
  EXPECT_EQ(plan.hash_label, "646b968c57");
}

// Cloneset 11.4 rules 4 and 5, the sequence of 17.5 (scenario 63), gate on.
TEST_F(RevisionsTest, ClaimHashStaysOnReuseAndIsNotedOnRollback) {
  const InPlaceOptions gate{.claim_rule = true};
  const auto in_place = [&](const Revision& from, const Revision& to) {
    return Compare(from, to, gate, /*ignore_claims=*/false).in_place;
  };
  input_.claims_hash = "1Gi";
  const Revision a = Apply("web:1").update;
  input_.claims_hash = "2Gi";
  const Revision b = Apply("web:2").update;
  EXPECT_FALSE(in_place(a, b));
  input_.claims_hash = "3Gi";  // claims alone: nothing is written
  const RevisionPlan reused = Apply("web:2");
  EXPECT_EQ(reused.action, RevisionAction::kReuse);
  EXPECT_EQ(reused.update.claims_hash, "2Gi");
  const Revision c = Apply("web:3").update;
  EXPECT_EQ(c.claims_hash, "3Gi");
  EXPECT_FALSE(in_place(reused.update, c));
  const RevisionPlan back = Apply("web:1");
  EXPECT_EQ(back.action, RevisionAction::kRollback);
  EXPECT_EQ(back.update.claims_hash, "3Gi");
  EXPECT_TRUE(in_place(c, back.update));
}

TEST_F(RevisionsTest, ADefaultedFieldMakesNoRevision) {
  Apply("web:1");
  const Revision stored = *ParseRevision(
      Json::parse(
          R"({"metadata":{"name":"web-other"},"revision":9,"data":{"spec":{"template":{"$patch":"replace",
        "metadata":{"labels":{"app":"web"}},"spec":{"dnsPolicy":"ClusterFirst","containers":[{"name":"main","image":"web:1"}]}}}}})"),
      {}, parser_);
  input_.history = {stored};
  EXPECT_EQ(Apply("web:1").action, RevisionAction::kReuse);
  input_.claims_hash = "";  // its kind has one, but none was noted: it stays so
  EXPECT_EQ(Apply("web:1").action, RevisionAction::kReuse);
  EXPECT_EQ(Apply("web:1").update.claims_hash, std::nullopt);
  EXPECT_EQ(Apply("web:1").update.name, "web-other");
  EXPECT_FALSE(
      ParseRevision(Json::parse(R"({"metadata":{"name":"x"},"data":{}})"), {}, parser_).ok());
}

TEST_F(RevisionsTest, HistoryKeepsLiveOnesAndTheLimit) {
  for (int i = 1; i <= 6; ++i) Apply(absl::StrCat("web:", i));
  const std::string live = input_.history[0].name;
  std::vector<std::string> names;
  for (const Revision& r : input_.history) names.push_back(r.name);
  EXPECT_EQ(TrimHistory(input_.history, {live, names[5]}, 2),
            (std::vector<std::string>{names[1], names[2]}));
  EXPECT_EQ(TrimHistory(input_.history, {live}, 0).size(), 5U);
  EXPECT_EQ(TrimHistory(input_.history, {live}, -3).size(), 5U);
  EXPECT_TRUE(TrimHistory(input_.history, {}, 10).empty());
  EXPECT_EQ(FindRevision(input_.history, names[2].substr(4))->name, names[2]);
  EXPECT_EQ(FindRevision(input_.history, "web-nope"), nullptr);
}

}  // namespace
}  // namespace rekindle::plan
