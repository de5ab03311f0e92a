#ifndef REKINDLE_CONTROLLER_APISERVER_STORE_READER_H_
#define REKINDLE_CONTROLLER_APISERVER_STORE_READER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"

#include "common/base/sync.h"
#include "controller/apiserver/store/store.h"
#include "controller/apiserver/store/store_file.h"

namespace rekindle::apiserver {

// Changes of one resource out of the history.
struct HistoryPage {
  std::vector<std::shared_ptr<const Change>> changes;
  Revision through = 0;  // nothing up to here is missing
};

// One connection that reads. It sees what was committed when a call began, and waits for no writer.
// Threads: one at a time.
class Reader {
 public:
  static absl::StatusOr<std::unique_ptr<Reader>> Open(const std::string& path);

  // As the methods of Store. Errors also as ForStoreCaller gives them.
  absl::StatusOr<StoredObject> Get(const Key& key);
  absl::StatusOr<Page> List(const ListQuery& query);

  // Changes after `after`, a bounded part of them: not beyond `upto`. `name_space` empty: all.
  // Errors: kOutOfRange (compacted).
  absl::StatusOr<HistoryPage> History(const std::string& resource, const std::string& name_space,
                                      Revision after, Revision upto);

  absl::StatusOr<Marks> marks();

 private:
  Reader() = default;
  absl::Status ListPresent(const ListQuery& query, Page& page);
  absl::Status ListPast(const ListQuery& query, Page& page);
  absl::StatusOr<std::shared_ptr<const std::string>> TextAt(Revision revision);
  absl::StatusOr<HistoryPage> HistoryRows(const std::string& resource,
                                          const std::string& name_space, Revision after,
                                          Revision upto);

  SqliteDb db_;
  SqliteStatement begin_, end_, marks_, get_, text_, history_;
  SqliteStatement present_, present_left_, past_, past_left_;
};

// Readers for as many threads as read at once, up to a limit; more have to wait for one another.
// Threads: thread-safe.
class ReaderPool {
 public:
  ReaderPool(std::string path, size_t limit) : path_(std::move(path)), limit_(limit) {}

  // A reader for a while; goes back when it is destroyed.
  class Lease {
   public:
    Lease(ReaderPool* pool, std::unique_ptr<Reader> reader)
        : pool_(pool), reader_(std::move(reader)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (reader_) pool_->Return(std::move(reader_));
    }
    Reader* operator->() const { return reader_.get(); }

   private:
    ReaderPool* pool_;
    std::unique_ptr<Reader> reader_;
  };

  // Errors: kUnavailable (closed; the file cannot be opened).
  absl::StatusOr<Lease> Take();

  // No more readers; waits for those that are lent.
  void Close();

 private:
  void Return(std::unique_ptr<Reader> reader);

  const std::string path_;
  const size_t limit_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Reader>> idle_ ABSL_GUARDED_BY(mutex_);
  size_t lent_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_STORE_READER_H_
