// `rekindle node restart` of a pod that a kubelet owns: what the API says of it goes to the daemon.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/json_fwd.h"
#include "tests/cli/cli_fixture.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// The fake daemon lists the sample's pods as a kubelet's; a kubectl notes what it was asked and
// answers from a file.
class KubeletRestart : public CliTest {
 protected:
  KubeletRestart() {
    service_.Set([](FakeNodeService::Answers& answers) {
      for (auto& pod : *answers.pods.mutable_pods()) pod.set_owner(v1::POD_OWNER_KUBELET);
    });
    pod_ = Json::parse(R"({
      "apiVersion": "v1", "kind": "Pod",
      "metadata": {"name": "cart", "namespace": "shop", "uid": "api-uid", "labels": {"track": "blue"}},
      "spec": {"nodeName": "node-7", "restartPolicy": "Always", "terminationGracePeriodSeconds": 12,
        "containers": [
          {"name": "app",
           "ports": [{"name": "http", "containerPort": 8080}],
           "lifecycle": {"preStop": {"httpGet": {"port": "http", "path": "/quit", "scheme": "HTTPS",
                                                 "httpHeaders": [{"name": "X-A", "value": "1"}]}},
                         "postStart": {"exec": {"command": ["/bin/warm", "up"]}}},
           "env": [{"name": "TRACK", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['track']"}}}]},
          {"name": "proxy",
           "lifecycle": {"preStop": {"sleep": {"seconds": 3}}, "postStart": {"tcpSocket": {"port": 9}}},
           "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "k"}}}]}],
        "initContainers": [{"name": "setup"}, {"name": "mesh", "restartPolicy": "Always"}]},
      "status": {"phase": "Running",
        "containerStatuses": [{"name": "app", "containerID": "containerd://aa"},
                              {"name": "proxy", "containerID": "containerd://bb"}],
        "initContainerStatuses": [{"name": "mesh", "containerID": "containerd://cc"}]}})");
    Script(absl::StrCat("echo \"$*\" >>", Path("asked"), "\ncat ", Path("pod.json")));
    for (const char* name : {"app", "proxy"}) {
      service_.WillRestart(Stream({SampleOperation(name, v1::PHASE_DONE)}));
    }
  }

  std::string Path(const char* name) const { return folder_ / name; }
  void Script(const std::string& text) {
    std::ofstream(Path("kubectl"), std::ios::trunc) << "#!/bin/sh\n" << text << "\n";
    std::filesystem::permissions(Path("kubectl"), std::filesystem::perms::owner_all);
  }
  Result Restart(std::vector<std::string> more) {
    std::ofstream(Path("pod.json"), std::ios::trunc) << pod_.dump();
    std::vector<std::string> args = {"node", "restart", "shop/cart", "--kubectl", Path("kubectl")};
    args.insert(args.end(), more.begin(), more.end());
    return Run(args);
  }
  std::string Asked() const {
    std::ifstream file(Path("asked"));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TempDir folder_;
  Json pod_;
};

TEST_F(KubeletRestart, TellsTheDaemonWhatTheApiKnows) {
  const Result result = Restart({"-c", "app", "--context", "prod", "--kubeconfig", "admin.conf"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(Asked(),
            "get pods cart --ignore-not-found -o json --namespace shop --kubeconfig admin.conf "
            "--context prod\n");
  const auto request = service_.last_restart();
  EXPECT_EQ(request.pod().uid(), "api-uid");
  EXPECT_EQ(request.kubernetes_pod().restart_policy(), v1::RESTART_POLICY_ALWAYS);
  EXPECT_FALSE(request.kubernetes_pod().terminating());
  EXPECT_FALSE(request.kubernetes_pod().allow_static_pod());
  ASSERT_EQ(request.containers_size(), 1);
  const v1::ContainerRestart& app = request.containers(0);
  EXPECT_EQ(app.method(), v1::METHOD_AUTO);
  EXPECT_EQ(app.restart_policy(), v1::RESTART_POLICY_ALWAYS);
  EXPECT_EQ(app.grace().seconds(), 12);
  EXPECT_EQ(app.pre_stop().http_get().port(), 8080u);
  EXPECT_EQ(app.pre_stop().http_get().path(), "/quit");
  EXPECT_EQ(app.pre_stop().http_get().scheme(), "HTTPS");
  EXPECT_EQ(app.pre_stop().http_get().headers(0).name(), "X-A");
  EXPECT_EQ(app.post_start().exec().command(1), "up");
  ASSERT_EQ(app.env_size(), 1);
  EXPECT_EQ(app.env(0).name(), "TRACK");
  EXPECT_EQ(app.env(0).value(), "blue");
  EXPECT_FALSE(app.env_from_references());
  EXPECT_FALSE(app.keep_env());
  EXPECT_FALSE(app.kubelet_health_checks());
  // What the API said last of the ID may be older than the container.
  EXPECT_EQ(app.expected_container_id(), "");
}

TEST_F(KubeletRestart, EnvironmentOfReferencesAndItsOldValues) {
  EXPECT_EQ(Restart({"-c", "proxy"}).code, kExitOk);
  EXPECT_TRUE(service_.last_restart().containers(0).env_from_references());
  EXPECT_FALSE(service_.last_restart().containers(0).keep_env());
  EXPECT_EQ(service_.last_restart().containers(0).pre_stop().sleep().duration().seconds(), 3);
  EXPECT_EQ(service_.last_restart().containers(0).post_start().tcp_socket().port(), 9u);
  const Result kept = Restart({"-c", "proxy", "--keep-env"});
  EXPECT_EQ(kept.code, kExitOk);
  EXPECT_EQ(kept.err, "note: container proxy keeps the values that it has of KEY (Secret keys)\n");
  EXPECT_TRUE(service_.last_restart().containers(0).env_from_references());
  EXPECT_TRUE(service_.last_restart().containers(0).keep_env());
}

TEST_F(KubeletRestart, FlagsGoBeforeThePod) {
  const Result result = Restart({"-c", "app", "--grace", "0s", "--skip-pre-stop", "--env",
                                 "TRACK=green", "--method", "hot", "--expect-id", "123"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  const v1::ContainerRestart app = service_.last_restart().containers(0);
  EXPECT_EQ(app.grace().seconds(), 0);
  EXPECT_TRUE(app.has_grace());
  EXPECT_FALSE(app.has_pre_stop());
  EXPECT_EQ(app.method(), v1::METHOD_HOT);
  EXPECT_EQ(app.expected_container_id(), "123");
  ASSERT_EQ(app.env_size(), 1);
  EXPECT_EQ(app.env(0).value(), "green");
  EXPECT_EQ(Restart({"-c", "app", "--unset-env", "TRACK"}).code, kExitOk);
  EXPECT_EQ(service_.last_restart().containers(0).env_size(), 0);
}

TEST_F(KubeletRestart, DelegateLeavesTheEnvironmentToTheKubelet) {
  EXPECT_EQ(Restart({"-c", "app", "--method", "delegate"}).code, kExitOk);
  EXPECT_EQ(service_.last_restart().containers(0).method(), v1::METHOD_DELEGATE);
  EXPECT_EQ(service_.last_restart().containers(0).env_size(), 0);
  EXPECT_EQ(service_.last_restart().containers(0).pre_stop().http_get().port(), 8080u);
}

TEST_F(KubeletRestart, AllAreTheRegularContainersOfTheSpec) {
  EXPECT_EQ(Restart({"--all"}).code, kExitOk);
  ASSERT_EQ(service_.last_restart().containers_size(), 2);
  EXPECT_EQ(service_.last_restart().containers(1).name(), "proxy");
  const Result none = Restart({});
  EXPECT_EQ(none.code, kExitUsage);
  EXPECT_THAT(none.err, AllOf(HasSubstr("pod shop/cart has several containers: app, proxy"),
                              HasSubstr("name them with -c NAME, or restart all with --all")));
}

TEST_F(KubeletRestart, PoliciesOfPodAndSidecar) {
  pod_["spec"]["restartPolicy"] = "Never";
  pod_["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_EQ(Restart({"-c", "mesh"}).code, kExitOk);
  const auto request = service_.last_restart();
  EXPECT_EQ(request.kubernetes_pod().restart_policy(), v1::RESTART_POLICY_NEVER);
  EXPECT_TRUE(request.kubernetes_pod().terminating());
  EXPECT_EQ(request.containers(0).restart_policy(), v1::RESTART_POLICY_ALWAYS);
}

TEST_F(KubeletRestart, ContainersThatDoNotExistOrAreNotRestarted) {
  const Result unknown = Restart({"-c", "ap"});
  EXPECT_EQ(unknown.code, kExitNotFound);
  EXPECT_THAT(unknown.err, HasSubstr("pod shop/cart has app, proxy, mesh"));
  const Result init = Restart({"-c", "setup"});
  EXPECT_EQ(init.code, kExitRefused);
  EXPECT_THAT(init.err, HasSubstr("is an init container"));
}

TEST_F(KubeletRestart, StaticPodsNeedAWord) {
  pod_["metadata"]["annotations"]["kubernetes.io/config.mirror"] = "0badcafe";
  const Result refused = Restart({"-c", "app"});
  EXPECT_EQ(refused.code, kExitRefused);
  EXPECT_THAT(refused.err, HasSubstr("--static restarts it all the same"));
  EXPECT_EQ(Restart({"-c", "app", "--static"}).code, kExitOk);
  EXPECT_TRUE(service_.last_restart().kubernetes_pod().allow_static_pod());
  EXPECT_EQ(service_.last_restart().pod().uid(), "0badcafe");
}

TEST_F(KubeletRestart, WithoutAWayToTheApi) {
  struct Case {
    const char* script;
    const char* says;
  };
  const Case cases[] = {
      {"echo 'The connection to the server localhost:8080 was refused' >&2; exit 1",
       "The connection to the server localhost:8080 was refused"},
      {"exit 0", "the cluster has no pod shop/cart"},
  };
  for (const Case& c : cases) {
    Script(c.script);
    const Result result = Restart({"-c", "app"});
    EXPECT_EQ(result.code, kExitRefused);
    EXPECT_THAT(result.err, AllOf(HasSubstr("belongs to a kubelet"), HasSubstr(c.says),
                                  HasSubstr("--kubeconfig"), HasSubstr("--restart-policy Always"),
                                  HasSubstr("--keep-env")));
  }
  std::filesystem::remove(Path("kubectl"));
  EXPECT_THAT(Restart({"-c", "app"}).err, HasSubstr("kubectl: No such file or directory"));
  EXPECT_EQ(service_.last_restart().request_id(), "");  // nothing was asked of the daemon
}

TEST_F(KubeletRestart, ByHand) {
  Script("exit 1");
  const Result unknown = Restart({"-c", "app", "--restart-policy", "OnFailure"});
  EXPECT_EQ(unknown.code, kExitOk);
  EXPECT_THAT(unknown.err, HasSubstr("so the kubelet makes the new container; --keep-env"));
  auto request = service_.last_restart();
  EXPECT_EQ(request.kubernetes_pod().restart_policy(), v1::RESTART_POLICY_ON_FAILURE);
  // Nothing is known of ConfigMaps: the kubelet makes it.
  EXPECT_TRUE(request.containers(0).env_from_references());
  EXPECT_FALSE(request.containers(0).keep_env());
  EXPECT_EQ(service_.requests().size(), 1u);

  const Result kept = Restart({"--all", "--restart-policy", "Always", "--keep-env"});
  EXPECT_EQ(kept.code, kExitOk);
  EXPECT_THAT(kept.err, HasSubstr("note: without the Kubernetes API a postStart hook"));
  request = service_.last_restart();
  EXPECT_EQ(request.kubernetes_pod().restart_policy(), v1::RESTART_POLICY_ALWAYS);
  EXPECT_EQ(request.containers_size(), 2);
  EXPECT_FALSE(request.containers(1).env_from_references());
  EXPECT_TRUE(request.containers(1).keep_env());
  EXPECT_TRUE(request.containers(1).kubelet_health_checks());
  EXPECT_EQ(Restart({"-c", "app", "--restart-policy", "always"}).code, kExitUsage);
  EXPECT_EQ(Restart({"-c", "app", "--restart-policy", "Always", "--api"}).code, kExitUsage);
}

TEST_F(KubeletRestart, TheApiIsAskedForOthersOnlyWhenWanted) {
  service_.Set([](FakeNodeService::Answers& answers) {
    for (auto& pod : *answers.pods.mutable_pods()) pod.set_owner(v1::POD_OWNER_RUNTIME_CLIENT);
  });
  EXPECT_EQ(Restart({"-c", "app"}).code, kExitOk);
  EXPECT_EQ(Asked(), "");
  EXPECT_FALSE(service_.last_restart().has_kubernetes_pod());
  EXPECT_EQ(Restart({"-c", "app", "--api"}).code, kExitOk);
  EXPECT_THAT(Asked(), HasSubstr("get pods cart"));
  EXPECT_TRUE(service_.last_restart().has_kubernetes_pod());
}

TEST_F(KubeletRestart, NoApiLeavesTheAnswerToTheDaemon) {
  EXPECT_EQ(Restart({"-c", "app", "--no-api"}).code, kExitOk);
  EXPECT_EQ(Asked(), "");
  EXPECT_FALSE(service_.last_restart().has_kubernetes_pod());
}

TEST_F(KubeletRestart, OutcomeSaysWhichMethodAndWhy) {
  v1::Operation operation = SampleOperation("app", v1::PHASE_DONE);
  operation.set_requested_method(v1::METHOD_AUTO);
  operation.set_method(v1::METHOD_DELEGATE);
  operation.set_method_reason("env comes from ConfigMaps or Secrets");
  const Style style{.now = kStart + absl::Seconds(2)};
  EXPECT_THAT(RenderOutcome(operation, style),
              HasSubstr("(delegate, attempt 3, container eeeeeeeeeeee)\n"
                        "  delegate instead of replace: env comes from ConfigMaps or Secrets\n"));
  EXPECT_THAT(RenderOperation(operation, style),
              HasSubstr("Method:          delegate instead of replace: env comes"));
  operation.set_requested_method(v1::METHOD_DELEGATE);
  EXPECT_THAT(RenderOutcome(operation, style), Not(HasSubstr("instead")));
  operation.set_requested_method(v1::METHOD_AUTO);
  operation.set_method(v1::METHOD_REPLACE);
  EXPECT_THAT(RenderOutcome(operation, style), Not(HasSubstr("instead")));
}

TEST_F(KubeletRestart, OperationShowsTheKubeletsPart) {
  v1::Operation operation = SampleOperation("app", v1::PHASE_DONE);
  operation.set_adopted(true);
  operation.set_aftercare_result("ok");
  *operation.mutable_backoff_until() = At(absl::Seconds(10));
  const std::string text = RenderOperation(operation, {.now = kStart + absl::Seconds(2)});
  EXPECT_THAT(text, HasSubstr("eeee (the kubelet's own)\n"));
  EXPECT_THAT(text, HasSubstr("Back-off until:  2026-09-21 14:13:30.000 UTC\n"));
  EXPECT_THAT(text, HasSubstr("Aftercare:       ok\n"));
  operation.set_aftercare(true);
  EXPECT_THAT(RenderOperation(operation, {.now = kStart}), HasSubstr("Aftercare:       under way"));
}

}  // namespace
}  // namespace rekindle::cli
