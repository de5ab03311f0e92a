#include "controller/plan/ranking.h"

#include <map>
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/plan/deletion_order.h"
#include "tests/controller/plan/fixtures.h"

namespace rekindle::plan {
namespace {

using testing::J;
using testing::kStart;
using testing::TemplateOf;
using testing::World;

class Ranking : public ::testing::Test {
 protected:
  Ranking() : revision_(world_.Rev("web-1", TemplateOf({"main=web:1"}))) {}
  api::PodRecord& Add(const std::string& name, const std::string& node = "") {
    auto pod = std::make_shared<api::PodRecord>(world_.Record(revision_, {.name = name}));
    pod->ready_since = kStart - 100;
    pod->created = kStart - 200;
    // A node of its own unless it is said otherwise.
    pod->node = api::Text(node.empty() ? "node-of-" + name : node);
    pods_.push_back(pod);
    available_.push_back(true);
    return *pod;
  }
  std::string Order(const std::vector<std::string>& keys = {},
                    const std::map<std::string, std::string>& zones = {}) {
    RankingInput in;
    for (size_t i = 0; i < pods_.size(); ++i) {
      in.pods.push_back(pods_[i].get());
      in.candidates.push_back(static_cast<int32_t>(i));
    }
    in.available = available_;
    in.topology_keys = keys;
    in.node_label = [&](absl::string_view node, absl::string_view key) {
      if (key == "kubernetes.io/hostname") return node;
      const auto it = zones.find(std::string(node));
      return it == zones.end() ? absl::string_view() : absl::string_view(it->second);
    };
    std::string out;
    for (const int32_t slot : RankForDeletion(in)) {
      out += pods_[static_cast<size_t>(slot)]->name + " ";
    }
    return out;
  }
  World world_;
  Revision revision_;
  std::vector<std::shared_ptr<api::PodRecord>> pods_;
  std::vector<bool> available_;
};

TEST_F(Ranking, RulesOf16InTheirOrder) {
  Add("8-old").created = kStart - 900;
  Add("8-new").created = kStart - 150;
  Add("8-unknown").created = api::kNoTime;
  Add("7-restarts").max_restarts = 3;
  Add("6-recent").ready_since = kStart - 5;
  Add("6-unknown").ready_since = api::kNoTime;
  Add("4-cheap").deletion_cost = -5;
  Add("4-dear").deletion_cost = 5;
  Add("3b-down").ready = api::Tri::kFalse;
  Add("3a-unavailable");
  available_.back() = false;
  Add("2-lost").phase = api::Phase::kUnknown;
  Add("2-pending").phase = api::Phase::kPending;
  Add("1-nowhere").node = api::Text();
  EXPECT_EQ(Order(),
            "1-nowhere 2-pending 2-lost 3a-unavailable 3b-down 4-cheap 6-unknown 6-recent "
            "7-restarts 8-unknown 8-new 8-old 4-dear ");
}

TEST_F(Ranking, NamesBreakTies) {
  Add("b");
  Add("a");
  EXPECT_EQ(Order(), "a b ");
}

TEST_F(Ranking, SameNodeRankOf161) {
  Add("d", "n2");
  Add("c", "n1").created = kStart - 900;
  Add("b", "n1").created = kStart - 500;
  Add("a", "n1").created = kStart - 100;
  // Ranks a 2, b 1, c 0, d 0; then c is older than d.
  EXPECT_EQ(Order(), "a b d c ");
}

TEST_F(Ranking, CostOutranksTheNode) {
  Add("a", "n1").deletion_cost = 1;
  Add("b", "n1");
  Add("c", "n2").deletion_cost = -1;
  EXPECT_EQ(Order(), "c b a ");
}

TEST_F(Ranking, SpreadRankOf161) {
  for (const char* name : {"a", "b", "c", "d"}) Add(name, std::string("n-") + name);
  Add("e", "n-e");
  const std::map<std::string, std::string> zones = {
      {"n-a", "z1"}, {"n-b", "z1"}, {"n-c", "z1"}, {"n-d", "z1"}, {"n-e", "z2"}};
  // z1: 5.55 4.16 2.77 1.39, z2: 1.39; equal ones by name.
  EXPECT_EQ(Order({"zone"}, zones), "a b c d e ");
  // A node without the label has no rank and is kept longest.
  EXPECT_EQ(Order({"zone"}, {{"n-b", "z1"}, {"n-c", "z1"}}), "b c a d e ");
}

TEST_F(Ranking, SpreadUsesTheSameNodeRankInsideADomain) {
  // Two of three pods of the zone share a node: one of them goes first, though it is the oldest.
  Add("a", "n1").created = kStart - 900;
  Add("b", "n1").created = kStart - 900;
  Add("c", "n2").created = kStart - 100;
  const std::map<std::string, std::string> zones = {{"n1", "z1"}, {"n2", "z1"}};
  EXPECT_EQ(Order({"zone"}, zones), "a c b ");
  // By host the domains are the nodes themselves.
  EXPECT_EQ(Order({"kubernetes.io/hostname"}), "a c b ");
}

// Pods come, go and change at random; the kept order is always the one that ranking anew gives.
TEST_F(Ranking, KeptOrderEqualsAFreshOne) {
  std::mt19937 random(20260301);
  const auto below = [&](uint32_t n) { return random() % n; };
  for (int i = 0; i < 40; ++i) Add("pod-" + std::to_string(i));
  std::vector<int> side(pods_.size(), 0);
  const auto shuffle = [&](size_t i) {
    auto pod = std::make_shared<api::PodRecord>(*pods_[i]);
    pod->node = below(8) == 0 ? api::Text() : api::Text("n" + std::to_string(below(5)));
    pod->phase = below(6) == 0 ? api::Phase::kPending : api::Phase::kRunning;
    pod->ready = below(4) == 0 ? api::Tri::kFalse : api::Tri::kTrue;
    pod->deletion_cost = static_cast<int32_t>(below(3)) - 1;
    pod->max_restarts = static_cast<int32_t>(below(3));
    pod->created = kStart - static_cast<int64_t>(below(4));
    pods_[i] = pod;
    available_[i] = below(3) != 0;
    side[i] = static_cast<int>(below(2));
  };
  for (size_t i = 0; i < pods_.size(); ++i) shuffle(i);
  std::vector<bool> there(pods_.size(), true);
  const auto item = [&](size_t i) {
    return DeletionOrder::Item{static_cast<int32_t>(i), pods_[i].get(), available_[i], side[i]};
  };
  std::vector<DeletionOrder::Item> items;
  for (size_t i = 0; i < pods_.size(); ++i) items.push_back(item(i));
  DeletionOrder order(items);
  for (int step = 0; step < 500; ++step) {
    const size_t i = below(static_cast<uint32_t>(pods_.size()));
    if (there[i]) order.Remove(static_cast<int32_t>(i));
    there[i] = below(4) != 0;
    shuffle(i);
    if (there[i]) order.Add(item(i));
    for (const int s : {0, 1}) {
      RankingInput in;
      for (size_t p = 0; p < pods_.size(); ++p) {
        in.pods.push_back(pods_[p].get());
        if (there[p] && side[p] == s) in.candidates.push_back(static_cast<int32_t>(p));
      }
      in.available = available_;
      ASSERT_EQ(order.First(s, 100), RankForDeletion(in)) << "step " << step;
    }
  }
  EXPECT_EQ(order.First(0, 3).size(), 3U);
}

TEST(TopologyKeys, OfATemplate) {
  EXPECT_EQ(TopologyKeys(J(R"({"spec":{"topologySpreadConstraints":[{"topologyKey":"zone"},{},
      {"topologyKey":"rack"}]}})")),
            (std::vector<std::string>{"zone", "rack"}));
  EXPECT_TRUE(TopologyKeys(Json::object()).empty());
}

}  // namespace
}  // namespace rekindle::plan
