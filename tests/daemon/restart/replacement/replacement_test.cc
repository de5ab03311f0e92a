#include "daemon/restart/replacement/replacement.h"

#include <functional>
#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "daemon/cri/verbose_info.h"
#include "tests/daemon/cri/fixtures.h"

namespace rekindle::restart {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::nlohmann::json;
using ::rekindle::testing::FixtureReply;
using ::runtime::v1::ContainerConfig;
using ::runtime::v1::ContainerStatusResponse;
using ::runtime::v1::PodSandboxStatusResponse;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr char kBase[] = "/tmp/rekindle-fixture";
constexpr char kUid[] = "6f2c1f0e-2f5b-4b3e-9a43-0d6f4f0c9a11";

// A container and its sandbox as containerd 1.6 shows them, and ways to spoil them.
struct Scene {
  explicit Scene(const std::string& name)
      : container(FixtureReply<ContainerStatusResponse>(name)),
        sandbox(FixtureReply<PodSandboxStatusResponse>("sandbox")),
        doc(json::parse(container.info().at("info"))),
        sandbox_doc(json::parse(sandbox.info().at("info"))) {
    input.attempt = container.status().metadata().attempt() + 1;
  }

  absl::StatusOr<Replacement> Build() {
    (*container.mutable_info())["info"] = doc.dump();
    (*sandbox.mutable_info())["info"] = sandbox_doc.dump();
    input.container = &container;
    input.sandbox = &sandbox;
    return BuildReplacement(input);
  }

  ContainerStatusResponse container;
  PodSandboxStatusResponse sandbox;
  json doc;
  json sandbox_doc;
  ReplacementInput input;
};

ContainerConfig ConfigOf(const Scene& scene) {
  return cri::ParseContainerInfo(scene.doc.dump())->config;
}

TEST(BuildReplacement, ChangesWhatItMustAndNothingElse) {
  Scene scene("container_running");
  const auto built = scene.Build();
  ASSERT_TRUE(built.ok()) << built.status();

  ContainerConfig expected = ConfigOf(scene);
  expected.mutable_metadata()->set_attempt(1);
  (*expected.mutable_annotations())["io.kubernetes.container.restartCount"] = "1";
  expected.set_log_path("main/1.log");
  expected.mutable_mounts(2)->set_host_path(built->termination_file);
  EXPECT_TRUE(MessageDifferencer::Equals(expected, built->request.config()))
      << built->request.config().DebugString();

  EXPECT_EQ(built->request.pod_sandbox_id(), scene.sandbox.status().id());
  EXPECT_TRUE(MessageDifferencer::Equals(cri::ParseSandboxInfo(scene.sandbox_doc.dump())->config,
                                         built->request.sandbox_config()));
  EXPECT_EQ(built->log_path, absl::StrCat(kBase, "/logs/shop_web-0_", kUid, "/main/1.log"));
  EXPECT_EQ(built->image, expected.image().image());
  EXPECT_THAT(built->image, ::testing::StartsWith("sha256:"));
}

TEST(BuildReplacement, ResourcesAreThoseInForce) {
  Scene scene("container_updated");
  const auto built = scene.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  const auto& resources = built->request.config().linux().resources();
  EXPECT_EQ(resources.cpu_quota(), 80000);
  EXPECT_EQ(resources.cpu_period(), 100000);
  EXPECT_EQ(resources.cpu_shares(), 700);
  EXPECT_EQ(resources.cpuset_cpus(), "0");
  EXPECT_EQ(resources.memory_limit_in_bytes(), 100663296);
  EXPECT_EQ(resources.oom_score_adj(), 900);
}

TEST(BuildReplacement, TerminationMessageFileIsFreshAndStable) {
  Scene scene("container_running");
  const auto built = scene.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  const std::string folder = absl::StrCat(kBase, "/pods/", kUid, "/containers/main/");
  EXPECT_THAT(built->termination_file, MatchesRegex(folder + "[0-9a-f]{8}"));
  EXPECT_NE(built->termination_file, folder + "0badf00d");
  EXPECT_EQ(scene.Build()->termination_file, built->termination_file);
  EXPECT_THAT(built->mount_sources, Not(Contains(built->termination_file)));
  EXPECT_THAT(built->mount_sources, Not(Contains(folder + "0badf00d")));
  EXPECT_THAT(built->mount_sources, Contains(absl::StrCat(kBase, "/vol/data")));
  EXPECT_THAT(built->mount_sources, Contains("/dev/zero"));

  scene.input.attempt = 2;
  EXPECT_NE(scene.Build()->termination_file, built->termination_file);
}

TEST(BuildReplacement, NameOfTheTerminationFileDiffersFromTheOldEvenOnCollision) {
  Scene scene("container_running");
  const std::string name = scene.Build()->termination_file;
  scene.doc["config"]["mounts"][2]["host_path"] = name;
  const auto built = scene.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_NE(built->termination_file, name);
}

TEST(BuildReplacement, NoTerminationMountNoFile) {
  Scene scene("container_running");
  scene.doc["config"]["annotations"]["io.kubernetes.container.terminationMessagePath"] = "/else";
  auto built = scene.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(built->termination_file, "");
  EXPECT_THAT(built->mount_sources,
              Contains(absl::StrCat(kBase, "/pods/", kUid, "/containers/main/0badf00d")));

  scene.doc["config"]["annotations"].erase("io.kubernetes.container.terminationMessagePath");
  built = scene.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(built->termination_file, "");
}

TEST(BuildReplacement, RestartCountIsForKubeletsContainers) {
  constexpr char kKey[] = "io.kubernetes.container.restartCount";
  Scene labelled("container_running");
  labelled.doc["config"]["annotations"].erase(kKey);
  labelled.input.attempt = 5;
  auto built = labelled.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(built->request.config().annotations().at(kKey), "5");

  Scene annotated("container_running");
  annotated.doc["config"].erase("labels");
  built = annotated.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(built->request.config().annotations().at(kKey), "1");

  Scene foreign("container_running");
  foreign.doc["config"].erase("labels");
  foreign.doc["config"].erase("annotations");
  built = foreign.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_TRUE(built->request.config().annotations().empty());
}

TEST(BuildReplacement, LogOfOtherClientsAndNoLog) {
  Scene scene("container_plain");
  scene.doc["config"].erase("envs");
  auto built = scene.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(built->request.config().log_path(), "plain.4.log");

  scene.doc["config"].erase("log_path");
  built = scene.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(built->request.config().log_path(), "");
  EXPECT_EQ(built->log_path, "");

  scene.doc["config"]["log_path"] = "plain.log";
  scene.sandbox_doc["config"].erase("log_directory");
  built = scene.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(built->log_path, "");
}

TEST(BuildReplacement, BinaryEnvIsRefusedUnlessOverridden) {
  Scene scene("container_plain");
  const auto refused = scene.Build();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("BINARY"));

  scene.input.env = {{"BINARY", "text"}};
  auto built = scene.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(built->request.config().envs(0).value(), "text");

  scene.input.env.clear();
  scene.input.unset_env = {"BINARY"};
  built = scene.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(built->request.config().envs_size(), 0);
}

TEST(BuildReplacement, EnvOverrides) {
  Scene scene("container_running");
  scene.input.env = {{"MODE", "test"}, {"NEW", "1"}};
  scene.input.unset_env = {"EQUALS"};
  const auto built = scene.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  const auto& envs = built->request.config().envs();
  ASSERT_EQ(envs.size(), 5);
  EXPECT_EQ(envs[0].value(), "test");
  EXPECT_EQ(envs[4].key(), "NEW");

  scene.input.unset_env = {"FROM_IMAGE"};
  const auto refused = scene.Build();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("FROM_IMAGE"));
}

struct RefusedRow {
  const char* name;
  std::function<void(Scene&)> spoil;
  const char* text;

  friend void PrintTo(const RefusedRow& row, std::ostream* out) { *out << row.name; }
};

class Refused : public ::testing::TestWithParam<RefusedRow> {};

TEST_P(Refused, BeforeAnythingIsTouched) {
  Scene scene("container_running");
  GetParam().spoil(scene);
  const auto built = scene.Build();
  ASSERT_FALSE(built.ok());
  EXPECT_EQ(built.status().code(), absl::StatusCode::kFailedPrecondition) << built.status();
  EXPECT_THAT(std::string(built.status().message()), HasSubstr(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(
    All, Refused,
    ::testing::Values(
        RefusedRow{"UnknownField", [](Scene& s) { s.doc["config"]["linux"]["novel"] = 1; },
                   "config.linux.novel"},
        RefusedRow{"UnknownSandboxField", [](Scene& s) { s.sandbox_doc["config"]["novel"] = 1; },
                   "config.novel"},
        RefusedRow{"NoConfig", [](Scene& s) { s.doc.erase("config"); }, "config: missing"},
        RefusedRow{"NoSpec", [](Scene& s) { s.doc.erase("runtimeSpec"); }, "limits in force"},
        RefusedRow{"Removing", [](Scene& s) { s.doc["removing"] = true; }, "being removed"},
        RefusedRow{"NoName", [](Scene& s) { s.doc["config"].erase("metadata"); }, "metadata.name"},
        RefusedRow{"OtherName", [](Scene& s) { s.doc["config"]["metadata"]["name"] = "x"; },
                   "the status says main"},
        RefusedRow{"OtherAttempt", [](Scene& s) { s.doc["config"]["metadata"]["attempt"] = 4; },
                   "attempt 4"},
        RefusedRow{"AttemptNotRaised", [](Scene& s) { s.input.attempt = 0; }, "must be above 0"},
        RefusedRow{"NoImage", [](Scene& s) { s.doc["config"].erase("image"); }, "image.image"},
        RefusedRow{"OtherSandbox", [](Scene& s) { s.doc["sandboxID"] = "feed"; },
                   "belongs to sandbox feed"},
        RefusedRow{"NoSandboxId", [](Scene& s) { s.sandbox.mutable_status()->clear_id(); }, "id"},
        RefusedRow{"SandboxMetadataMissing",
                   [](Scene& s) { s.sandbox_doc["config"].erase("metadata"); },
                   "name, uid or namespace is missing"},
        RefusedRow{"SandboxUidMissing",
                   [](Scene& s) {
                     s.sandbox_doc["config"]["metadata"].erase("uid");
                     s.sandbox.mutable_status()->mutable_metadata()->clear_uid();
                   },
                   "name, uid or namespace is missing"},
        RefusedRow{"SandboxOfAnotherPod",
                   [](Scene& s) { s.sandbox.mutable_status()->mutable_metadata()->set_uid("u"); },
                   "its status says shop/web-0 (u"},
        RefusedRow{"SandboxAttempt",
                   [](Scene& s) { s.sandbox_doc["config"]["metadata"]["attempt"] = 2; },
                   "attempt 2"},
        RefusedRow{"SandboxNotReady",
                   [](Scene& s) {
                     s.sandbox.mutable_status()->set_state(::runtime::v1::SANDBOX_NOTREADY);
                   },
                   "not ready"},
        RefusedRow{"LabelOfAnotherPod",
                   [](Scene& s) { s.doc["config"]["labels"]["io.kubernetes.pod.uid"] = "z"; },
                   "is z, the sandbox is of pod"},
        RefusedRow{"TargetNamespace",
                   [](Scene& s) {
                     auto& o = s.doc["config"]["linux"]["security_context"]["namespace_options"];
                     o = {{"pid", 3}, {"target_id", "cafe"}};
                   },
                   "of container cafe"},
        RefusedRow{"BinaryArgs", [](Scene& s) { s.doc["config"]["args"][0] = "x\uFFFD"; },
                   "config.args"},
        RefusedRow{"BinaryCommand", [](Scene& s) { s.doc["config"]["command"][2] = "\uFFFD"; },
                   "config.command"},
        RefusedRow{"BinaryEnvName", [](Scene& s) { s.doc["config"]["envs"][0]["key"] = "\uFFFD"; },
                   "config.envs"}),
    [](const auto& row) { return row.param.name; });

TEST(BuildReplacementInput, WithoutVerboseInfoIsRefused) {
  Scene scene("container_running");
  scene.input.container = &scene.container;
  scene.input.sandbox = &scene.sandbox;
  scene.container.mutable_info()->clear();
  EXPECT_THAT(std::string(BuildReplacement(scene.input).status().message()),
              HasSubstr("no verbose info of the container"));
  scene.input.container = nullptr;
  EXPECT_EQ(BuildReplacement(scene.input).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace rekindle::restart
