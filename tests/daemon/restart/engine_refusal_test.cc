// Requests that are refused: a clear error that names the field, and nothing touched.
#include <functional>

#include "tests/daemon/restart/engine_fixture.h"

namespace rekindle::restart {
namespace {

using testing::HasSubstr;

class RefusalTest : public EngineTest {
 protected:
  void ExpectRefused(const std::string& row, RestartRequest request, absl::StatusCode code,
                     const std::string& text) {
    const auto answer = Submit(std::move(request));
    EXPECT_EQ(answer.status().code(), code) << row << ": " << answer.status();
    EXPECT_THAT(answer.status().message(), HasSubstr(text)) << row;
    Rest();
    EXPECT_TRUE(runtime_.calls.empty()) << row;
    EXPECT_EQ(journal_.appends, 0u) << row;
    EXPECT_EQ(engine_->GetStats().stored, 0u) << row;
  }
};

TEST_F(RefusalTest, BadInputNamesItsField) {
  struct Row {
    std::string name;
    std::function<void(RestartRequest&)> spoil;
    absl::StatusCode code;
    std::string text;
  };
  const auto kInvalid = absl::StatusCode::kInvalidArgument;
  const auto kFailed = absl::StatusCode::kFailedPrecondition;
  const auto kNotFound = absl::StatusCode::kNotFound;
  const Row rows[] = {
      {"unknown pod", [](auto& r) { r.pod.name = "web-9"; }, kNotFound, "no pod shop/web-9"},
      {"unknown namespace", [](auto& r) { r.pod.ns = "toys"; }, kNotFound, "no pod toys/web-0"},
      {"wrong UID", [](auto& r) { r.pod.uid = "uid-9"; }, kFailed,
       "runs with UID uid-1, not uid-9"},
      {"unknown container", [](auto& r) { r.containers[0].name = "x"; }, kNotFound,
       "no container \"x\"; it has: a, b, c"},
      {"empty list", [](auto& r) { r.containers.clear(); }, kInvalid, "containers:"},
      {"duplicate names", [](auto& r) { r.containers.push_back(r.containers[0]); }, kInvalid,
       "containers[1].name: \"a\" is listed twice"},
      {"negative grace", [](auto& r) { r.containers[0].grace = absl::Seconds(-1); }, kInvalid,
       "containers[0].grace"},
      {"negative min_started", [](auto& r) { r.containers[0].min_started = absl::Seconds(-1); },
       kInvalid, "containers[0].min_started"},
      {"negative unready_grace", [](auto& r) { r.unready_grace = absl::Seconds(-1); }, kInvalid,
       "unready_grace"},
      {"deadline of zero", [](auto& r) { r.deadline = absl::ZeroDuration(); }, kInvalid,
       "deadline"},
      {"ready check with replace", [](auto& r) { r.containers[0].ready_check = ReadyCheck{}; },
       kInvalid, "ready_check"},
      {"no request ID", [](auto& r) { r.request_id.clear(); }, kInvalid, "request_id"},
      {"stale ID", [](auto& r) { r.containers[0].expected_container_id = std::string(64, 'e'); },
       kFailed, "containers[0].expected_container_id: a is now "},
  };
  for (const Row& row : rows) {
    RestartRequest request = Request({"a"});
    row.spoil(request);
    ExpectRefused(row.name, std::move(request), row.code, row.text);
  }
}

TEST_F(RefusalTest, AContainerOfAnotherPodIsNotReached) {
  const std::string other = runtime_.AddPod("shop", "web-1", "uid-2");
  const std::string foreign = runtime_.AddContainer(other, "a");
  RestartRequest request = Request({"a"});
  request.containers[0].expected_container_id = foreign;
  ExpectRefused("foreign ID", std::move(request), absl::StatusCode::kFailedPrecondition,
                "expected_container_id");
}

TEST_F(RefusalTest, AnExitedContainerNeedsForce) {
  runtime_.Exit(a_, 3);
  ExpectRefused("exited", Request({"a"}), absl::StatusCode::kFailedPrecondition,
                "only a forced restart");
  RestartRequest forced = Request({"a"}, "r2");
  forced.force = true;
  ASSERT_TRUE(Submit(std::move(forced)).ok());
  const OperationRecord record = Finish("r2/a");
  EXPECT_EQ(record.phase, Phase::kDone);
  EXPECT_EQ(runtime_.CountCalls("StopContainer"), 0u);
  EXPECT_EQ(Current("a"), record.new_container_id);
}

TEST_F(RefusalTest, AKubeletsPodMustBeDescribed) {
  runtime_.GiveToKubelet(sandbox_);
  ExpectRefused("kubelet", Request({"a"}), absl::StatusCode::kInvalidArgument,
                "kubernetes_pod: must be given");
}

TEST_F(RefusalTest, ASandboxThatIsNotReady) {
  runtime_.SetSandboxReady(sandbox_, false);
  ExpectRefused("not ready", Request({"a"}), absl::StatusCode::kFailedPrecondition, "not ready");
}

TEST_F(RefusalTest, LabelsThatContradictTheMetadata) {
  (*runtime_.Sandbox(sandbox_).mutable_labels())["io.kubernetes.pod.uid"] = "uid-77";
  ExpectRefused("labels", Request({"a"}), absl::StatusCode::kFailedPrecondition, "disagree");
}

TEST_F(RefusalTest, ARuntimeThatIsAway) {
  runtime_.SetDown(true);
  ExpectRefused("down", Request({"a"}), absl::StatusCode::kUnavailable, "refused");
}

TEST_F(RefusalTest, ARuntimeThatHasJustStarted) {
  runtime_.FailNext("ListPodSandbox", absl::UnknownError("server is not initialized yet"));
  ExpectRefused("starting", Request({"a"}), absl::StatusCode::kUnavailable, "not initialized");
}

TEST_F(RefusalTest, AForcedRequestMayNameAStaleContainer) {
  RestartRequest request = Request({"a"});
  request.containers[0].expected_container_id = std::string(64, 'e');
  request.force = true;
  ASSERT_TRUE(Submit(std::move(request)).ok());
  EXPECT_EQ(Finish("r1/a").phase, Phase::kDone);
}

}  // namespace
}  // namespace rekindle::restart
