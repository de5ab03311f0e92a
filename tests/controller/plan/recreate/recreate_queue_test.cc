#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/plan/recreate/queue.h"

namespace rekindle::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

RecreatePtr Make(const std::string& name, RecreatePhase phase, int created) {
  RecreateRequest request;
  request.name = name;
  request.phase = phase;
  request.created = absl::FromUnixSeconds(created);
  return std::make_shared<const RecreateRequest>(request);
}

std::vector<std::string> Names(const RecreateQueue& queue) {
  std::vector<std::string> out;
  if (queue.picked != nullptr) out.push_back(queue.picked->name);
  for (const RecreatePtr& request : queue.waiting) out.push_back(request->name);
  return out;
}

TEST(RecreateQueue, Order) {  // 8.3
  struct Case {
    const char* what;
    std::vector<RecreatePtr> requests;
    std::vector<std::string> order;
  };
  const auto none = RecreatePhase::kNone;
  const std::vector<Case> cases = {
      {"nobody", {}, {}},
      {"oldest first",
       {Make("b", none, 2), Make("a", none, 3), Make("c", none, 1)},
       {"c", "b", "a"}},
      {"same second: by name", {Make("b", none, 1), Make("a", none, 1)}, {"a", "b"}},
      {"one that has begun is never displaced",
       {Make("old", none, 1), Make("runs", RecreatePhase::kRecreating, 9)},
       {"runs", "old"}},
      {"acknowledged ones before new ones",
       {Make("new", none, 1), Make("waits", RecreatePhase::kPending, 5)},
       {"waits", "new"}},
      {"completed ones are out",
       {Make("done", RecreatePhase::kCompleted, 1), Make("a", none, 2)},
       {"a"}},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(Names(OrderRequests(one.requests)), one.order) << one.what;
  }
}

TEST(RecreateQueue, DeletedAndVirtualOnesAreOut) {
  RecreateRequest deleting;
  deleting.deleting = true;
  RecreateRequest elsewhere;
  elsewhere.virtual_kubelet = true;
  const RecreateQueue queue = OrderRequests({std::make_shared<const RecreateRequest>(deleting),
                                             std::make_shared<const RecreateRequest>(elsewhere)});
  EXPECT_EQ(queue.picked, nullptr);
  EXPECT_THAT(queue.waiting, IsEmpty());
}

}  // namespace
}  // namespace rekindle::plan
