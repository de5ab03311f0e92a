#include "daemon/cri/exit_watches.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/sim_loop.h"

namespace rekindle::cri {
namespace {

using testing::ElementsAre;

// Answers ContainerStatus alone, 1 ms after it was asked; anything else is a mistake of the test.
class StatusOnlyRuntime final : public Runtime {
 public:
  explicit StatusOnlyRuntime(Loop& loop) : loop_(loop) {}

  void ContainerStatus(const std::string& id, bool,
                       Reply<v1::ContainerStatusResponse> reply) override {
    ++asked;
    loop_.RunAfter(absl::Milliseconds(1), [this, id, reply = std::move(reply)]() mutable {
      if (!error.ok()) {
        reply(error);
        return;
      }
      auto it = states.find(id);
      if (it == states.end()) {
        reply(absl::NotFoundError(id));
        return;
      }
      v1::ContainerStatusResponse response;
      response.mutable_status()->set_id(id);
      response.mutable_status()->set_state(it->second);
      reply(std::move(response));
    });
  }

  void Version(Reply<v1::VersionResponse>) override { FAIL(); }
  void Status(Reply<v1::StatusResponse>) override { FAIL(); }
  void ListPodSandbox(const v1::PodSandboxFilter&, Reply<v1::ListPodSandboxResponse>) override {
    FAIL();
  }
  void PodSandboxStatus(const std::string&, bool, Reply<v1::PodSandboxStatusResponse>) override {
    FAIL();
  }
  void ListContainers(const v1::ContainerFilter&, Reply<v1::ListContainersResponse>) override {
    FAIL();
  }
  void CreateContainer(const v1::CreateContainerRequest&, Reply<std::string>) override { FAIL(); }
  void StartContainer(const std::string&, Done) override { FAIL(); }
  void StopContainer(const std::string&, absl::Duration, Done) override { FAIL(); }
  void RemoveContainer(const std::string&, Done) override { FAIL(); }
  void ExecSync(const std::string&, const std::vector<std::string>&, absl::Duration,
                Reply<v1::ExecSyncResponse>) override {
    FAIL();
  }
  void ImageStatus(const std::string&, Reply<std::optional<v1::Image>>) override { FAIL(); }

  std::map<std::string, v1::ContainerState> states;
  absl::Status error;
  int asked = 0;

 private:
  Loop& loop_;
};

class ExitWatchesTest : public testing::Test {
 protected:
  ExitWatches::Exited Note(std::string name) {
    return [this, name](absl::StatusOr<v1::ContainerStatus> exit) {
      log_.push_back(
          name + (exit.ok() ? ":exited" : ":" + absl::StatusCodeToString(exit.status().code())));
    };
  }
  absl::AnyInvocable<void()> NoteTask(std::string name) {
    return [this, name] { log_.push_back(name + ":task"); };
  }
  v1::ListContainersResponse List() {
    v1::ListContainersResponse list;
    for (const auto& [id, state] : runtime_.states) {
      auto* container = list.add_containers();
      container->set_id(id);
      container->set_state(state);
    }
    return list;
  }

  SimLoop loop_;
  StatusOnlyRuntime runtime_{loop_};
  ExitWatches exits_{loop_, runtime_};
  std::vector<std::string> log_;
};

TEST_F(ExitWatchesTest, AnExitThatHasAlreadyHappenedIsReported) {
  runtime_.states["a"] = v1::CONTAINER_EXITED;
  exits_.AddExit(1, "a", Note("a"));
  exits_.AddTaskExit(2, "a", NoteTask("a"));
  exits_.AddExit(3, "b", Note("b"));
  EXPECT_TRUE(log_.empty());  // never inline
  loop_.Advance(absl::Milliseconds(5));
  EXPECT_THAT(log_, ElementsAre("a:exited", "a:task", "b:NOT_FOUND"));
  EXPECT_TRUE(exits_.empty());
}

// Scenario 45: the event alone is not yet the exit; the early hook fires on it.
TEST_F(ExitWatchesTest, WaitsUntilTheRuntimeItselfSaysExited) {
  runtime_.states["a"] = v1::CONTAINER_RUNNING;
  exits_.AddExit(1, "a", Note("a"));
  exits_.AddTaskExit(2, "a", NoteTask("a"));
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(runtime_.asked, 2);  // once each, and not again without a hint
  exits_.OnExitEvent("a");
  EXPECT_THAT(log_, ElementsAre("a:task"));
  loop_.Advance(absl::Milliseconds(60));
  EXPECT_THAT(log_, ElementsAre("a:task"));
  runtime_.states["a"] = v1::CONTAINER_EXITED;
  ASSERT_TRUE(loop_.AdvanceUntil([this] { return log_.size() == 2; }, absl::Milliseconds(60)));
  EXPECT_THAT(log_, ElementsAre("a:task", "a:exited"));
  EXPECT_EQ(loop_.pending_timers(), 0u);
}

TEST_F(ExitWatchesTest, TheQuestionsAfterAnEventAreBounded) {
  runtime_.states["a"] = v1::CONTAINER_RUNNING;
  exits_.AddExit(1, "a", Note("a"));
  loop_.Advance(absl::Milliseconds(5));
  exits_.OnExitEvent("a");
  loop_.Advance(absl::Minutes(5));
  EXPECT_LE(runtime_.asked, 102);
  EXPECT_EQ(loop_.pending_timers(), 0u);
  // The safety net still finds it.
  runtime_.states["a"] = v1::CONTAINER_EXITED;
  exits_.OnList(List());
  loop_.Advance(absl::Milliseconds(5));
  EXPECT_THAT(log_, ElementsAre("a:exited"));
}

TEST_F(ExitWatchesTest, AListTellsOfExitsAndDisappearances) {
  runtime_.states = {
      {"a", v1::CONTAINER_RUNNING}, {"b", v1::CONTAINER_RUNNING}, {"c", v1::CONTAINER_UNKNOWN}};
  for (const char* id : {"a", "b", "c"}) exits_.AddExit(id[0], id, Note(id));
  loop_.Advance(absl::Milliseconds(5));
  const int asked = runtime_.asked;
  exits_.OnList(List());
  loop_.Advance(absl::Milliseconds(5));
  EXPECT_EQ(runtime_.asked, asked);  // whoever runs is not asked again
  runtime_.states.erase("a");
  runtime_.states["b"] = v1::CONTAINER_EXITED;
  exits_.OnList(List());
  loop_.Advance(absl::Milliseconds(5));
  EXPECT_THAT(log_, testing::UnorderedElementsAre("a:NOT_FOUND", "b:exited"));
}

TEST_F(ExitWatchesTest, AnErrorIsNoExit) {
  runtime_.states["a"] = v1::CONTAINER_RUNNING;
  runtime_.error = absl::UnavailableError("down");
  exits_.AddExit(1, "a", Note("a"));
  loop_.Advance(absl::Seconds(1));
  exits_.OnExitEvent("a");
  loop_.Advance(absl::Milliseconds(50));
  EXPECT_TRUE(log_.empty());
  runtime_.error = absl::OkStatus();
  runtime_.states["a"] = v1::CONTAINER_EXITED;
  loop_.Advance(absl::Seconds(1));
  EXPECT_THAT(log_, ElementsAre("a:exited"));
}

// An event that comes while the answer is on its way must not be lost with that older answer.
TEST_F(ExitWatchesTest, AnEventDuringAQuestionLeadsToAnotherOne) {
  runtime_.states["a"] = v1::CONTAINER_RUNNING;
  exits_.AddExit(1, "a", Note("a"));
  exits_.OnExitEvent("a");
  loop_.Advance(absl::Milliseconds(3));
  EXPECT_EQ(runtime_.asked, 2);
}

TEST_F(ExitWatchesTest, AWatchMayDropAnother) {
  runtime_.states["a"] = v1::CONTAINER_EXITED;
  exits_.AddExit(1, "a", [this](auto) {
    log_.emplace_back("first");
    exits_.Remove(2);
  });
  exits_.AddExit(2, "a", Note("second"));
  exits_.Remove(77);
  loop_.Advance(absl::Milliseconds(5));
  EXPECT_THAT(log_, ElementsAre("first"));
  EXPECT_TRUE(exits_.empty());
}

TEST_F(ExitWatchesTest, ARemovedWatchLeavesNoQuestionsBehind) {
  runtime_.states["a"] = v1::CONTAINER_RUNNING;
  exits_.AddExit(1, "a", Note("a"));
  loop_.Advance(absl::Milliseconds(5));
  exits_.OnExitEvent("a");
  exits_.Remove(1);
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(loop_.pending_timers(), 0u);
  EXPECT_TRUE(log_.empty());
  exits_.OnExitEvent("a");
  EXPECT_EQ(loop_.pending_timers(), 0u);
}

}  // namespace
}  // namespace rekindle::cri
