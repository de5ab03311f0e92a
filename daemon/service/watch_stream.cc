#include <string>
#include <utility>
#include <vector>

#include "daemon/service/constants.h"
#include "daemon/service/streams.h"

namespace rekindle::service {

namespace {

using Stream = OutStream<v1::WatchOperationsResponse>;

bool Matches(const restart::Engine::Filter& filter, const restart::OperationRecord& record) {
  const auto fits = [](const std::string& wanted, const std::string& value) {
    return wanted.empty() || wanted == value;
  };
  return fits(filter.pod.ns, record.pod.ns) && fits(filter.pod.name, record.pod.name) &&
         fits(filter.pod.uid, record.pod.uid) && fits(filter.request_id, record.request_id);
}

// One WatchOperations call. Lives on the loop's thread.
class WatchSession : public std::enable_shared_from_this<WatchSession> {
 public:
  WatchSession(Loop& loop, std::shared_ptr<OperationHub> hub, restart::Engine::Filter filter,
               std::shared_ptr<Stream> stream)
      : loop_(loop), hub_(std::move(hub)), filter_(std::move(filter)), stream_(std::move(stream)) {}

  void Start() {
    if (gone_) return;
    size_t initial = 0;
    for (const restart::OperationRecord& record : hub_->engine().List(filter_)) {
      Send(record);
      ++initial;
    }
    v1::WatchOperationsResponse marker;
    marker.set_synced(true);
    stream_->Push("", std::move(marker));
    limit_ = initial + kMaxWatchBacklog;
    subscription_ = hub_->SubscribeAll(
        [self = shared_from_this()](const restart::OperationRecord& r) { self->OnChange(r); },
        [self = shared_from_this()](const absl::Status& status) { self->stream_->Abort(status); });
  }

  void OnGone() {
    gone_ = true;
    hub_->Unsubscribe(subscription_);
  }

 private:
  size_t Send(const restart::OperationRecord& record) {
    v1::WatchOperationsResponse response;
    *response.mutable_operation() = ToWire(record);
    return stream_->Push("", std::move(response));
  }

  void OnChange(const restart::OperationRecord& record) {
    if (!Matches(filter_, record) || Send(record) <= limit_) return;
    hub_->Unsubscribe(subscription_);
    stream_->Abort(absl::ResourceExhaustedError("the reader is too slow; watch again"));
    loop_.RunAfter(kCutSlowReaderAfter, [stream = stream_] { stream->Cut(); });
  }

  Loop& loop_;
  std::shared_ptr<OperationHub> hub_;
  const restart::Engine::Filter filter_;
  std::shared_ptr<Stream> stream_;
  OperationHub::Id subscription_ = 0;
  size_t limit_ = 0;
  bool gone_ = false;
};

}  // namespace

void RunWatch(StreamContext context, std::shared_ptr<OperationHub> hub,
              restart::Engine::Filter filter, std::shared_ptr<Stream> stream) {
  auto session =
      std::make_shared<WatchSession>(context.loop, std::move(hub), std::move(filter), stream);
  stream->SetHooks(
      {.gone = [&loop = context.loop, session,
                slot = std::move(context.slot)] { loop.Post([session] { session->OnGone(); }); },
       .ended = std::move(context.ended)});
  context.loop.Post([session] { session->Start(); });
}

}  // namespace rekindle::service
