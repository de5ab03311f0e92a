#ifndef REKINDLE_TEST_DAEMON_RESTART_ENGINE_FIXTURE_H_
#define REKINDLE_TEST_DAEMON_RESTART_ENGINE_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/restart/engine_impl.h"
#include "daemon/restart/transitions.h"
#include "tests/fakes/fake_hooks.h"
#include "tests/fakes/fake_journal.h"
#include "tests/fakes/fake_runtime.h"
#include "tests/fakes/sim_loop.h"

namespace rekindle::restart {

// File work that is done at once.
class InlineFiles final : public Blocking {
 public:
  explicit InlineFiles(Loop& loop) : loop_(loop) {}
  void Run(Work work, Done done) override {
    loop_.Post([client = client_, this, work = std::move(work), done = std::move(done)]() mutable {
      if (client != client_) return;
      done(result.ok() ? work() : result);
    });
  }
  void DropClient() { ++client_; }
  absl::Status result;

 private:
  Loop& loop_;
  uint64_t client_ = 0;
};

// One pod "shop/web-0" with containers a, b and c, an engine, and time that moves when told.
class EngineTest : public testing::Test {
 protected:
  EngineTest()
      : sandbox_(runtime_.AddPod("shop", "web-0", "uid-1")),
        a_(runtime_.AddContainer(sandbox_, "a")),
        b_(runtime_.AddContainer(sandbox_, "b")),
        c_(runtime_.AddContainer(sandbox_, "c")) {
    for (const std::string& id : {a_, b_, c_}) {
      runtime_.Get(id).stop_after = absl::Milliseconds(50);
    }
    runtime_.on_start = [this](FakeRuntime::Container& container) {
      container.stop_after = absl::Milliseconds(50);
      if (started) started(container);
    };
    StartEngine();
  }

  void StartEngine() {
    engine_ = std::make_unique<EngineImpl>(
        OperationDeps{loop_, runtime_, runtime_, hooks_, journal_, files_}, options_);
    engine_->Watch([this](const OperationRecord& record) {
      seen_[record.id()].push_back(record);
      if (changed) changed(record);
    });
    engine_->Recover(journal_.Contents());
  }

  // The daemon is gone between two instructions; what it had asked for and not yet heard is lost.
  void KillEngine() {
    engine_.reset();
    runtime_.DropClient();
    journal_.DropClient();
    hooks_.DropClient();
    files_.DropClient();
  }

  static RestartRequest Request(std::vector<std::string> names, std::string id = "r1") {
    RestartRequest request;
    request.request_id = std::move(id);
    request.pod = {"shop", "web-0", "uid-1"};
    for (std::string& name : names) {
      ContainerRestart container;
      container.name = std::move(name);
      request.containers.push_back(std::move(container));
    }
    return request;
  }

  absl::StatusOr<std::vector<OperationRecord>> Submit(RestartRequest request) {
    std::optional<absl::StatusOr<std::vector<OperationRecord>>> answer;
    engine_->Submit(std::move(request), [&](absl::StatusOr<std::vector<OperationRecord>> reply) {
      answer = std::move(reply);
    });
    loop_.AdvanceUntil([&] { return answer.has_value(); }, absl::Seconds(30));
    if (!answer.has_value()) return absl::InternalError("no answer");
    return *std::move(answer);
  }

  // Runs until the operation has ended; the record as it is then.
  OperationRecord Finish(const std::string& id, absl::Duration limit = absl::Minutes(30)) {
    loop_.AdvanceUntil([&] { return Ended(id); }, limit);
    const OperationRecord* record = engine_->Find(id);
    if (record == nullptr) {
      ADD_FAILURE() << "no operation " << id;
      return {};
    }
    EXPECT_TRUE(IsTerminal(record->phase)) << id << " is still " << PhaseName(record->phase);
    return *record;
  }

  bool Ended(const std::string& id) const {
    const OperationRecord* record = engine_->Find(id);
    return record != nullptr && IsTerminal(record->phase);
  }

  // Lets clean-up and all that is left come to rest.
  void Rest() { loop_.Advance(absl::Seconds(30)); }

  std::vector<Phase> Phases(const OperationRecord& record) const {
    std::vector<Phase> phases;
    for (const PhaseTime& time : record.history) phases.push_back(time.phase);
    return phases;
  }

  // The one running container of a name.
  std::string Current(const std::string& name) const {
    const std::vector<std::string> running = runtime_.Running(name);
    EXPECT_EQ(running.size(), 1u) << name;
    return running.empty() ? "" : running.front();
  }

  SimLoop loop_;
  FakeRuntime runtime_{loop_};
  FakeHooks hooks_{loop_};
  FakeJournal journal_{loop_};
  InlineFiles files_{loop_};
  EngineImpl::Options options_;
  std::unique_ptr<EngineImpl> engine_;
  std::string sandbox_, a_, b_, c_;
  std::map<std::string, std::vector<OperationRecord>> seen_;
  std::function<void(FakeRuntime::Container&)> started;
  std::function<void(const OperationRecord&)> changed;
};

}  // namespace rekindle::restart

#endif  // REKINDLE_TEST_DAEMON_RESTART_ENGINE_FIXTURE_H_
