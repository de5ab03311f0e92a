#include "daemon/cri/runtime_monitor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "containerd/v1/events.grpc.pb.h"
#include "cri/v1/api.grpc.pb.h"
#include "daemon/cri/server_stream.h"

namespace rekindle::cri {

namespace {

namespace events = ::containerd::services::events::v1;

constexpr char kTaskExitTopic[] = "/tasks/exit";
constexpr char kTaskStartTopic[] = "/tasks/start";
constexpr char kDeleteTopic[] = "/containers/delete";

// A stream that ends this soon, so often in a row, from a runtime that answers otherwise: the
// source is of no use (some runtimes close the stream instead of refusing it).
constexpr absl::Duration kShortStream = absl::Seconds(1);
constexpr int kMaxShortStreams = 3;

// An exit between the list and the moment from which the runtime really sends events is seen by
// nobody: so there are further lists soon after a stream was opened.
constexpr absl::Duration kEarlyLooks[] = {absl::Milliseconds(300), absl::Seconds(2)};

}  // namespace

struct RuntimeMonitor::Streams {
  explicit Streams(const std::shared_ptr<grpc::Channel>& channel)
      : runtime(v1::RuntimeService::NewStub(channel)),
        containerd(events::Events::NewStub(channel)) {}

  std::unique_ptr<v1::RuntimeService::Stub> runtime;
  std::unique_ptr<events::Events::Stub> containerd;
  // At most one is open.
  std::unique_ptr<ServerStream<v1::ContainerEventResponse>> cri_events;
  std::unique_ptr<ServerStream<events::Envelope>> containerd_events;
};

template <typename T>
Reply<T> RuntimeMonitor::Mine(void (RuntimeMonitor::*then)(absl::StatusOr<T>)) {
  return [this, alive = alive_, then](absl::StatusOr<T> got) {
    if (*alive) (this->*then)(std::move(got));
  };
}

RuntimeMonitor::RuntimeMonitor(Loop& loop, Runtime& runtime, std::shared_ptr<Connection> connection,
                               const RuntimeMonitorOptions& options)
    : loop_(loop),
      runtime_(runtime),
      connection_(std::move(connection)),
      options_(options),
      reconnect_(options.reconnect),
      streams_(std::make_unique<Streams>(connection_->channel())),
      exits_(loop, runtime),
      sandboxes_(runtime) {
  state_.endpoint = connection_->endpoint();
  state_.reason = "the runtime has not been asked yet";
  state_.event_source = std::string(EventSourceName(EventSource::kRelist));
  Probe();
}

RuntimeMonitor::~RuntimeMonitor() { *alive_ = false; }

// ---- is it there ----

void RuntimeMonitor::Probe() {
  if (probing_) return;
  probing_ = true;
  retry_.Cancel();
  patience_.Set(loop_, options_.probe_patience, [this] {
    SetReady(false, absl::StrCat("the runtime at ", state_.endpoint, " gave no answer within ",
                                 absl::FormatDuration(options_.probe_patience)));
  });
  runtime_.Version(Mine(&RuntimeMonitor::OnVersion));
}

void RuntimeMonitor::OnVersion(absl::StatusOr<v1::VersionResponse> version) {
  if (!version.ok()) {
    ProbeFailed(version.status());
    return;
  }
  const bool other = state_.runtime_name != version->runtime_name() ||
                     state_.runtime_version != version->runtime_version();
  if (other || !state_.ready) {
    // After a restart it may be another version, or have got events: the best source again.
    state_.runtime_name = version->runtime_name();
    state_.runtime_version = version->runtime_version();
    sources_ = EventSourcesOf(state_.runtime_name, state_.runtime_version);
    source_ = 0;
    short_streams_ = 0;
  }
  runtime_.Status(Mine(&RuntimeMonitor::OnStatus));
}

void RuntimeMonitor::OnStatus(absl::StatusOr<v1::StatusResponse> status) {
  if (!status.ok()) {
    ProbeFailed(status.status());
    return;
  }
  probing_ = false;
  patience_.Cancel();
  reconnect_.Reset();
  bool ready = true;
  std::string reason;
  for (const v1::RuntimeCondition& condition : status->status().conditions()) {
    // A network that is not ready hinders new sandboxes, not containers in those that exist.
    if (condition.type() != "RuntimeReady" || condition.status()) continue;
    ready = false;
    reason = absl::StrCat("the runtime says it is not ready: ", condition.reason(), " ",
                          condition.message());
  }
  if (streams_->cri_events == nullptr && streams_->containerd_events == nullptr) OpenStream();
  const auto alive = alive_;
  SetReady(ready, std::move(reason));
  if (*alive) Relist();
}

void RuntimeMonitor::ProbeFailed(const absl::Status& why) {
  probing_ = false;
  patience_.Cancel();
  look_.Cancel();
  streams_->cri_events.reset();
  streams_->containerd_events.reset();
  retry_.Set(loop_, reconnect_.Next(), [this] { Probe(); });
  SetReady(false,
           absl::StrCat("the runtime at ", state_.endpoint, " does not answer: ", why.message()));
}

void RuntimeMonitor::SetReady(bool ready, std::string reason) {
  if (state_.ready == ready && state_.reason == reason) return;
  state_.ready = ready;
  state_.reason = std::move(reason);
  const auto alive = alive_;
  std::vector<WatchId> all;
  for (const auto& [id, changed] : state_watches_) all.push_back(id);
  for (WatchId id : all) {
    auto it = state_watches_.find(id);
    if (it == state_watches_.end()) continue;
    const auto changed = it->second;
    (*changed)(state_);
    if (!*alive) return;
  }
}

// ---- events ----

// Callbacks of watches never come from within a call of the watcher, and what follows an event here
// may end this object.
void RuntimeMonitor::TellEvent() {
  if (event_watches_.empty()) return;
  loop_.Post([this, alive = alive_] {
    if (!*alive) return;
    std::vector<WatchId> all;
    for (const auto& [id, changed] : event_watches_) all.push_back(id);
    for (WatchId id : all) {
      auto it = event_watches_.find(id);
      if (it == event_watches_.end()) continue;
      const auto changed = it->second;
      (*changed)();
      if (!*alive) return;
    }
  });
}

void RuntimeMonitor::OpenStream() {
  state_.event_source = std::string(EventSourceName(source()));
  stream_opened_ = loop_.Monotonic();
  looks_since_open_ = 0;
  auto ended = [this](absl::Status why) { OnStreamEnd(std::move(why)); };
  switch (source()) {
    case EventSource::kCri:
      streams_->cri_events = std::make_unique<ServerStream<v1::ContainerEventResponse>>(
          loop_, connection_, *streams_->runtime,
          &v1::RuntimeService::Stub::PrepareAsyncGetContainerEvents, v1::GetEventsRequest(), "",
          [this](v1::ContainerEventResponse event) { OnCriEvent(event); }, ended);
      break;
    case EventSource::kContainerd: {
      events::SubscribeRequest request;
      for (const char* topic : {kTaskExitTopic, kTaskStartTopic, kDeleteTopic}) {
        request.add_filters(
            absl::StrCat("topic==\"", topic, "\",namespace==", kContainerdNamespace));
      }
      streams_->containerd_events = std::make_unique<ServerStream<events::Envelope>>(
          loop_, connection_, *streams_->containerd, &events::Events::Stub::PrepareAsyncSubscribe,
          request, kContainerdNamespace,
          [this](events::Envelope envelope) { OnContainerdEvent(envelope); }, ended);
      break;
    }
    case EventSource::kRelist:
      return;
  }
  TellEvent();
}

void RuntimeMonitor::OnCriEvent(const v1::ContainerEventResponse& event) {
  TellEvent();
  switch (event.container_event_type()) {
    case v1::CONTAINER_STOPPED_EVENT:
    case v1::CONTAINER_DELETED_EVENT:
      return OnContainerExit(event.container_id());
    case v1::CONTAINER_STARTED_EVENT:
      return sandboxes_.OnSandboxEvent(event.pod_sandbox_status().id());
    default:
      return;
  }
}

void RuntimeMonitor::OnContainerdEvent(const events::Envelope& envelope) {
  if (envelope.namespace_() != kContainerdNamespace) return;
  const std::string& body = envelope.event().value();
  if (envelope.topic() == kTaskExitTopic) {
    events::TaskExit exit;
    // Execs end with an ID of their own (1.14 rule 8).
    if (exit.ParseFromString(body) && exit.id() == exit.container_id()) {
      TellEvent();
      OnContainerExit(exit.container_id());
    }
  } else if (envelope.topic() == kTaskStartTopic) {
    events::TaskStart start;
    TellEvent();
    if (start.ParseFromString(body)) sandboxes_.OnStartEvent(start.container_id());
  } else if (envelope.topic() == kDeleteTopic) {
    events::ContainerDelete deleted;
    TellEvent();
    if (deleted.ParseFromString(body)) exits_.OnDeleteEvent(deleted.id());
  }
}

void RuntimeMonitor::OnContainerExit(const std::string& container_id) {
  exits_.OnExitEvent(container_id);
}

void RuntimeMonitor::OnStreamEnd(absl::Status why) {
  streams_->cri_events.reset();
  streams_->containerd_events.reset();
  const bool brief = loop_.Monotonic() - stream_opened_ < kShortStream;
  short_streams_ = brief && !absl::IsUnavailable(why) ? short_streams_ + 1 : 0;
  const bool useless = absl::IsUnimplemented(why) || short_streams_ >= kMaxShortStreams;
  if (useless && source() != EventSource::kRelist) {
    ++source_;
    short_streams_ = 0;
    OpenStream();
    Relist();
    return;
  }
  // Mostly the runtime has gone; if not, the probe opens the next stream.
  retry_.Set(loop_, reconnect_.Next(), [this] { Probe(); });
}

// ---- lists ----

void RuntimeMonitor::Relist() {
  look_.Cancel();
  if (!Watched()) {
    ScheduleLook();
    return;
  }
  if (listing_) return;
  listing_ = true;
  ++relists_;
  runtime_.ListContainers(v1::ContainerFilter(),
                          [this, alive = alive_](absl::StatusOr<v1::ListContainersResponse> list) {
                            if (!*alive) return;
                            listing_ = false;
                            if (list.ok()) {
                              exits_.OnList(*list);
                              if (!*alive) return;
                              sandboxes_.OnList(*list);
                              if (!*alive) return;
                              ScheduleLook();
                            } else {
                              Probe();
                            }
                          });
}

void RuntimeMonitor::ScheduleLook() {
  if (probing_ || retry_.pending() || listing_) return;
  absl::Duration wait = options_.probe_idle;
  if (Watched()) {
    if (source() == EventSource::kRelist) {
      wait = options_.relist_without_events;
    } else if (looks_since_open_ < std::size(kEarlyLooks)) {
      wait = std::min(kEarlyLooks[looks_since_open_], options_.relist_with_events);
    } else {
      wait = options_.relist_with_events;
    }
  }
  look_.Set(loop_, wait, [this] { Look(); });
}

void RuntimeMonitor::Look() {
  ++looks_since_open_;
  // Without anybody who waits the question is only whether the runtime is still there.
  if (!Watched()) {
    Probe();
  } else {
    Relist();
  }
}

// ---- watches ----

Monitor::WatchId RuntimeMonitor::WatchState(std::function<void(const State&)> changed) {
  const WatchId id = next_watch_++;
  state_watches_[id] = std::make_shared<std::function<void(const State&)>>(std::move(changed));
  return id;
}

Monitor::WatchId RuntimeMonitor::WatchExit(
    const std::string& container_id,
    absl::AnyInvocable<void(absl::StatusOr<v1::ContainerStatus>)> exited) {
  const WatchId id = next_watch_++;
  const bool first = !Watched();
  exits_.AddExit(id, container_id, std::move(exited));
  if (first) ScheduleLook();
  return id;
}

Monitor::WatchId RuntimeMonitor::WatchTaskExit(const std::string& container_id,
                                               absl::AnyInvocable<void()> exited) {
  const WatchId id = next_watch_++;
  const bool first = !Watched();
  exits_.AddTaskExit(id, container_id, std::move(exited));
  if (first) ScheduleLook();
  return id;
}

Monitor::WatchId RuntimeMonitor::WatchSandbox(const std::string& sandbox_id,
                                              std::function<void()> changed) {
  const WatchId id = next_watch_++;
  const bool first = !Watched();
  sandboxes_.Add(id, sandbox_id, std::move(changed));
  if (first) ScheduleLook();
  return id;
}

Monitor::WatchId RuntimeMonitor::WatchEvents(std::function<void()> changed) {
  const WatchId id = next_watch_++;
  event_watches_[id] = std::make_shared<std::function<void()>>(std::move(changed));
  return id;
}

void RuntimeMonitor::Unwatch(WatchId watch) {
  state_watches_.erase(watch);
  event_watches_.erase(watch);
  exits_.Remove(watch);
  sandboxes_.Remove(watch);
}

}  // namespace rekindle::cri
