#include "absl/time/time.h"
#include "cli/api_errors.h"
#include "cli/api_session.h"
#include "cli/recreate_object.h"
#include "cli/recreate_view.h"
#include "cli/render_recreate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <nlohmann/json.hpp>

#include "common/api/status.h"
#include "tests/fakes/golden.h"

namespace rekindle::cli {
namespace {

using ::testing::HasSubstr;

TEST(RequestName, FitsAndIsAName) {
  uint32_t next = 0;
  const auto random = [&next] { return next++; };
  EXPECT_EQ(NewRequestName("web", random).substr(0, 12), "web-restart-");
  const std::string longest = NewRequestName(std::string(48, 'a') + ".b", random);
  EXPECT_EQ(longest.substr(0, 58), std::string(48, 'a') + "-restart-" + longest.substr(57, 1));
  EXPECT_LE(NewRequestName(std::string(253, 'a'), random).size(), 63u);
}

TEST(PodRestartFlags, MistakesNameTheFlag) {
  const auto options = [](const std::function<void(PodRestartOptions&)>& change) {
    PodRestartOptions out;
    out.pods = {"pod/web"};
    change(out);
    return out;
  };
  const struct {
    PodRestartOptions options;
    std::string want;
  } kRows[] = {
      {options([](auto& o) { o.pods = {}; }), "POD: name a pod"},
      {options([](auto& o) { o.pods = {"web"}; }), "\"web\" is not pod/NAME; write pod/web"},
      {options([](auto& o) { o.pods = {"pod/shop/web"}; }), "the namespace is named with -n"},
      {options([](auto& o) {
         o.pods = {"pod/a", "po/a"};
       }),
       "po/a is given twice"},
      {options([](auto& o) { o.selector = "a=b"; }), "-l: give names of pods or a selector"},
      {options([](auto& o) {
         o.pods = {};
         o.selector = "a=(";
       }),
       "-l: "},
      {options([](auto& o) {
         o.all = true;
         o.containers = {"a"};
       }),
       "--all: "},
      {options([](auto& o) {
         o.containers = {"a", "a"};
       }),
       "-c: a is given twice"},
      {options([](auto& o) {
         o.pods = {"pod/a", "pod/b"};
         o.name = "x";
       }),
       "--name: is for one pod"},
      {options([](auto& o) { o.name = "X"; }), "--name: \"X\" is no name"},
      {options([](auto& o) { o.grace = "1500ms"; }), "--grace: \"1500ms\" is no whole number"},
      {options([](auto& o) { o.ttl = "soon"; }), "--ttl: "},
      {options([](auto& o) { o.min_started = "1000000h"; }), "--min-started: "},
      {options([](auto& o) { o.deadline = "2s"; }), "--deadline: must be at least 3s"},
  };
  for (const auto& row : kRows) {
    const absl::Status status = CheckPodRestart(row.options);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << row.want;
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.want));
  }
  EXPECT_TRUE(CheckPodRestart(options([](auto&) {})).ok());
}

Json PodOf(const std::vector<std::string>& containers) {
  Json list = Json::array();
  for (const std::string& name : containers) list.push_back({{"name", name}});
  return {{"metadata", {{"name", "web"}, {"namespace", "shop"}}},
          {"spec",
           {{"containers", list},
            {"initContainers", {{{"name", "side"}}}},
            {"terminationGracePeriodSeconds", 40}}}};
}

TEST(MakeRecreateRequest, NothingMoreThanWasAsked) {
  PodRestartOptions options;
  options.pods = {"pod/web"};
  const auto request = MakeRecreateRequest(options, PodOf({"app"}), "r", "");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(*request, Json({{"apiVersion", "apps.kruise.io/v1beta1"},
                            {"kind", "ContainerRecreateRequest"},
                            {"metadata", {{"name", "r"}, {"namespace", "shop"}}},
                            {"spec",
                             {{"podName", "web"},
                              {"containers", {{{"name", "app"}}}},
                              {"activeDeadlineSeconds", 340},
                              {"ttlSecondsAfterFinished", 3600}}}}));
  EXPECT_EQ((*MakeRecreateRequest(options, PodOf({"app"}), "r", "b"))["metadata"]["labels"],
            Json({{"rekindle.io/batch", "b"}}));
}

TEST(MakeRecreateRequest, TheDeadlineLeavesRoomForAllThatIsWaitedFor) {
  PodRestartOptions options;
  options.pods = {"pod/web"};
  options.all = true;
  options.ordered = true;
  options.grace = "10s";
  options.min_started = "5s";
  options.unready_grace = "7s";
  const auto deadline = [&] {
    return (*MakeRecreateRequest(options, PodOf({"a", "b", "c"}), "r",
                                 ""))["spec"]["activeDeadlineSeconds"]
        .get<int64_t>();
  };
  EXPECT_EQ(deadline(), 3 * 15 + 7 + 300);
  options.ordered = false;
  EXPECT_EQ(deadline(), 15 + 7 + 300);
  options.respect_budget = true;
  EXPECT_EQ(deadline(), 15 + 7 + 300 + 3600);
  options.deadline = "1m";
  EXPECT_EQ(deadline(), 60);
}

TEST(MakeRecreateRequest, SidecarsMayBeNamed) {
  PodRestartOptions options;
  options.pods = {"pod/web"};
  options.containers = {"side"};
  EXPECT_EQ((*MakeRecreateRequest(options, PodOf({"a", "b"}), "r", ""))["spec"]["containers"],
            Json({{{"name", "side"}}}));
}

Json Request() {
  return {{"metadata",
           {{"name", "web-restart-x7k2p"},
            {"namespace", "shop"},
            {"uid", "u-1"},
            {"creationTimestamp", "2026-03-01T09:00:00Z"},
            {"labels", {{"crr.apps.kruise.io/node-name", "n-17"}}},
            {"annotations", {{"rekindle.io/skip-pre-stop", "true"}}}}},
          {"spec",
           {{"podName", "web"},
            {"containers", {{{"name", "app"}}, {{"name", "proxy"}}}},
            {"strategy",
             {{"failurePolicy", "Fail"},
              {"orderedRecreate", true},
              {"terminationGracePeriodSeconds", 45}}},
            {"activeDeadlineSeconds", 240},
            {"ttlSecondsAfterFinished", 900}}},
          {"status",
           {{"phase", "Completed"},
            {"completionTime", "2026-03-01T09:00:07Z"},
            {"containerRecreateStates",
             {{{"name", "app"}, {"phase", "Succeeded"}, {"isKilled", true}},
              {{"name", "proxy"},
               {"phase", "Failed"},
               {"isKilled", true},
               {"message", "restart failed: \x1b[31mimage is gone"}}}},
            {"containerStatusSnapshot",
             {{{"name", "app"},
               {"ready", true},
               {"restartCount", 3},
               {"containerID", "containerd://" + std::string(64, 'b')}}}}}}};
}

Json Event(const std::string& reason, const std::string& message) {
  return {{"type", reason == "Restarted" ? "Normal" : "Warning"},
          {"reason", reason},
          {"message", message},
          {"lastTimestamp", "2026-03-01T09:00:05Z"}};
}

const Style kPlain = {
    .now = absl::FromCivil(absl::CivilSecond(2026, 3, 1, 9, 1, 0), absl::UTCTimeZone()),
    .width = 100};

TEST(RenderRequests, InFull) {
  ExpectGolden("cli/describe_restart.txt",
               RenderRequest(ReadRequest(Request()), Request(),
                             {Event("Restarted",
                                    "container app: restarted in 212 ms, gap 84 ms (delegate: the "
                                    "kubelet (1.20) knows the env)"),
                              Event("RestartFailed", "container proxy: not restarted")},
                             kPlain));
}

TEST(RenderRequests, TableOfAllPhases) {
  Table table = RequestTable({.now = kPlain.now, .wide = true}, /*with_namespace=*/true);
  const auto add = [&](const Json& request, bool deleted = false) {
    AddRequestRow(ReadRequest(request), {.now = kPlain.now, .wide = true}, true, deleted, table);
  };
  Json request = Request();
  add(request);
  request["status"]["containerRecreateStates"][1]["phase"] = "Succeeded";
  add(request);
  request["status"]["containerRecreateStates"] = Json::array();
  request["status"]["message"] = "pod has gone";
  add(request);
  request["status"] = {{"phase", "Pending"}, {"message", "waits for request a"}};
  add(request);
  request["status"] = {{"phase", "Recreating"}};
  add(request);
  add(request, /*deleted=*/true);
  request.erase("status");
  add(request);
  add(Json::object());
  ExpectGolden("cli/restarts.txt", table.Render(false));
}

TEST(RenderRequests, OutcomesSayMethodAndGap) {
  const RequestView view = ReadRequest(Request());
  RequestNotes notes;
  TakeEvent(Event("Restarted",
                  "container app: restarted in 212 ms, gap 84 ms (delegate: env (of a map) "
                  "changed); its preStop hook failed"),
            notes);
  EXPECT_EQ(
      RenderContainerOutcome(view, view.containers[0], notes, absl::Milliseconds(300), kPlain),
      "shop/web app: restarted in 300 ms, gap 84 ms (delegate, attempt 3, container "
      "bbbbbbbbbbbb)\n"
      "  delegate instead of replace: env (of a map) changed\n"
      "  its preStop hook failed\n");
  EXPECT_EQ(RenderContainerOutcome(view, view.containers[1], {}, absl::Seconds(2), kPlain),
            "shop/web proxy: failed after 2.0 s: restart failed: ?[31mimage is gone\n");
  EXPECT_EQ(RenderContainerOutcome(view, view.containers[0], {}, absl::Milliseconds(300), kPlain),
            "shop/web app: restarted in 300 ms (attempt 3, container bbbbbbbbbbbb)\n");
}

TEST(RequestEvents, OtherTextsChangeNothing) {
  RequestNotes notes;
  for (const char* text :
       {"", "container app", "container app: restarted", "app: restarted in 2 s"}) {
    TakeEvent(Event("Restarted", text), notes);
  }
  EXPECT_TRUE(notes.restarted.empty());
  TakeEvent(Event("Restarted", "container app: restarted in 2 ms (hot"), notes);
  EXPECT_EQ(notes.restarted["app"].gap, "");
  EXPECT_EQ(notes.restarted["app"].method, "hot");
  TakeEvent(Event("Waiting", "for a budget"), notes);
  EXPECT_EQ(notes.waiting, "for a budget");
}

TEST(RequestProgress, SaysWhatIsWaitedFor) {
  Json request = Request();
  const auto message = [&](const RequestNotes& notes, bool idle) {
    const RequestView view = ReadRequest(request);
    const ProgressLine line = ProgressOf(view, view.containers[0], notes, absl::Seconds(6), idle);
    return line.phase + ": " + line.message;
  };
  request.erase("status");
  EXPECT_EQ(message({}, false), "requested: ");
  EXPECT_EQ(message({}, true),
            "requested: nobody has taken it up yet; does rekindle-controller run?");
  request["status"] = {{"phase", "Pending"}, {"message", "waits for request a"}};
  EXPECT_EQ(message({}, true), "pending: waits for request a");
  request["status"] = {{"phase", "Pending"}};
  EXPECT_EQ(message({.waiting = "the budget allows none"}, true),
            "pending: the budget allows none");
  request["status"] = {{"phase", "Recreating"},
                       {"conditions", {{{"type", "PreRecreateGrace"}, {"status", "True"}}}},
                       {"containerRecreateStates", {{{"name", "app"}, {"phase", "Recreating"}}}}};
  EXPECT_EQ(message({}, true), "recreating: the pod is out of service, not stopped yet");
  request["status"]["containerRecreateStates"][0]["isKilled"] = true;
  EXPECT_EQ(message({}, true), "recreating: stopped; its successor is not ready yet");
}

TEST(ApiErrors, SayWhatToDo) {
  const client::ClientConfig config{.source = "kc", .cluster = {.server = "https://c"}};
  const ApiAttempt create{
      .verb = "create", .resource = RecreateResource(), .name_space = "shop", .name = "r"};
  const api::Subject subject{"apps.kruise.io", "containerrecreaterequests",
                             "ContainerRecreateRequest", "r"};
  const struct {
    absl::Status status;
    absl::StatusCode code;
    std::string want;
  } kRows[] = {
      {api::ToStatus(api::ErrorFromResponse(404, "404 page not found\n", "create", subject)),
       absl::StatusCode::kFailedPrecondition, "kubectl apply -k deploy/crds"},
      {api::ToStatus(api::Forbidden(subject, "User \"bob\" cannot create resource")),
       absl::StatusCode::kPermissionDenied,
       "The right to create containerrecreaterequests.apps.kruise.io in namespace shop is missing"},
      {api::ToStatus(api::Forbidden(subject, "feature-gate KruiseDaemon is not enabled")),
       absl::StatusCode::kFailedPrecondition, "refused: "},
      {api::ToStatus(api::BadRequest("no found Pod named web")),
       absl::StatusCode::kFailedPrecondition, "refused: no found Pod named web"},
      {api::ToStatus(api::InternalError("failed calling webhook \"w\": refused")),
       absl::StatusCode::kInternal, "rekindle-controller answers this webhook"},
      {api::ToStatus(api::Unauthorized()), absl::StatusCode::kUnauthenticated,
       "https://c does not accept the credentials of kc"},
      {absl::UnavailableError("no route"), absl::StatusCode::kUnavailable,
       "the API server https://c (kc) cannot be reached: no route"},
      {absl::DeadlineExceededError("30s"), absl::StatusCode::kDeadlineExceeded,
       "https://c did not answer in time"},
      {absl::InvalidArgumentError("own"), absl::StatusCode::kInvalidArgument, "own"},
  };
  for (const auto& row : kRows) {
    const absl::Status got = ExplainApi(row.status, create, config);
    EXPECT_EQ(got.code(), row.code) << got;
    EXPECT_THAT(std::string(got.message()), HasSubstr(row.want));
  }
  // A request that is not there is no missing definition.
  EXPECT_TRUE(absl::IsNotFound(ExplainApi(
      api::ToStatus(api::NotFound(subject)),
      {.verb = "get", .resource = RecreateResource(), .name_space = "shop", .name = "r"}, config)));
}

}  // namespace
}  // namespace rekindle::cli
