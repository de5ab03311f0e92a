#include "daemon/cri/start_queue.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace rekindle::cri {

StartQueue::StartQueue(Loop& loop, int limit, absl::Duration max_wait)
    : loop_(loop), limit_(std::max(limit, 1)), max_wait_(max_wait) {}

StartQueue::~StartQueue() {
  for (const auto* queue : {&starts_, &creates_}) {
    for (const Waiting& waiting : *queue) loop_.Cancel(waiting.timer);
  }
}

void StartQueue::Enter(Turn turn, Go go) {
  if (in_flight_ < limit_) {
    ++in_flight_;
    go(absl::OkStatus());
    return;
  }
  auto timer = std::make_shared<Loop::TimerId>(0);
  *timer = loop_.RunAfter(max_wait_, [this, turn, timer] { GiveUp(turn, *timer); });
  QueueOf(turn).push_back({*timer, std::move(go)});
}

void StartQueue::Release() {
  --in_flight_;
  auto& queue = starts_.empty() ? creates_ : starts_;
  if (queue.empty() || in_flight_ >= limit_) return;
  Waiting next = std::move(queue.front());
  queue.pop_front();
  loop_.Cancel(next.timer);
  ++in_flight_;
  next.go(absl::OkStatus());
}

void StartQueue::GiveUp(Turn turn, Loop::TimerId timer) {
  auto& queue = QueueOf(turn);
  auto it = std::find_if(queue.begin(), queue.end(),
                         [timer](const Waiting& waiting) { return waiting.timer == timer; });
  if (it == queue.end()) return;
  Go go = std::move(it->go);
  queue.erase(it);
  go(absl::UnavailableError(absl::StrCat("waited ", absl::FormatDuration(max_wait_),
                                         " while the runtime was busy with ", in_flight_,
                                         " other creates and starts; nothing was sent")));
}

}  // namespace rekindle::cri
