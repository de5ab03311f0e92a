#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "tests/cli/api_fixture.h"

namespace rekindle::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

class GetRestarts : public ApiCliTest {
 protected:
  // A request that has been made a while ago, as far as its name tells.
  Json Make(const std::string& pod, const std::string& name) {
    EXPECT_EQ(RunTool({"restart", absl::StrCat("pod/", pod), "--all", "--no-wait", "--name", name,
                       "--method", "hot"})
                  .code,
              kExitOk);
    const auto made = admin_.Get(RecreateResource(), name_space_, name);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *made : Json::object();
  }
  std::vector<std::string> Lines(const std::string& text) {
    std::vector<std::string> lines = absl::StrSplit(text, '\n');
    lines.pop_back();
    return lines;
  }
};

TEST_F(GetRestarts, TableWideJsonAndYaml) {
  AddPod("web", {"app", "proxy"});
  AddPod("db");
  EXPECT_EQ(Steady(RunTool({"get", "restarts"}).out), "no restarts in namespace shop\n");
  StandIn::Succeed(admin_, Make("db", "one"));
  Json half = Make("web", "two");
  Json states = StatesOf(half, "Succeeded", true);
  states[1] = {{"name", "proxy"}, {"phase", "Failed"}, {"message", "kill container error: busy"}};
  ASSERT_TRUE(admin_.WriteStatus(half, CompletedStatus(states)).ok());

  const Result table = RunTool({"get", "restarts"});
  EXPECT_EQ(table.code, kExitOk) << table.err;
  // Of the same second, by name.
  const std::vector<std::string> lines = Lines(table.out);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[0], MatchesRegex("NAME +POD +NODE +CONTAINERS +PHASE +AGE +TOOK +MESSAGE"));
  std::vector<std::string> rows(lines.begin() + 1, lines.end());
  std::sort(rows.begin(), rows.end());
  EXPECT_THAT(rows[0], MatchesRegex("one +db +n-1 +app +Succeeded +[0-9]+s +[0-9]+s +-"));
  EXPECT_THAT(rows[1], MatchesRegex("two +web +n-1 +app,proxy +1 of 2 +[0-9]+s +[0-9]+s +"
                                    "proxy: kill container error: busy"));
  EXPECT_THAT(RunTool({"get", "restarts", "-o", "wide"}).out,
              AllOf(HasSubstr("METHOD  DEADLINE"), HasSubstr("hot     5m30s")));

  const Json list = Json::parse(RunTool({"get", "restarts", "-o", "json"}).out);
  EXPECT_EQ(list["kind"], "List");
  EXPECT_EQ(list["items"].size(), 2u);
  EXPECT_FALSE(list["items"][0]["metadata"].contains("managedFields"));
  EXPECT_THAT(RunTool({"get", "crr", "two", "-o", "yaml"}).out,
              AllOf(StartsWith("apiVersion: apps.kruise.io/v1beta1\n"), HasSubstr("podName: web")));
  const Json one = Json::parse(RunTool({"get", "restarts", "one", "-o", "json"}).out);
  EXPECT_EQ(one["metadata"]["name"], "one");

  EXPECT_EQ(Lines(RunTool({"get", "restarts", "--pod", "pod/db"}).out).size(), 2u);
  EXPECT_EQ(Lines(RunTool({"get", "restarts", "-l", "rekindle.io/batch=none"}).out).size(), 1u);
  EXPECT_THAT(RunTool({"get", "restarts", "-A"}).out, HasSubstr(name_space_ + "  "));
  const Result wrong = RunTool({"get", "restarts", "on"});
  EXPECT_EQ(wrong.code, kExitNotFound);
  EXPECT_EQ(Steady(wrong.err), "error: NAME: there is no restart shop/on; did you mean one?\n");
}

TEST_F(GetRestarts, NewestFirst) {
  AddPod("web");
  Make("web", "a");
  const auto first = admin_.Get(RecreateResource(), name_space_, "a");
  // Times of creation have whole seconds.
  Json second = Make("web", "b0");
  for (int i = 1;
       second["metadata"]["creationTimestamp"] == (*first)["metadata"]["creationTimestamp"]; ++i) {
    second = Make("web", absl::StrCat("b", i));
  }
  const std::vector<std::string> lines = Lines(RunTool({"get", "restarts"}).out);
  EXPECT_THAT(lines[1], StartsWith(Admin::Text(second, "name") + " "));
}

TEST_F(GetRestarts, WatchPrintsEachChange) {
  AddPod("web");
  const Json request = Make("web", "one");
  auto table = Start({"get", "restarts", "-w"});
  environment_["TERM"] = "dumb";
  auto json = Start({"get", "restarts", "-w", "-o", "json"});
  ASSERT_TRUE(table->AwaitOut("Requested"));
  ASSERT_TRUE(json->AwaitOut("\n"));
  ASSERT_TRUE(admin_.WriteStatus(request, RecreatingStatus(request)).ok());
  ASSERT_TRUE(table->AwaitOut("Recreating")) << table->out();
  ASSERT_TRUE(json->AwaitOut("\"phase\":\"Recreating\"")) << json->out();
  StandIn::Succeed(admin_, request);
  ASSERT_TRUE(table->AwaitOut("Succeeded")) << table->out();
  ASSERT_TRUE(json->AwaitOut("\"phase\":\"Completed\"")) << json->out();
  ASSERT_TRUE(admin_.Delete(RecreateResource(), name_space_, "one").ok());
  ASSERT_TRUE(table->AwaitOut("Deleted")) << table->out();
  table->Interrupt();
  json->Interrupt();
  EXPECT_EQ(table->Wait(), kExitInterrupted);
  EXPECT_EQ(json->Wait(), kExitInterrupted);
  EXPECT_THAT(table->out(), StartsWith("NAME "));
  for (const std::string& line : Lines(json->out())) {
    EXPECT_EQ(Json::parse(line)["metadata"]["name"], "one");
  }
}

TEST_F(GetRestarts, WatchSurvivesTheServer) {
  AddPod("web");
  Make("web", "one");
  auto run = Start({"get", "restarts", "-w"});
  ASSERT_TRUE(run->AwaitOut("Requested"));
  const uint16_t port = server_->port();
  server_.reset();
  ASSERT_TRUE(run->AwaitErr("connection to the API server lost; trying again\n"));
  StartServer(port);
  Admin admin(kubeconfig());
  const auto request = admin.Get(RecreateResource(), name_space_, "one");
  ASSERT_TRUE(request.ok()) << request.status();
  StandIn::Succeed(admin, *request);
  EXPECT_TRUE(run->AwaitOut("Succeeded")) << run->out();
}

TEST_F(GetRestarts, DescribeShowsStatesAndEvents) {
  AddPod("web");
  StandIn::Succeed(admin_, Make("web", "one"));
  const Result result = RunTool({"describe", "restart", "one"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_THAT(Steady(result.out),
              AllOf(HasSubstr("Request:         shop/one\n"), HasSubstr("Method asked:    hot\n"),
                    HasSubstr("Kept for:        1h\n"), HasSubstr("  84 ms  "),
                    HasSubstr("  Restarted  container app: restarted ")));
  EXPECT_EQ(RunTool({"describe", "restart", "two"}).code, kExitNotFound);
}

TEST_F(GetRestarts, CompletionAsksTheApi) {
  AddPod("web", {"app", "proxy"});
  AddPod("db");
  Make("web", "one");
  const auto complete = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "__complete");
    const auto run = std::make_unique<ToolRun>(words, environment_, false);
    EXPECT_EQ(run->Wait(), kExitOk);
    return run->out();
  };
  EXPECT_EQ(complete({"restart", "-n", name_space_, "pod/"}), "pod/db\npod/web\n");
  EXPECT_EQ(complete({"restart", "-n", name_space_, "pod/web", ""}), "pod/db\n");
  EXPECT_EQ(complete({"restart", "-n", name_space_, "pod/web", "-c", ""}), "app\nproxy\n");
  EXPECT_EQ(complete({"get", "restarts", "-n", name_space_, ""}), "one\n");
  EXPECT_EQ(complete({"describe", "restart", "-n", name_space_, "o"}), "one\n");
  EXPECT_EQ(complete({"get", "restarts", "-n", name_space_, "--pod", "w"}), "web\n");
  EXPECT_EQ(complete({"restart", "--method", "h"}), "hot\n");
  EXPECT_EQ(complete({"get", ""}), "restarts\n");
  EXPECT_THAT(complete({"get", "restarts", "-n", ""}), HasSubstr(name_space_ + "\n"));
}

}  // namespace
}  // namespace rekindle::cli
