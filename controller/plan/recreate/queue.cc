#include "controller/plan/recreate/queue.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace rekindle::plan {
namespace {

int Weight(RecreatePhase phase) {
  switch (phase) {
    case RecreatePhase::kRecreating:
      return 2;
    case RecreatePhase::kPending:
      return 3;
    default:
      return 4;
  }
}

}  // namespace

RecreateQueue OrderRequests(std::vector<RecreatePtr> requests) {
  std::erase_if(requests, [](const RecreatePtr& request) {
    return request->deleting || request->Completed() || request->virtual_kubelet;
  });
  std::sort(requests.begin(), requests.end(), [](const RecreatePtr& a, const RecreatePtr& b) {
    return std::make_tuple(Weight(a->phase), a->created, a->name) <
           std::make_tuple(Weight(b->phase), b->created, b->name);
  });
  RecreateQueue out;
  if (requests.empty()) return out;
  out.picked = std::move(requests.front());
  requests.erase(requests.begin());
  out.waiting = std::move(requests);
  return out;
}

}  // namespace rekindle::plan
