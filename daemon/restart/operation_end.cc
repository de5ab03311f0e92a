// How an operation ends, and what happens after that.
#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/logging.h"
#include "daemon/restart/grace.h"
#include "daemon/restart/operation_runner.h"
#include "daemon/restart/transitions.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;

// How long the runtime may take to report the old container as exited; only figures depend on it.
constexpr absl::Duration kExitReport = absl::Seconds(10);

std::string DoneText(const OperationRecord& record) {
  std::string text = absl::StrCat("restarted as attempt ", record.attempt);
  if (record.method == Method::kDelegate) absl::StrAppend(&text, " by the kubelet");
  if (record.adopted) absl::StrAppend(&text, ", which the kubelet made");
  if (record.start_failures > 0) {
    absl::StrAppend(&text, ", after ", record.start_failures,
                    record.start_failures == 1 ? " start that failed" : " starts that failed");
  }
  if (!record.gap.has_value()) return text;
  if (record.gap == absl::ZeroDuration()) return absl::StrCat(text, ", without a gap");
  return absl::StrCat(text, ", gap ",
                      absl::FormatDuration(absl::Trunc(*record.gap, absl::Microseconds(100))));
}

}  // namespace

void OperationRunner::MeasureAndFinish() {
  verified_ = true;
  MoveOn();
  if (!record_.old_was_running) return CollectDead();
  if (started_.started_at() != 0) return ReadExit();
  // Resumed after the start: read again when that was.
  deps_.runtime.ContainerStatus(record_.new_container_id, /*verbose=*/false,
                                Here([this](absl::StatusOr<v1::ContainerStatusResponse> response) {
                                  if (response.ok())
                                    started_ = std::move(*response->mutable_status());
                                  ReadExit();
                                }));
}

void OperationRunner::ReadExit() {
  timer_.Set(deps_.loop, kExitReport, [this] { CollectDead(); });
  exit_watch_ = deps_.monitor.WatchExit(
      record_.old_container_id, Here([this](const absl::StatusOr<v1::ContainerStatus>& exited) {
        exit_watch_ = 0;
        if (exited.ok()) {
          record_.old_exit_code = exited->exit_code();
          if (started_.started_at() != 0) {
            // finished_at may be the later one: an overlap, or two clocks of the runtime
            // (spec/node-runtime 1.5).
            record_.gap = absl::Nanoseconds(
                std::max<int64_t>(0, started_.started_at() - exited->finished_at()));
          }
        }
        CollectDead();
      }));
}

void OperationRunner::CollectDead() {
  MoveOn();
  // A kubelet removes what it does not need any more, and reads the state of the last instance from
  // the newest dead one.
  if (record_.beside_kubelet) return Finish();
  // Without a kubelet nobody else removes dead instances. The newest one stays: its log and exit
  // code are what people look for.
  v1::ContainerFilter filter;
  filter.set_pod_sandbox_id(record_.sandbox_id);
  if (labelled_) {
    (*filter.mutable_label_selector())[kContainerNameLabel] = record_.container_name;
  }
  deps_.runtime.ListContainers(filter,
                               Here([this](const absl::StatusOr<v1::ListContainersResponse>& list) {
                                 if (!list.ok()) return Finish();
                                 for (const v1::Container& container : list->containers()) {
                                   if (IsLeftBehind(container))
                                     record_.leftovers.push_back(container.id());
                                   if (container.id() == record_.old_container_id)
                                     SettleUnknown(container);
                                 }
                                 Finish();
                               }));
}

bool OperationRunner::IsLeftBehind(const v1::Container& container) const {
  if (container.metadata().name() != record_.container_name ||
      container.metadata().attempt() >= record_.attempt ||
      container.id() == record_.old_container_id ||
      absl::c_linear_search(record_.leftovers, container.id())) {
    return false;
  }
  // Unknown: what a runtime that was killed in the middle of something makes of it. An instance
  // that has been replaced is of no use whatever it is.
  return container.state() != v1::CONTAINER_RUNNING;
}

void OperationRunner::SettleUnknown(const v1::Container& old) {
  if (old.state() != v1::CONTAINER_UNKNOWN) return;
  // The runtime was killed while the process ended. A stop makes it an exited one again.
  deps_.runtime.StopContainer(old.id(), kMinStopTimeout, [](const absl::Status&) {});
}

void OperationRunner::Finish() { End(Phase::kDone, DoneText(record_)); }

void OperationRunner::Fail(const std::string& message, bool service_down) {
  if (!Touched() && !record_.new_container_id.empty()) {
    record_.leftovers.push_back(record_.new_container_id);
  }
  record_.service_down = service_down && record_.old_was_running && record_.method != Method::kHot;
  End(Phase::kFailed, message);
}

void OperationRunner::End(Phase phase, const std::string& message) {
  MoveOn();
  gate_pass_.reset();
  deadline_timer_.Cancel();
  record_.phase = phase;
  record_.message = message;
  record_.ended = deps_.loop.Now();
  record_.history.push_back({phase, record_.ended});
  if (placeholder_watch_ != 0) deps_.monitor.Unwatch(std::exchange(placeholder_watch_, 0));
  // What was begun may have left a placeholder, or taken over the aftercare of another.
  record_.aftercare = record_.beside_kubelet && begun_;
  record_.aftercare_from = record_.ended;
  record_.aftercare_step = 0;
  source_.reset();
  replacement_.reset();
  started_.Clear();
  const std::string line =
      absl::StrCat("operation=", record_.id(), " pod=", record_.pod.ns, "/", record_.pod.name,
                   " container=", record_.container_name, " method=", MethodName(record_.method),
                   " ", PhaseName(phase), ": ", message);
  if (phase == Phase::kFailed) {
    LOG(ERROR) << line << (record_.service_down ? " SERVICE DOWN" : "");
  } else {
    LOG(INFO) << line;
  }
  retry_.Reset();
  StoreEnd();
}

void OperationRunner::Announce() {
  if (std::exchange(announced_, true)) return;
  callbacks_.changed(record_);
  callbacks_.ended();
  CleanUp();
}

void OperationRunner::StoreEnd() {
  // An end that is not on disk would be done over by the next daemon: nobody hears of it before it
  // is stored, and what cannot be stored now is tried again until it can.
  deps_.journal.Update(record_, Here([this](const absl::Status& stored) {
                         Announce();
                         if (stored.ok()) {
                           end_stored_ = true;
                           return CheckSettled();
                         }
                         LOG(ERROR) << "operation=" << record_.id()
                                    << " has ended, but the journal cannot be written; trying on: "
                                    << stored;
                         timer_.Set(deps_.loop, retry_.Next(), [this] { StoreEnd(); });
                       }));
}

void OperationRunner::CleanUp() {
  if (record_.leftovers.empty()) return StartAftercare();
  cleaner_ =
      Cleaner::Start({deps_.loop, deps_.runtime, deps_.files, options_.retry}, record_.leftovers,
                     record_.grace, [weak = weak_from_this()](std::vector<std::string> remaining) {
                       std::shared_ptr<OperationRunner> self = weak.lock();
                       if (self == nullptr) return;
                       self->record_.leftovers = std::move(remaining);
                       // The kubelet may act on what it saw of them until they were gone.
                       self->record_.aftercare_from = self->deps_.loop.Now();
                       self->callbacks_.changed(self->record_);
                       self->deps_.journal.Update(self->record_, [](const absl::Status&) {});
                       self->StartAftercare();
                       self->CheckSettled();
                     });
}

void OperationRunner::StartAftercare() {
  if (!record_.aftercare || aftercare_ != nullptr) return;
  if (record_.phase == Phase::kDone && !record_.new_container_id.empty()) {
    // A container that ends soon is the kubelet's to start again: no name may be in its way.
    placeholder_watch_ = deps_.monitor.WatchExit(
        record_.new_container_id,
        [weak = weak_from_this()](const absl::StatusOr<v1::ContainerStatus>& exited) {
          std::shared_ptr<OperationRunner> self = weak.lock();
          if (self == nullptr) return;
          self->placeholder_watch_ = 0;
          self->ReleaseNow();
          if (exited.ok()) self->NoteLateExit(*exited);
        });
  }
  aftercare_ = Aftercare::Start({deps_.loop, deps_.runtime, options_.retry}, record_,
                                [weak = weak_from_this()](uint32_t next, const std::string& note) {
                                  std::shared_ptr<OperationRunner> self = weak.lock();
                                  if (self != nullptr) self->OnAftercareStep(next, note);
                                });
}

void OperationRunner::OnAftercareStep(uint32_t next, const std::string& note) {
  record_.aftercare_step = next;
  if (!note.empty()) AddToAftercare(note);
  if (next < Aftercare::kSteps) {
    return deps_.journal.Update(record_, [](const absl::Status&) {});
  }
  if (record_.aftercare_result.empty()) record_.aftercare_result = "ok";
  EndAftercare("");
}

void OperationRunner::NoteLateExit(const v1::ContainerStatus& exited) {
  const std::string what = absl::StrCat("attempt ", record_.attempt, " exited with code ");
  // A daemon that was restarted hears of it once more.
  if (absl::StrContains(record_.aftercare_result, what)) return;
  const absl::Duration ran =
      absl::Nanoseconds(std::max<int64_t>(0, exited.finished_at() - exited.started_at()));
  AddToAftercare(absl::StrCat(what, exited.exit_code(), " after ",
                              absl::FormatDuration(absl::Trunc(ran, absl::Milliseconds(1))),
                              " and was left to the kubelet"));
  LOG(INFO) << "operation=" << record_.id() << " pod=" << record_.pod.ns << "/" << record_.pod.name
            << " container=" << record_.container_name << " " << record_.aftercare_result;
  callbacks_.changed(record_);
  deps_.journal.Update(record_, [](const absl::Status&) {});
}

void OperationRunner::AddToAftercare(const std::string& note) {
  absl::StrAppend(&record_.aftercare_result, record_.aftercare_result.empty() ? "" : "; ", note);
}

void OperationRunner::EndAftercare(const std::string& by) {
  if (!record_.aftercare) return;
  aftercare_.reset();
  if (placeholder_watch_ != 0) deps_.monitor.Unwatch(std::exchange(placeholder_watch_, 0));
  record_.aftercare = false;
  if (!by.empty()) AddToAftercare(absl::StrCat("taken over by ", by));
  callbacks_.changed(record_);
  deps_.journal.Update(record_, [](const absl::Status&) {});
  CheckSettled();
}

void OperationRunner::CheckSettled() {
  if (!end_stored_ || !record_.leftovers.empty() || record_.aftercare ||
      callbacks_.settled == nullptr)
    return;
  auto settled = std::exchange(callbacks_.settled, nullptr);
  settled();
}

void OperationRunner::OnDeadline() {
  if (IsTerminal(record_.phase) || verified_) return;
  if (!Touched()) {
    return Fail(absl::StrCat("the deadline has passed while ", PhaseName(record_.phase), " (",
                             record_.message, ")",
                             record_.method == Method::kHot ? "; the old container still serves"
                                                            : "; nothing was touched"));
  }
  if (awaiting_kubelet_) {
    return Fail(absl::StrCat("the deadline has passed: ", AwaitText(), "; the container is down"),
                /*service_down=*/true);
  }
  if (record_.phase == Phase::kVerifying) {
    return Fail(absl::StrCat("the deadline has passed before it had run longer than ",
                             absl::FormatDuration(record_.min_started),
                             "; the new container runs"));
  }
  Say(absl::StrCat(record_.message,
                   "; the deadline has passed, but what has begun is brought to its end"));
}

}  // namespace rekindle::restart
