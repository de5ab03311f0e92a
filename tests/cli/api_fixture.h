#ifndef REKINDLE_TEST_CLI_API_FIXTURE_H_
#define REKINDLE_TEST_CLI_API_FIXTURE_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <streambuf>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/api_errors.h"
#include "cli/api_session.h"
#include "cli/app.h"
#include "cli/feed.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/json/tree.h"
#include "controller/app/embedded_server.h"
#include "tests/fakes/await.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle::cli {

// What the tool writes, looked at by another thread while it runs.
class Screen final : public std::streambuf {
 public:
  std::string text() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return text_;
  }
  // Whether `part` comes within `limit`.
  bool Await(const std::string& part, absl::Duration limit = absl::Seconds(30)) const {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, absl::ToChronoMilliseconds(limit),
                             [&] { return text_.find(part) != std::string::npos; });
  }

 private:
  int_type overflow(int_type c) override {
    const char one = traits_type::to_char_type(c);
    xsputn(&one, 1);
    return c;
  }
  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    std::lock_guard<std::mutex> lock(mutex_);
    text_.append(bytes, static_cast<size_t>(count));
    changed_.notify_all();
    return count;
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::string text_;
};

// One run of the tool, on a thread of its own.
class ToolRun {
 public:
  ToolRun(std::vector<std::string> args, std::map<std::string, std::string> environment, bool tty)
      : environment_(std::move(environment)),
        io_{.out = out_stream_,
            .err = err_stream_,
            .in = in_,
            .out_is_tty = tty,
            .width = 120,
            .getenv = [this](const std::string& name) -> std::optional<std::string> {
              const auto it = environment_.find(name);
              if (it == environment_.end()) return std::nullopt;
              return it->second;
            },
            .now = absl::Now,
            .new_request_id = [] { return "cli-1"; },
            // A new run makes new names.
            .random = [] { return random_.fetch_add(1) * 2654435761U; },
            .interrupted = interrupted_},
        thread_([this, args = std::move(args)] {
          code_ = cli::Run(args, io_);
          over_.Open();
        }) {}
  ~ToolRun() {
    interrupted_.store(true);
    thread_.join();
  }

  // The exit code.
  int Wait() {
    EXPECT_TRUE(over_.WaitFor(absl::Seconds(60))) << out() << err();
    return over_.WaitFor(absl::ZeroDuration()) ? code_ : -1;
  }
  void Interrupt() { interrupted_.store(true); }
  bool AwaitOut(const std::string& part) const { return out_.Await(part); }
  bool AwaitErr(const std::string& part) const { return err_.Await(part); }
  std::string out() const { return out_.text(); }
  std::string err() const { return err_.text(); }

 private:
  static inline std::atomic<uint32_t> random_{1};

  const std::map<std::string, std::string> environment_;
  Screen out_;
  Screen err_;
  std::ostream out_stream_{&out_};
  std::ostream err_stream_{&err_};
  std::istringstream in_;
  std::atomic<bool> interrupted_{false};
  Io io_;
  int code_ = -1;
  Latch over_;
  std::thread thread_;
};

// An API that a test itself reads and writes, as an admin.
class Admin {
 public:
  explicit Admin(const std::string& kubeconfig) {
    auto opened = ApiSession::Open({.kubeconfig = kubeconfig}, io_);
    if (opened.ok()) session_ = *std::move(opened);
  }

  ApiSession& session() { return *session_; }

  absl::StatusOr<Json> Create(const client::ApiResource& resource, const std::string& name_space,
                              const Json& object) {
    return session_->Create({.resource = resource, .key = {name_space, ""}}, object, false);
  }
  absl::StatusOr<Json> Get(const client::ApiResource& resource, const std::string& name_space,
                           const std::string& name) {
    return session_->Get({.resource = resource, .key = {name_space, name}});
  }
  absl::Status PatchStatus(const client::ApiResource& resource, const std::string& name_space,
                           const std::string& name, const Json& status) {
    const client::ObjectRef ref{
        .resource = resource, .key = {name_space, name}, .subresource = "status"};
    const Json patch = {{"status", status}};
    return AwaitReply<Json>(session_->client().loop(),
                            [&](auto done) {
                              session_->client().Patch(ref, client::PatchType::kMerge, patch, {},
                                                       std::move(done));
                            })
        .status();
  }
  absl::Status Delete(const client::ApiResource& resource, const std::string& name_space,
                      const std::string& name) {
    const client::ObjectRef ref{.resource = resource, .key = {name_space, name}};
    return AwaitReply<Json>(session_->client().loop(),
                            [&](auto done) { session_->client().Delete(ref, {}, std::move(done)); })
        .status();
  }

  // What the controller writes of a request: its status, and an event.
  absl::Status WriteStatus(const Json& request, const Json& status) {
    return PatchStatus(RecreateResource(), Text(request, "namespace"), Text(request, "name"),
                       status);
  }
  absl::Status WriteEvent(const Json& request, const std::string& reason,
                          const std::string& message) {
    static std::atomic<int> number{0};
    const std::string now = api::FormatTime(absl::Now());
    return Create(client::EventResource(), Text(request, "namespace"),
                  {{"apiVersion", "v1"},
                   {"kind", "Event"},
                   {"metadata",
                    {{"name", absl::StrCat(Text(request, "name"), ".", number.fetch_add(1))},
                     {"namespace", Text(request, "namespace")}}},
                   {"involvedObject",
                    {{"apiVersion", "apps.kruise.io/v1beta1"},
                     {"kind", "ContainerRecreateRequest"},
                     {"namespace", Text(request, "namespace")},
                     {"name", Text(request, "name")},
                     {"uid", Text(request, "uid")}}},
                   {"type", "Normal"},
                   {"reason", reason},
                   {"message", message},
                   {"source", {{"component", "rekindle-controller"}}},
                   {"firstTimestamp", now},
                   {"lastTimestamp", now},
                   {"count", 1}})
        .status();
  }

  static std::string Text(const Json& object, const char* member) {
    return std::string(json::String(object, {"metadata", member}));
  }

 private:
  std::ostringstream out_;
  std::istringstream in_;
  std::atomic<bool> interrupted_{false};
  Io io_{.out = out_,
         .err = out_,
         .in = in_,
         .getenv = [](const std::string&) { return std::nullopt; },
         .now = absl::Now,
         .new_request_id = [] { return "test"; },
         .random = [] { return 0U; },
         .interrupted = interrupted_};
  std::unique_ptr<ApiSession> session_;
};

// States of all containers of a request.
inline Json StatesOf(const Json& request, const std::string& phase, bool killed) {
  Json out = Json::array();
  for (const Json& one : request["spec"]["containers"]) {
    Json state = {{"name", one["name"]}, {"phase", phase}};
    if (killed) state["isKilled"] = true;
    out.push_back(state);
  }
  return out;
}
inline Json RecreatingStatus(const Json& request) {
  return {{"phase", "Recreating"},
          {"containerRecreateStates", StatesOf(request, "Recreating", false)}};
}
inline Json CompletedStatus(Json states) {
  return {{"phase", "Completed"},
          {"completionTime", api::FormatTime(absl::Now())},
          {"containerRecreateStates", std::move(states)}};
}

// Plays the controller in one namespace: `script` is called for each new request, on a thread.
class StandIn {
 public:
  using Script = std::function<void(Admin&, const Json& request)>;

  StandIn(const std::string& kubeconfig, const std::string& name_space, Script script = Succeed)
      : thread_([this, kubeconfig, name_space, script = std::move(script)] {
          Admin admin(kubeconfig);
          Feed feed(admin.session(), {.resource = RecreateResource(), .name_space = name_space});
          std::set<std::string> seen;
          while (!stop_.load()) {
            for (const FeedChange& change : feed.Take(absl::Milliseconds(10))) {
              if (seen.insert(Admin::Text(*change.object, "uid")).second) {
                script(admin, *change.object);
              }
            }
          }
        }) {}
  ~StandIn() {
    stop_.store(true);
    thread_.join();
  }

  static void Succeed(Admin& admin, const Json& request) {
    EXPECT_TRUE(admin.WriteStatus(request, RecreatingStatus(request)).ok());
    Json snapshot = Json::array();
    for (const Json& one : request["spec"]["containers"]) {
      const std::string name = one["name"];
      EXPECT_TRUE(admin
                      .WriteEvent(request, "Restarted",
                                  absl::StrCat("container ", name,
                                               ": restarted in 212 ms, gap 84 ms (replace: chosen: "
                                               "nobody else makes it (yet))"))
                      .ok());
      snapshot.push_back({{"name", name},
                          {"ready", true},
                          {"restartCount", 3},
                          {"containerID", "containerd://" + std::string(64, 'e')}});
    }
    Json status = CompletedStatus(StatesOf(request, "Succeeded", true));
    status["containerStatusSnapshot"] = snapshot;
    EXPECT_TRUE(admin.WriteStatus(request, status).ok());
  }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// The tool against the embedded API server, in a namespace of the test's own.
class ApiCliTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = std::make_unique<TempDir>();
    StartServer(0);
    ASSERT_NE(server_, nullptr);
    Admin admin(kubeconfig());
    ASSERT_TRUE(
        admin
            .Create({"", "v1", "nodes", "Node", false}, "",
                    {{"apiVersion", "v1"}, {"kind", "Node"}, {"metadata", {{"name", "n-1"}}}})
            .ok());
  }
  static void TearDownTestSuite() {
    server_.reset();
    dir_.reset();
  }
  static void StartServer(uint16_t port) {
    auto started = EmbeddedServer::Start({.data_dir = *dir_ / "data", .port = port});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }
  static std::string kubeconfig() { return *dir_ / "data/admin.kubeconfig"; }

  ApiCliTest() : admin_(kubeconfig()) {
    static std::atomic<int> number{0};
    name_space_ = absl::StrCat("t", number.fetch_add(1));
    EXPECT_TRUE(admin_
                    .Create(client::NamespaceResource(), "",
                            {{"apiVersion", "v1"},
                             {"kind", "Namespace"},
                             {"metadata", {{"name", name_space_}}}})
                    .ok());
    environment_["KUBECONFIG"] = kubeconfig();
  }

  // A running pod.
  void AddPod(const std::string& name, const std::vector<std::string>& containers = {"app"},
              const Json& labels = Json::object(), const std::string& phase = "Running") {
    Json specs = Json::array();
    Json statuses = Json::array();
    for (const std::string& container : containers) {
      specs.push_back({{"name", container}, {"image", "busybox:1"}});
      statuses.push_back({{"name", container},
                          {"image", "busybox:1"},
                          {"imageID", "i"},
                          {"ready", true},
                          {"restartCount", 2},
                          {"containerID", "containerd://" + container},
                          {"state", {{"running", {{"startedAt", "2026-01-01T00:00:00Z"}}}}}});
    }
    Json spec = {{"containers", specs}};
    if (phase != "Pending") spec["nodeName"] = "n-1";
    const auto made = admin_.Create(client::PodResource(), name_space_,
                                    {{"apiVersion", "v1"},
                                     {"kind", "Pod"},
                                     {"metadata", {{"name", name}, {"labels", labels}}},
                                     {"spec", spec}});
    ASSERT_TRUE(made.ok()) << made.status();
    const absl::Status status =
        admin_.PatchStatus(client::PodResource(), name_space_, name,
                           {{"phase", phase}, {"containerStatuses", statuses}});
    ASSERT_TRUE(status.ok()) << status;
  }

  std::unique_ptr<ToolRun> Start(std::vector<std::string> args) {
    args.insert(args.end(), {"-n", name_space_});
    return std::make_unique<ToolRun>(std::move(args), environment_, tty_);
  }
  struct Result {
    int code;
    std::string out;
    std::string err;
  };
  Result RunTool(std::vector<std::string> args) {
    const std::unique_ptr<ToolRun> run = Start(std::move(args));
    const int code = run->Wait();
    return {code, run->out(), run->err()};
  }
  // All requests of the namespace.
  std::vector<Json> Requests() {
    std::vector<Json> out;
    const auto all =
        admin_.session().List({.resource = RecreateResource(), .name_space = name_space_});
    EXPECT_TRUE(all.ok()) << all.status();
    if (!all.ok()) return out;
    for (const ObjectPtr& one : *all) out.push_back(*one);
    return out;
  }
  // With what differs from run to run replaced: spans, ages, the namespace, random letters.
  std::string Steady(std::string text) const {
    text = std::regex_replace(text, std::regex("(in|after) [0-9.]+ (ms|s)\\b"), "$1 SPAN");
    text = std::regex_replace(text, std::regex("\\([0-9.]+ (ms|s)\\)"), "(SPAN)");
    text = std::regex_replace(text, std::regex("-restart-[a-z0-9]{5}"), "-restart-xxxxx");
    return std::regex_replace(text, std::regex("\\b" + name_space_ + "\\b"), "shop");
  }

  static inline std::unique_ptr<TempDir> dir_;
  static inline std::unique_ptr<EmbeddedServer> server_;
  Admin admin_;
  std::string name_space_;
  std::map<std::string, std::string> environment_;
  bool tty_ = false;
};

}  // namespace rekindle::cli

#endif  // REKINDLE_TEST_CLI_API_FIXTURE_H_
