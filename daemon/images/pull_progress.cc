#include "daemon/images/pull_progress.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "containerd/v1/content.grpc.pb.h"
#include "daemon/cri/server_stream.h"

namespace rekindle::images {

namespace {

namespace content = ::containerd::services::content::v1;
using ContentStub = content::Content::Stub;

constexpr char kSourceLabel[] = "containerd.io/distribution.source.";
constexpr absl::Duration kCallDeadline = absl::Seconds(10);
// A step of looking that takes longer is dropped; the next tick begins afresh.
constexpr absl::Duration kPatience = absl::Seconds(15);
constexpr absl::Duration kConnectWait = absl::Milliseconds(500);
// Manifests are a few KiB; this also spares reading layers.
constexpr int64_t kMaxManifestBytes = 1 << 20;
// The blob's time is the same machine's clock, but a coarser one.
constexpr absl::Duration kClockSlack = absl::Seconds(2);

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

cri::Calls::Kind Kind(absl::string_view method) {
  return {.method = method,
          .deadline = kCallDeadline,
          .read = true,
          .containerd_namespace = cri::kContainerdNamespace};
}

// containerd names the host of a blob's source without its port.
std::string SourceLabel(const std::string& host) {
  const size_t colon = host.rfind(':');
  const bool has_port = colon != std::string::npos && host.find(']', colon) == std::string::npos;
  absl::string_view name = absl::string_view(host).substr(0, has_port ? colon : host.size());
  if (absl::ConsumePrefix(&name, "[")) absl::ConsumeSuffix(&name, "]");
  return absl::StrCat(kSourceLabel, name);
}

}  // namespace

struct PullProgress::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : content(content::Content::NewStub(channel)) {}
  std::unique_ptr<ContentStub> content;
};

struct PullProgress::Streams {
  std::unique_ptr<cri::ServerStream<content::ListContentResponse>> list;
  std::unique_ptr<cri::ServerStream<content::ReadContentResponse>> read;
};

PullProgress::PullProgress(Loop& loop, std::shared_ptr<cri::Connection> connection,
                           const std::string& image, absl::Duration interval,
                           std::function<void(const Progress&)> report)
    : loop_(loop),
      connection_(std::move(connection)),
      reference_(ParseReference(image)),
      source_label_(SourceLabel(reference_.host)),
      interval_(interval),
      report_(std::move(report)),
      started_(loop.Monotonic()),
      started_wall_(loop.Now()),
      stubs_(std::make_unique<Stubs>(connection_->channel())),
      streams_(std::make_unique<Streams>()),
      calls_(loop, connection_, kConnectWait, nullptr) {
  if (!reference_.digest.empty()) candidates_.push_back(reference_.digest);
  timer_.Set(loop_, interval_, [this] { Tick(); });
}

PullProgress::~PullProgress() = default;

void PullProgress::Tick() {
  timer_.Set(loop_, interval_, [this] { Tick(); });
  if (!given_up_ && !busy_) {
    busy_ = true;
    patience_.Set(loop_, kPatience, [this] {
      streams_->list.reset();
      streams_->read.reset();
      Idle();
    });
    if (!layers_.empty()) {
      Count();
    } else if (reference_.digest.empty()) {
      ListBlobs();
    } else {
      next_candidate_ = 0;
      CheckNextCandidate();
    }
  }
  Report();
}

void PullProgress::Report() {
  progress_.elapsed = loop_.Monotonic() - started_;
  report_(progress_);
}

bool PullProgress::GiveUpOn(const absl::Status& status) {
  if (!absl::IsUnimplemented(status)) return false;
  given_up_ = true;
  Idle();
  return true;
}

// ---- the manifest ----

void PullProgress::ListBlobs() {
  content::ListContentRequest request;
  request.add_filters(absl::StrCat("labels.\"", source_label_, "\""));
  streams_->list = std::make_unique<cri::ServerStream<content::ListContentResponse>>(
      loop_, connection_, *stubs_->content, &ContentStub::PrepareAsyncList, request,
      cri::kContainerdNamespace,
      [this](content::ListContentResponse page) {
        for (const content::Info& info : page.info()) OnBlob(info);
      },
      [this](absl::Status end) {
        streams_->list.reset();
        if (GiveUpOn(end)) return;
        next_candidate_ = 0;
        CheckNextCandidate();
      });
}

void PullProgress::OnBlob(const content::Info& info) {
  if (info.size() > kMaxManifestBytes || TimeOf(info.created_at()) < started_wall_ - kClockSlack) {
    return;
  }
  auto source = info.labels().find(source_label_);
  if (source == info.labels().end()) return;
  // A blob that several repositories share has all of them there.
  for (absl::string_view repository : absl::StrSplit(source->second, ',')) {
    if (repository != reference_.repository || examined_.contains(info.digest())) continue;
    if (std::find(candidates_.begin(), candidates_.end(), info.digest()) == candidates_.end()) {
      candidates_.push_back(info.digest());
    }
  }
}

void PullProgress::CheckNextCandidate() {
  while (next_candidate_ < candidates_.size() && examined_.contains(candidates_[next_candidate_])) {
    ++next_candidate_;
  }
  if (next_candidate_ == candidates_.size()) {
    Idle();
    return;
  }
  const std::string digest = candidates_[next_candidate_++];
  content::InfoRequest request;
  request.set_digest(digest);
  calls_.Start(Kind("Content.Info"), *stubs_->content, &ContentStub::PrepareAsyncInfo, request,
               [this, digest](absl::StatusOr<content::InfoResponse> info) {
                 if (GiveUpOn(info.status())) return;
                 if (info.ok() && info->info().size() <= kMaxManifestBytes) {
                   ReadCandidate(digest);
                 } else {
                   if (info.ok()) examined_.insert(digest);
                   CheckNextCandidate();
                 }
               });
}

void PullProgress::ReadCandidate(const std::string& digest) {
  text_.clear();
  content::ReadContentRequest request;
  request.set_digest(digest);
  streams_->read = std::make_unique<cri::ServerStream<content::ReadContentResponse>>(
      loop_, connection_, *stubs_->content, &ContentStub::PrepareAsyncRead, request,
      cri::kContainerdNamespace,
      [this](content::ReadContentResponse piece) {
        if (text_.size() <= static_cast<size_t>(kMaxManifestBytes)) text_ += piece.data();
      },
      [this, digest](absl::Status end) {
        streams_->read.reset();
        if (GiveUpOn(end)) return;
        if (end.ok()) OnCandidate(digest, text_);
        if (layers_.empty()) {
          CheckNextCandidate();
        } else {
          Count();
        }
      });
}

void PullProgress::OnCandidate(const std::string& digest, const std::string& json) {
  examined_.insert(digest);
  absl::StatusOr<Manifest> manifest = ParseManifest(json);
  if (!manifest.ok()) return;
  // Of an index only the manifest of this platform ever comes.
  for (std::string& child : manifest->children) candidates_.push_back(std::move(child));
  if (manifest->layers.empty()) return;
  layers_ = std::move(manifest->layers);
  complete_.assign(layers_.size(), false);
  for (const Layer& layer : layers_) progress_.total_bytes += layer.size_bytes;
}

// ---- the layers ----

void PullProgress::Count() {
  calls_.Start(Kind("Content.ListStatuses"), *stubs_->content,
               &ContentStub::PrepareAsyncListStatuses, content::ListStatusesRequest(),
               [this](absl::StatusOr<content::ListStatusesResponse> statuses) {
                 if (GiveUpOn(statuses.status())) return;
                 if (statuses.ok()) {
                   OnStatuses(*statuses);
                 } else {
                   Idle();
                 }
               });
}

void PullProgress::OnStatuses(const content::ListStatusesResponse& statuses) {
  partial_bytes_.assign(layers_.size(), -1);
  for (const content::Status& status : statuses.statuses()) {
    for (size_t i = 0; i < layers_.size(); ++i) {
      if (!absl::StrContains(status.ref(), layers_[i].digest)) continue;
      partial_bytes_[i] = std::clamp<int64_t>(status.offset(), 0, layers_[i].size_bytes);
    }
  }
  next_layer_ = 0;
  CheckNextLayer();
}

void PullProgress::CheckNextLayer() {
  while (next_layer_ < layers_.size() &&
         (complete_[next_layer_] || partial_bytes_[next_layer_] >= 0)) {
    ++next_layer_;
  }
  if (next_layer_ == layers_.size()) {
    FinishCount();
    return;
  }
  const size_t layer = next_layer_++;
  content::InfoRequest request;
  request.set_digest(layers_[layer].digest);
  calls_.Start(Kind("Content.Info"), *stubs_->content, &ContentStub::PrepareAsyncInfo, request,
               [this, layer](absl::StatusOr<content::InfoResponse> info) {
                 complete_[layer] = info.ok();
                 CheckNextLayer();
               });
}

void PullProgress::FinishCount() {
  int64_t done = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    done += complete_[i] ? layers_[i].size_bytes : std::max<int64_t>(partial_bytes_[i], 0);
  }
  progress_.done_bytes = std::max(progress_.done_bytes, done);
  Idle();
}

}  // namespace rekindle::images
