#ifndef REKINDLE_DAEMON_APP_OBSERVED_JOURNAL_H_
#define REKINDLE_DAEMON_APP_OBSERVED_JOURNAL_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/base/loop.h"
#include "daemon/restart/journal.h"

namespace rekindle {

// A journal that tells how long each call took and how it ended.
// Threads: the loop's thread.
class ObservedJournal final : public restart::Journal {
 public:
  // `call`: "append", "update" or "remove".
  using Observer =
      std::function<void(absl::string_view call, const absl::Status&, absl::Duration latency)>;

  ObservedJournal(Loop& loop, restart::Journal& journal, Observer observe)
      : loop_(loop), journal_(journal), observe_(std::move(observe)) {}

  void Append(std::vector<restart::OperationRecord> records, Done done) override {
    journal_.Append(std::move(records), Observed("append", std::move(done)));
  }
  void Update(const restart::OperationRecord& record, Done done) override {
    journal_.Update(record, Observed("update", std::move(done)));
  }
  void Remove(std::vector<std::string> ids, Done done) override {
    journal_.Remove(std::move(ids), Observed("remove", std::move(done)));
  }

 private:
  Done Observed(absl::string_view call, Done done) {
    return [this, call, began = loop_.Monotonic(),
            done = std::move(done)](absl::Status status) mutable {
      observe_(call, status, loop_.Monotonic() - began);
      done(std::move(status));
    };
  }

  Loop& loop_;
  restart::Journal& journal_;
  Observer observe_;
};

}  // namespace rekindle

#endif  // REKINDLE_DAEMON_APP_OBSERVED_JOURNAL_H_
