#include <string>
#include <utility>

#include "daemon/service/constants.h"
#include "daemon/service/pod_hub.h"
#include "daemon/service/streams.h"

namespace rekindle::service {

namespace {

using Stream = OutStream<v1::WatchPodsResponse>;

// One WatchPods call. Lives on the loop's thread.
class PodSession : public std::enable_shared_from_this<PodSession> {
 public:
  PodSession(Loop& loop, std::shared_ptr<PodHub> hub, v1::PodRef wanted,
             std::shared_ptr<Stream> stream)
      : loop_(loop), hub_(std::move(hub)), wanted_(std::move(wanted)), stream_(std::move(stream)) {}

  void Start() {
    if (gone_) return;
    const auto self = shared_from_this();
    subscription_ =
        hub_->Subscribe({.changed = [self](const v1::Pod& pod) { self->Send(pod, false); },
                         .removed = [self](const v1::Pod& pod) { self->Send(pod, true); },
                         .synced = [self] { self->OnSynced(); },
                         .closed = [self](const absl::Status& why) { self->stream_->Abort(why); }});
  }

  void OnGone() {
    gone_ = true;
    hub_->Unsubscribe(subscription_);
  }

 private:
  bool Matches(const v1::PodRef& ref) const {
    const auto fits = [](const std::string& wanted, const std::string& value) {
      return wanted.empty() || wanted == value;
    };
    return fits(wanted_.namespace_(), ref.namespace_()) && fits(wanted_.name(), ref.name()) &&
           fits(wanted_.uid(), ref.uid());
  }

  void Send(const v1::Pod& pod, bool removed) {
    if (cut_ || !Matches(pod.ref())) return;
    v1::WatchPodsResponse response;
    *response.mutable_pod() = pod;
    response.set_removed(removed);
    // The sandbox is the key: what a slow reader has not seen yet is replaced by what is newer.
    const size_t waiting = stream_->Push(pod.sandbox_id(), std::move(response));
    if (!synced_) {
      limit_ = waiting + kMaxWatchBacklog;
    } else if (waiting > limit_) {
      Cut();
    }
  }

  void OnSynced() {
    synced_ = true;
    v1::WatchPodsResponse marker;
    marker.set_synced(true);
    stream_->Push("", std::move(marker));
  }

  void Cut() {
    cut_ = true;
    stream_->Abort(absl::ResourceExhaustedError("the reader is too slow; watch again"));
    loop_.RunAfter(kCutSlowReaderAfter, [stream = stream_] { stream->Cut(); });
    // Not inside the hub's own call of this observer before it knows the subscription.
    loop_.Post([self = shared_from_this()] { self->hub_->Unsubscribe(self->subscription_); });
  }

  Loop& loop_;
  std::shared_ptr<PodHub> hub_;
  const v1::PodRef wanted_;
  std::shared_ptr<Stream> stream_;
  PodHub::Id subscription_ = 0;
  size_t limit_ = kMaxWatchBacklog;
  bool synced_ = false;
  bool cut_ = false;
  bool gone_ = false;
};

}  // namespace

void RunWatchPods(StreamContext context, std::shared_ptr<PodHub> hub, v1::PodRef wanted,
                  std::shared_ptr<Stream> stream) {
  auto session =
      std::make_shared<PodSession>(context.loop, std::move(hub), std::move(wanted), stream);
  stream->SetHooks(
      {.gone = [&loop = context.loop, session,
                slot = std::move(context.slot)] { loop.Post([session] { session->OnGone(); }); },
       .ended = std::move(context.ended)});
  context.loop.Post([session] { session->Start(); });
}

}  // namespace rekindle::service
