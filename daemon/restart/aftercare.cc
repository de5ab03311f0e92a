#include "daemon/restart/aftercare.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/logging.h"
#include "daemon/kubelet/reservation.h"
#include "daemon/restart/pod_reader.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;

struct AftercareStep {
  absl::Duration after;
  bool release;
};

constexpr AftercareStep kAftercareSteps[] = {
    {absl::Seconds(1), false},
    {absl::Seconds(3), false},
    {absl::Milliseconds(4500), true},
    {absl::Seconds(70), false},
};
static_assert(std::size(kAftercareSteps) == Aftercare::kSteps);

// Waits for several calls; the last reply tells `done` the first error.
class CallGroup : public std::enable_shared_from_this<CallGroup> {
 public:
  explicit CallGroup(absl::AnyInvocable<void(absl::Status)> done) : done_(std::move(done)) {}

  // A callback for one more call.
  cri::Done Add() {
    ++outstanding_;
    return [self = shared_from_this()](const absl::Status& status) {
      if (!status.ok() && self->first_error_.ok()) self->first_error_ = status;
      self->Less();
    };
  }
  // All calls have been made.
  void Close() { Less(); }

 private:
  void Less() {
    if (--outstanding_ == 0) done_(first_error_);
  }

  absl::AnyInvocable<void(absl::Status)> done_;
  size_t outstanding_ = 1;
  absl::Status first_error_;
};

}  // namespace

void RemovePlaceholders(cri::Runtime& runtime, const v1::ContainerFilter& filter,
                        std::function<bool(const v1::Container&)> keep,
                        absl::AnyInvocable<void(absl::Status)> done) {
  runtime.ListContainers(filter, [&runtime, keep = std::move(keep), done = std::move(done)](
                                     absl::StatusOr<v1::ListContainersResponse> list) mutable {
    if (!list.ok()) return done(list.status());
    auto removals = std::make_shared<CallGroup>(std::move(done));
    for (const v1::Container& container : list->containers()) {
      if (!kubelet::IsPlaceholder(container) || keep(container)) continue;
      runtime.RemoveContainer(container.id(), removals->Add());
    }
    removals->Close();
  });
}

std::shared_ptr<Aftercare> Aftercare::Start(const Deps& deps, const OperationRecord& record,
                                            StepDone step_done) {
  std::shared_ptr<Aftercare> made(new Aftercare(deps, record, std::move(step_done)));
  made->Schedule();
  return made;
}

Aftercare::Aftercare(const Deps& deps, const OperationRecord& record, StepDone step_done)
    : deps_(deps),
      pod_(record.pod),
      sandbox_id_(record.sandbox_id),
      container_(record.container_name),
      grace_(record.grace),
      from_(record.aftercare_from),
      step_(std::min(record.aftercare_step, kSteps - 1)),
      step_done_(std::move(step_done)),
      retry_(deps.retry) {}

template <typename F>
auto Aftercare::Here(F f) {
  return [weak = weak_from_this(), f = std::move(f)](auto&&... args) mutable {
    std::shared_ptr<Aftercare> self = weak.lock();
    if (self != nullptr) f(std::forward<decltype(args)>(args)...);
  };
}

void Aftercare::Schedule() {
  retry_.Reset();
  const absl::Duration after = kAftercareSteps[step_].after;
  // A wall clock that jumped makes no step wait longer than it was meant to.
  const absl::Duration left =
      std::clamp(from_ + after - deps_.loop.Now(), absl::ZeroDuration(), after);
  timer_.Set(deps_.loop, left, [this] { RunStep(); });
}

void Aftercare::RunStep() {
  if (kAftercareSteps[step_].release) return Release();
  Look();
}

void Aftercare::Look() {
  ReadPod(deps_.runtime, pod_, Here([this](absl::StatusOr<PodView> pod) {
            if (pod.ok()) return Act(kubelet::Judge(pod->containers, container_));
            // Without the pod, or without its sandbox, there is nothing to look after.
            if (SaysSomethingOfThePod(pod.status())) return Finish("");
            Again(&Aftercare::Look);
          }));
}

void Aftercare::Act(kubelet::Repair repair) {
  if (repair.ok()) return Finish("");
  LOG(WARNING) << "pod=" << pod_.ns << "/" << pod_.name << " container=" << container_ << " "
               << repair.note << ": repaired";
  auto repairs =
      std::make_shared<CallGroup>(Here([this, note = repair.note](const absl::Status& repaired) {
        if (!repaired.ok()) return Again(&Aftercare::Look);
        Finish(note);
      }));
  for (const std::string& id : repair.stop) {
    deps_.runtime.StopContainer(id, grace_, repairs->Add());
  }
  for (const std::string& id : repair.remove) {
    deps_.runtime.RemoveContainer(id, repairs->Add());
  }
  repairs->Close();
}

void Aftercare::Release() {
  RemovePlaceholders(
      deps_.runtime, kubelet::PlaceholderFilter(sandbox_id_, container_),
      [](const v1::Container&) { return false; }, Here([this](const absl::Status& removed) {
        if (!removed.ok()) return Again(&Aftercare::Release);
        Finish("");
      }));
}

void Aftercare::Finish(const std::string& note) {
  ++step_;
  // What is told may be the end of this object's holder.
  const auto self = shared_from_this();
  if (step_ < kSteps) Schedule();
  step_done_(step_, note);
}

void Aftercare::Again(void (Aftercare::*step)()) {
  timer_.Set(deps_.loop, retry_.Next(), [this, step] { (this->*step)(); });
}

}  // namespace rekindle::restart
