#include "controller/nodes/node_follower.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/api/time.h"
#include "common/base/text.h"
#include "controller/nodes/pod_object.h"

namespace rekindle::nodes {

namespace pb = ::rekindle::node::v1;

namespace {

constexpr double kBeatJitter = 0.1;

client::ObjectKey KeyOf(const pb::PodRef& ref) { return {ref.namespace_(), ref.name()}; }

// The host of "10.0.0.1:10240" or "[fd00::1]:10240" when it is an address; else nothing.
std::string AddressOf(const std::string& target) {
  const size_t colon = target.rfind(':');
  if (colon == std::string::npos || target.rfind("unix:", 0) == 0) return "";
  std::string host = target.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return host.substr(1, host.size() - 2);
  }
  const bool ipv4 = !host.empty() && host.find_first_not_of("0123456789.") == std::string::npos;
  return ipv4 ? host : "";
}

}  // namespace

NodeFollower::NodeFollower(Loop& loop, std::unique_ptr<NodeFeed> feed, NodeEndpoint endpoint,
                           const FollowerOptions& options, client::Random random, Events events)
    : loop_(loop),
      feed_(std::move(feed)),
      endpoint_(std::move(endpoint)),
      options_(options),
      random_(std::move(random)),
      events_(std::move(events)),
      look_retry_(options.retry),
      watch_retry_(options.retry) {
  SetSilenceTimer();
  Look();
}

NodeFollower::~NodeFollower() { *alive_ = false; }

NodeView NodeFollower::View() const {
  return {.name = endpoint_.node,
          .address = AddressOf(endpoint_.target),
          .info = info_,
          .alive = alive_now_,
          .silent = silent_,
          .heard = heard_,
          .trouble = trouble_};
}

const pb::Pod* NodeFollower::PodOf(const client::ObjectKey& key) const {
  const auto ids = by_name_.find(key);
  if (ids == by_name_.end()) return nullptr;
  std::vector<const pb::Pod*> sandboxes;
  for (const std::string& id : ids->second) sandboxes.push_back(&sandboxes_.at(id));
  return &NewestSandbox(sandboxes);
}

std::set<client::ObjectKey> NodeFollower::Pods() const {
  std::set<client::ObjectKey> out;
  for (const auto& [key, ids] : by_name_) out.insert(key);
  return out;
}

// ---- the node ----

void NodeFollower::Look() {
  feed_->GetInfo(options_.timeout, [this, alive = alive_](absl::StatusOr<pb::NodeInfo> info) {
    if (*alive) OnInfo(std::move(info));
  });
}

void NodeFollower::OnInfo(absl::StatusOr<pb::NodeInfo> info) {
  if (info.ok() && endpoint_.node.empty()) endpoint_.node = info->node_name();
  if (info.ok() && info->node_name() != endpoint_.node) {
    info = absl::FailedPreconditionError(
        absl::StrCat("the daemon calls its node \"", PrintableText(info->node_name()), "\""));
  }
  if (info.ok()) {
    info_ = *std::move(info);
    alive_now_ = true;
    silent_ = false;
    heard_ = loop_.Now();
    trouble_.clear();
    look_retry_.Reset();
    SetSilenceTimer();
    if (!watching_ && !watch_timer_.pending()) Watch();
    LookAfter(client::Jittered(options_.beat, kBeatJitter, random_));
  } else {
    trouble_ = PrintableText(info.status().message());
    LookAfter(look_retry_.Next());
  }
  // With a stream that has come through it; else its successor tells of all pods anew.
  const bool ended = !silence_.empty() && !silent_ && watching_ && stream_synced_;
  if (ended) silence_.clear();
  const std::shared_ptr<bool> alive = alive_;
  events_.node();
  if (ended && *alive) events_.silence();
}

void NodeFollower::LookAfter(absl::Duration pause) {
  look_timer_.Set(loop_, pause, [this] { Look(); });
}

void NodeFollower::SetSilenceTimer() {
  silence_timer_.Set(loop_, options_.silence, [this] { OnSilence(); });
}

void NodeFollower::OnSilence() {
  alive_now_ = false;
  silent_ = true;
  silence_ = info_.has_value() ? absl::StrCat("node ", endpoint_.node, " has not been heard since ",
                                              api::FormatTime(heard_))
                               : absl::StrCat("node ", endpoint_.node, " has not been heard yet");
  const std::shared_ptr<bool> alive = alive_;
  events_.node();
  if (*alive) events_.silence();
}

// ---- its pods ----

void NodeFollower::Watch() {
  watching_ = true;
  stream_synced_ = false;
  arriving_.clear();
  feed_->WatchPods({.message =
                        [this, alive = alive_](pb::WatchPodsResponse message) {
                          if (*alive) OnMessage(std::move(message));
                        },
                    .ended =
                        [this, alive = alive_](const absl::Status& status) {
                          if (*alive) OnWatchEnded(status);
                        }});
}

void NodeFollower::OnMessage(pb::WatchPodsResponse message) {
  if (message.synced()) return TakeOver();
  pb::Pod& pod = *message.mutable_pod();
  if (pod.owner() == pb::POD_OWNER_KUBELET) return;
  const std::string id = pod.sandbox_id();
  Sandboxes& to = stream_synced_ ? sandboxes_ : arriving_;
  const client::ObjectKey key = KeyOf(pod.ref());
  if (stream_synced_) Index(pod, !message.removed());
  if (message.removed()) {
    to.erase(id);
  } else {
    to[id] = std::move(pod);
  }
  if (stream_synced_) events_.pod(key);
}

// The stream has told everything: what it did not tell is gone.
void NodeFollower::TakeOver() {
  std::set<client::ObjectKey> touched = Pods();
  sandboxes_ = std::move(arriving_);
  arriving_.clear();
  by_name_.clear();
  for (const auto& [id, pod] : sandboxes_) Index(pod, true);
  for (const client::ObjectKey& key : Pods()) touched.insert(key);
  stream_synced_ = true;
  synced_ = true;
  if (!silent_) silence_.clear();  // every pod is looked at now
  watch_retry_.Reset();
  const std::shared_ptr<bool> alive = alive_;
  for (const client::ObjectKey& key : touched) {
    events_.pod(key);
    if (!*alive) return;
  }
  events_.synced();
}

void NodeFollower::Index(const pb::Pod& pod, bool add) {
  const client::ObjectKey key = KeyOf(pod.ref());
  if (add) {
    by_name_[key].insert(pod.sandbox_id());
    return;
  }
  const auto ids = by_name_.find(key);
  if (ids == by_name_.end()) return;
  ids->second.erase(pod.sandbox_id());
  if (ids->second.empty()) by_name_.erase(ids);
}

// What is known stays: the next stream says what has changed meanwhile.
void NodeFollower::OnWatchEnded(const absl::Status& status) {
  watching_ = false;
  if (!status.ok()) trouble_ = PrintableText(status.message());
  watch_timer_.Set(loop_, client::Jittered(watch_retry_.Next(), kBeatJitter, random_), [this] {
    // Of a daemon that is away the next look that succeeds makes the next watch.
    if (alive_now_ && !watching_) Watch();
  });
}

}  // namespace rekindle::nodes
