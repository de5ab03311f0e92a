#include "controller/apiserver/store/writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"

namespace rekindle::apiserver {
namespace {

// As much as one step of a compaction takes away: some milliseconds.
constexpr Revision kCompactionStep = 500;

std::string Named(const Key& key) {
  return absl::StrCat(key.resource, " ", key.name_space, key.name_space.empty() ? "" : "/",
                      key.name);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Writer>> Writer::Open(const std::string& path, RecentText recent) {
  std::unique_ptr<Writer> writer(new Writer(std::move(recent)));
  RK_ASSIGN_OR_RETURN(writer->db_, ConnectStore(path, Access::kWrite));
  sqlite3_wal_hook(
      writer->db_.get(),
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &writer->wal_pages_);
  const std::pair<SqliteStatement*, const char*> statements[] = {
      {&writer->begin_, "BEGIN IMMEDIATE"},
      {&writer->commit_, "COMMIT"},
      {&writer->rollback_, "ROLLBACK"},
      {&writer->savepoint_, "SAVEPOINT one"},
      {&writer->release_, "RELEASE one"},
      {&writer->rollback_to_, "ROLLBACK TO one"},
      {&writer->marks_sql_, kMarksSql},
      {&writer->present_,
       "SELECT revision FROM objects WHERE resource = ?1 AND name_space = ?2 AND name = ?3"},
      {&writer->text_, "SELECT text FROM states WHERE revision = ?1"},
      {&writer->insert_, "INSERT INTO states VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
      {&writer->put_, "REPLACE INTO objects VALUES (?1, ?2, ?3, ?4)"},
      {&writer->remove_,
       "DELETE FROM objects WHERE resource = ?1 AND name_space = ?2 AND name = ?3"},
      {&writer->replace_, "INSERT INTO replaced VALUES (?1, ?2, ?3, ?4, ?5)"},
      {&writer->old_,
       "SELECT revision, resource, name_space, name, previous, deleted FROM states "
       "WHERE revision > ?1 AND revision <= ?2 AND (previous > 0 OR deleted)"},
      {&writer->drop_state_, "DELETE FROM states WHERE revision = ?1"},
      {&writer->drop_replaced_,
       "DELETE FROM replaced WHERE resource = ?1 AND name_space = ?2 AND name = ?3 AND "
       "revision = ?4"},
      {&writer->set_marks_, "UPDATE meta SET compacted = ?1, floor = max(floor, ?1)"},
  };
  for (const auto& [statement, sql] : statements) {
    RK_ASSIGN_OR_RETURN(*statement, SqliteStatement::Prepare(writer->db_.get(), sql));
  }
  RK_ASSIGN_OR_RETURN(writer->marks_, ReadMarks(writer->marks_sql_));
  return writer;
}

std::vector<std::shared_ptr<const Change>> Writer::Execute(absl::Span<PendingCommit> commits) {
  Changes changes;
  next_ = marks_.newest + 1;
  absl::Status status = begin_.Run();
  for (PendingCommit& commit : commits) {
    if (!status.ok()) break;
    status = ExecuteOne(commit, changes);
  }
  if (status.ok() && changes.empty()) {
    (void)rollback_.Run();  // nothing to sync
    return {};
  }
  if (status.ok()) status = commit_.Run();
  if (status.ok()) {
    marks_.newest = next_ - 1;
    return changes;
  }
  // A full disk may have ended the transaction already.
  if (sqlite3_get_autocommit(db_.get()) == 0) (void)rollback_.Run();
  status = ForStoreCaller(status);
  for (PendingCommit& commit : commits) commit.result = status;
  return {};
}

absl::Status Writer::ExecuteOne(PendingCommit& commit, Changes& changes) {
  const size_t before = changes.size();
  const bool several = commit.writes.size() > 1;
  if (several) RK_RETURN_IF_ERROR(savepoint_.Run());
  absl::Status refusal;
  for (const Write& write : commit.writes) {
    RK_RETURN_IF_ERROR(Apply(write, changes, refusal));
    if (!refusal.ok()) break;
  }
  if (!refusal.ok()) {
    // A single write is refused before it changes anything.
    if (several) RK_RETURN_IF_ERROR(rollback_to_.Run());
    next_ -= static_cast<Revision>(changes.size() - before);
    changes.resize(before);
    commit.result = refusal;
  } else {
    std::vector<Revision> revisions;
    for (size_t i = before; i < changes.size(); ++i) revisions.push_back(changes[i]->revision);
    commit.result = std::move(revisions);
  }
  return several ? release_.Run() : absl::OkStatus();
}

absl::Status Writer::Apply(const Write& write, Changes& changes, absl::Status& refusal) {
  RK_ASSIGN_OR_RETURN(const Revision present, Present(write.key));
  if (write.expected == 0 && present != 0) {
    refusal = absl::AlreadyExistsError(absl::StrCat(Named(write.key), ": already exists"));
  } else if (write.expected != 0 && present == 0) {
    refusal = absl::NotFoundError(absl::StrCat(Named(write.key), ": not there"));
  } else if (write.expected != present) {
    refusal = absl::AbortedError(
        absl::StrCat(Named(write.key), ": is at revision ", present, ", not ", write.expected));
  } else if (present == 0 && !write.text.has_value()) {
    refusal = absl::InvalidArgumentError(
        absl::StrCat(Named(write.key), ": a removal must name the revision"));
  }
  if (!refusal.ok()) return absl::OkStatus();

  auto change = std::make_shared<Change>();
  change->key = write.key;
  change->revision = next_++;
  if (present != 0) {
    RK_ASSIGN_OR_RETURN(change->before, TextOf(present, changes));
  }
  if (write.text.has_value()) {
    change->type = present == 0 ? Change::Type::kAdded : Change::Type::kModified;
    change->text = std::make_shared<const std::string>(*write.text);
  } else {
    change->type = Change::Type::kDeleted;
    change->text = write.last_text.has_value()
                       ? std::make_shared<const std::string>(*write.last_text)
                       : change->before;
  }
  RK_RETURN_IF_ERROR(Store(*change, present));
  changes.push_back(std::move(change));
  return absl::OkStatus();
}

absl::StatusOr<Revision> Writer::Present(const Key& key) {
  present_.BindText(1, key.resource);
  present_.BindText(2, key.name_space);
  present_.BindText(3, key.name);
  absl::StatusOr<bool> row = present_.Step();
  const Revision revision = row.ok() && *row ? present_.ColumnInt(0) : 0;
  present_.Reset();
  if (!row.ok()) return row.status();
  return revision;
}

absl::StatusOr<std::shared_ptr<const std::string>> Writer::TextOf(Revision revision,
                                                                  const Changes& changes) {
  if (revision > marks_.newest)
    return changes[static_cast<size_t>(revision - marks_.newest - 1)]->text;
  if (auto recent = recent_(revision)) return recent;
  text_.BindInt(1, revision);
  absl::StatusOr<bool> row = text_.Step();
  std::string text = row.ok() && *row ? text_.ColumnBytes(0) : std::string();
  text_.Reset();
  if (!row.ok()) return row.status();
  if (!*row) return absl::DataLossError(absl::StrCat("state ", revision, " is missing"));
  return std::make_shared<const std::string>(std::move(text));
}

absl::Status Writer::RunKey(SqliteStatement& statement, const Key& key, Revision third,
                            Revision fourth) {
  statement.BindText(1, key.resource);
  statement.BindText(2, key.name_space);
  statement.BindText(3, key.name);
  if (third != 0) statement.BindInt(4, third);
  if (fourth != 0) statement.BindInt(5, fourth);
  return statement.Run();
}

absl::Status Writer::Store(const Change& change, Revision previous) {
  const bool deleted = change.type == Change::Type::kDeleted;
  insert_.BindInt(1, change.revision);
  insert_.BindText(2, change.key.resource);
  insert_.BindText(3, change.key.name_space);
  insert_.BindText(4, change.key.name);
  insert_.BindInt(5, previous);
  insert_.BindInt(6, deleted ? 1 : 0);
  insert_.BindBlob(7, *change.text);
  RK_RETURN_IF_ERROR(insert_.Run());
  if (deleted) {
    RK_RETURN_IF_ERROR(RunKey(remove_, change.key));
  } else {
    RK_RETURN_IF_ERROR(RunKey(put_, change.key, change.revision));
  }
  if (previous == 0) return absl::OkStatus();
  return RunKey(replace_, change.key, previous, change.revision);
}

absl::StatusOr<bool> Writer::Compact(Revision target) {
  target = std::min(target, marks_.newest);
  if (target <= marks_.compacted) return false;
  const Revision step = std::min(target, marks_.compacted + kCompactionStep);
  RK_RETURN_IF_ERROR(begin_.Run());
  absl::Status status = CompactThrough(step);
  if (status.ok()) status = commit_.Run();
  if (!status.ok()) {
    if (sqlite3_get_autocommit(db_.get()) == 0) (void)rollback_.Run();
    return status;
  }
  marks_.compacted = step;
  return step < target;
}

absl::Status Writer::CompactThrough(Revision target) {
  struct Old {
    Revision revision;
    Key key;
    Revision previous;
    bool deleted;
  };
  std::vector<Old> rows;
  old_.BindInt(1, marks_.compacted);
  old_.BindInt(2, target);
  absl::StatusOr<bool> row = old_.Step();
  for (; row.ok() && *row; row = old_.Step()) {
    rows.push_back({old_.ColumnInt(0),
                    {old_.ColumnBytes(1), old_.ColumnBytes(2), old_.ColumnBytes(3)},
                    old_.ColumnInt(4),
                    old_.ColumnInt(5) != 0});
  }
  old_.Reset();
  RK_RETURN_IF_ERROR(row.status());
  for (const Old& old : rows) {
    if (old.previous != 0) {
      drop_state_.BindInt(1, old.previous);
      RK_RETURN_IF_ERROR(drop_state_.Run());
      RK_RETURN_IF_ERROR(RunKey(drop_replaced_, old.key, old.previous));
    }
    if (old.deleted) {
      drop_state_.BindInt(1, old.revision);
      RK_RETURN_IF_ERROR(drop_state_.Run());
    }
  }
  set_marks_.BindInt(1, target);
  return set_marks_.Run();
}

absl::Status Writer::Checkpoint() {
  RK_RETURN_IF_ERROR(ForStoreCaller(db_.Exec("PRAGMA wal_checkpoint(TRUNCATE)")));
  wal_pages_ = 0;
  return absl::OkStatus();
}

}  // namespace rekindle::apiserver
