#include "daemon/restart/pod_reader.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "daemon/kubelet/reservation.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kPodNameLabel[] = "io.kubernetes.pod.name";
constexpr char kPodNamespaceLabel[] = "io.kubernetes.pod.namespace";
constexpr char kPodUidLabel[] = "io.kubernetes.pod.uid";

std::string PodName(const PodRef& pod) { return absl::StrCat(pod.ns, "/", pod.name); }

// Labels that say something else than the metadata: somebody plays with identities.
bool LabelContradicts(const v1::PodSandbox& sandbox, const char* label, const std::string& value) {
  auto it = sandbox.labels().find(label);
  return it != sandbox.labels().end() && it->second != value;
}

// Picks the pod's one ready sandbox among all that the runtime listed.
absl::StatusOr<v1::PodSandbox> PickSandbox(const PodRef& pod,
                                           const v1::ListPodSandboxResponse& list) {
  std::vector<const v1::PodSandbox*> ready;
  std::set<std::string> other_uids;
  bool not_ready = false;
  for (const v1::PodSandbox& sandbox : list.items()) {
    const v1::PodSandboxMetadata& meta = sandbox.metadata();
    if (meta.namespace_() != pod.ns || meta.name() != pod.name) continue;
    if (!pod.uid.empty() && meta.uid() != pod.uid) {
      if (sandbox.state() == v1::SANDBOX_READY) other_uids.insert(meta.uid());
      continue;
    }
    if (sandbox.state() == v1::SANDBOX_READY) {
      ready.push_back(&sandbox);
    } else {
      not_ready = true;
    }
  }
  if (ready.size() > 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("pod: ", PodName(pod), " has ", ready.size(), " ready sandboxes"));
  }
  if (ready.empty()) {
    if (!other_uids.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("pod.uid: ", PodName(pod), " runs with UID ",
                       absl::StrJoin(other_uids, ", "), ", not ", pod.uid));
    }
    if (not_ready) {
      return absl::FailedPreconditionError(
          absl::StrCat("pod: the sandbox of ", PodName(pod), " is not ready"));
    }
    return absl::NotFoundError(absl::StrCat("pod: no pod ", PodName(pod), " on this node"));
  }
  const v1::PodSandbox& sandbox = *ready.front();
  const v1::PodSandboxMetadata& meta = sandbox.metadata();
  if (LabelContradicts(sandbox, kPodNameLabel, meta.name()) ||
      LabelContradicts(sandbox, kPodNamespaceLabel, meta.namespace_()) ||
      LabelContradicts(sandbox, kPodUidLabel, meta.uid())) {
    return absl::FailedPreconditionError(
        absl::StrCat("pod: labels and metadata of the sandbox of ", PodName(pod), " disagree"));
  }
  return sandbox;
}

PodView ViewOf(v1::PodSandbox sandbox, v1::ListContainersResponse list) {
  PodView view;
  view.pod = {sandbox.metadata().namespace_(), sandbox.metadata().name(), sandbox.metadata().uid()};
  for (v1::Container& container : *list.mutable_containers()) {
    if (container.pod_sandbox_id() != sandbox.id()) continue;
    auto& to = kubelet::IsPlaceholder(container) ? view.placeholders : view.containers;
    to.push_back(std::move(container));
  }
  std::stable_sort(view.containers.begin(), view.containers.end(),
                   [](const v1::Container& a, const v1::Container& b) {
                     if (a.created_at() != b.created_at()) return a.created_at() > b.created_at();
                     return a.metadata().attempt() > b.metadata().attempt();
                   });
  view.sandbox = std::move(sandbox);
  return view;
}

v1::ContainerFilter InSandbox(const std::string& id) {
  v1::ContainerFilter filter;
  filter.set_pod_sandbox_id(id);
  return filter;
}

// For sandboxes and for containers: pods that carry the usual labels are found without listing the
// whole node.
template <typename Filter>
Filter ByLabels(const PodRef& pod) {
  Filter filter;
  (*filter.mutable_label_selector())[kPodNameLabel] = pod.name;
  (*filter.mutable_label_selector())[kPodNamespaceLabel] = pod.ns;
  return filter;
}

void ReadContainers(cri::Runtime& runtime, v1::PodSandbox sandbox, cri::Reply<PodView> reply) {
  const v1::ContainerFilter filter = InSandbox(sandbox.id());
  runtime.ListContainers(filter, [sandbox = std::move(sandbox), reply = std::move(reply)](
                                     absl::StatusOr<v1::ListContainersResponse> list) mutable {
    if (!list.ok()) return reply(list.status());
    reply(ViewOf(std::move(sandbox), *std::move(list)));
  });
}

void ReadUnlabelled(cri::Runtime& runtime, const PodRef& pod, cri::Reply<PodView> reply) {
  runtime.ListPodSandbox({}, [&runtime, pod, reply = std::move(reply)](
                                 absl::StatusOr<v1::ListPodSandboxResponse> all) mutable {
    if (!all.ok()) return reply(all.status());
    absl::StatusOr<v1::PodSandbox> found = PickSandbox(pod, *all);
    if (!found.ok()) return reply(found.status());
    ReadContainers(runtime, *std::move(found), std::move(reply));
  });
}

// Gathers the containers of one sandbox and the verbose statuses of it and of some of them; replies
// once.
class DetailsReader : public std::enable_shared_from_this<DetailsReader> {
 public:
  DetailsReader(cri::Runtime& runtime, std::vector<std::string> names, cri::Reply<PodDetails> reply)
      : runtime_(runtime), names_(std::move(names)), reply_(std::move(reply)) {}

  // `view` holds all containers of the sandbox.
  void Start(PodView view) {
    for (const std::string& name : names_) {
      if (view.Newest(name) == nullptr) return reply_(Unknown(view, name));
    }
    ReadStatuses(std::move(view));
  }

  // `view` may lack some: all are listed meanwhile, which costs no time. False: it lacks what is
  // asked for.
  bool StartWithGuess(const PodView& view) {
    for (const std::string& name : names_) {
      if (view.Newest(name) == nullptr) return false;
    }
    ++outstanding_;
    runtime_.ListContainers(
        InSandbox(view.sandbox.id()),
        [self = shared_from_this()](absl::StatusOr<v1::ListContainersResponse> list) {
          const absl::Status outcome = list.status();
          if (outcome.ok()) self->all_ = *std::move(list);
          self->Arrived(outcome);
        });
    ReadStatuses(view);
    return true;
  }

  void Fail(const absl::Status& status) { reply_(status); }

 private:
  void ReadStatuses(PodView view) {
    details_.view = std::make_shared<const PodView>(std::move(view));
    outstanding_ += names_.size() + 1;
    runtime_.PodSandboxStatus(
        details_.view->sandbox.id(), /*verbose=*/true,
        [self = shared_from_this()](absl::StatusOr<v1::PodSandboxStatusResponse> status) {
          const absl::Status outcome = status.status();
          if (outcome.ok()) {
            self->details_.sandbox =
                std::make_shared<const v1::PodSandboxStatusResponse>(*std::move(status));
          }
          self->Arrived(outcome);
        });
    for (const std::string& name : names_) {
      runtime_.ContainerStatus(
          details_.view->Newest(name)->id(), /*verbose=*/true,
          [self = shared_from_this(), name](absl::StatusOr<v1::ContainerStatusResponse> status) {
            const absl::Status outcome = status.status();
            if (outcome.ok()) self->details_.current[name] = *std::move(status);
            self->Arrived(outcome);
          });
    }
  }

  static absl::Status Unknown(const PodView& view, const std::string& name) {
    std::set<std::string> known;
    for (const v1::Container& container : view.containers) {
      known.insert(container.metadata().name());
    }
    return absl::NotFoundError(
        absl::StrCat("containers: pod ", PodName(view.pod), " has no container \"", name,
                     "\"; it has: ", known.empty() ? "none" : absl::StrJoin(known, ", ")));
  }

  void Arrived(const absl::Status& status) {
    if (first_error_.ok()) first_error_ = status;
    if (--outstanding_ != 0) return;
    if (!first_error_.ok()) return reply_(first_error_);
    if (all_.has_value() && !TakeAll()) return;
    reply_(std::move(details_));
  }

  // Puts the full list in the place of the guess. False: the guess was wrong, and it begins anew.
  bool TakeAll() {
    PodView view = ViewOf(details_.view->sandbox, *std::exchange(all_, std::nullopt));
    for (const std::string& name : names_) {
      const v1::Container* newest = view.Newest(name);
      if (newest != nullptr && newest->id() == details_.view->Newest(name)->id()) continue;
      details_ = PodDetails();
      Start(std::move(view));
      return false;
    }
    details_.view = std::make_shared<const PodView>(std::move(view));
    return true;
  }

  cri::Runtime& runtime_;
  const std::vector<std::string> names_;
  cri::Reply<PodDetails> reply_;
  PodDetails details_;
  std::optional<v1::ListContainersResponse> all_;
  size_t outstanding_ = 0;
  absl::Status first_error_;
};

// Looks for the sandbox and for the containers at the same time, by their labels.
class LabelReader : public std::enable_shared_from_this<LabelReader> {
 public:
  using Found = absl::AnyInvocable<void(absl::StatusOr<PodView>)>;

  LabelReader(PodRef pod, Found found) : pod_(std::move(pod)), found_(std::move(found)) {}

  void Start(cri::Runtime& runtime) {
    runtime.ListPodSandbox(
        ByLabels<v1::PodSandboxFilter>(pod_),
        [self = shared_from_this()](absl::StatusOr<v1::ListPodSandboxResponse> list) {
          self->sandboxes_ = std::move(list);
          self->Arrived();
        });
    runtime.ListContainers(
        ByLabels<v1::ContainerFilter>(pod_),
        [self = shared_from_this()](absl::StatusOr<v1::ListContainersResponse> list) {
          self->containers_ = std::move(list);
          self->Arrived();
        });
  }

 private:
  void Arrived() {
    if (++arrived_ < 2) return;
    if (!sandboxes_.ok()) return found_(sandboxes_.status());
    if (!containers_.ok()) return found_(containers_.status());
    absl::StatusOr<v1::PodSandbox> sandbox = PickSandbox(pod_, *sandboxes_);
    if (!sandbox.ok()) return found_(sandbox.status());
    found_(ViewOf(*std::move(sandbox), *std::move(containers_)));
  }

  const PodRef pod_;
  Found found_;
  absl::StatusOr<v1::ListPodSandboxResponse> sandboxes_;
  absl::StatusOr<v1::ListContainersResponse> containers_;
  int arrived_ = 0;
};

}  // namespace

const v1::Container* PodView::Newest(std::string_view name) const {
  for (const v1::Container& container : containers) {
    if (container.metadata().name() == name) return &container;
  }
  return nullptr;
}

const v1::Container* PodView::Find(std::string_view name, uint32_t attempt) const {
  for (const v1::Container& container : containers) {
    if (container.metadata().name() == name && container.metadata().attempt() == attempt) {
      return &container;
    }
  }
  return nullptr;
}

const v1::Container* PodView::Placeholder(std::string_view name, uint32_t attempt) const {
  for (const v1::Container& container : placeholders) {
    if (container.metadata().name() == name && container.metadata().attempt() == attempt) {
      return &container;
    }
  }
  return nullptr;
}

uint32_t PodView::NextAttempt(std::string_view name) const {
  uint32_t next = 0;
  for (const v1::Container& container : containers) {
    if (container.metadata().name() == name) {
      next = std::max(next, container.metadata().attempt() + 1);
    }
  }
  return next;
}

void ReadPod(cri::Runtime& runtime, const PodRef& pod, cri::Reply<PodView> reply) {
  runtime.ListPodSandbox(ByLabels<v1::PodSandboxFilter>(pod),
                         [&runtime, pod, reply = std::move(reply)](
                             absl::StatusOr<v1::ListPodSandboxResponse> list) mutable {
                           if (!list.ok()) return reply(list.status());
                           absl::StatusOr<v1::PodSandbox> sandbox = PickSandbox(pod, *list);
                           if (sandbox.ok())
                             return ReadContainers(runtime, *std::move(sandbox), std::move(reply));
                           if (!absl::IsNotFound(sandbox.status())) return reply(sandbox.status());
                           ReadUnlabelled(runtime, pod, std::move(reply));
                         });
}

void ReadPodDetails(cri::Runtime& runtime, const PodRef& pod, std::vector<std::string> names,
                    cri::Reply<PodDetails> reply) {
  auto details = std::make_shared<DetailsReader>(runtime, std::move(names), std::move(reply));
  auto complete = [details](absl::StatusOr<PodView> view) {
    if (!view.ok()) return details->Fail(view.status());
    details->Start(*std::move(view));
  };
  std::make_shared<LabelReader>(pod, [&runtime, pod, details,
                                      complete](absl::StatusOr<PodView> view) {
    if (absl::IsNotFound(view.status())) return ReadUnlabelled(runtime, pod, complete);
    if (!view.ok()) return details->Fail(view.status());
    if (!details->StartWithGuess(*view)) ReadContainers(runtime, view->sandbox, complete);
  })->Start(runtime);
}

bool SaysSomethingOfThePod(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsFailedPrecondition(status) ||
         absl::IsInvalidArgument(status);
}

}  // namespace rekindle::restart
