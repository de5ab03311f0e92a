#include "controller/apiserver/store/watch_hub.h"

#include <pthread.h>

#include <algorithm>
#include <map>
#include <utility>

namespace rekindle::apiserver {
namespace {

// How much of the recent changes a watcher that is behind is given at a time.
constexpr size_t kCatchUpChanges = 1024;
// A round takes no more than this; the next one begins at once.
constexpr size_t kRoundChanges = 4096;

size_t SizeOf(const Change& change) {
  return sizeof(Change) + change.text->size() + change.key.name.size();
}

}  // namespace

struct WatchHub::Watcher {
  std::string resource;
  std::string name_space;
  std::shared_ptr<WatchSink> sink;
  std::atomic<bool> ended{false};
  // Of the lane's thread alone.
  Revision through = 0;     // everything up to here was handed over or is not for it
  Revision progressed = 0;  // what the sink was told last
  absl::Duration progressed_at = -absl::InfiniteDuration();

  bool Wants(const Change& change) const {
    return change.revision > through && change.key.resource == resource &&
           (name_space.empty() || change.key.name_space == name_space);
  }
};

// Lets handles that outlive the hub find that out.
struct WatchHub::Bell {
  Mutex mutex;
  WatchHub* hub ABSL_GUARDED_BY(mutex) = nullptr;
};

class WatchHub::Handle final : public WatchHandle {
 public:
  Handle(std::shared_ptr<Watcher> watcher, std::shared_ptr<Bell> bell)
      : watcher_(std::move(watcher)), bell_(std::move(bell)) {}
  ~Handle() override {
    watcher_->ended = true;
    // The lane lets go of the sink.
    MutexLock lock(&bell_->mutex);
    if (bell_->hub != nullptr) bell_->hub->Poke();
  }

 private:
  const std::shared_ptr<Watcher> watcher_;
  const std::shared_ptr<Bell> bell_;
};

WatchHub::WatchHub(const Options& options, Revision newest, History history)
    : options_(options),
      history_(std::move(history)),
      bell_(std::make_shared<Bell>()),
      newest_(newest) {
  {
    MutexLock lock(&bell_->mutex);
    bell_->hub = this;
  }
  for (size_t i = 0; i < std::max<size_t>(options.threads, 1); ++i) {
    lanes_.push_back(std::make_unique<Lane>());
    Lane& lane = *lanes_.back();
    lane.seen = newest;
    lane.thread = std::thread([this, &lane] { Serve(lane); });
    pthread_setname_np(lane.thread.native_handle(), "store-watch");
  }
}

WatchHub::~WatchHub() {
  {
    MutexLock lock(&bell_->mutex);
    bell_->hub = nullptr;
  }
  Close(absl::UnavailableError("the server is stopping"));
  for (const auto& lane : lanes_) lane->thread.join();
}

void WatchHub::Close(const absl::Status& why) {
  MutexLock lock(&mutex_);
  if (closed_) return;
  closed_ = true;
  why_ = why;
}

void WatchHub::Poke() {
  MutexLock lock(&mutex_);
  ++pokes_;
}

void WatchHub::Publish(const Changes& changes) {
  MutexLock lock(&mutex_);
  for (const auto& change : changes) {
    recent_.push_back(change);
    recent_bytes_ += SizeOf(*change);
    newest_ = change->revision;
  }
  while (recent_.size() > options_.recent_changes ||
         (recent_bytes_ > options_.recent_bytes && recent_.size() > 1)) {
    recent_bytes_ -= SizeOf(*recent_.front());
    recent_.pop_front();
  }
}

std::shared_ptr<const std::string> WatchHub::RecentText(Revision revision) {
  MutexLock lock(&mutex_);
  if (recent_.empty() || revision < recent_.front()->revision || revision > newest_) return nullptr;
  return recent_[static_cast<size_t>(revision - recent_.front()->revision)]->text;
}

std::unique_ptr<WatchHandle> WatchHub::Add(const std::string& resource,
                                           const std::string& name_space, Revision after,
                                           std::shared_ptr<WatchSink> sink) {
  auto watcher = std::make_shared<Watcher>();
  watcher->resource = resource;
  watcher->name_space = name_space;
  watcher->sink = std::move(sink);
  watcher->through = after;
  watcher->progressed = after;
  watcher->progressed_at = options_.monotonic();
  Lane& lane = *lanes_[next_lane_++ % lanes_.size()];
  absl::Status why;
  {
    MutexLock lock(&mutex_);
    why = why_;
    if (!closed_) {
      ++watchers_;
      lane.added.push_back(watcher);
    }
  }
  if (!why.ok()) End(*watcher, why);
  return std::make_unique<Handle>(std::move(watcher), bell_);
}

bool WatchHub::CopyRecent(Revision after, size_t limit, Changes& out) const {
  if (after >= newest_) return true;
  if (recent_.empty() || after + 1 < recent_.front()->revision) return false;
  const size_t from = static_cast<size_t>(after + 1 - recent_.front()->revision);
  const size_t count = std::min(limit, recent_.size() - from);
  out.assign(recent_.begin() + static_cast<ptrdiff_t>(from),
             recent_.begin() + static_cast<ptrdiff_t>(from + count));
  return true;
}

WatchHub::Round WatchHub::AwaitRound(Lane& lane, bool behind, absl::Duration progress_due) {
  MutexLock lock(&mutex_);
  const auto something = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return closed_ || behind || newest_ > lane.seen || !lane.added.empty() || pokes_ != lane.pokes;
  };
  const absl::Duration wait = progress_due - options_.monotonic();
  if (progress_due == absl::InfiniteDuration()) {
    mutex_.Await(something);
  } else if (wait > absl::ZeroDuration()) {
    mutex_.AwaitFor(wait, something);
  }
  lane.pokes = pokes_;
  Round round{.newest = newest_, .closed = closed_};
  for (auto& watcher : std::exchange(lane.added, {})) lane.watchers.push_back(std::move(watcher));
  if (CopyRecent(lane.seen, kRoundChanges, round.changes) && !round.changes.empty()) {
    round.newest = round.changes.back()->revision;
  }
  return round;
}

void WatchHub::Serve(Lane& lane) {
  bool behind = false;
  absl::Duration due = absl::InfiniteDuration();
  while (true) {
    const Round round = AwaitRound(lane, behind, due);
    if (round.closed) break;
    std::map<absl::string_view, Changes> by_resource;
    for (const auto& change : round.changes) by_resource[change->key.resource].push_back(change);
    const bool lost = round.changes.empty() && round.newest > lane.seen;
    const Revision from = lost ? round.newest : lane.seen;
    const absl::Duration now = options_.monotonic();
    behind = false;
    due = absl::InfiniteDuration();
    for (const auto& watcher : lane.watchers) {
      if (watcher->ended) continue;
      if (watcher->through < from) {
        CatchUp(*watcher, round.newest);
        behind = behind || watcher->through < round.newest;
      } else if (round.newest > watcher->through) {
        Changes wanted;
        const auto changes = by_resource.find(watcher->resource);
        if (changes != by_resource.end()) {
          for (const auto& change : changes->second) {
            if (watcher->Wants(*change)) wanted.push_back(change);
          }
        }
        if (!wanted.empty()) watcher->sink->OnChanges(wanted);
        watcher->through = round.newest;
      }
      Progress(*watcher, now, due);
    }
    lane.seen = round.newest;
    const size_t before = lane.watchers.size();
    std::erase_if(lane.watchers, [](const auto& watcher) { return watcher->ended.load(); });
    watchers_ -= before - lane.watchers.size();
  }
  absl::Status why;
  {
    MutexLock lock(&mutex_);
    why = why_;
  }
  for (const auto& watcher : lane.watchers) {
    if (!watcher->ended) End(*watcher, why);
  }
  watchers_ -= lane.watchers.size();
  lane.watchers.clear();
}

void WatchHub::CatchUp(Watcher& watcher, Revision newest) {
  Changes changes;
  bool recent = false;
  {
    MutexLock lock(&mutex_);
    recent = CopyRecent(watcher.through, kCatchUpChanges, changes);
  }
  Revision through = changes.empty() ? newest : changes.back()->revision;
  if (recent) {
    std::erase_if(changes, [&](const auto& change) { return !watcher.Wants(*change); });
  } else {
    absl::StatusOr<HistoryPage> page =
        history_(watcher.resource, watcher.name_space, watcher.through, newest);
    if (!page.ok()) return End(watcher, page.status());
    changes = std::move(page->changes);
    through = page->through;
  }
  if (!changes.empty()) watcher.sink->OnChanges(changes);
  watcher.through = through;
}

void WatchHub::Progress(Watcher& watcher, absl::Duration now, absl::Duration& due) {
  if (watcher.ended || watcher.through <= watcher.progressed) return;
  const absl::Duration when = watcher.progressed_at + options_.progress_every;
  if (when > now) {
    due = std::min(due, when);
    return;
  }
  watcher.progressed = watcher.through;
  watcher.progressed_at = now;
  watcher.sink->OnProgress(watcher.through);
}

void WatchHub::End(Watcher& watcher, const absl::Status& why) {
  if (!watcher.ended.exchange(true)) watcher.sink->OnEnd(why);
}

}  // namespace rekindle::apiserver
