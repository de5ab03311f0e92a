#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"

#include "daemon/service/streams.h"

namespace rekindle::service {

namespace {

using Stream = OutStream<v1::RestartContainersResponse>;
using Records = std::vector<restart::OperationRecord>;

// One RestartContainers call. Lives on the loop's thread.
class RestartSession : public std::enable_shared_from_this<RestartSession> {
 public:
  RestartSession(std::shared_ptr<OperationHub> hub, std::shared_ptr<Stream> stream)
      : hub_(std::move(hub)), stream_(std::move(stream)) {}

  void Start(restart::RestartRequest request) {
    if (gone_) return;  // before anything was asked of the engine
    // Before the engine is asked: no change can slip between its answer and the subscription.
    subscription_ = hub_->SubscribeRequest(
        request.request_id,
        [self = shared_from_this()](const restart::OperationRecord& r) { self->OnChange(r); });
    hub_->engine().Submit(std::move(request),
                          [self = shared_from_this()](absl::StatusOr<Records> records) {
                            self->OnSubmitted(std::move(records));
                          });
  }

  void OnGone() {
    gone_ = true;
    hub_->Unsubscribe(subscription_);
  }

 private:
  void OnSubmitted(absl::StatusOr<Records> records) {
    if (gone_) return;
    if (!records.ok()) return End(records.status());
    // Changes may have come since the records were made. All are sent before any end is noticed.
    std::vector<const restart::OperationRecord*> current;
    for (const restart::OperationRecord& record : *records) {
      open_.insert(record.id());
      const restart::OperationRecord* found = hub_->engine().Find(record.id());
      current.push_back(found != nullptr ? found : &record);
    }
    for (const restart::OperationRecord* record : current) Send(*record);
    if (open_.empty()) End(absl::OkStatus());
  }

  void OnChange(const restart::OperationRecord& record) {
    // Not in the set: not one of this call's, ended before, or the answer of Submit is yet to come.
    if (!open_.contains(record.id())) return;
    Send(record);
    if (open_.empty()) End(absl::OkStatus());
  }

  void Send(const restart::OperationRecord& record) {
    v1::RestartContainersResponse response;
    *response.mutable_operation() = ToWire(record);
    stream_->Push(record.id(), std::move(response));
    if (restart::IsTerminal(record.phase)) open_.erase(record.id());
  }

  void End(const absl::Status& status) {
    hub_->Unsubscribe(subscription_);
    stream_->End(status);
  }

  std::shared_ptr<OperationHub> hub_;
  std::shared_ptr<Stream> stream_;
  OperationHub::Id subscription_ = 0;
  absl::flat_hash_set<std::string> open_;  // operations of this call that have not ended
  bool gone_ = false;
};

}  // namespace

void RunRestart(StreamContext context, std::shared_ptr<OperationHub> hub,
                restart::RestartRequest request, std::shared_ptr<Stream> stream) {
  auto session = std::make_shared<RestartSession>(std::move(hub), stream);
  stream->SetHooks(
      {.gone = [&loop = context.loop, session,
                slot = std::move(context.slot)] { loop.Post([session] { session->OnGone(); }); },
       .ended = std::move(context.ended)});
  context.loop.Post(
      [session, request = std::move(request)]() mutable { session->Start(std::move(request)); });
}

}  // namespace rekindle::service
