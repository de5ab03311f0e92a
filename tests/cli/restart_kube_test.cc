// The commands on the API against a real kube-apiserver.
#include <filesystem>
#include <iterator>

#include "common/json/yaml.h"
#include "tests/cli/api_fixture.h"
#include "tests/conformance/control_plane.h"

namespace rekindle::cli {
namespace {

using ::testing::HasSubstr;

const client::ApiResource kDefinitions{"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                                       "CustomResourceDefinition", false};
constexpr char kName[] = "containerrecreaterequests.apps.kruise.io";

class RestartOnKubernetes : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = conformance::ControlPlane::Start({.controllers = false});
    ASSERT_TRUE(started.ok()) << started.status();
    plane_ = *std::move(started);
    admin_ = std::make_unique<Admin>(plane_->kubeconfig());
    // Pods need it, and no controller makes it.
    const client::ApiResource accounts{"", "v1", "serviceaccounts", "ServiceAccount"};
    ASSERT_TRUE(admin_
                    ->Create(accounts, "default",
                             {{"apiVersion", "v1"},
                              {"kind", "ServiceAccount"},
                              {"metadata", {{"name", "default"}}}})
                    .ok());
    const auto pod = admin_->Create(client::PodResource(), "default",
                                    {{"apiVersion", "v1"},
                                     {"kind", "Pod"},
                                     {"metadata", {{"name", "web"}, {"labels", {{"app", "web"}}}}},
                                     {"spec",
                                      {{"nodeName", "n-1"},
                                       {"automountServiceAccountToken", false},
                                       {"containers", {{{"name", "app"}, {"image", "i:1"}}}}}}});
    ASSERT_TRUE(pod.ok()) << pod.status();
    ASSERT_TRUE(
        admin_->PatchStatus(client::PodResource(), "default", "web", {{"phase", "Running"}}).ok());
  }

  std::unique_ptr<ToolRun> Start(const std::vector<std::string>& args) {
    return std::make_unique<ToolRun>(
        args, std::map<std::string, std::string>{{"KUBECONFIG", plane_->kubeconfig()}}, false);
  }

  void InstallDefinition() {
    std::ifstream file(RK_SOURCE_DIR "/deploy/crds/apps.kruise.io_containerrecreaterequests.yaml");
    const auto documents = json::ReadYaml({std::istreambuf_iterator<char>(file), {}});
    ASSERT_TRUE(documents.ok()) << documents.status();
    const auto made = admin_->Create(kDefinitions, "", documents->at(0));
    ASSERT_TRUE(made.ok()) << made.status();
    // It is served a moment after it is there.
    const absl::Time limit = absl::Now() + absl::Seconds(30);
    while (
        !admin_->session().List({.resource = RecreateResource(), .name_space = "default"}).ok() &&
        absl::Now() < limit) {
      std::this_thread::yield();
    }
  }

  std::unique_ptr<conformance::ControlPlane> plane_;
  std::unique_ptr<Admin> admin_;
};

TEST_F(RestartOnKubernetes, FromAMissingDefinitionToAListOfRestarts) {
  auto missing = Start({"restart", "pod/web"});
  EXPECT_EQ(missing->Wait(), kExitRefused);
  EXPECT_THAT(missing->err(), HasSubstr(std::string("does not know ") + kName));
  auto none = Start({"get", "restarts"});
  EXPECT_EQ(none->Wait(), kExitRefused);
  EXPECT_THAT(none->err(), HasSubstr("kubectl apply -k deploy/crds"));

  InstallDefinition();
  auto watch = Start({"get", "restarts", "-w"});
  ASSERT_TRUE(watch->AwaitOut("NAME "));
  {
    StandIn controller(plane_->kubeconfig(), "default");
    for (const std::vector<std::string>& args :
         {std::vector<std::string>{"restart", "pod/web", "--name", "one", "--method", "hot"},
          {"restart", "-l", "app=web"}}) {
      auto run = Start(args);
      EXPECT_EQ(run->Wait(), kExitOk) << run->err();
      EXPECT_THAT(run->out(), HasSubstr("default/web app: restarted in "));
      EXPECT_THAT(run->out(), HasSubstr(", gap 84 ms (replace, attempt 3, container "));
    }
  }
  EXPECT_TRUE(watch->AwaitOut("Succeeded")) << watch->out();
  auto get = Start({"get", "restarts", "one", "-o", "wide"});
  EXPECT_EQ(get->Wait(), kExitOk) << get->err();
  EXPECT_THAT(get->out(), HasSubstr("Succeeded"));
  auto describe = Start({"describe", "restart", "one"});
  EXPECT_EQ(describe->Wait(), kExitOk) << describe->err();
  EXPECT_THAT(describe->out(), HasSubstr("Restarted  container app: restarted in 212 ms"));

  auto interrupted = Start({"restart", "pod/web", "--name", "two", "--force"});
  ASSERT_TRUE(interrupted->AwaitOut("requested"));
  ASSERT_TRUE(admin_->Delete(RecreateResource(), "default", "two").ok());
  EXPECT_EQ(interrupted->Wait(), kExitFailed);
  EXPECT_THAT(interrupted->out(), HasSubstr("was deleted before its end was seen"));
  auto near = Start({"restart", "pod/wet"});
  EXPECT_EQ(near->Wait(), kExitNotFound);
  EXPECT_THAT(near->err(), HasSubstr("did you mean web?"));
}

}  // namespace
}  // namespace rekindle::cli
