#include "controller/plan/order.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/controller/plan/fixtures.h"

namespace rekindle::plan {
namespace {

using testing::J;
using testing::kStart;
using testing::TemplateOf;
using testing::World;

// Letters a, b, ... as candidates; `matched` those of the term.
std::string Scattered(const std::string& order, const std::string& matched, int64_t all_matched,
                      int64_t all) {
  std::vector<int32_t> candidates;
  std::vector<bool> matches;
  for (const char c : order) {
    candidates.push_back(c);
    matches.push_back(matched.find(c) != std::string::npos);
  }
  std::string out;
  for (const int32_t c : ScatterOne(candidates, matches, {all_matched, all})) {
    out += static_cast<char>(c);
  }
  return out;
}

TEST(Scatter, ExampleOf192) { EXPECT_EQ(Scattered("abcdefgh", "fgh", 3, 8), "fabcgdeh"); }

TEST(Scatter, RulesOf192) {
  EXPECT_EQ(Scattered("abcd", "a", 1, 4), "abcd") << "1: one match is left alone";
  EXPECT_EQ(Scattered("abcd", "bcd", 3, 4), "abcd") << "1: one other is left alone";
  // 3: with m = 3 - 1 and u = 2 there are two groups of one and one.
  EXPECT_EQ(Scattered("abcde", "abc", 3, 5), "adbec");
  // 4: the candidates are less dense in matches than the whole set, so others lead.
  // M = 4 - 1, W = 4: sizes 1 and 1; m = 1, u = 4: one group, lead of three.
  EXPECT_EQ(Scattered("abwxyz", "ab", 4, 8), "wxyazb");
  // 5: leftovers, matched before others, the reserved one last.
  EXPECT_EQ(Scattered("abcdefgxy", "abcdefg", 7, 9), "abcxdefyg");
  EXPECT_EQ(Scattered("", "", 0, 0), "");
}

TEST(TrailingNumber, OfLabelValues) {
  const struct {
    const char* text;
    int64_t want;
  } kRows[] = {{"web-12", 12}, {"7", 7},   {"gold", 0},
               {"", 0},        {"r3x", 0}, {"99999999999999999999", 0},
               {"a007", 7}};
  for (const auto& row : kRows) EXPECT_EQ(TrailingNumber(row.text), row.want) << row.text;
}

class UpdateOrder : public ::testing::Test {
 protected:
  UpdateOrder() : revision_(world_.Rev("web-1", TemplateOf({"main=web:1"}))) {}
  void Add(const std::string& name, const std::function<void(api::PodRecord&)>& change) {
    api::PodRecord pod = world_.Record(revision_, {.name = name});
    pod.ready_since = kStart - 100;
    change(pod);
    keys_.push_back(MakeUpdateKey(pod, static_cast<int32_t>(keys_.size()), priority_));
    names_.push_back(name);
  }
  std::string Order() {
    std::sort(keys_.begin(), keys_.end());
    std::string out;
    for (const UpdateKey& key : keys_) out += names_[static_cast<size_t>(key.slot)] + " ";
    return out;
  }
  World world_;
  Revision revision_;
  PriorityStrategy priority_;
  std::vector<UpdateKey> keys_;
  std::vector<std::string> names_;
};

TEST_F(UpdateOrder, DefaultOrderOf18) {
  const auto down = [](api::PodRecord& p) {
    p.ready = api::Tri::kFalse;
    p.ready_since = api::kNoTime;
  };
  Add("web-oldest", [](api::PodRecord& p) { p.created = kStart - 900; });
  Add("web-newer", [](api::PodRecord& p) { p.created = kStart - 100; });
  Add("web-sidecar", [](api::PodRecord& p) { p.max_sidecar_restarts = 2; });
  Add("web-restarts", [](api::PodRecord& p) { p.max_restarts = 1; });
  Add("web-recent", [](api::PodRecord& p) { p.ready_since = kStart - 5; });
  Add("web-unknown-since", [](api::PodRecord& p) { p.ready_since = api::kNoTime; });
  Add("web-down", down);
  Add("web-lost", [](api::PodRecord& p) { p.phase = api::Phase::kUnknown; });
  Add("web-pending", [](api::PodRecord& p) { p.phase = api::Phase::kPending; });
  Add("web-nowhere", [](api::PodRecord& p) { p.node = api::Text(); });
  Add("web-preparing", [](api::PodRecord& p) { p.lifecycle = api::Lifecycle::kPreparingUpdate; });
  EXPECT_EQ(Order(),
            "web-preparing web-nowhere web-pending web-lost web-down web-unknown-since web-recent "
            "web-restarts web-sidecar web-newer web-oldest ");
}

TEST_F(UpdateOrder, NamesBreakTies) {
  Add("web-b", [](api::PodRecord&) {});
  Add("web-a", [](api::PodRecord&) {});
  EXPECT_EQ(Order(), "web-a web-b ");
}

TEST_F(UpdateOrder, WeightAndOrderPriorityOf191) {
  const Json weight =
      J(R"({"weightPriority":[{"weight":20,"matchSelector":{"matchLabels":{"z":"b"}}},
    {"weight":10,"matchSelector":{"matchLabels":{"t":"x"}}}]})");
  priority_ = *ParsePriority(&weight, "p");
  const auto labels = [](const char* key, const char* value) {
    return [=](api::PodRecord& p) {
      auto made = std::make_shared<api::StringMap>(*p.labels);
      made->Set(key, value);
      p.labels = made;
    };
  };
  Add("web-none", [](api::PodRecord&) {});
  Add("web-t", labels("t", "x"));
  Add("web-both", [&](api::PodRecord& p) {
    labels("t", "x")(p);
    labels("z", "b")(p);
  });
  Add("web-z", labels("z", "b"));
  EXPECT_EQ(Order(), "web-both web-z web-t web-none ");
  keys_.clear();
  names_.clear();
  // The example of statefulset 11.4; a pod without any key comes first (parity, P18).
  const Json order = J(R"({"orderPriority":[{"orderedKey":"tier"},{"orderedKey":"rack"}]})");
  priority_ = *ParsePriority(&order, "p");
  Add("0", labels("tier", "gold7"));
  Add("1", labels("rack", "r12"));
  Add("2", [](api::PodRecord&) {});
  Add("3", labels("tier", "gold31"));
  Add("4", labels("rack", "r3"));
  EXPECT_EQ(Order(), "2 3 0 1 4 ");
}

}  // namespace
}  // namespace rekindle::plan
