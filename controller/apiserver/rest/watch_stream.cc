#include "controller/apiserver/rest/watch_stream.h"

#include <algorithm>
#include <utility>

#include "common/api/status.h"

namespace rekindle::apiserver {
namespace {

std::shared_ptr<const std::string> TooSlow() {
  return std::make_shared<const std::string>(ErrorEventLine(
      api::ToStatus(api::Expired("too old resource version: the watch was read too slowly"))));
}

}  // namespace

WatchStream::WatchStream(WatchPlan plan, EventLines& lines, const Limits& limits,
                         std::function<void()> wake)
    : plan_(std::move(plan)), lines_(lines), limits_(limits), wake_(std::move(wake)) {}

void WatchStream::Beginning() {
  MutexLock lock(&mutex_);
  beginner_ = std::this_thread::get_id();
}

void WatchStream::Begun() {
  MutexLock lock(&mutex_);
  beginner_ = std::thread::id();
}

bool WatchStream::OnEvents(std::vector<WatchEvent> events) {
  std::vector<Line> lines;
  for (const WatchEvent& event : events) {
    absl::StatusOr<Line> line =
        lines_.Line(event, *plan_.call.kind, plan_.form, plan_.include, /*columns=*/first_);
    if (!line.ok()) {
      EndWith(std::make_shared<const std::string>(ErrorEventLine(line.status())));
      return false;
    }
    if (event.type != "BOOKMARK") first_ = false;
    lines.push_back(*std::move(line));
  }
  return Append(lines);
}

bool WatchStream::Append(const std::vector<Line>& lines) {
  size_t bytes = 0;
  for (const Line& line : lines) bytes += line->size();
  bool wake = false;
  bool taken = false;
  {
    MutexLock lock(&mutex_);
    const auto room = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return ended_ || bytes_ == 0 || bytes_ + bytes <= limits_.bytes;
    };
    if (beginner_ == std::this_thread::get_id()) mutex_.AwaitFor(limits_.beginning, room);
    if (ended_) return false;
    taken = room();
    if (taken) {
      waiting_.insert(waiting_.end(), lines.begin(), lines.end());
      bytes_ += bytes;
    } else {
      // What waits is not worth sending: the client has to list again.
      waiting_.assign(1, TooSlow());
      bytes_ = 0;
      ended_ = true;
    }
    wake = std::exchange(asleep_, false);
  }
  if (wake) wake_();
  return taken;
}

void WatchStream::EndWith(Line last) {
  bool wake = false;
  {
    MutexLock lock(&mutex_);
    if (ended_) return;
    ended_ = true;
    if (last != nullptr) waiting_.push_back(std::move(last));
    wake = std::exchange(asleep_, false);
  }
  if (wake) wake_();
}

void WatchStream::OnError(const absl::Status& status) {
  EndWith(std::make_shared<const std::string>(ErrorEventLine(status)));
}

void WatchStream::Finish() { EndWith(nullptr); }

void WatchStream::Abandon() {
  MutexLock lock(&mutex_);
  ended_ = true;
  waiting_.clear();
  bytes_ = 0;
}

WatchStream::Batch WatchStream::Take(size_t most) {
  Batch batch;
  MutexLock lock(&mutex_);
  while (!waiting_.empty() && (batch.bytes.empty() || batch.bytes.size() < most)) {
    bytes_ -= std::min(bytes_, waiting_.front()->size());
    batch.bytes += *waiting_.front();
    waiting_.pop_front();
  }
  batch.end = ended_ && waiting_.empty();
  asleep_ = batch.bytes.empty() && !batch.end;
  return batch;
}

}  // namespace rekindle::apiserver
