#include "controller/fleet/directory.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>

#include "tests/common/client/client_fixture.h"

namespace rekindle::fleet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::shared_ptr<const DaemonPod> Made(const std::string& uid, int seconds, bool ready,
                                      bool deleting = false, const std::string& ip = "10.0.0.1",
                                      bool ended = false) {
  return std::make_shared<const DaemonPod>(DaemonPod{.uid = uid,
                                                     .node = "n",
                                                     .host_ip = ip,
                                                     .created = absl::FromUnixSeconds(seconds),
                                                     .ready = ready,
                                                     .deleting = deleting,
                                                     .ended = ended});
}

TEST(PickDaemonTest, WhichOfTwo) {
  using Pods = std::vector<std::shared_ptr<const DaemonPod>>;
  const struct {
    const char* name;
    Pods pods;
    std::string picked;
  } rows[] = {
      {"none", {}, ""},
      {"one that is not ready", {Made("a", 1, false)}, "a"},
      {"the newest of those that are ready",
       {Made("a", 1, true), Made("b", 2, true), Made("c", 3, false)},
       "b"},
      {"the newest when none is ready", {Made("b", 2, false), Made("a", 1, false)}, "b"},
      {"not one that is being deleted", {Made("a", 1, true, true), Made("b", 2, false)}, "b"},
      {"one that is being deleted where there is no other", {Made("a", 1, false, true)}, "a"},
      {"not one without an address", {Made("a", 2, false, false, ""), Made("b", 1, false)}, "b"},
      {"not one that has ended", {Made("a", 1, false, false, "10.0.0.1", true)}, ""},
  };
  for (const auto& row : rows) {
    const auto picked = PickDaemon(row.pods);
    EXPECT_EQ(picked == nullptr ? "" : picked->uid, row.picked) << row.name;
  }
}

TEST(DaemonPodTest, Decodes) {
  const auto decode = DaemonPodDecoder();
  const auto pod = decode(R"({"metadata":{"uid":"u","creationTimestamp":"2026-11-27T12:00:00Z",
      "deletionTimestamp":"2026-11-27T13:00:00Z"},"spec":{"nodeName":"n","containers":[{}]},
      "status":{"hostIP":"10.0.0.7","phase":"Running","conditions":[
      {"type":"Initialized","status":"True"},{"type":"Ready","status":"False"}]}})");
  ASSERT_TRUE(pod.ok()) << pod.status();
  EXPECT_EQ(*pod, (DaemonPod{.uid = "u",
                             .node = "n",
                             .host_ip = "10.0.0.7",
                             .created = absl::FromCivil(absl::CivilSecond(2026, 11, 27, 12),
                                                        absl::UTCTimeZone()),
                             .deleting = true}));
  EXPECT_EQ(decode("[]").status().code(), absl::StatusCode::kInvalidArgument);
  const auto bare = decode(R"({"status":{"conditions":{"type":"Ready"}},"spec":[]})");
  ASSERT_TRUE(bare.ok()) << bare.status();
  EXPECT_FALSE(bare->ready);
}

class DaemonPodsTest : public client::ClientFixture, private Endpoints {
 protected:
  void Start(DaemonPods::Options options = {.name_space = "rekindle-system"}) {
    Client({.requests_per_second = 1000, .burst = 1000});
    daemons_ = std::make_unique<DaemonPods>(*client_, options, static_cast<Endpoints&>(*this),
                                            [] { return 0.0; });
    daemons_->Start();
    loop_.Advance(absl::Milliseconds(50));
    EXPECT_TRUE(daemons_->synced());
  }
  void Put(const std::string& name, const std::string& node, const std::string& ip, bool ready,
           const std::string& created = "2026-11-27T12:00:00Z") {
    Json pod = Pod(name, {{"app.kubernetes.io/name", "rekindled"}}, "rekindle-system");
    pod["metadata"]["creationTimestamp"] = created;
    pod["spec"]["nodeName"] = node;
    pod["status"]["hostIP"] = ip;
    pod["status"]["conditions"] =
        Json::array({{{"type", "Ready"}, {"status", ready ? "True" : "False"}}});
    api_.Put(client::kPods, pod);
  }
  std::vector<std::string> Log() {
    loop_.Advance(absl::Milliseconds(50));
    return std::exchange(log_, {});
  }

  std::unique_ptr<DaemonPods> daemons_;

 private:
  absl::Status SetEndpoint(const std::string& node, const Endpoint& endpoint) override {
    log_.push_back(absl::StrCat(node, "=", endpoint.target, ",", endpoint.server_name));
    return CheckEndpoint(endpoint);
  }
  void RemoveEndpoint(const std::string& node) override { log_.push_back("-" + node); }

  std::vector<std::string> log_;
};

TEST_F(DaemonPodsTest, FollowsThePodsOfItsNamespace) {
  Put("d1", "n1", "10.0.0.1", true);
  api_.Put(client::kPods, Pod("other", {{"app.kubernetes.io/name", "web"}}, "rekindle-system"));
  Start();
  EXPECT_THAT(Log(), ElementsAre("n1=10.0.0.1:10240,rekindled"));
  Put("d2", "", "", false);
  EXPECT_THAT(Log(), IsEmpty());
  Put("d2", "n2", "", false);
  EXPECT_THAT(Log(), IsEmpty());
  Put("d2", "n2", "fd00::2", false);
  EXPECT_THAT(Log(), ElementsAre("n2=[fd00::2]:10240,rekindled"));
  // Ready: it is worth another try now.
  Put("d2", "n2", "fd00::2", true);
  EXPECT_THAT(Log(), ElementsAre("n2=[fd00::2]:10240,rekindled"));
  api_.Remove(client::kPods, "rekindle-system", "d2");
  EXPECT_THAT(Log(), ElementsAre("-n2"));
}

TEST_F(DaemonPodsTest, RollingUpdate) {
  Start({.name_space = "rekindle-system", .port = 7, .server_name = ""});
  Put("old", "n1", "10.0.0.1", true);
  EXPECT_THAT(Log(), ElementsAre("n1=10.0.0.1:7,n1"));
  Put("new", "n1", "10.0.0.9", false, "2026-11-27T13:00:00Z");
  EXPECT_THAT(Log(), IsEmpty());
  Put("new", "n1", "10.0.0.9", true, "2026-11-27T13:00:00Z");
  EXPECT_THAT(Log(), ElementsAre("n1=10.0.0.9:7,n1"));
  api_.Remove(client::kPods, "rekindle-system", "old");
  EXPECT_THAT(Log(), IsEmpty());
  api_.Remove(client::kPods, "rekindle-system", "new");
  EXPECT_THAT(Log(), ElementsAre("-n1"));
}

TEST_F(DaemonPodsTest, AnAddressThatIsNoneIsPassedOver) {
  Put("d1", "n1", "10.0.0.1:1,10.0.0.2", true);
  Put("d2", "n2", "10.0.0.2", true);
  Start();
  EXPECT_EQ(Log().size(), 2);
}

}  // namespace
}  // namespace rekindle::fleet
