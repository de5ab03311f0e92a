#include <optional>
#include <utility>

#include "daemon/service/fields.h"
#include "daemon/service/streams.h"

namespace rekindle::service {

namespace {

using Stream = OutStream<v1::PullImageResponse>;

// One PullImage call. Lives on the loop's thread.
class PullSession : public std::enable_shared_from_this<PullSession> {
 public:
  PullSession(images::Puller& puller, std::shared_ptr<Stream> stream)
      : puller_(puller), stream_(std::move(stream)) {}

  void Start(PullQuery query) {
    if (gone_) return;
    pull_ = puller_.Pull(
        query.image, std::move(query.credentials),
        [self = shared_from_this()](const images::Progress& progress) {
          self->OnProgress(progress);
        },
        [self = shared_from_this()](absl::StatusOr<images::Result> result) {
          self->OnDone(result);
        });
  }

  void OnGone() {
    gone_ = true;
    if (pull_) puller_.Cancel(*std::exchange(pull_, std::nullopt));
  }

 private:
  void OnProgress(const images::Progress& progress) {
    v1::PullImageResponse response;
    response.mutable_progress()->set_done_bytes(progress.done_bytes);
    response.mutable_progress()->set_total_bytes(progress.total_bytes);
    *response.mutable_progress()->mutable_elapsed() = ToProto(progress.elapsed);
    stream_->Push("progress", std::move(response));
  }

  void OnDone(const absl::StatusOr<images::Result>& result) {
    pull_.reset();
    if (!result.ok()) return stream_->End(result.status());
    v1::PullImageResponse response;
    response.mutable_result()->set_image_id(result->image_id);
    *response.mutable_result()->mutable_elapsed() = ToProto(result->elapsed);
    stream_->Push("", std::move(response));
    stream_->End(absl::OkStatus());
  }

  images::Puller& puller_;
  std::shared_ptr<Stream> stream_;
  std::optional<images::Puller::PullId> pull_;
  bool gone_ = false;
};

}  // namespace

void RunPull(StreamContext context, images::Puller& puller, PullQuery query,
             std::shared_ptr<Stream> stream) {
  auto session = std::make_shared<PullSession>(puller, stream);
  stream->SetHooks(
      {.gone = [&loop = context.loop, session,
                slot = std::move(context.slot)] { loop.Post([session] { session->OnGone(); }); },
       .ended = std::move(context.ended)});
  context.loop.Post(
      [session, query = std::move(query)]() mutable { session->Start(std::move(query)); });
}

}  // namespace rekindle::service
