#include "daemon/restart/journal/journal_sqlite.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/sync.h"
#include "daemon/restart/journal/record_codec.h"

namespace rekindle::restart {
namespace {

// Errors that concern one call only; the transaction around it goes on.
bool ConcernsOneCall(const absl::Status& status) {
  return absl::IsAlreadyExists(status) || absl::IsNotFound(status);
}

}  // namespace

absl::StatusOr<SqliteJournal::Opened> SqliteJournal::Open(Loop& loop, const Options& options) {
  RK_ASSIGN_OR_RETURN(JournalFile::Opened file,
                      JournalFile::Open(options.directory, options.vfs, loop.Now()));
  Opened opened;
  opened.journal.reset(new SqliteJournal(loop, options, std::move(file.file)));
  opened.contents = std::move(file.contents);
  return opened;
}

SqliteJournal::SqliteJournal(Loop& loop, const Options& options, std::unique_ptr<JournalFile> file)
    : loop_(loop), options_(options), file_(std::move(file)) {
  // The process's signals are for its main thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { Write(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread_.native_handle(), "rk-journal");
}

SqliteJournal::~SqliteJournal() {
  alive_->store(false);
  {
    MutexLock lock(&mutex_);
    stop_ = true;
  }
  thread_.join();
}

void SqliteJournal::Append(std::vector<OperationRecord> records, Done done) {
  Request request{Kind::kAppend, {}, {}, std::move(done), {}};
  for (const OperationRecord& record : records) {
    request.records.push_back({record.id(), EncodeRecord(record)});
  }
  Enqueue(std::move(request));
}

void SqliteJournal::Update(const OperationRecord& record, Done done) {
  Enqueue({Kind::kUpdate, {{record.id(), EncodeRecord(record)}}, {}, std::move(done), {}});
}

void SqliteJournal::Remove(std::vector<std::string> ids, Done done) {
  Enqueue({Kind::kRemove, {}, std::move(ids), std::move(done), {}});
}

SqliteJournal::Stats SqliteJournal::stats() const {
  return {commits_, syncs_, checkpoints_, failures_};
}

void SqliteJournal::Enqueue(Request request) {
  MutexLock lock(&mutex_);
  queue_.push_back(std::move(request));
}

absl::Duration SqliteJournal::IdleBeforeCheckpoint() const {
  const int pages = file_->wal_pages();
  if (pages == 0) return absl::InfiniteDuration();
  if (pages >= options_.pressing_pages) return options_.pressing_idle;
  return pages >= options_.busy_pages ? options_.short_idle : options_.long_idle;
}

std::deque<SqliteJournal::Request> SqliteJournal::Take(bool* stop) {
  MutexLock lock(&mutex_);
  mutex_.AwaitFor(IdleBeforeCheckpoint(), [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stop_ || !queue_.empty();
  });
  *stop = stop_;
  return std::exchange(queue_, {});
}

void SqliteJournal::Write() {
  while (true) {
    bool stop = false;
    std::deque<Request> taken = Take(&stop);
    if (taken.empty()) {
      if (file_->wal_pages() > 0) Checkpoint();
      if (stop) return;
      continue;
    }
    std::vector<Request> requests(std::make_move_iterator(taken.begin()),
                                  std::make_move_iterator(taken.end()));
    const bool appended = std::any_of(requests.begin(), requests.end(),
                                      [](const Request& r) { return r.kind == Kind::kAppend; });
    Execute(absl::MakeSpan(requests));
    if (appended) Sync();
    if (file_->wal_pages() >= options_.max_pages) Checkpoint();
  }
}

void SqliteJournal::Execute(absl::Span<Request> requests) {
  if (!Transact(requests).ok()) {
    // One by one: whatever still can be stored is. Moving the WAL's content into the database may
    // make the room that was missing, and is the way back after a failed sync.
    for (Request& request : requests) {
      absl::Status status = Transact(absl::MakeSpan(&request, 1));
      if (absl::IsResourceExhausted(status) && file_->wal_pages() > 0) {
        Checkpoint();
        status = Transact(absl::MakeSpan(&request, 1));
      }
      if (!status.ok()) request.result = status;
    }
  }
  Reply(requests);
}

absl::Status SqliteJournal::Transact(absl::Span<Request> requests) {
  if (file_->needs_checkpoint()) {
    RK_RETURN_IF_ERROR(Annotate(file_->Checkpoint(), "recover from a failed sync"));
    ++checkpoints_;
  }
  absl::Status status = file_->Begin(/*durable=*/false);
  for (Request& request : requests) {
    if (!status.ok()) break;
    request.result = Apply(request);
    if (!request.result.ok() && !ConcernsOneCall(request.result)) status = request.result;
  }
  if (status.ok()) status = file_->Commit();
  if (!status.ok()) {
    file_->Rollback();
    return status;
  }
  ++commits_;
  return absl::OkStatus();
}

void SqliteJournal::Sync() {
  ++syncs_;
  // After a failed one nothing is answered with success before a checkpoint has stored everything.
  if (!file_->Sync().ok()) Checkpoint();
}

absl::Status SqliteJournal::Apply(Request& request) {
  switch (request.kind) {
    case Kind::kAppend:
      return file_->Insert(request.records);
    case Kind::kUpdate:
      return file_->Replace(request.records.front());
    case Kind::kRemove:
      return file_->Delete(request.ids);
  }
  return absl::InternalError("unknown kind of request");
}

void SqliteJournal::Checkpoint() {
  // On failure the WAL keeps everything; the next occasion tries again.
  if (file_->Checkpoint().ok()) ++checkpoints_;
}

void SqliteJournal::Reply(absl::Span<Request> requests) {
  std::vector<std::pair<Done, absl::Status>> replies;
  for (Request& request : requests) {
    if (!request.result.ok()) ++failures_;
    replies.emplace_back(std::move(request.done), std::move(request.result));
  }
  loop_.Post([alive = alive_, replies = std::move(replies)]() mutable {
    for (auto& [done, status] : replies) {
      // Asked anew each time: a reply may destroy the journal.
      if (alive->load()) done(std::move(status));
    }
  });
}

}  // namespace rekindle::restart
