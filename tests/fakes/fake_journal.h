#ifndef REKINDLE_TEST_FAKES_FAKE_JOURNAL_H_
#define REKINDLE_TEST_FAKES_FAKE_JOURNAL_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/loop.h"
#include "daemon/restart/journal.h"

namespace rekindle {

// A journal in memory that outlives the engine under test, so that a killed daemon can be played:
// what was stored is what the next engine gets.
class FakeJournal final : public restart::Journal {
 public:
  explicit FakeJournal(Loop& loop) : loop_(loop) {}

  void Append(std::vector<restart::OperationRecord> records, Done done) override {
    ++appends;
    if (!broken.ok()) return Reply(std::move(done), broken);
    for (const restart::OperationRecord& record : records) {
      order_.push_back(record.id());
      stored_[record.id()] = record;
    }
    Reply(std::move(done), absl::OkStatus());
    for (const restart::OperationRecord& record : records) Tell(record);
  }

  void Update(const restart::OperationRecord& record, Done done) override {
    ++updates;
    if (!broken.ok()) return Reply(std::move(done), broken);
    stored_[record.id()] = record;
    Reply(std::move(done), absl::OkStatus());
    Tell(record);
  }

  void Remove(std::vector<std::string> ids, Done done) override {
    for (const std::string& id : ids) {
      stored_.erase(id);
      std::erase(order_, id);
    }
    Reply(std::move(done), absl::OkStatus());
  }

  // What the next engine finds, oldest first.
  std::vector<restart::OperationRecord> Contents() const {
    std::vector<restart::OperationRecord> records;
    for (const std::string& id : order_) records.push_back(stored_.at(id));
    return records;
  }

  // Replies of calls that are under way never arrive.
  void DropClient() { ++client_; }

  absl::Status broken;  // what every write fails with
  // After each record stored. The killed daemon of a test ends here, with DropClient: it is stored,
  // but nobody goes on.
  std::function<void(const restart::OperationRecord&)> on_write;
  size_t appends = 0;
  size_t updates = 0;

 private:
  void Tell(const restart::OperationRecord& record) {
    if (on_write) on_write(record);
  }
  void Reply(Done done, absl::Status status) {
    loop_.Post([this, client = client_, done = std::move(done), status]() mutable {
      if (client == client_) done(status);
    });
  }

  Loop& loop_;
  uint64_t client_ = 0;
  std::map<std::string, restart::OperationRecord> stored_;
  std::vector<std::string> order_;
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_FAKE_JOURNAL_H_
