#include "daemon/service/pod_lister.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "daemon/kubelet/reservation.h"
#include "daemon/service/constants.h"
#include "daemon/service/pod_wire.h"

namespace rekindle::service {

namespace node = ::rekindle::node::v1;
namespace runtime = ::runtime::v1;

namespace {

using ListReply = absl::AnyInvocable<void(absl::StatusOr<node::ListPodsResponse>)>;

// One listing. Lives on the loop's thread, kept alive by the calls that are under way.
class Listing : public std::enable_shared_from_this<Listing> {
 public:
  Listing(cri::Runtime& runtime, node::ListPodsRequest request, ListReply reply)
      : runtime_(runtime), request_(std::move(request)), reply_(std::move(reply)) {}

  void Start() {
    runtime::PodSandboxFilter filter;
    if (!request_.include_exited()) filter.mutable_state()->set_state(runtime::SANDBOX_READY);
    runtime_.ListPodSandbox(
        filter, [self = shared_from_this()](auto list) { self->OnSandboxes(std::move(list)); });
  }

 private:
  bool Wanted(const runtime::PodSandbox& sandbox) const {
    const auto fits = [](const std::string& wanted, const std::string& value) {
      return wanted.empty() || wanted == value;
    };
    return (request_.include_exited() || sandbox.state() == runtime::SANDBOX_READY) &&
           fits(request_.namespace_(), sandbox.metadata().namespace_()) &&
           fits(request_.name(), sandbox.metadata().name()) &&
           fits(request_.uid(), sandbox.metadata().uid());
  }

  void OnSandboxes(absl::StatusOr<runtime::ListPodSandboxResponse> list) {
    if (!list.ok()) return Finish(Annotate(list.status(), "list sandboxes"));
    for (const runtime::PodSandbox& sandbox : list->items()) {
      if (Wanted(sandbox)) pods_.emplace(sandbox.id(), ToWire(sandbox));
    }
    if (pods_.empty()) return Finish(absl::OkStatus());
    runtime::ContainerFilter filter;
    if (pods_.size() == 1) filter.set_pod_sandbox_id(pods_.begin()->first);
    if (!request_.include_exited()) filter.mutable_state()->set_state(runtime::CONTAINER_RUNNING);
    runtime_.ListContainers(filter, [self = shared_from_this()](auto containers) {
      self->OnContainers(std::move(containers));
    });
  }

  void OnContainers(absl::StatusOr<runtime::ListContainersResponse> list) {
    if (!list.ok()) return Finish(Annotate(list.status(), "list containers"));
    for (const auto& [id, pod] : pods_) {
      if (pod.ready()) to_read_.push_back({.id = id, .sandbox_id = ""});
    }
    for (const runtime::Container& container : list->containers()) {
      if (!pods_.contains(container.pod_sandbox_id())) continue;
      // A name that is reserved for a moment is no container.
      if (kubelet::IsPlaceholder(container)) continue;
      if (!request_.include_exited() && container.state() != runtime::CONTAINER_RUNNING) continue;
      to_read_.push_back({.id = container.id(), .sandbox_id = container.pod_sandbox_id()});
    }
    ReadOn();
  }

  // Keeps up to kListPodsConcurrency status calls under way.
  void ReadOn() {
    while (under_way_ < kListPodsConcurrency && !to_read_.empty()) {
      const Item item = std::move(to_read_.front());
      to_read_.pop_front();
      ++under_way_;
      if (item.sandbox_id.empty()) {
        runtime_.PodSandboxStatus(item.id, false, [self = shared_from_this(), item](auto status) {
          self->OnSandboxStatus(item.id, std::move(status));
        });
      } else {
        runtime_.ContainerStatus(item.id, false, [self = shared_from_this(), item](auto status) {
          self->OnContainerStatus(item.sandbox_id, std::move(status));
        });
      }
    }
    if (under_way_ == 0) Finish(failure_);
  }

  // The status of one call is in. False when there is nothing in it to be used.
  bool Took(const absl::Status& status) {
    --under_way_;
    if (status.ok()) return true;
    if (!absl::IsNotFound(status)) {
      failure_ = status;
      to_read_.clear();
    }
    return false;
  }

  void OnSandboxStatus(const std::string& id,
                       absl::StatusOr<runtime::PodSandboxStatusResponse> status) {
    if (Took(Annotate(status.status(), "read a sandbox's status"))) {
      pods_.at(id).set_ip(status->status().network().ip());
    } else if (absl::IsNotFound(status.status())) {
      gone_.push_back(id);
    }
    ReadOn();
  }

  void OnContainerStatus(const std::string& sandbox_id,
                         absl::StatusOr<runtime::ContainerStatusResponse> status) {
    if (Took(Annotate(status.status(), "read a container's status"))) {
      *pods_.at(sandbox_id).add_containers() = ToWire(status->status());
    }
    ReadOn();
  }

  void Finish(const absl::Status& status) {
    if (!status.ok()) return reply_(status);
    for (const std::string& id : gone_) pods_.erase(id);
    std::vector<node::Pod> sorted;
    for (auto& [id, pod] : pods_) sorted.push_back(std::move(pod));
    std::sort(sorted.begin(), sorted.end(), [](const node::Pod& a, const node::Pod& b) {
      const auto key = [](const node::Pod& pod) {
        return std::make_tuple(std::cref(pod.ref().namespace_()), std::cref(pod.ref().name()),
                               -pod.created().seconds(), -pod.created().nanos());
      };
      return key(a) < key(b);
    });
    node::ListPodsResponse response;
    for (node::Pod& pod : sorted) {
      std::sort(pod.mutable_containers()->begin(), pod.mutable_containers()->end(),
                [](const node::Container& a, const node::Container& b) {
                  return a.name() != b.name() ? a.name() < b.name() : a.attempt() > b.attempt();
                });
      *response.add_pods() = std::move(pod);
    }
    reply_(std::move(response));
  }

  struct Item {
    std::string id;
    std::string sandbox_id;  // of a container; empty: the item is a sandbox itself
  };

  cri::Runtime& runtime_;
  const node::ListPodsRequest request_;
  ListReply reply_;
  std::map<std::string, node::Pod> pods_;  // by sandbox ID
  std::deque<Item> to_read_;
  std::vector<std::string> gone_;
  size_t under_way_ = 0;
  absl::Status failure_;
};

}  // namespace

void ListPods(cri::Runtime& runtime, const node::ListPodsRequest& request, ListReply reply) {
  std::make_shared<Listing>(runtime, request, std::move(reply))->Start();
}

}  // namespace rekindle::service
