#include "tests/demo/demo.h"

#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/status_macros.h"
#include "tests/measure/stats.h"
#include "tests/measure/swap.h"

namespace rekindle::demo {
namespace {

constexpr int kPort = 8080;
constexpr char kNote[] = "written before the restart";

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

}  // namespace

absl::Status Demo::Run() {
  absl::Status status = SetUp();
  if (status.ok()) status = ShowRestart();
  if (status.ok()) status = CompareWithFloor();
  if (status.ok()) status = ShowHot();
  Step("Cleaning up");
  daemon_.reset();
  if (bed_ != nullptr) status.Update(bed_->Down());
  PrintResult();
  return status;
}

absl::Status Demo::SetUp() {
  Step("Starting a private containerd with runc and a bridge network of its own");
  RK_ASSIGN_OR_RETURN(bed_, bed::Bed::Up());
  absl::PrintF("   %s\n", bed_->endpoint());
  Step("Starting rekindled on it");
  RK_ASSIGN_OR_RETURN(daemon_, measure::Daemon::Start(bed_.get(), options_.programs));
  Step("Running two pods, each with an HTTP server and a volume at /data");
  RK_RETURN_IF_ERROR(bed::WriteFile(bed_->Volume("data") + "/note", kNote));
  RK_ASSIGN_OR_RETURN(web_, bed_->RunPod(WebPod("web", bed_->Volume("data"), false)));
  RK_ASSIGN_OR_RETURN(hot_, bed_->RunPod(WebPod("web-hot", bed_->Volume("data"), true)));
  RK_RETURN_IF_ERROR(bed::WaitHttp(web_.ip, kPort, "/healthz").status());
  RK_RETURN_IF_ERROR(bed::WaitHttp(hot_.ip, kPort, "/healthz").status());
  absl::StatusOr<std::string> pods = daemon_->Cli({"ps"});
  absl::PrintF("   $ rekindle node ps\n");
  if (pods.ok()) Indented(*pods);
  return pods.status();
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

absl::StatusOr<measure::ProbeResult> Demo::Restart(const bed::Pod& pod,
                                                   const std::vector<std::string>& more) {
  std::vector<std::string> command = {"restart", absl::StrCat(pod.spec.ns, "/", pod.spec.name),
                                      "-c", "web"};
  command.insert(command.end(), more.begin(), more.end());
  return measure::Watch(pod, kPort, [&]() -> absl::Status {
    absl::StatusOr<std::string> output = daemon_->Cli(command);
    cli_output_ = output.value_or("");
    return output.status();
  });
}

absl::Status Demo::ShowRestart() {
  RK_ASSIGN_OR_RETURN(Facts before, Look(web_));
  Step("Restarting the container in place, while a client connects every 2 ms");
  absl::PrintF("   $ rekindle node restart default/web -c web\n");
  RK_ASSIGN_OR_RETURN(measure::ProbeResult seen, Restart(web_, {}));
  Indented(cli_output_);
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
    RK_ASSIGN_OR_RETURN(measure::ProbeResult seen, Restart(web_, {}));
    gaps_ms_.push_back(seen.gap_ms);
  }
  absl::PrintF("   floor     %s  ms\n   rekindle  %s  ms\n", List(floors_ms_), List(gaps_ms_));
  return absl::OkStatus();
}

absl::Status Demo::ShowHot() {
  Step(absl::StrFormat("Hot restart of a server with SO_REUSEPORT under %d requests a second",
                       options_.load_rate));
  absl::PrintF(
      "   $ rekindle node restart default/web-hot -c web --method hot --ready-http "
      "%d/healthz\n",
      kPort);
  RK_ASSIGN_OR_RETURN(Facts before, Look(hot_));
  measure::LoadGenerator load(hot_.ip, kPort, 10, options_.load_rate);
  RK_ASSIGN_OR_RETURN(measure::ProbeResult seen, Restart(hot_, {"--method", "hot", "--ready-http",
                                                                absl::StrCat(kPort, "/healthz")}));
  measure::LoadResult result = load.Stop();
  Indented(cli_output_);
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
      "hot_gap_ms=%.1f hot_failed_requests=%d\n",
      ip_kept_ ? "yes" : "no", volumes_kept_ ? "yes" : "no", gap, floor,
      floor > 0 ? gap / floor : 0.0, hot_gap_ms_, hot_failed_);
  std::fflush(stdout);
}

}  // namespace rekindle::demo
