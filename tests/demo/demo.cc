#include "tests/demo/demo.h"

#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "tests/bare_metal/api.h"
#include "tests/demo/say.h"
#include "tests/measure/stats.h"
#include "tests/measure/swap.h"

namespace rekindle::demo {
namespace {

constexpr int kPort = 8080;
constexpr char kNote[] = "written before the restart";
constexpr absl::Duration kLimit = absl::Minutes(1);

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
  requests_ = std::make_unique<Requests>(Requests::Options{.endpoint = controller_->endpoint(),
                                                           .kubectl = options_.kubectl,
                                                           .kubeconfig = controller_->kubeconfig(),
                                                           .dir = bed_->dir(),
                                                           .limit = kLimit});
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
  if (requests_->has_kubectl()) {
    Indented(requests_->Kubectl({"get", "pods", "-o", "wide"}));
    return absl::OkStatus();
  }
  RK_ASSIGN_OR_RETURN(const std::string pods, daemon_->Cli({"ps"}));
  absl::PrintF("   $ rekindle node ps\n");
  Indented(pods);
  return absl::OkStatus();
}

absl::Status Demo::AwaitShown(const bed::Pod& pod) {
  RK_ASSIGN_OR_RETURN(const bed::v1::Container newest, bed_->Newest(pod, "web"));
  const std::string id = absl::StrCat("containerd://", newest.id());
  const bool shown = bed::WaitUntil(
      [&] {
        const auto now = requests_->api().Get(bare_metal::PodPath(kNamespace, pod.spec.name));
        if (!now.ok() || !(*now)["status"].contains("containerStatuses")) return false;
        return (*now)["status"]["containerStatuses"][0]["containerID"] == id;
      },
      kLimit);
  if (shown) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat("the API does not show container ", Short(newest.id()), " of ", pod.spec.name));
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
  RK_ASSIGN_OR_RETURN(
      measure::ProbeResult seen, measure::Watch(web_, kPort, [this] {
        return requests_->Apply({.name = "restart-web", .pod = "web", .container = "web"});
      }));
  if (requests_->has_kubectl()) {
    Indented(requests_->Kubectl({"get", "containerrecreaterequests"}));
  }
  RK_RETURN_IF_ERROR(requests_->ShowEvents("restart-web"));
  RK_ASSIGN_OR_RETURN(Facts after, Look(web_));
  gaps_ms_.push_back(seen.gap_ms);
  ip_kept_ = before.ip == after.ip && before.sandbox == after.sandbox;
  volumes_kept_ = before.note == kNote && after.note == kNote;
  Say("");
  Compare("", "before", "after");
  Compare("pod IP", before.ip, after.ip, Kept(before.ip == after.ip));
  Compare("sandbox", Short(before.sandbox), Short(after.sandbox),
          Kept(before.sandbox == after.sandbox));
  Compare("/data/note", before.note, after.note, Kept(volumes_kept_));
  Compare("container", Short(before.container), Short(after.container), "new");
  Compare("attempt", absl::StrCat(before.attempt), absl::StrCat(after.attempt));
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
    RK_ASSIGN_OR_RETURN(
        measure::ProbeResult seen, measure::Watch(web_, kPort, [&]() -> absl::Status {
          RK_ASSIGN_OR_RETURN(const double took,
                              requests_->Send({.name = name, .pod = "web", .container = "web"}));
          requests_ms_.push_back(took);
          return absl::OkStatus();
        }));
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
  RK_ASSIGN_OR_RETURN(
      measure::ProbeResult seen, measure::Watch(hot_, kPort, [this] {
        return requests_->Apply(
            {.name = "restart-hot", .pod = "web-hot", .container = "web", .method = "hot"});
      }));
  measure::LoadResult result = load.Stop();
  RK_RETURN_IF_ERROR(requests_->ShowEvents("restart-hot"));
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
      YesNo(ip_kept_), YesNo(volumes_kept_), gap, floor, floor > 0 ? gap / floor : 0.0, hot_gap_ms_,
      hot_failed_, measure::Median(requests_ms_));
  std::fflush(stdout);
}

}  // namespace rekindle::demo
