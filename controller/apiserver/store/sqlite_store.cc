#include "controller/apiserver/store/sqlite_store.h"

#include <pthread.h>
#include <time.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/base/logging.h"
#include "common/base/status_macros.h"

namespace rekindle::apiserver {
namespace {

// Objects in memory at a time while all of a list are visited.
constexpr size_t kVisitedPage = 256;
// How exactly the age of history is known.
constexpr absl::Duration kTimeStep = absl::Seconds(1);

absl::Duration SystemClock() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

absl::Status Closed() { return absl::UnavailableError("the store is closed"); }

size_t SizeOf(const PendingCommit& commit) {
  size_t size = 0;
  for (const Write& write : commit.writes) {
    size += write.text.has_value() ? write.text->size() : 0;
    size += write.last_text.has_value() ? write.last_text->size() : 0;
  }
  return size;
}

}  // namespace

// Keeps what is visible at a revision from being compacted away.
class SqliteStore::Pin {
 public:
  Pin(SqliteStore& store, Revision revision) : store_(store), revision_(revision) {
    MutexLock lock(&store_.mutex_);
    store_.pins_.insert(revision_);
  }
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  ~Pin() {
    MutexLock lock(&store_.mutex_);
    store_.pins_.erase(store_.pins_.find(revision_));
  }

 private:
  SqliteStore& store_;
  const Revision revision_;
};

SqliteStore::SqliteStore(const Options& options) : options_(options) {
  if (!options_.monotonic) options_.monotonic = &SystemClock;
}

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(const Options& options) {
  std::unique_ptr<SqliteStore> store(new SqliteStore(options));
  RK_RETURN_IF_ERROR(store->Start());
  return store;
}

absl::Status SqliteStore::Start() {
  RK_ASSIGN_OR_RETURN(lock_, LockStore(options_.directory));
  RK_RETURN_IF_ERROR(PrepareStore(options_.directory));
  const std::string path = StorePath(options_.directory);
  RK_ASSIGN_OR_RETURN(writer_, Writer::Open(path, [this](Revision revision) {
                        return hub_->RecentText(revision);
                      }));
  newest_ = writer_->newest();
  compacted_ = writer_->compacted();
  readers_ = std::make_unique<ReaderPool>(path, std::max<size_t>(options_.max_readers, 1));
  hub_ = std::make_unique<WatchHub>(
      WatchHub::Options{.threads = options_.watch_threads,
                        .recent_changes = options_.recent_changes,
                        .recent_bytes = options_.recent_bytes,
                        .progress_every = options_.progress_every,
                        .monotonic = options_.monotonic},
      newest_,
      [this](const std::string& resource, const std::string& name_space, Revision after,
             Revision upto) -> absl::StatusOr<HistoryPage> {
        RK_ASSIGN_OR_RETURN(ReaderPool::Lease reader, readers_->Take());
        return reader->History(resource, name_space, after, upto);
      });
  NoteTime();
  write_thread_ = std::thread([this] { WriteLoop(); });
  pthread_setname_np(write_thread_.native_handle(), "store-write");
  keep_thread_ = std::thread([this] { KeepLoop(); });
  pthread_setname_np(keep_thread_.native_handle(), "store-keep");
  return absl::OkStatus();
}

SqliteStore::~SqliteStore() { Close(); }

void SqliteStore::Close() {
  if (!write_thread_.joinable()) return;
  {
    MutexLock lock(&mutex_);
    stop_ = true;
  }
  write_thread_.join();
  {
    MutexLock lock(&keep_mutex_);
    keep_stop_ = true;
  }
  keep_thread_.join();
  hub_->Close(absl::UnavailableError("the server is stopping"));
  readers_->Close();
  const absl::Status status = writer_->Checkpoint();
  if (!status.ok()) LOG(WARNING) << "the write-ahead log stays: " << status.message();
}

absl::StatusOr<StoredObject> SqliteStore::Get(const Key& key) {
  RK_ASSIGN_OR_RETURN(ReaderPool::Lease reader, readers_->Take());
  return reader->Get(key);
}

absl::StatusOr<Page> SqliteStore::List(const ListQuery& query) {
  RK_ASSIGN_OR_RETURN(ReaderPool::Lease reader, readers_->Take());
  return reader->List(query);
}

absl::StatusOr<Revision> SqliteStore::ForEach(const ListQuery& query,
                                              absl::FunctionRef<bool(const StoredObject&)> visit) {
  // Every snapshot from here on, and so the one that the first page gets.
  const Pin pin(*this, query.revision == 0 ? newest_.load() : query.revision);
  ListQuery next = query;
  size_t left = query.limit;
  while (true) {
    next.limit = query.limit == 0 ? kVisitedPage : std::min(left, kVisitedPage);
    RK_ASSIGN_OR_RETURN(const Page page, List(next));
    next.revision = page.revision;
    for (const StoredObject& object : page.objects) {
      if (!visit(object)) return page.revision;
    }
    left -= std::min(left, page.objects.size());
    if (!page.more || (query.limit != 0 && left == 0)) return page.revision;
    next.after_name_space = page.objects.back().key.name_space;
    next.after_name = page.objects.back().key.name;
  }
}

absl::Status SqliteStore::Check(const std::vector<Write>& writes) const {
  if (writes.empty()) return absl::InvalidArgumentError("a commit without writes");
  for (const Write& write : writes) {
    if (write.key.resource.empty() || write.key.name.empty()) {
      return absl::InvalidArgumentError("a key without resource or name");
    }
    const size_t size = std::max(write.text.has_value() ? write.text->size() : 0,
                                 write.last_text.has_value() ? write.last_text->size() : 0);
    if (size > options_.max_value_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(write.key.resource, " ", write.key.name, ": ", size,
                       " bytes are more than an object may have (", options_.max_value_bytes, ")"));
    }
  }
  return absl::OkStatus();
}

void SqliteStore::Commit(std::vector<Write> writes, Done done) {
  absl::Status status = Check(writes);
  if (status.ok()) {
    MutexLock lock(&mutex_);
    if (stop_) {
      status = Closed();
    } else if (queue_.size() >= options_.max_queued_commits) {
      status = absl::UnavailableError("too many writes are waiting for the disk");
    } else {
      queue_.push_back({.writes = std::move(writes), .done = std::move(done)});
      return;
    }
  }
  std::move(done)(status);
}

absl::StatusOr<std::vector<Revision>> SqliteStore::Commit(std::vector<Write> writes) {
  // Shared: the thread that opens the latch may still be at it when this one has gone on.
  struct Reply {
    Latch latch;
    absl::StatusOr<std::vector<Revision>> result = Closed();
  };
  auto reply = std::make_shared<Reply>();
  Commit(std::move(writes), [reply](absl::StatusOr<std::vector<Revision>> result) {
    reply->result = std::move(result);
    reply->latch.Open();
  });
  reply->latch.Wait();
  return std::move(reply->result);
}

absl::StatusOr<std::unique_ptr<WatchHandle>> SqliteStore::Watch(const std::string& resource,
                                                                const std::string& name_space,
                                                                Revision after,
                                                                std::shared_ptr<WatchSink> sink) {
  const Revision newest = newest_;
  if (after == 0) after = newest;
  if (after > newest) {
    return absl::OutOfRangeError(
        absl::StrCat("revision ", after, " lies in the future; the newest is ", newest));
  }
  const Revision oldest = compacted_;
  if (after < oldest) {
    return absl::OutOfRangeError(
        absl::StrCat("too old resource version: ", after, " (", oldest, ")"));
  }
  return hub_->Add(resource, name_space, after, std::move(sink));
}

void SqliteStore::Poke() {
  {
    MutexLock lock(&mutex_);
    ++pokes_;
  }
  hub_->Poke();
}

SqliteStore::Stats SqliteStore::stats() const {
  return {.commits = commits_,
          .refused = refused_,
          .failures = failures_,
          .transactions = transactions_,
          .checkpoints = checkpoints_,
          .compacted = compacted_,
          .watchers = hub_->watchers()};
}

absl::Status SqliteStore::CompactTo(Revision target) {
  MutexLock lock(&mutex_);
  if (stop_) return Closed();
  compact_error_ = absl::OkStatus();
  asked_target_ = std::max(asked_target_, target);
  mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stop_ || !compact_error_.ok() || Allowed(asked_target_) <= compacted_;
  });
  return compact_error_;
}

Revision SqliteStore::CompactionTarget() const {
  const absl::Duration horizon = options_.monotonic() - options_.keep_history;
  Revision target = newest_ - options_.max_history;
  for (const auto& [time, revision] : times_) {
    if (time > horizon) break;
    target = std::max(target, revision);
  }
  // Not for a few revisions: it costs a sync of the disk.
  if (target - compacted_ < options_.compaction_step) target = 0;
  return Allowed(std::max(target, asked_target_));
}

Revision SqliteStore::Allowed(Revision target) const {
  if (!pins_.empty()) target = std::min(target, *pins_.begin());
  return std::min<Revision>(target, newest_);
}

void SqliteStore::NoteTime() {
  const absl::Duration now = options_.monotonic();
  MutexLock lock(&mutex_);
  if (!times_.empty() && now - times_.back().first < kTimeStep) return;
  // One that is old enough is all that is needed of those.
  while (times_.size() > 1 && times_[1].first <= now - options_.keep_history) times_.pop_front();
  times_.emplace_back(now, newest_);
}

std::vector<PendingCommit> SqliteStore::TakeBatch() {
  std::vector<PendingCommit> batch;
  size_t bytes = 0;
  while (!queue_.empty() && batch.size() < options_.max_batch_commits &&
         bytes < options_.max_batch_bytes) {
    bytes += SizeOf(queue_.front());
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return batch;
}

void SqliteStore::WriteLoop() {
  uint64_t pokes = 0;
  while (true) {
    std::vector<PendingCommit> batch;
    Revision target = 0;
    bool stop = false;
    {
      MutexLock lock(&mutex_);
      // Time alone makes history old: it is looked at every second.
      mutex_.AwaitFor(kTimeStep, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stop_ || !queue_.empty() || pokes_ != pokes ||
               (compact_error_.ok() && Allowed(asked_target_) > compacted_);
      });
      pokes = pokes_;
      stop = stop_ && queue_.empty();
      batch = TakeBatch();
      target = CompactionTarget();
    }
    if (stop) return;
    if (batch.empty()) {
      NoteTime();
    } else {
      ExecuteBatch(std::move(batch));
    }
    if (target > compacted_) CompactStep(target);
    if (wal_pages_ > options_.pressing_pages) {
      const absl::Status status = writer_->Checkpoint();
      if (!status.ok()) LOG(WARNING) << "the write-ahead log grows: " << status.message();
      wal_pages_ = writer_->wal_pages();
    }
  }
}

void SqliteStore::ExecuteBatch(std::vector<PendingCommit> batch) {
  const std::vector<std::shared_ptr<const Change>> changes =
      writer_->Execute(absl::MakeSpan(batch));
  if (!changes.empty()) {
    ++transactions_;
    newest_ = changes.back()->revision;
    // Before anybody hears of them: their time is not that of whoever answers.
    NoteTime();
    hub_->Publish(changes);
  }
  for (PendingCommit& commit : batch) {
    if (commit.result.ok()) {
      ++commits_;
    } else if (absl::IsUnavailable(commit.result.status()) ||
               absl::IsInternal(commit.result.status()) ||
               absl::IsResourceExhausted(commit.result.status())) {
      ++failures_;
    } else {
      ++refused_;
    }
    std::move(commit.done)(std::move(commit.result));
  }
  wal_pages_ = writer_->wal_pages();
  MutexLock lock(&keep_mutex_);
  keep_dirty_ = true;
}

void SqliteStore::CompactStep(Revision target) {
  absl::StatusOr<bool> more = writer_->Compact(target);
  MutexLock lock(&mutex_);
  compacted_ = writer_->compacted();
  if (!more.ok()) {
    compact_error_ = ForStoreCaller(more.status());
    LOG_EVERY_N(WARNING, 60) << "history cannot be compacted: " << more.status().message();
  } else if (*more) {
    ++pokes_;  // go on after what was written meanwhile
  }
}

void SqliteStore::KeepLoop() {
  absl::StatusOr<SqliteDb> db = ConnectStore(StorePath(options_.directory), Access::kWrite);
  if (!db.ok()) {
    // The writer does it then, at `pressing_pages`.
    LOG(WARNING) << "checkpoints: " << db.status().message();
    return;
  }
  bool dirty = false;
  while (true) {
    {
      MutexLock lock(&keep_mutex_);
      const auto written = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(keep_mutex_) {
        return keep_stop_ || keep_dirty_;
      };
      const bool busy = dirty ? keep_mutex_.AwaitFor(options_.checkpoint_idle, written)
                              : (keep_mutex_.Await(written), true);
      if (keep_stop_) return;
      keep_dirty_ = false;
      if (busy && wal_pages_ < options_.checkpoint_pages) {
        dirty = true;
        continue;
      }
    }
    dirty = false;
    // Passive: neither the writer nor a reader waits for it.
    int pages = 0;
    int moved = 0;
    if (sqlite3_wal_checkpoint_v2(db->get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved) ==
        SQLITE_OK) {
      ++checkpoints_;
    }
  }
}

}  // namespace rekindle::apiserver
