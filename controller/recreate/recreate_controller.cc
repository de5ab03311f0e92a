#include "controller/recreate/recreate_controller.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/client/expectations.h"
#include "common/json/fast_parse.h"
#include "controller/recreate/join.h"

namespace rekindle::recreate {
namespace {

constexpr char kByPod[] = "pod";
// Some restarts of every container of a large pod.
constexpr size_t kMadeOfAPod = 128;

client::DecodeFunction<plan::RecreateRequest> Decoder() {
  auto parser =
      std::make_shared<json::FastParser>(std::vector<std::string>{"metadata.managedFields"});
  return [parser](absl::string_view object) -> absl::StatusOr<plan::RecreateRequest> {
    RK_ASSIGN_OR_RETURN(const Json tree, parser->Parse(object));
    return plan::ParseRecreateRequest(tree);
  };
}

client::ObjectKey PodKey(const plan::RecreateRequest& request) {
  return {.name_space = request.name_space, .name = request.pod_name};
}

bool SameContainers(const api::PodRecord& a, const api::PodRecord& b) {
  if (a.statuses.size() != b.statuses.size()) return false;
  for (size_t i = 0; i < a.statuses.size(); ++i) {
    const api::ContainerStatus& x = a.statuses[i];
    const api::ContainerStatus& y = b.statuses[i];
    if (x.id != y.id || x.restarts != y.restarts || x.ready != y.ready || x.running != y.running ||
        x.present != y.present) {
      return false;
    }
  }
  return true;
}

}  // namespace

client::ApiResource RecreateResource() {
  return {.group = "apps.kruise.io",
          .version = "v1beta1",
          .plural = "containerrecreaterequests",
          .kind = "ContainerRecreateRequest"};
}

RecreateController::RecreateController(client::ApiClient& client,
                                       client::Informer<api::PodRecord>& pods,
                                       fleet::NodeCalls& nodes, client::EventRecorder& events,
                                       Options options, client::Random random)
    : client_(client),
      loop_(client.loop()),
      pods_(pods),
      nodes_(nodes),
      options_(std::move(options)),
      random_(random),
      notices_(events),
      budgets_(client,
               [this] {
                 for (const client::ObjectKey& pod : std::exchange(wait_for_budget_, {})) {
                   control_.queue().Add(pod);
                 }
               }),
      requests_(client, {.collection = {.resource = RecreateResource()}}, Decoder()),
      control_(client.loop(), *this, options_.loop, std::move(random)) {}

RecreateController::~RecreateController() {
  *alive_ = false;
  requests_.Stop();
}

void RecreateController::Watch() {
  if (std::exchange(watching_, true)) return;
  requests_.AddIndex(kByPod, [](const client::ObjectKey&, const plan::RecreateRequest& request) {
    return std::vector<std::string>{PodKey(request).Text()};
  });
  using Ptr = plan::RecreatePtr;
  requests_.AddHandler(
      {.added = [this](const client::ObjectKey&, const Ptr& now) { Noticed(*now); },
       .updated =
           [this](const client::ObjectKey&, const Ptr& before, const Ptr& now) {
             if (now->Completed() && !before->Completed()) RememberMade(*now);
             control_.queue().Add(PodKey(*now));
           },
       .deleted = [this](const client::ObjectKey&, const Ptr& last, bool) { Gone(*last); }});
  using PodPtr = std::shared_ptr<const api::PodRecord>;
  const auto guarded = [this, alive = alive_](const client::ObjectKey& key, bool gone) {
    if (*alive) OnPodChange(key, gone);
  };
  pods_.AddHandler(
      {.added = [guarded](const client::ObjectKey& key, const PodPtr&) { guarded(key, false); },
       .updated =
           [guarded](const client::ObjectKey& key, const PodPtr& before, const PodPtr& now) {
             if (SameContainers(*before, *now) && before->terminating == now->terminating &&
                 before->phase == now->phase) {
               return;
             }
             guarded(key, false);
           },
       .deleted =
           [this, guarded, alive = alive_](const client::ObjectKey& key, const PodPtr& last, bool) {
             if (*alive) made_.erase(last->uid);
             guarded(key, true);
           }});
  requests_.Start();
}

void RecreateController::Start() { control_.Start(); }

void RecreateController::Stop(absl::Duration limit,
                              absl::AnyInvocable<void(absl::Status)> stopped) {
  // What the daemons have taken over goes on; the next process asks for it again.
  control_.Stop(limit, [this, alive = alive_,
                        stopped = std::move(stopped)](const absl::Status& status) mutable {
    if (*alive) works_.clear();
    stopped(status);
  });
}

size_t RecreateController::working() const {
  size_t count = 0;
  for (const auto& [pod, works] : works_) count += works.size();
  return count;
}

// A request that appears while this process watches is new, whatever the API server's clock says
// beside ours.
void RecreateController::Noticed(const plan::RecreateRequest& request) {
  control_.queue().Add(PodKey(request));
  if (request.Completed()) return RememberMade(request);
  const bool fresh = requests_.synced() && request.phase == plan::RecreatePhase::kNone;
  const absl::Duration age =
      fresh ? absl::ZeroDuration() : std::max(loop_.Now() - request.created, absl::ZeroDuration());
  Seen seen = {.at = loop_.Monotonic(), .age = age, .made_before = std::nullopt};
  if (fresh) {
    // The watch tells things in the order in which they happened.
    const auto made = made_.find(request.pod_uid);
    seen.made_before = made == made_.end() ? std::vector<uint64_t>() : made->second;
  }
  seen_.insert_or_assign(request.uid, std::move(seen));
}

void RecreateController::Gone(const plan::RecreateRequest& request) {
  seen_.erase(request.uid);
  written_.erase(request.uid);
  // The next one's turn comes by this (8.1).
  control_.queue().Add(PodKey(request));
}

void RecreateController::OnPodChange(const client::ObjectKey& pod, bool gone) {
  if (const auto works = works_.find(pod); works != works_.end()) {
    for (const auto& [uid, work] : works->second) {
      if (gone) {
        work->PodGone();
      } else {
        work->ContainersChanged();
      }
    }
  }
  if (!requests_.ByIndex(kByPod, pod.Text()).empty()) control_.queue().Add(pod);
}

absl::Duration RecreateController::AgeOf(const plan::RecreateRequest& request) {
  const auto found = seen_.find(request.uid);
  if (found == seen_.end()) return absl::ZeroDuration();
  return found->second.age + (loop_.Monotonic() - found->second.at);
}

void RecreateController::RememberMade(const plan::RecreateRequest& request) {
  if (request.made.empty()) return;
  const std::shared_ptr<const api::PodRecord> pod = pods_.Get(PodKey(request));
  if (pods_.synced() && (pod == nullptr || pod->uid != request.pod_uid)) return;
  std::vector<uint64_t>& made = made_[request.pod_uid];
  for (const uint64_t id : request.made) {
    std::erase(made, id);
    made.push_back(id);
  }
  if (made.size() > kMadeOfAPod) {
    made.erase(made.begin(), made.end() - static_cast<ptrdiff_t>(kMadeOfAPod));
  }
}

std::vector<uint64_t> RecreateController::MadeBefore(const plan::RecreateRequest& request) {
  const auto seen = seen_.find(request.uid);
  if (seen != seen_.end() && seen->second.made_before.has_value()) {
    return *seen->second.made_before;
  }
  // It was there before this process. In doubt, which is in the same second, the restart takes
  // place.
  std::vector<uint64_t> out;
  for (const plan::RecreatePtr& other : requests_.ByIndex(kByPod, PodKey(request).Text())) {
    if (other->pod_uid != request.pod_uid || !other->completed.has_value()) continue;
    if (*other->completed > request.created) continue;
    out.insert(out.end(), other->made.begin(), other->made.end());
  }
  return out;
}

std::vector<plan::RecreatePtr> RecreateController::RequestsOf(const client::ObjectKey& pod) {
  std::vector<plan::RecreatePtr> out = requests_.ByIndex(kByPod, pod.Text());
  for (plan::RecreatePtr& request : out) {
    const auto found = written_.find(request->uid);
    if (found == written_.end()) continue;
    const plan::RecreatePtr& newer = found->second.request;
    if (client::ReachedVersion(request->resource_version, newer->resource_version) ||
        loop_.Monotonic() - found->second.since > options_.cache_lag) {
      written_.erase(found);
    } else {
      request = newer;
    }
  }
  return out;
}

bool RecreateController::PodEnding(const plan::RecreateRequest& request) const {
  const std::shared_ptr<const api::PodRecord> pod = pods_.Get(PodKey(request));
  return pod != nullptr && pod->uid == request.pod_uid && pod->terminating;
}

void RecreateController::Tidy(const client::ObjectKey& pod,
                              const std::vector<plan::RecreatePtr>& requests) {
  const auto works = works_.find(pod);
  if (works == works_.end()) return;
  for (auto work = works->second.begin(); work != works->second.end();) {
    const bool lives =
        std::any_of(requests.begin(), requests.end(), [&](const plan::RecreatePtr& request) {
          return request->uid == work->first && !request->deleting && !request->Completed();
        });
    if (lives) {
      ++work;
      continue;
    }
    work->second->GiveUp(/*pod_terminating=*/false);
    work = works->second.erase(work);
    // What it used of a budget is free.
    for (const client::ObjectKey& waits : std::exchange(wait_for_budget_, {})) {
      control_.queue().Add(waits);
    }
  }
  if (!works->second.empty()) return;
  works_.erase(works);
  budget_users_.erase(pod);
}

void RecreateController::Reconcile(const client::ObjectKey& pod, absl::Duration, Done done) {
  const JoinPtr join = std::make_shared<Join>(std::move(done));
  std::vector<plan::RecreatePtr> requests = RequestsOf(pod);
  Tidy(pod, requests);
  for (const plan::RecreatePtr& request : requests) {
    if (request->deleting || request->Completed()) {
      Finish(*request, join);
    } else if (request->virtual_kubelet) {
      Hold(*request, plan::PlanVirtual(*request, PodEnding(*request), AgeOf(*request), loop_.Now()),
           join);
    }
  }
  const plan::RecreateQueue queue = plan::OrderRequests(std::move(requests));
  for (const plan::RecreatePtr& request : queue.waiting) {
    Hold(*request,
         plan::PlanWaiting(*request,
                           absl::StrCat("waits for ContainerRecreateRequest ", queue.picked->name),
                           PodEnding(*request), AgeOf(*request), loop_.Now()),
         join);
  }
  if (queue.picked != nullptr) Advance(queue.picked, join);
  join->Close();
}

void RecreateController::Hold(const plan::RecreateRequest& request, const plan::WaitingPlan& plan,
                              const JoinPtr& join) {
  join->Wake(plan.wake);
  if (!plan.write.has_value()) return;
  WriteStatus(request, *plan.write, join, [this, request, plan] {
    if (plan.completes) {
      notices_.Completed(request, *plan.write);
    } else if (!plan.write->message.empty()) {
      notices_.Waiting(request, plan.write->message);
    }
  });
}

void RecreateController::Advance(const plan::RecreatePtr& request, const JoinPtr& join) {
  const client::ObjectKey pod = PodKey(*request);
  std::unique_ptr<RequestWork>& work = works_[pod][request->uid];
  if (work == nullptr) {
    work = std::make_unique<RequestWork>(
        RequestWork::Tools{.client = client_,
                           .nodes = nodes_,
                           .notices = notices_,
                           .wake = [this, pod] { control_.queue().Add(pod); }},
        *request);
  }
  if (request->respect_budget && work->budgets_used.empty()) AskBudgets(*request, *work);
  work->made_before = MadeBefore(*request);
  const plan::RecreatePlan plan =
      plan::PlanRecreate(work->Input(*request, pods_.Get(pod).get(), AgeOf(*request)));
  work->Keep(plan);
  CarryOut(request, *work, plan, join);
}

void RecreateController::AskBudgets(const plan::RecreateRequest& request, RequestWork& work) {
  if (work.pod() == nullptr) return;
  const auto in_use = [this](const client::ObjectKey& budget) {
    int count = 0;
    for (const client::ObjectKey& pod : budget_users_) {
      const auto works = works_.find(pod);
      if (works == works_.end()) continue;
      for (const auto& [uid, other] : works->second) {
        count += static_cast<int>(other->budgets_used.count(budget));
      }
    }
    return count;
  };
  const Budgets::Answer answer = budgets_.Ask(*work.pod(), in_use);
  work.budget = answer.why;
  work.budgets_asked = answer.matches;
  if (!answer.why.empty()) wait_for_budget_.insert(PodKey(request));
}

void RecreateController::CarryOut(const plan::RecreatePtr& request, RequestWork& work,
                                  const plan::RecreatePlan& plan, const JoinPtr& join) {
  join->Wake(plan.wake);
  join->Wake(work.TellWait(*request, plan.waiting));
  if (plan.read_pod || work.pod_stale()) work.ReadPod(*request);
  if (plan.list_containers) work.ListContainers(*request);
  if (plan.refresh) work.Refresh(*request);
  if (plan.take_finalizer) TakeFinalizer(*request, join);
  if (plan.take_key) TakeKey(*request, join);
  if (plan.call.has_value()) {
    work.budgets_used = work.budgets_asked;
    if (!work.budgets_used.empty()) budget_users_.insert(PodKey(*request));
    work.HandOver(*request, *plan.call, AgeOf(*request));
  }
  if (!plan.write.has_value()) return;
  if (plan.write->phase == plan::RecreatePhase::kPending) {
    const absl::Duration now = loop_.Monotonic();
    if (!work.pending_since.has_value()) work.pending_since = now;
    const absl::Duration due = work.pending_written.has_value()
                                   ? *work.pending_written + options_.between_reasons
                                   : *work.pending_since + options_.before_reason;
    if (due > now) return join->Wake(due - now);
    work.pending_written = now;
  }
  const bool drains = plan.write->drain_since.has_value() && !request->drain_since.has_value();
  if (plan.give_up) work.GiveUp(PodEnding(*request));
  WriteStatus(*request, *plan.write, join, [this, request, plan, drains] {
    const auto works = works_.find(PodKey(*request));
    if (works == works_.end()) return;
    const auto found = works->second.find(request->uid);
    if (found == works->second.end()) return;
    if (drains) found->second->DrainBegan();
    if (plan.no_gate) notices_.NoGate(*request);
    if (plan.completes) notices_.Completed(*request, *plan.write);
  });
}

}  // namespace rekindle::recreate
