#ifndef REKINDLE_TESTS_CONTROLLER_NODES_FAKE_FEED_H_
#define REKINDLE_TESTS_CONTROLLER_NODES_FAKE_FEED_H_

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "common/base/loop.h"
#include "controller/nodes/node_feed.h"
#include "tests/controller/nodes/runtime_pods.h"

namespace rekindle::nodes {

// Daemons of the mind, by their targets. Threads: the loop's.
class FakeDaemons {
 public:
  struct Daemon {
    node::v1::NodeInfo info;
    absl::Status down;                          // of every call, unless OK
    std::map<std::string, node::v1::Pod> pods;  // by sandbox ID
    int looks = 0;
    int watches = 0;  // so far
  };

  explicit FakeDaemons(Loop& loop) : loop_(loop) {}

  // A daemon at `target`, made when it is not there.
  Daemon& At(const std::string& target) { return *Slot(target); }

  // What the runtime does. Tells the watches.
  void Put(const std::string& target, const node::v1::Pod& pod) {
    At(target).pods[pod.sandbox_id()] = pod;
    node::v1::WatchPodsResponse message;
    *message.mutable_pod() = pod;
    Tell(target, message);
  }
  void Remove(const std::string& target, const std::string& sandbox) {
    const auto pod = At(target).pods.extract(sandbox);
    node::v1::WatchPodsResponse message;
    *message.mutable_pod()->mutable_ref() = pod.mapped().ref();
    message.mutable_pod()->set_sandbox_id(sandbox);
    message.set_removed(true);
    Tell(target, message);
  }
  // Ends the watches and refuses what comes, or is there again.
  void SetDown(const std::string& target, const absl::Status& why) {
    At(target).down = why;
    if (why.ok()) return;
    for (Feed* feed : Feeds(target)) feed->EndWatch(why);
  }

  OpenFeed Opener() {
    return [this](const NodeEndpoint& endpoint) -> std::unique_ptr<NodeFeed> {
      return std::make_unique<Feed>(*this, endpoint.target);
    };
  }
  size_t open() const { return feeds_.size(); }

 private:
  class Feed final : public NodeFeed {
   public:
    Feed(FakeDaemons& all, std::string target) : all_(all), target_(std::move(target)) {
      all_.feeds_.emplace(target_, this);
    }
    ~Feed() override {
      std::erase_if(all_.feeds_, [this](const auto& entry) { return entry.second == this; });
    }

    void GetInfo(absl::Duration, InfoDone done) override {
      Daemon& daemon = all_.At(target_);
      ++daemon.looks;
      absl::StatusOr<node::v1::NodeInfo> answer = daemon.info;
      if (!daemon.down.ok()) answer = daemon.down;
      Later([done = std::move(done), answer]() mutable { done(std::move(answer)); });
    }
    void WatchPods(PodEvents events) override {
      ++all_.At(target_).watches;
      events_ = std::make_shared<PodEvents>(std::move(events));
      if (!all_.At(target_).down.ok()) return EndWatch(all_.At(target_).down);
      for (const auto& [id, pod] : all_.At(target_).pods) {
        node::v1::WatchPodsResponse message;
        *message.mutable_pod() = pod;
        Send(message);
      }
      node::v1::WatchPodsResponse marker;
      marker.set_synced(true);
      Send(marker);
    }
    void Send(const node::v1::WatchPodsResponse& message) {
      if (events_ == nullptr) return;
      Later([to = events_, message] { to->message(message); });
    }
    void EndWatch(const absl::Status& why) {
      if (events_ == nullptr) return;
      Later([to = std::move(events_), why] { to->ended(why); });
    }

   private:
    template <typename Work>
    void Later(Work work) {
      all_.loop_.Post([alive = std::weak_ptr<bool>(alive_), work = std::move(work)]() mutable {
        if (alive.lock() != nullptr) work();
      });
    }

    FakeDaemons& all_;
    const std::string target_;
    std::shared_ptr<PodEvents> events_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  };

  std::vector<Feed*> Feeds(const std::string& target) {
    std::vector<Feed*> out;
    for (auto [at, end] = feeds_.equal_range(target); at != end; ++at) out.push_back(at->second);
    return out;
  }
  void Tell(const std::string& target, const node::v1::WatchPodsResponse& message) {
    for (Feed* feed : Feeds(target)) feed->Send(message);
  }
  std::unique_ptr<Daemon>& Slot(const std::string& target) {
    std::unique_ptr<Daemon>& slot = daemons_[target];
    if (slot == nullptr) slot = std::make_unique<Daemon>();
    return slot;
  }

  Loop& loop_;
  std::map<std::string, std::unique_ptr<Daemon>> daemons_;
  std::multimap<std::string, Feed*> feeds_;
};

}  // namespace rekindle::nodes

#endif  // REKINDLE_TESTS_CONTROLLER_NODES_FAKE_FEED_H_
