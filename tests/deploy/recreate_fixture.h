#ifndef REKINDLE_TEST_DEPLOY_RECREATE_FIXTURE_H_
#define REKINDLE_TEST_DEPLOY_RECREATE_FIXTURE_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/bare_metal/api.h"
#include "tests/bed/process.h"
#include "tests/deploy/system.h"
#include "tests/kube/shared_cluster.h"

namespace rekindle::deploy {

using bare_metal::ObjectWatch;
using bare_metal::RequestPath;
using nlohmann::json;

inline constexpr char kSpace[] = "default";
inline constexpr char kActiveLabel[] = "crr.apps.kruise.io/active";
inline constexpr char kUnreadyFinalizer[] = "crr.apps.kruise.io/unready-acquired";

// Restarts by request on a real Kubernetes, with Rekindle as users install it. All tests share the
// cluster; pods and requests have names of their own. Pods are those of a kubelet, and their
// programs keep diaries on a volume of the machine.
class RecreateKubeTest : public kube::SharedClusterTest {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;

  // --- pods ---------------------------------------------------------------------------------

  // Of test servers on ports from 8080, ready in a second, with a grace of ten seconds.
  static json MakePod(const std::string& name, const std::vector<std::string>& containers);
  // One that is out of service while somebody holds a key.
  static json GatedPod(const std::string& name);
  // What runs in the container instead of a server.
  static void SetCommand(json& pod, size_t container, const std::vector<std::string>& command);
  static void SetScript(json& pod, size_t container, const std::string& script) {
    SetCommand(pod, container, {"sh", "-c", script});
  }
  // Makes it and waits until it is ready. Null on failure.
  json Run(const json& pod);
  json RunPlain(const std::string& name, const std::vector<std::string>& containers = {"a"}) {
    return Run(MakePod(name, containers));
  }
  // Made, and removed after the test, without a wait.
  void Make(const json& pod);
  static std::string NameOf(const json& object) { return object["metadata"]["name"]; }
  // Null: there is none.
  static json Now(const std::string& pod);
  static bool AwaitPod(const std::string& pod, const std::function<bool(const json&)>& holds,
                       absl::Duration limit = absl::Minutes(2));
  // Of a container; an object without members while there is none.
  static json StatusOf(const json& pod, const std::string& container) {
    const json status = kube::ContainerStatus(pod, container);
    return status.is_object() ? status : json::object();
  }
  static json Condition(const json& object, const std::string& type);
  static bool Is(const json& pod, const std::string& type, const std::string& status) {
    return Condition(pod, type).value("status", "") == status;
  }

  // --- what really ran ----------------------------------------------------------------------

  // A file on the volume that all containers of the pod see as /diary.
  static std::string DiaryFile(const std::string& pod, const std::string& name);
  // When the container noted `event`, in the order of its diary.
  static std::vector<absl::Time> Times(const std::string& pod, const std::string& container,
                                       const std::string& event);
  static int Count(const std::string& pod, const std::string& container, const std::string& event) {
    return static_cast<int>(Times(pod, container, event).size());
  }
  static bool AwaitCount(const std::string& pod, const std::string& container,
                         const std::string& event, int count);
  // The ID of the only container of the name that runs, with its scheme; empty if none or several.
  static std::string RunningId(const json& pod, const std::string& container);
  // It was started `restarts` times beside the first, told to stop as often, and runs once, in the
  // pod, sandbox and address of before; and the API says so, with the exact count.
  static void ExpectRestarted(const json& before, const std::string& container, int restarts);
  static void ExpectUntouched(const json& before, const std::string& container) {
    ExpectRestarted(before, container, 0);
  }

  // --- requests -----------------------------------------------------------------------------

  void Create(const std::string& name, const json& pod, const std::vector<std::string>& containers,
              const json& spec = json::object(), const json& annotations = json());
  bool Await(const std::string& name, const std::function<bool(const json&)>& holds,
             absl::Duration limit = absl::Minutes(2)) {
    return requests_->Await(name, holds, limit);
  }
  bool AwaitPhase(const std::string& name, const std::string& phase,
                  absl::Duration limit = absl::Minutes(2)) {
    return Await(
        name, [&](const json& now) { return PhaseOf(now) == phase; }, limit);
  }
  bool AwaitDrain(const std::string& name) {
    return Await(name, [](const json& now) {
      return Condition(now, "PreRecreateGrace").value("status", "") == "True";
    });
  }
  // At its end, with a time of completion; it loses its label and finalizer then.
  json AwaitEnd(const std::string& name, absl::Duration limit = absl::Minutes(2));
  // Ends with an empty message and all of `containers` Succeeded.
  json ExpectSuccess(const std::string& name, const std::vector<std::string>& containers);
  void Delete(const std::string& name);

  static std::string PhaseOf(const json& request);
  static std::string MessageOf(const json& request) {
    return request["status"].value("message", "");
  }
  static json StateOf(const json& request, const std::string& container);
  static json SnapshotOf(const json& request, const std::string& container);
  static bool HasFinalizer(const json& request);
  static absl::Time TimeOf(const json& text);

  // --- events -------------------------------------------------------------------------------

  static std::vector<json> Events();
  static bool HasEvent(const std::string& kind, const std::string& name, const std::string& reason,
                       const std::string& text = "");
  static bool AwaitEvent(const std::string& kind, const std::string& name,
                         const std::string& reason, const std::string& text = "") {
    return bed::WaitUntil([&] { return HasEvent(kind, name, reason, text); }, absl::Minutes(1));
  }
  static bool AwaitRequestEvent(const std::string& name, const std::string& reason,
                                const std::string& text = "") {
    return AwaitEvent("ContainerRecreateRequest", name, reason, text);
  }

  static conformance::Endpoint AdminEndpoint();

  static inline System* system_ = nullptr;
  std::unique_ptr<ObjectWatch> requests_;

 private:
  std::set<std::string> pods_;
  std::set<std::string> names_;  // of requests
};

// Strategies, for Create.
inline json Strategy(json members) { return {{"strategy", std::move(members)}}; }

}  // namespace rekindle::deploy

#endif  // REKINDLE_TEST_DEPLOY_RECREATE_FIXTURE_H_
