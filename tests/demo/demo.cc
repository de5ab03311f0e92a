#include "tests/demo/demo.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

#include "common/base/status_macros.h"
#include "tests/measure/stats.h"
#include "tests/measure/swap.h"

namespace rekindle::demo {
namespace {

constexpr int kPort = 8080;
constexpr char kNote[] = "written before the restart";
constexpr char kNamespace[] = "default";
constexpr absl::Duration kLimit = absl::Minutes(1);

using bare_metal::Json;

void Step(const std::string& text) {
  absl::PrintF("\n>> %s\n", text);
  std::fflush(stdout);
}

void Indented(const std::string& text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!line.empty()) absl::PrintF("     %s\n", line);
  }
  std::fflush(stdout);
}

std::string Short(const std::string& id) { return id.substr(0, 13); }

std::string List(const std::vector<double>& values) {
  return absl::StrJoin(values, "  ", [](std::string* out, double value) {
    absl::StrAppend(out, absl::StrFormat("%.1f", value));
  });
}

bed::PodSpec WebPod(const std::string& name, const std::string& volume, bool hot) {
  bed::PodSpec spec;
  spec.name = name;
  spec.grace_seconds = 10;
  bed::ContainerSpec& web = spec.containers[0];
  web.name = "web";
  web.args = {"serve", "--port", absl::StrCat(kPort)};
  // A program made for hot restarts shares its port, and goes on serving for a moment when told to
  // stop, so that its clients can move over.
  if (hot) {
    web.args.insert(web.args.end(), {"--reuse-port", "--drain-ms", "500"});
    // Connections that wait in the old listener's queue when it closes go to the new one.
    if (std::filesystem::exists("/proc/sys/net/ipv4/tcp_migrate_req")) {
      spec.sysctls["net.ipv4.tcp_migrate_req"] = "1";
    }
  }
  web.env = {{"COLOUR", "green"}};
  web.mounts = {{"/data", volume, false}};
  return spec;
}

// A request as a user writes it.
std::string RequestYaml(const std::string& name, const std::string& pod,
                        const std::string& method) {
  std::string annotations;
  if (!method.empty()) {
    annotations = absl::StrCat("  annotations:\n    rekindle.io/method: ", method, "\n");
  }
  return absl::StrCat(
      "apiVersion: apps.kruise.io/v1beta1\n"
      "kind: ContainerRecreateRequest\n"
      "metadata:\n"
      "  name: ",
      name, "\n  namespace: ", kNamespace, "\n", annotations,
      "spec:\n"
      "  podName: ",
      pod,
      "\n"
      "  containers:\n"
      "  - name: web\n");
}

// "Recreating  web: Recreating (stopped)", or an empty text while nothing is said.
std::string Progress(const Json& request) {
  const Json status = request.value("status", Json::object());
  std::string out = status.value("phase", "");
  for (const Json& state : status.value("containerRecreateStates", Json::array())) {
    absl::StrAppend(&out,
                    absl::StrFormat("%*s", std::max(0, 12 - static_cast<int>(out.size())), ""),
                    state.value("name", ""), ": ", state.value("phase", ""),
                    state.value("isKilled", false) ? " (the old one is stopped)" : "");
  }
  if (const std::string message = status.value("message", ""); !message.empty()) {
    absl::StrAppend(&out, "  ", message);
  }
  return out;
}

double Millis(absl::Duration duration) { return absl::ToDoubleMilliseconds(duration); }

}  // namespace

absl::Status Demo::Run() {
  absl::Status status = SetUp();
  if (status.ok()) status = ShowRestart();
  if (status.ok()) status = CompareWithFloor();
  if (status.ok()) status = ShowHot();
  Step("Cleaning up");
  requests_.reset();
  controller_.reset();
  daemon_.reset();
  if (bed_ != nullptr) status.Update(bed_->Down());
  PrintResult();
  return status;
}

absl::Status Demo::SetUp() {
  Step("Starting a private containerd with runc and a bridge network of its own");
  RK_ASSIGN_OR_RETURN(bed_, bed::Bed::Up());
  absl::PrintF("   %s\n", bed_->endpoint());
  Step("Starting rekindled on it, and rekindle-controller with a Kubernetes API of its own");
  RK_ASSIGN_OR_RETURN(daemon_, measure::Daemon::Start(bed_.get(), options_.programs,
                                                      {"--node-name", "this-machine"}));
  RK_ASSIGN_OR_RETURN(controller_,
                      bare_metal::ControllerProcess::Start({.program = options_.controller,
                                                            .dir = bed_->dir() + "/controller",
                                                            .daemon = daemon_->socket(),
                                                            .flags = {}}));
  api_ = std::make_unique<bare_metal::Api>(controller_->endpoint());
  requests_ = std::make_unique<bare_metal::ObjectWatch>(controller_->endpoint(),
                                                        bare_metal::RequestPath(kNamespace));
  absl::PrintF("   %s\n", controller_->endpoint().url);
  Step("Running two pods, each with an HTTP server and a volume at /data");
  RK_RETURN_IF_ERROR(bed::WriteFile(bed_->Volume("data") + "/note", kNote));
  RK_ASSIGN_OR_RETURN(web_, bed_->RunPod(WebPod("web", bed_->Volume("data"), false)));
  RK_ASSIGN_OR_RETURN(hot_, bed_->RunPod(WebPod("web-hot", bed_->Volume("data"), true)));
  RK_RETURN_IF_ERROR(bed::WaitHttp(web_.ip, kPort, "/healthz").status());
  RK_RETURN_IF_ERROR(bed::WaitHttp(hot_.ip, kPort, "/healthz").status());
  RK_RETURN_IF_ERROR(AwaitShown(web_));
  RK_RETURN_IF_ERROR(AwaitShown(hot_));
  return ShowPods();
}

absl::Status Demo::ShowPods() {
  if (!options_.kubectl.empty()) {
    Indented(Kubectl({"get", "pods", "-o", "wide"}));
    return absl::OkStatus();
  }
  RK_ASSIGN_OR_RETURN(const std::string pods, daemon_->Cli({"ps"}));
  absl::PrintF("   $ rekindle node ps\n");
  Indented(pods);
  return absl::OkStatus();
}

// Its command, and what it says.
std::string Demo::Kubectl(const std::vector<std::string>& arguments) const {
  absl::PrintF("   $ kubectl %s\n", absl::StrJoin(arguments, " "));
  std::fflush(stdout);
  std::vector<std::string> argv = {options_.kubectl, "--kubeconfig", controller_->kubeconfig(),
                                   "--cache-dir", bed_->dir() + "/kubectl"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const absl::StatusOr<std::string> output = bed::RunCommand(argv, kLimit);
  return output.ok() ? *output : std::string(output.status().message());
}

absl::Status Demo::AwaitShown(const bed::Pod& pod) {
  RK_ASSIGN_OR_RETURN(const bed::v1::Container newest, bed_->Newest(pod, "web"));
  const std::string id = absl::StrCat("containerd://", newest.id());
  const bool shown = bed::WaitUntil(
      [&] {
        const auto now = api_->Get(bare_metal::PodPath(kNamespace, pod.spec.name));
        if (!now.ok() || !(*now)["status"].contains("containerStatuses")) return false;
        return (*now)["status"]["containerStatuses"][0]["containerID"] == id;
      },
      kLimit);
  if (shown) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat("the API does not show container ", Short(newest.id()), " of ", pod.spec.name));
}

absl::Status Demo::Follow(const std::string& name, bool print) {
  absl::Time begin = absl::InfinitePast();
  std::string last;
  const bool ended = requests_->Await(
      name,
      [&](const Json& now) {
        if (now.is_null()) return false;
        if (begin == absl::InfinitePast()) begin = absl::Now();
        const std::string line = Progress(now);
        if (print && line != last) {
          absl::PrintF("   %8.0f ms  %s\n", Millis(absl::Now() - begin), line);
          std::fflush(stdout);
        }
        last = line;
        return now.value("status", Json::object()).value("phase", "") == "Completed";
      },
      kLimit);
  if (!ended) {
    return absl::DeadlineExceededError(absl::StrCat("request ", name, " did not end: ", last));
  }
  const Json status = requests_->Newest(name)["status"];
  for (const Json& state : status.value("containerRecreateStates", Json::array())) {
    if (state.value("phase", "") != "Succeeded") {
      return absl::DataLossError(absl::StrCat("request ", name, ": ", status.dump()));
    }
  }
  return absl::OkStatus();
}

absl::Status Demo::Apply(const std::string& name, const std::string& pod,
                         const std::string& method) {
  const std::string text = RequestYaml(name, pod, method);
  Indented(text);
  if (options_.kubectl.empty()) {
    absl::PrintF("   $ curl --data-binary @%s.yaml %s\n", name,
                 bare_metal::RequestPath(kNamespace));
    std::fflush(stdout);
    RK_RETURN_IF_ERROR(api_->CreateYaml(bare_metal::RequestPath(kNamespace), text).status());
    return Follow(name, true);
  }
  const std::string file = absl::StrCat(bed_->dir(), "/", name, ".yaml");
  RK_RETURN_IF_ERROR(bed::WriteFile(file, text));
  absl::PrintF("   $ kubectl apply -f %s.yaml\n", name);
  std::fflush(stdout);
  // Beside the watch: the restart is nearly over when kubectl has ended.
  absl::Status applied;
  std::thread kubectl([&] {
    applied = bed::RunCommand({options_.kubectl, "--kubeconfig", controller_->kubeconfig(),
                               "--cache-dir", bed_->dir() + "/kubectl", "apply", "-f", file},
                              kLimit)
                  .status();
  });
  const absl::Status followed = Follow(name, true);
  kubectl.join();
  RK_RETURN_IF_ERROR(applied);
  return followed;
}

absl::Status Demo::Request(const std::string& name, const std::string& pod) {
  const std::string text = RequestYaml(name, pod, "");
  const absl::Time sent = absl::Now();
  RK_RETURN_IF_ERROR(api_->CreateYaml(bare_metal::RequestPath(kNamespace), text).status());
  RK_RETURN_IF_ERROR(Follow(name, false));
  requests_ms_.push_back(Millis(absl::Now() - sent));
  return absl::OkStatus();
}

// What the events of the request say. They are written a moment later.
absl::Status Demo::ShowEvents(const std::string& request) {
  Json events;
  const bool told = bed::WaitUntil(
      [&] {
        const auto list = api_->Get(bare_metal::EventPath(kNamespace) +
                                    "?fieldSelector=involvedObject.name=" + request);
        events = list.ok() ? (*list)["items"] : Json::array();
        return std::any_of(events.begin(), events.end(),
                           [](const Json& event) { return event["reason"] == "Restarted"; });
      },
      kLimit);
  for (const Json& event : events) {
    absl::PrintF("     event %s: %s\n", event.value("reason", ""), event.value("message", ""));
  }
  if (!told) return absl::DeadlineExceededError("no event tells of the restart");
  return absl::OkStatus();
}

// Everything that a restart in place promises to keep, as it is now.
absl::StatusOr<Demo::Facts> Demo::Look(const bed::Pod& pod) {
  Facts facts;
  RK_ASSIGN_OR_RETURN(bed::v1::Container container, bed_->Newest(pod, "web"));
  facts.container = container.id();
  facts.attempt = container.metadata().attempt();
  facts.sandbox = container.pod_sandbox_id();
  RK_ASSIGN_OR_RETURN(auto sandbox, bed_->cri().SandboxStatus(facts.sandbox));
  facts.ip = sandbox.status().network().ip();
  RK_ASSIGN_OR_RETURN(facts.instance, bed::WaitHttp(facts.ip, kPort, "/id"));
  RK_ASSIGN_OR_RETURN(facts.note, bed::HttpGet(facts.ip, kPort, "/file?/data/note"));
  return facts;
}

absl::Status Demo::ShowRestart() {
  RK_ASSIGN_OR_RETURN(Facts before, Look(web_));
  Step("Asking for a restart in place, while a client connects every 2 ms");
  RK_ASSIGN_OR_RETURN(measure::ProbeResult seen, measure::Watch(web_, kPort, [this] {
                        return Apply("restart-web", "web", "");
                      }));
  if (!options_.kubectl.empty()) Indented(Kubectl({"get", "containerrecreaterequests"}));
  RK_RETURN_IF_ERROR(ShowEvents("restart-web"));
  RK_ASSIGN_OR_RETURN(Facts after, Look(web_));
  gaps_ms_.push_back(seen.gap_ms);
  ip_kept_ = before.ip == after.ip && before.sandbox == after.sandbox;
  volumes_kept_ = before.note == kNote && after.note == kNote;
  absl::PrintF("\n   %-16s %-28s %-28s\n", "", "before", "after");
  absl::PrintF("   %-16s %-28s %-28s %s\n", "pod IP", before.ip, after.ip,
               before.ip == after.ip ? "kept" : "LOST");
  absl::PrintF("   %-16s %-28s %-28s %s\n", "sandbox", Short(before.sandbox), Short(after.sandbox),
               before.sandbox == after.sandbox ? "kept" : "LOST");
  absl::PrintF("   %-16s %-28s %-28s %s\n", "/data/note", before.note, after.note,
               volumes_kept_ ? "kept" : "LOST");
  absl::PrintF("   %-16s %-28s %-28s new\n", "container", Short(before.container),
               Short(after.container));
  absl::PrintF("   %-16s %-28d %-28d\n", "attempt", before.attempt, after.attempt);
  absl::PrintF("   The client had no answer for %.1f ms (%d refused connections).\n", seen.gap_ms,
               seen.failed);
  if (!ip_kept_ || !volumes_kept_) return absl::DataLossError("the restart lost IP or volume");
  if (after.attempt != before.attempt + 1 || after.instance == before.instance) {
    return absl::DataLossError("the container was not restarted");
  }
  return absl::OkStatus();
}

absl::Status Demo::CompareWithFloor() {
  Step(
      absl::StrFormat("Comparing with the runtime's own StopContainer + StartContainer on the same "
                      "pod, %d times in turn",
                      options_.rounds));
  for (int i = 0; i < options_.rounds; ++i) {
    RK_ASSIGN_OR_RETURN(measure::ProbeResult floor,
                        measure::SwapByHand(bed_.get(), &web_, "web", kPort));
    floors_ms_.push_back(floor.gap_ms);
    RK_RETURN_IF_ERROR(AwaitShown(web_));
    const std::string name = absl::StrCat("round-", i + 1);
    RK_ASSIGN_OR_RETURN(measure::ProbeResult seen,
                        measure::Watch(web_, kPort, [&] { return Request(name, "web"); }));
    gaps_ms_.push_back(seen.gap_ms);
  }
  absl::PrintF("   floor     %s  ms\n   rekindle  %s  ms\n", List(floors_ms_), List(gaps_ms_));
  absl::PrintF("   from sending the request to Completed: %s  ms\n", List(requests_ms_));
  return absl::OkStatus();
}

absl::Status Demo::ShowHot() {
  Step(absl::StrFormat("Hot restart of a server with SO_REUSEPORT under %d requests a second",
                       options_.load_rate));
  RK_ASSIGN_OR_RETURN(Facts before, Look(hot_));
  measure::LoadGenerator load(hot_.ip, kPort, 10, options_.load_rate);
  RK_ASSIGN_OR_RETURN(measure::ProbeResult seen, measure::Watch(hot_, kPort, [this] {
                        return Apply("restart-hot", "web-hot", "hot");
                      }));
  measure::LoadResult result = load.Stop();
  RK_RETURN_IF_ERROR(ShowEvents("restart-hot"));
  RK_ASSIGN_OR_RETURN(Facts after, Look(hot_));
  hot_gap_ms_ = seen.gap_ms;
  hot_failed_ = result.failed + seen.failed;
  hot_sent_ = result.sent + seen.good + seen.failed;
  absl::PrintF("   %d requests, %d failed, longest gap %.1f ms; server %s, then %s\n", hot_sent_,
               hot_failed_, hot_gap_ms_, Short(before.container), Short(after.container));
  if (before.instance == after.instance) return absl::DataLossError("no hot restart happened");
  if (before.ip != after.ip) return absl::DataLossError("the hot restart lost the pod's IP");
  if (hot_failed_ != 0) return absl::DataLossError("requests failed in the hot restart");
  return absl::OkStatus();
}

void Demo::PrintResult() const {
  double gap = measure::Median(gaps_ms_);
  double floor = measure::Median(floors_ms_);
  absl::PrintF(
      "\nRESULT ip_kept=%s volumes_kept=%s gap_ms=%.1f floor_ms=%.1f ratio=%.2f "
      "hot_gap_ms=%.1f hot_failed_requests=%d request_ms=%.1f\n",
      ip_kept_ ? "yes" : "no", volumes_kept_ ? "yes" : "no", gap, floor,
      floor > 0 ? gap / floor : 0.0, hot_gap_ms_, hot_failed_, measure::Median(requests_ms_));
  std::fflush(stdout);
}

}  // namespace rekindle::demo
