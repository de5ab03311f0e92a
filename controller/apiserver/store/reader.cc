#include "controller/apiserver/store/reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"

namespace rekindle::apiserver {
namespace {

// A page of history: at most so many revisions looked at, objects and bytes given back.
constexpr Revision kHistoryRevisions = 20'000;
constexpr size_t kHistoryChanges = 512;
constexpr size_t kHistoryBytes = 8 * 1024 * 1024;

// Behind every namespace, in byte order.
constexpr absl::string_view kLastNamespace = "\xf4\x8f\xbf\xbf";

// ?1 resource, ?2 the last namespace, ?3 and ?4 the key before the page: one range of the primary
// key. `prefix` is put before its columns.
std::string After(const std::string& prefix) {
  return absl::StrCat(prefix, "resource = ?1 AND (", prefix, "name_space, ", prefix,
                      "name) > (?3, ?4) AND ", prefix, "name_space <= ?2");
}

// The states that were an object's at revision ?5.
std::string PastKeys() {
  return absl::StrCat("SELECT name_space, name, revision FROM objects WHERE ", After(""),
                      " AND revision <= ?5 UNION ALL "
                      "SELECT name_space, name, revision FROM replaced WHERE ",
                      After(""), " AND revision <= ?5 AND until > ?5");
}

void BindPage(SqliteStatement& statement, const ListQuery& query, absl::string_view after_ns,
              absl::string_view after_name) {
  statement.BindText(1, query.resource);
  statement.BindText(2, query.name_space.empty() ? kLastNamespace : query.name_space);
  const bool before = !query.name_space.empty() && after_ns < query.name_space;
  statement.BindText(3, before ? absl::string_view(query.name_space) : after_ns);
  statement.BindText(4, before ? absl::string_view("") : after_name);
}

std::shared_ptr<const std::string> Text(const SqliteStatement& statement, int column) {
  return std::make_shared<const std::string>(statement.ColumnBytes(column));
}

// Leaves the transaction when it goes out of scope.
class Snapshot {
 public:
  Snapshot(SqliteStatement& begin, SqliteStatement& end) : end_(end), status_(begin.Run()) {}
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot() {
    if (status_.ok()) (void)end_.Run();
  }
  const absl::Status& status() const { return status_; }

 private:
  SqliteStatement& end_;
  const absl::Status status_;
};

// Resets a statement that is left before its last row.
class Resetting {
 public:
  explicit Resetting(SqliteStatement& statement) : statement_(statement) {}
  Resetting(const Resetting&) = delete;
  Resetting& operator=(const Resetting&) = delete;
  ~Resetting() { statement_.Reset(); }

 private:
  SqliteStatement& statement_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Reader>> Reader::Open(const std::string& path) {
  std::unique_ptr<Reader> reader(new Reader());
  RK_ASSIGN_OR_RETURN(reader->db_, ConnectStore(path, Access::kRead));
  const std::string order = " ORDER BY 1, 2 LIMIT ?6";
  const std::pair<SqliteStatement*, std::string> statements[] = {
      {&reader->begin_, "BEGIN"},
      {&reader->end_, "COMMIT"},
      {&reader->marks_, kMarksSql},
      {&reader->get_,
       "SELECT s.revision, s.text FROM objects o CROSS JOIN states s ON s.revision = o.revision "
       "WHERE o.resource = ?1 AND o.name_space = ?2 AND o.name = ?3"},
      {&reader->text_, "SELECT text FROM states WHERE revision = ?1"},
      {&reader->history_,
       "SELECT revision, name_space, name, previous, deleted, text FROM states "
       "WHERE revision > ?1 AND revision <= ?2 AND resource = ?3 "
       "AND (?4 = '' OR name_space = ?4) ORDER BY revision"},
      {&reader->present_,
       absl::StrCat("SELECT o.name_space, o.name, o.revision, s.text FROM objects o CROSS JOIN "
                    "states s ON s.revision = o.revision WHERE ",
                    After("o."), order)},
      {&reader->present_left_, absl::StrCat("SELECT count(*) FROM objects WHERE ", After(""))},
      {&reader->past_, absl::StrCat(PastKeys(), order)},
      {&reader->past_left_, absl::StrCat("SELECT count(*) FROM (", PastKeys(), ")")},
  };
  for (const auto& [statement, sql] : statements) {
    RK_ASSIGN_OR_RETURN(*statement, SqliteStatement::Prepare(reader->db_.get(), sql));
  }
  return reader;
}

absl::StatusOr<Marks> Reader::marks() { return ReadMarks(marks_); }

absl::StatusOr<StoredObject> Reader::Get(const Key& key) {
  const Resetting reset(get_);
  get_.BindText(1, key.resource);
  get_.BindText(2, key.name_space);
  get_.BindText(3, key.name);
  absl::StatusOr<bool> row = get_.Step();
  if (!row.ok()) return ForStoreCaller(row.status());
  if (!*row) {
    return absl::NotFoundError(
        absl::StrCat(key.resource, " ", key.name_space, "/", key.name, ": not there"));
  }
  return StoredObject{key, get_.ColumnInt(0), Text(get_, 1)};
}

absl::StatusOr<Page> Reader::List(const ListQuery& query) {
  const Snapshot snapshot(begin_, end_);
  if (!snapshot.status().ok()) return ForStoreCaller(snapshot.status());
  absl::StatusOr<Marks> now = marks();
  if (!now.ok()) return ForStoreCaller(now.status());
  Page page;
  page.revision = query.revision == 0 ? now->newest : query.revision;
  if (page.revision < now->compacted) {
    return absl::OutOfRangeError(absl::StrCat(
        "revision ", page.revision, " has been compacted away; the oldest is ", now->compacted));
  }
  if (page.revision > now->newest) {
    return absl::OutOfRangeError(absl::StrCat("revision ", page.revision,
                                              " lies in the future; the newest is ", now->newest));
  }
  const absl::Status status =
      page.revision == now->newest ? ListPresent(query, page) : ListPast(query, page);
  if (!status.ok()) return ForStoreCaller(status);
  return page;
}

absl::Status Reader::ListPresent(const ListQuery& query, Page& page) {
  {
    const Resetting reset(present_);
    BindPage(present_, query, query.after_name_space, query.after_name);
    present_.BindInt(6, query.limit == 0 ? -1 : static_cast<int64_t>(query.limit));
    while (true) {
      RK_ASSIGN_OR_RETURN(const bool row, present_.Step());
      if (!row) break;
      page.objects.push_back({{query.resource, present_.ColumnBytes(0), present_.ColumnBytes(1)},
                              present_.ColumnInt(2),
                              Text(present_, 3)});
    }
  }
  if (query.limit == 0 || page.objects.size() < query.limit) return absl::OkStatus();
  const Resetting reset(present_left_);
  const Key last = page.objects.back().key;
  BindPage(present_left_, query, last.name_space, last.name);
  RK_RETURN_IF_ERROR(present_left_.Step().status());
  page.remaining = present_left_.ColumnInt(0);
  page.more = page.remaining > 0;
  return absl::OkStatus();
}

absl::Status Reader::ListPast(const ListQuery& query, Page& page) {
  {
    const Resetting reset(past_);
    BindPage(past_, query, query.after_name_space, query.after_name);
    past_.BindInt(5, page.revision);
    past_.BindInt(6, query.limit == 0 ? -1 : static_cast<int64_t>(query.limit));
    while (true) {
      RK_ASSIGN_OR_RETURN(const bool row, past_.Step());
      if (!row) break;
      StoredObject object{{query.resource, past_.ColumnBytes(0), past_.ColumnBytes(1)},
                          past_.ColumnInt(2),
                          nullptr};
      RK_ASSIGN_OR_RETURN(object.text, TextAt(object.revision));
      page.objects.push_back(std::move(object));
    }
  }
  if (query.limit == 0 || page.objects.size() < query.limit) return absl::OkStatus();
  const Resetting reset(past_left_);
  const Key last = page.objects.back().key;
  BindPage(past_left_, query, last.name_space, last.name);
  past_left_.BindInt(5, page.revision);
  RK_RETURN_IF_ERROR(past_left_.Step().status());
  page.remaining = past_left_.ColumnInt(0);
  page.more = page.remaining > 0;
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const std::string>> Reader::TextAt(Revision revision) {
  const Resetting reset(text_);
  text_.BindInt(1, revision);
  RK_ASSIGN_OR_RETURN(const bool row, text_.Step());
  if (!row) return absl::DataLossError(absl::StrCat("state ", revision, " is missing"));
  return Text(text_, 0);
}

absl::StatusOr<HistoryPage> Reader::History(const std::string& resource,
                                            const std::string& name_space, Revision after,
                                            Revision upto) {
  const Snapshot snapshot(begin_, end_);
  if (!snapshot.status().ok()) return ForStoreCaller(snapshot.status());
  absl::StatusOr<Marks> now = marks();
  if (!now.ok()) return ForStoreCaller(now.status());
  if (after < now->compacted) {
    return absl::OutOfRangeError(
        absl::StrCat("too old resource version: ", after, " (", now->compacted, ")"));
  }
  absl::StatusOr<HistoryPage> page = HistoryRows(resource, name_space, after, upto);
  if (!page.ok()) return ForStoreCaller(page.status());
  return page;
}

absl::StatusOr<HistoryPage> Reader::HistoryRows(const std::string& resource,
                                                const std::string& name_space, Revision after,
                                                Revision upto) {
  HistoryPage page;
  page.through = std::min(upto, after + kHistoryRevisions);
  size_t bytes = 0;
  const Resetting reset(history_);
  history_.BindInt(1, after);
  history_.BindInt(2, page.through);
  history_.BindText(3, resource);
  history_.BindText(4, name_space);
  while (true) {
    RK_ASSIGN_OR_RETURN(const bool row, history_.Step());
    if (!row) return page;
    auto change = std::make_shared<Change>();
    change->revision = history_.ColumnInt(0);
    change->key = {resource, history_.ColumnBytes(1), history_.ColumnBytes(2)};
    const Revision previous = history_.ColumnInt(3);
    change->type = history_.ColumnInt(4) != 0 ? Change::Type::kDeleted
                   : previous == 0            ? Change::Type::kAdded
                                              : Change::Type::kModified;
    change->text = Text(history_, 5);
    if (previous != 0) {
      RK_ASSIGN_OR_RETURN(change->before, TextAt(previous));
      bytes += change->before->size();
    }
    bytes += change->text->size();
    page.changes.push_back(std::move(change));
    if (page.changes.size() >= kHistoryChanges || bytes >= kHistoryBytes) {
      page.through = page.changes.back()->revision;
      return page;
    }
  }
}

absl::StatusOr<ReaderPool::Lease> ReaderPool::Take() {
  {
    MutexLock lock(&mutex_);
    mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return closed_ || !idle_.empty() || lent_ < limit_;
    });
    if (closed_) return absl::UnavailableError("the store is closed");
    ++lent_;
    if (!idle_.empty()) {
      Lease lease(this, std::move(idle_.back()));
      idle_.pop_back();
      return lease;
    }
  }
  absl::StatusOr<std::unique_ptr<Reader>> reader = Reader::Open(path_);
  if (reader.ok()) return Lease(this, *std::move(reader));
  MutexLock lock(&mutex_);
  --lent_;
  return ForStoreCaller(reader.status());
}

void ReaderPool::Return(std::unique_ptr<Reader> reader) {
  MutexLock lock(&mutex_);
  --lent_;
  idle_.push_back(std::move(reader));
}

void ReaderPool::Close() {
  MutexLock lock(&mutex_);
  closed_ = true;
  mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return lent_ == 0; });
  idle_.clear();
}

}  // namespace rekindle::apiserver
