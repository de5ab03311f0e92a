#ifndef REKINDLE_TEST_DAEMON_RESTART_KUBELET_FIXTURE_H_
#define REKINDLE_TEST_DAEMON_RESTART_KUBELET_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/kubelet/reservation.h"
#include "tests/daemon/restart/engine_fixture.h"
#include "tests/fakes/fake_kubelet.h"

namespace rekindle::restart {

// The pod of EngineTest under a kubelet.
class KubeletTest : public EngineTest {
 protected:
  KubeletTest() { runtime_.GiveToKubelet(sandbox_); }

  void StartKubelet(absl::Duration first_relist = absl::Milliseconds(500)) {
    kubelet_ = std::make_unique<FakeKubelet>(loop_, runtime_, sandbox_,
                                             std::vector<std::string>{"a", "b", "c"}, first_relist);
  }

  static RestartRequest Ask(Method method = Method::kAuto, std::string id = "r1",
                            std::vector<std::string> names = {"a"}) {
    RestartRequest request = Request(std::move(names), std::move(id));
    for (ContainerRestart& container : request.containers) container.method = method;
    request.kubernetes_pod = KubernetesPod{.restart_policy = kubelet::RestartPolicy::kAlways};
    return request;
  }

  std::vector<std::string> Placeholders() const {
    std::vector<std::string> ids;
    runtime_.ForEach([&](const FakeRuntime::Container& container) {
      if (kubelet::IsPlaceholder(container.summary)) ids.push_back(container.summary.id());
    });
    return ids;
  }

  // Containers of the name, without placeholders, that exist in `state`.
  size_t Count(const std::string& name, ::runtime::v1::ContainerState state) const {
    size_t count = 0;
    runtime_.ForEach([&](const FakeRuntime::Container& container) {
      count += !kubelet::IsPlaceholder(container.summary) &&
               container.summary.metadata().name() == name && container.summary.state() == state;
    });
    return count;
  }

  uint32_t AttemptOf(const std::string& id) {
    return runtime_.Get(id).summary.metadata().attempt();
  }

  // What must hold when all is over: one runs, nothing of ours is left, the kubelet sees it.
  void ExpectSettled(const std::string& name = "a") {
    EXPECT_EQ(runtime_.Running(name).size(), 1u);
    EXPECT_EQ(Count(name, ::runtime::v1::CONTAINER_CREATED), 0u);
    EXPECT_TRUE(Placeholders().empty());
    for (const OperationRecord& record : journal_.Contents()) {
      EXPECT_FALSE(record.aftercare) << record.id();
    }
  }

  // Past every step of the aftercare and a kubelet's periodic sync.
  void Settle() { loop_.Advance(absl::Seconds(95)); }

  std::unique_ptr<FakeKubelet> kubelet_;
};

}  // namespace rekindle::restart

#endif  // REKINDLE_TEST_DAEMON_RESTART_KUBELET_FIXTURE_H_
