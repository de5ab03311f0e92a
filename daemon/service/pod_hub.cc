#include "daemon/service/pod_hub.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <utility>
#include <vector>

#include <google/protobuf/util/message_differencer.h>

#include "common/base/status_macros.h"
#include "daemon/kubelet/reservation.h"
#include "daemon/service/constants.h"
#include "daemon/service/pod_wire.h"

namespace rekindle::service {

namespace node = ::rekindle::node::v1;
namespace runtime = ::runtime::v1;

namespace {

// An event comes before the runtime's own lists show what it says (spec/node-runtime 1.17), and
// what happened before a stream of events was really there is announced by nobody: so there are
// further looks this long after the last event.
constexpr absl::Duration kFollowUps[] = {absl::Milliseconds(120), absl::Milliseconds(500),
                                         absl::Seconds(2)};

// By name, newest attempt first, as ListPods.
void Sort(node::Pod& pod) {
  std::sort(pod.mutable_containers()->begin(), pod.mutable_containers()->end(),
            [](const node::Container& a, const node::Container& b) {
              return a.name() != b.name() ? a.name() < b.name() : a.attempt() > b.attempt();
            });
}

}  // namespace

// One look at the runtime. Kept alive by the calls that are under way; the hub lets go of it when
// it loses its interest.
class PodHub::Look : public std::enable_shared_from_this<PodHub::Look> {
 public:
  explicit Look(PodHub& hub) : hub_(&hub), runtime_(*hub.runtime_) {}

  void Start() {
    runtime_.ListPodSandbox(runtime::PodSandboxFilter(),
                            [self = shared_from_this()](auto list) { self->OnSandboxes(list); });
  }
  void Forget() { hub_ = nullptr; }

 private:
  void OnSandboxes(const absl::StatusOr<runtime::ListPodSandboxResponse>& list) {
    if (hub_ == nullptr) return;
    if (!list.ok()) return Finish(Annotate(list.status(), "list sandboxes"));
    for (const runtime::PodSandbox& sandbox : list->items()) {
      node::Pod& pod = pods_[sandbox.id()];
      pod = ToWire(sandbox);
      if (pod.owner() != node::POD_OWNER_KUBELET) {
        pod.mutable_annotations()->insert(sandbox.annotations().begin(),
                                          sandbox.annotations().end());
      }
      const auto before = hub_->pods_.find(sandbox.id());
      if (before != hub_->pods_.end()) {
        pod.set_ip(before->second.ip());
        pod.set_host_network(before->second.host_network());
      }
      // The address of a sandbox that is not ready can no longer be asked for.
      if (pod.ready() && pod.ip().empty() && !pod.host_network())
        to_read_.push_back({sandbox.id(), ""});
    }
    runtime_.ListContainers(runtime::ContainerFilter(), [self = shared_from_this()](auto listed) {
      self->OnContainers(listed);
    });
  }

  void OnContainers(const absl::StatusOr<runtime::ListContainersResponse>& list) {
    if (hub_ == nullptr) return;
    if (!list.ok()) return Finish(Annotate(list.status(), "list containers"));
    for (const runtime::Container& container : list->containers()) {
      const auto pod = pods_.find(container.pod_sandbox_id());
      if (pod == pods_.end() || kubelet::IsPlaceholder(container)) continue;
      ReadContainer& entry = containers_[container.id()];
      sandbox_of_[container.id()] = container.pod_sandbox_id();
      const auto before = hub_->containers_.find(container.id());
      if (before != hub_->containers_.end() && before->second.state == container.state()) {
        entry = before->second;
        continue;
      }
      entry.state = container.state();
      if (pod->second.owner() != node::POD_OWNER_KUBELET) {
        entry.shown.mutable_annotations()->insert(container.annotations().begin(),
                                                  container.annotations().end());
      }
      to_read_.push_back({container.pod_sandbox_id(), container.id()});
    }
    ReadOn();
  }

  // Keeps up to kListPodsConcurrency status calls under way.
  void ReadOn() {
    while (under_way_ < kListPodsConcurrency && !to_read_.empty()) {
      const Item item = std::move(to_read_.front());
      to_read_.pop_front();
      ++under_way_;
      if (item.container_id.empty()) {
        runtime_.PodSandboxStatus(
            item.sandbox_id, false,
            [self = shared_from_this(), item](auto status) { self->OnSandbox(item, status); });
      } else {
        runtime_.ContainerStatus(
            item.container_id, false,
            [self = shared_from_this(), item](auto status) { self->OnContainer(item, status); });
      }
    }
    if (under_way_ == 0) Finish(failure_);
  }

  struct Item {
    std::string sandbox_id;
    std::string container_id;  // empty: the sandbox itself
  };

  void OnSandbox(const Item& item, const absl::StatusOr<runtime::PodSandboxStatusResponse>& got) {
    if (!Took(got.status(), "read a sandbox's status")) return;
    if (got.ok()) {
      node::Pod& pod = pods_.at(item.sandbox_id);
      pod.set_ip(got->status().network().ip());
      pod.set_host_network(got->status().linux().namespaces().options().network() == runtime::NODE);
    } else {
      pods_.erase(item.sandbox_id);
    }
    ReadOn();
  }

  void OnContainer(const Item& item, const absl::StatusOr<runtime::ContainerStatusResponse>& got) {
    if (!Took(got.status(), "read a container's status")) return;
    if (got.ok()) {
      ReadContainer& entry = containers_.at(item.container_id);
      auto annotations = std::move(*entry.shown.mutable_annotations());
      entry.shown = ToWire(got->status());
      *entry.shown.mutable_annotations() = std::move(annotations);
      // The list may be older than the status: what was read belongs to this state.
      entry.state = got->status().state();
    } else {
      containers_.erase(item.container_id);
    }
    ReadOn();
  }

  // False: nobody wants it any more. What is gone meanwhile is no failure.
  bool Took(const absl::Status& status, absl::string_view what) {
    --under_way_;
    if (hub_ == nullptr) return false;
    if (!status.ok() && !absl::IsNotFound(status)) {
      failure_ = Annotate(status, what);
      to_read_.clear();
    }
    return true;
  }

  void Finish(const absl::Status& status) {
    PodHub& hub = *std::exchange(hub_, nullptr);
    const std::shared_ptr<Look> self = std::move(hub.look_);
    if (status.ok()) {
      for (const auto& [id, container] : containers_) {
        const auto pod = pods_.find(sandbox_of_.at(id));
        if (pod != pods_.end()) *pod->second.add_containers() = container.shown;
      }
      for (auto& [id, pod] : pods_) Sort(pod);
      hub.containers_ = std::move(containers_);
      hub.Publish(std::move(pods_));
    }
    hub.Ended(status);
  }

  PodHub* hub_;  // null: nobody wants the result
  cri::Runtime& runtime_;
  std::map<std::string, node::Pod> pods_;
  std::map<std::string, ReadContainer> containers_;
  std::map<std::string, std::string> sandbox_of_;  // by container ID
  std::deque<Item> to_read_;
  size_t under_way_ = 0;
  absl::Status failure_;
};

PodHub::PodHub(Loop& loop, cri::Runtime& runtime, cri::Monitor& monitor,
               const PodHubOptions& options)
    : loop_(loop),
      runtime_(&runtime),
      monitor_(&monitor),
      options_(options),
      retry_(options.retry) {}

PodHub::~PodHub() { Close(); }

PodHub::Id PodHub::Subscribe(Observer observer) {
  const Id id = next_++;
  if (!ended_.ok()) {
    observer.closed(ended_);
    return id;
  }
  const bool first = observers_.empty();
  const auto entry = std::make_shared<Observer>(std::move(observer));
  observers_[id] = entry;
  if (first) {
    Start();
  } else if (synced_) {
    for (const auto& [sandbox, pod] : pods_) entry->changed(pod);
    entry->synced();
  }
  return id;
}

void PodHub::Unsubscribe(Id id) {
  if (observers_.erase(id) > 0 && observers_.empty()) Stop();
}

void PodHub::EndWatchers(const absl::Status& status) {
  ended_ = status;
  Stop();
  for (auto& [id, observer] : std::exchange(observers_, {})) observer->closed(status);
}

void PodHub::Close() {
  if (runtime_ == nullptr) return;
  Stop();
  observers_.clear();
  ended_ = absl::UnavailableError("the daemon stops");
  runtime_ = nullptr;
  monitor_ = nullptr;
}

void PodHub::Start() {
  events_ = monitor_->WatchEvents([this] { Hint(); });
  state_ = monitor_->WatchState([this](const cri::Monitor::State& state) {
    if (state.ready) Hint();
  });
  Hint();
}

void PodHub::Stop() {
  timer_.Cancel();
  if (look_ != nullptr) std::exchange(look_, nullptr)->Forget();
  for (cri::Monitor::WatchId* watch : {&events_, &state_}) {
    if (*watch != 0) monitor_->Unwatch(std::exchange(*watch, 0));
  }
  synced_ = false;
  hinted_ = false;
  pods_.clear();
  containers_.clear();
  last_look_ = last_hint_ = retry_at_ = -absl::InfiniteDuration();
  retry_.Reset();
}

void PodHub::Hint() {
  hinted_ = true;
  last_hint_ = loop_.Monotonic();
  follow_up_ = 0;
  Schedule();
}

void PodHub::Schedule() {
  if (look_ != nullptr) return;
  absl::Duration due = monitor_->state().event_source == "relist"
                           ? last_look_ + options_.relist_without_events
                           : last_look_ + options_.relist_with_events;
  if (follow_up_ < std::size(kFollowUps)) due = std::min(due, last_hint_ + kFollowUps[follow_up_]);
  if (hinted_) due = last_hint_;
  due = std::max({due, last_look_ + options_.spacing, retry_at_});
  timer_.Set(loop_, due - loop_.Monotonic(), [this] { Begin(); });
}

void PodHub::Begin() {
  hinted_ = false;
  last_look_ = loop_.Monotonic();
  while (follow_up_ < std::size(kFollowUps) && last_hint_ + kFollowUps[follow_up_] <= last_look_) {
    ++follow_up_;
  }
  look_ = std::make_shared<Look>(*this);
  look_->Start();
}

void PodHub::Ended(const absl::Status& status) {
  if (observers_.empty()) return;
  if (status.ok()) {
    retry_.Reset();
    return Schedule();
  }
  if (synced_) {
    // What is known stays what it is until the runtime answers again.
    retry_at_ = loop_.Monotonic() + retry_.Next();
    hinted_ = true;
    return Schedule();
  }
  Stop();
  for (auto& [id, observer] : std::exchange(observers_, {})) observer->closed(status);
}

void PodHub::Publish(std::map<std::string, Pod> now) {
  const std::map<std::string, Pod> before = std::exchange(pods_, std::move(now));
  // Observers may end what this goes over.
  const std::map<std::string, Pod> shown = pods_;
  for (const auto& [id, pod] : shown) {
    const auto old = before.find(id);
    if (old != before.end() &&
        google::protobuf::util::MessageDifferencer::Equals(old->second, pod)) {
      continue;
    }
    Tell([&shown_pod = pod](const Observer& observer) { observer.changed(shown_pod); });
  }
  for (const auto& [id, pod] : before) {
    if (shown.contains(id)) continue;
    Pod gone;
    *gone.mutable_ref() = pod.ref();
    gone.set_sandbox_id(id);
    gone.set_owner(pod.owner());
    Tell([&gone](const Observer& observer) { observer.removed(gone); });
  }
  if (observers_.empty() || synced_) return;
  synced_ = true;
  Tell([](const Observer& observer) { observer.synced(); });
}

void PodHub::Tell(const std::function<void(const Observer&)>& what) {
  std::vector<Id> ids;
  for (const auto& [id, observer] : observers_) ids.push_back(id);
  for (Id id : ids) {
    const auto it = observers_.find(id);
    if (it == observers_.end()) continue;
    const std::shared_ptr<Observer> observer = it->second;
    what(*observer);
  }
}

}  // namespace rekindle::service
