#include "daemon/service/operation_hub.h"

#include <utility>
#include <vector>

namespace rekindle::service {

OperationHub::OperationHub(restart::Engine& engine)
    : engine_(&engine),
      watch_(engine.Watch([this](const restart::OperationRecord& record) { OnChange(record); })) {}

OperationHub::Id OperationHub::SubscribeRequest(const std::string& request_id, Observer changed) {
  const Id id = next_++;
  subscriptions_[id] = {.request_id = request_id,
                        .changed = std::make_shared<const Observer>(std::move(changed)),
                        .closed = nullptr};
  by_request_[request_id].insert(id);
  return id;
}

OperationHub::Id OperationHub::SubscribeAll(Observer changed,
                                            absl::AnyInvocable<void(const absl::Status&)> closed) {
  const Id id = next_++;
  if (!ended_.ok()) {
    closed(ended_);
    return id;
  }
  subscriptions_[id] = {.request_id = "",
                        .changed = std::make_shared<const Observer>(std::move(changed)),
                        .closed = std::move(closed)};
  all_.insert(id);
  return id;
}

void OperationHub::Unsubscribe(Id id) {
  auto it = subscriptions_.find(id);
  if (it == subscriptions_.end()) return;
  auto request = by_request_.find(it->second.request_id);
  if (request != by_request_.end()) {
    request->second.erase(id);
    if (request->second.empty()) by_request_.erase(request);
  }
  all_.erase(id);
  subscriptions_.erase(it);
}

void OperationHub::OnChange(const restart::OperationRecord& record) {
  // A copy: observers subscribe and unsubscribe.
  std::vector<Id> ids(all_.begin(), all_.end());
  auto request = by_request_.find(record.request_id);
  if (request != by_request_.end()) {
    ids.insert(ids.end(), request->second.begin(), request->second.end());
  }
  for (Id id : ids) {
    auto it = subscriptions_.find(id);
    if (it == subscriptions_.end()) continue;
    const std::shared_ptr<const Observer> changed = it->second.changed;
    (*changed)(record);
  }
}

void OperationHub::EndWatchers(const absl::Status& status) {
  ended_ = status;
  for (Id id : std::vector<Id>(all_.begin(), all_.end())) {
    auto it = subscriptions_.find(id);
    if (it == subscriptions_.end()) continue;
    auto closed = std::move(it->second.closed);
    Unsubscribe(id);
    closed(status);
  }
}

void OperationHub::Close() {
  if (engine_ == nullptr) return;
  engine_->Unwatch(watch_);
  engine_ = nullptr;
  subscriptions_.clear();
  by_request_.clear();
  all_.clear();
}

}  // namespace rekindle::service
