#include "common/client/shutdown.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace rekindle::client {

void ShutdownSequence::Add(std::string name, absl::Duration limit, Step step) {
  steps_.push_back({std::move(name), limit, std::move(step)});
}

void ShutdownSequence::Run(Observer observer, absl::AnyInvocable<void(absl::Status)> done) {
  observer_ = std::move(observer);
  done_ = std::move(done);
  Next();
}

void ShutdownSequence::Next() {
  if (at_ == steps_.size()) {
    loop_.Post([done = std::move(done_), status = failed_]() mutable { done(status); });
    return;
  }
  over_ = false;
  begun_ = loop_.Monotonic();
  Named& step = steps_[at_];
  timer_.Set(loop_, step.limit, [this, index = at_, limit = step.limit] {
    Ended(index, absl::DeadlineExceededError(
                     absl::StrCat("not over within ", absl::FormatDuration(limit))));
  });
  step.step([this, alive = alive_, index = at_](const absl::Status& status) {
    if (*alive) Ended(index, status);
  });
}

void ShutdownSequence::Ended(size_t index, const absl::Status& status) {
  if (index != at_ || over_) return;  // it was late
  over_ = true;
  timer_.Cancel();
  const Named& step = steps_[at_];
  if (observer_) observer_(step.name, status, loop_.Monotonic() - begun_);
  if (!status.ok()) {
    const std::string text = absl::StrCat(step.name, ": ", status.message());
    failed_ = failed_.ok()
                  ? absl::Status(status.code(), text)
                  : absl::Status(failed_.code(), absl::StrCat(failed_.message(), "; ", text));
  }
  ++at_;
  // Off the step's stack.
  loop_.Post([this, alive = alive_] {
    if (*alive) Next();
  });
}

}  // namespace rekindle::client
