#ifndef REKINDLE_TEST_DAEMON_SERVICE_SERVICE_FAKES_H_
#define REKINDLE_TEST_DAEMON_SERVICE_SERVICE_FAKES_H_

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/loop.h"
#include "common/base/sync.h"
#include "daemon/cri/monitor.h"
#include "daemon/cri/runtime.h"
#include "daemon/images/puller.h"
#include "daemon/restart/engine.h"

namespace rekindle::service {

// Runs `task` on the loop and returns its result once it has run.
template <typename F>
auto OnLoop(Loop& loop, F task) {
  using Result = decltype(task());
  Latch done;
  if constexpr (std::is_void_v<Result>) {
    loop.Post([&] {
      task();
      done.Open();
    });
    done.Wait();
  } else {
    std::optional<Result> result;
    loop.Post([&] {
      result.emplace(task());
      done.Open();
    });
    done.Wait();
    return *std::move(result);
  }
}

// An engine that does what the test says. All on the loop's thread.
class FakeEngine : public restart::Engine {
 public:
  explicit FakeEngine(Loop& loop) : loop_(loop) {}

  void Submit(restart::RestartRequest request,
              absl::AnyInvocable<void(absl::StatusOr<std::vector<restart::OperationRecord>>)> reply)
      override {
    ++calls;
    submitted.push_back(request);
    if (!submit_error.ok()) {
      loop_.Post([reply = std::move(reply), e = submit_error]() mutable { reply(e); });
      return;
    }
    std::vector<restart::OperationRecord> made;
    for (const auto& container : request.containers) {
      restart::OperationRecord record;
      record.request_id = request.request_id;
      record.pod = request.pod;
      record.container_name = container.name;
      record.method = container.method;
      record.created = record.deadline = loop_.Now();
      record.history = {{restart::Phase::kAccepted, loop_.Now()}};
      if (!records.contains(record.id())) {
        records[record.id()] = record;
        order.push_back(record.id());
      }
      made.push_back(records[record.id()]);
    }
    loop_.Post([reply = std::move(reply), made]() mutable { reply(std::move(made)); });
  }

  void Cancel(const std::string& id,
              absl::AnyInvocable<void(absl::StatusOr<restart::OperationRecord>)> reply) override {
    ++calls;
    absl::StatusOr<restart::OperationRecord> result = absl::NotFoundError("no such operation");
    if (records.contains(id)) {
      Move(id, restart::Phase::kCancelled);
      result = records[id];
    }
    loop_.Post([reply = std::move(reply), result]() mutable { reply(result); });
  }

  void EndWithPod(
      const std::string& id,
      absl::AnyInvocable<void(absl::StatusOr<restart::OperationRecord>)> reply) override {
    if (records.contains(id)) ended_with_pod.push_back(id);
    Cancel(id, std::move(reply));
  }

  const restart::OperationRecord* Find(const std::string& id) const override {
    auto it = records.find(id);
    return it == records.end() ? nullptr : &it->second;
  }

  std::vector<restart::OperationRecord> List(const Filter& filter) const override {
    std::vector<restart::OperationRecord> out;
    for (auto id = order.rbegin(); id != order.rend(); ++id) {
      const restart::OperationRecord& record = records.at(*id);
      if (!filter.request_id.empty() && filter.request_id != record.request_id) continue;
      if (filter.active_only && restart::IsTerminal(record.phase)) continue;
      out.push_back(record);
    }
    return out;
  }

  WatchId Watch(std::function<void(const restart::OperationRecord&)> observer) override {
    observers[next_watch_] = std::move(observer);
    return next_watch_++;
  }
  void Unwatch(WatchId watch) override { observers.erase(watch); }
  Stats GetStats() const override { return stats; }
  void StopAccepting(const std::string& reason) override {
    stats.accepting = false;
    stats.accepting_reason = reason;
  }

  // Moves an operation on and tells the observers.
  void Move(const std::string& id, restart::Phase phase) {
    restart::OperationRecord& record = records.at(id);
    record.phase = phase;
    record.history.push_back({phase, loop_.Now()});
    if (restart::IsTerminal(phase)) record.ended = loop_.Now();
    for (auto& [watch, observer] : std::map(observers)) observer(record);
  }

  int calls = 0;  // that would have changed something
  std::vector<restart::RestartRequest> submitted;
  absl::Status submit_error;
  std::map<std::string, restart::OperationRecord> records;
  std::vector<std::string> ended_with_pod;
  std::vector<std::string> order;  // oldest first
  std::map<WatchId, std::function<void(const restart::OperationRecord&)>> observers;
  Stats stats;

 private:
  Loop& loop_;
  WatchId next_watch_ = 1;
};

class FakeMonitor : public cri::Monitor {
 public:
  FakeMonitor() {
    state_.ready = true;
    state_.runtime_name = "fake";
    state_.event_source = "relist";
  }
  const State& state() const override { return state_; }
  WatchId WatchState(std::function<void(const State&)> changed) override {
    watches_[next_] = std::move(changed);
    return next_++;
  }
  WatchId WatchExit(
      const std::string&,
      absl::AnyInvocable<void(absl::StatusOr<::runtime::v1::ContainerStatus>)>) override {
    return next_++;
  }
  WatchId WatchTaskExit(const std::string&, absl::AnyInvocable<void()>) override { return next_++; }
  WatchId WatchSandbox(const std::string&, std::function<void()>) override { return next_++; }
  WatchId WatchEvents(std::function<void()> changed) override {
    event_watches_[next_] = std::move(changed);
    return next_++;
  }
  void Unwatch(WatchId watch) override {
    watches_.erase(watch);
    event_watches_.erase(watch);
  }
  // The runtime announces something.
  void Event() {
    for (auto& [id, changed] : std::map(event_watches_)) changed();
  }
  void SetEventSource(const std::string& source) { state_.event_source = source; }
  size_t event_watches() const { return event_watches_.size(); }

  void SetReady(bool ready, const std::string& reason) {
    state_.ready = ready;
    state_.reason = reason;
    for (auto& [id, changed] : std::map(watches_)) changed(state_);
  }

 private:
  State state_;
  WatchId next_ = 1;
  std::map<WatchId, std::function<void(const State&)>> watches_;
  std::map<WatchId, std::function<void()>> event_watches_;
};

class FakePuller : public images::Puller {
 public:
  struct Pulling {
    std::string image;
    images::Credentials credentials;
    std::function<void(const images::Progress&)> progress;
    absl::AnyInvocable<void(absl::StatusOr<images::Result>)> done;
  };

  PullId Pull(const std::string& image, images::Credentials credentials,
              std::function<void(const images::Progress&)> progress,
              absl::AnyInvocable<void(absl::StatusOr<images::Result>)> done) override {
    ++pulls;
    pulling[next_] = {image, std::move(credentials), std::move(progress), std::move(done)};
    return next_++;
  }
  void Cancel(PullId pull) override { cancelled += static_cast<int>(pulling.erase(pull)); }

  int pulls = 0;
  int cancelled = 0;
  std::map<PullId, Pulling> pulling;

 private:
  PullId next_ = 1;
};

// A runtime that answers lists and statuses from what the test put in; everything else would be a
// bug of the service and ends the test.
class FakeRuntime : public cri::Runtime {
 public:
  explicit FakeRuntime(Loop& loop) : loop_(loop) {}

  void ListPodSandbox(const cri::v1::PodSandboxFilter& filter,
                      cri::Reply<cri::v1::ListPodSandboxResponse> reply) override {
    cri::v1::ListPodSandboxResponse out;
    for (const auto& [id, sandbox] : sandboxes) {
      if (filter.has_state() && filter.state().state() != sandbox.state()) continue;
      *out.add_items() = sandbox;
    }
    absl::StatusOr<cri::v1::ListPodSandboxResponse> answer = out;
    if (!error.ok()) answer = error;
    Answer(std::move(reply), std::move(answer));
  }
  void ListContainers(const cri::v1::ContainerFilter& filter,
                      cri::Reply<cri::v1::ListContainersResponse> reply) override {
    cri::v1::ListContainersResponse out;
    for (const auto& [id, container] : containers) {
      if (filter.has_state() && filter.state().state() != container.state()) continue;
      if (!filter.pod_sandbox_id().empty() &&
          filter.pod_sandbox_id() != container.pod_sandbox_id()) {
        continue;
      }
      *out.add_containers() = container;
    }
    Answer(std::move(reply), absl::StatusOr<cri::v1::ListContainersResponse>(out));
  }
  void PodSandboxStatus(const std::string& id, bool,
                        cri::Reply<cri::v1::PodSandboxStatusResponse> reply) override {
    cri::v1::PodSandboxStatusResponse out;
    out.mutable_status()->set_id(id);
    out.mutable_status()->mutable_network()->set_ip("10.0.0.9");
    Track();
    absl::StatusOr<cri::v1::PodSandboxStatusResponse> answer = out;
    if (vanished.contains(id)) answer = absl::NotFoundError("gone");
    Answer(std::move(reply), std::move(answer));
  }
  void ContainerStatus(const std::string& id, bool,
                       cri::Reply<cri::v1::ContainerStatusResponse> reply) override {
    cri::v1::ContainerStatusResponse out;
    const cri::v1::Container& container = containers.at(id);
    auto* status = out.mutable_status();
    status->set_id(id);
    *status->mutable_metadata() = container.metadata();
    status->set_state(container.state());
    status->set_created_at(container.created_at());
    status->mutable_image()->set_image("busybox:latest");
    status->set_exit_code(container.state() == cri::v1::CONTAINER_EXITED ? 3 : 0);
    Track();
    absl::StatusOr<cri::v1::ContainerStatusResponse> answer = out;
    if (vanished.contains(id)) answer = absl::NotFoundError("gone");
    if (!status_error.ok()) answer = status_error;
    Answer(std::move(reply), answer);
  }

  void Version(cri::Reply<cri::v1::VersionResponse>) override { abort(); }
  void Status(cri::Reply<cri::v1::StatusResponse>) override { abort(); }
  void CreateContainer(const cri::v1::CreateContainerRequest&, cri::Reply<std::string>) override {
    abort();
  }
  void StartContainer(const std::string&, cri::Done) override { abort(); }
  void StopContainer(const std::string&, absl::Duration, cri::Done) override { abort(); }
  void RemoveContainer(const std::string&, cri::Done) override { abort(); }
  void ExecSync(const std::string&, const std::vector<std::string>&, absl::Duration,
                cri::Reply<cri::v1::ExecSyncResponse>) override {
    abort();
  }
  void ImageStatus(const std::string&, cri::Reply<std::optional<cri::v1::Image>>) override {
    abort();
  }

  absl::Status error;
  absl::Status status_error;
  std::map<std::string, cri::v1::PodSandbox> sandboxes;
  std::map<std::string, cri::v1::Container> containers;
  std::map<std::string, bool> vanished;
  size_t under_way = 0;
  size_t most_under_way = 0;

 private:
  void Track() { most_under_way = std::max(most_under_way, ++under_way); }

  template <typename T>
  void Answer(cri::Reply<T> reply, absl::StatusOr<T> answer) {
    loop_.Post([this, reply = std::move(reply), answer = std::move(answer)]() mutable {
      if (under_way > 0) --under_way;
      reply(std::move(answer));
    });
  }

  Loop& loop_;
};

}  // namespace rekindle::service

#endif  // REKINDLE_TEST_DAEMON_SERVICE_SERVICE_FAKES_H_
