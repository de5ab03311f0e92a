#include "tests/demo/kube_demo.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "common/base/status_macros.h"
#include "tests/bed/http.h"
#include "tests/bed/process.h"
#include "tests/demo/say.h"
#include "tests/deploy/kube_pods.h"
#include "tests/measure/probe.h"
#include "tests/measure/stats.h"
#include "tests/measure/swap.h"

namespace rekindle::demo {
namespace {

using nlohmann::json;

constexpr int kPort = 8080;
constexpr char kContainer[] = "main";
constexpr char kNote[] = "written before the restart";
constexpr char kMigrate[] = "net.ipv4.tcp_migrate_req";
// The kubelet's crash back-off may hold a delegated restart for long.
constexpr absl::Duration kSeen = absl::Minutes(3);

constexpr char kWeb[] = "web-0";
constexpr char kHot[] = "web-hot-0";
constexpr char kDelegate[] = "web-delegate-0";

constexpr char kReplaceRow[] = "replace";
constexpr char kAgainRow[] = "replace, right after";
constexpr char kHotRow[] = "hot";
constexpr char kDelegateRow[] = "delegate";
constexpr char kDelegateAgainRow[] = "delegate, right after";
constexpr char kLine[] = "%-22s %-8s %-7s %-8s %-7s %-14s %s";  // of the comparison

// A StatefulSet of one pod with the server of the tests and a volume at /data.
json Workload(const std::string& name, const std::vector<std::string>& more) {
  std::vector<std::string> args = {"serve", "--port", absl::StrCat(kPort)};
  args.insert(args.end(), more.begin(), more.end());
  json pod = deploy::ServerPod(
      name, {{"args", args},
             {"volumeMounts", json::array({{{"name", "data"}, {"mountPath", "/data"}}})}});
  pod["spec"]["volumes"] = json::array({{{"name", "data"}, {"emptyDir", json::object()}}});
  return {{"apiVersion", "apps/v1"},
          {"kind", "StatefulSet"},
          {"metadata", {{"name", name}}},
          {"spec",
           {{"replicas", 1},
            {"serviceName", name},
            {"selector", {{"matchLabels", {{"app", name}}}}},
            {"template", {{"metadata", {{"labels", {{"app", name}}}}}, {"spec", pod["spec"]}}}}}};
}

// A program made for hot restarts shares its port, and goes on serving for a moment when told to
// stop, so that its clients can move over.
json HotWorkload(const std::string& name) {
  json out = Workload(name, {"--reuse-port", "--drain-ms", "500"});
  // Connections that wait in the old listener's queue when it closes go to the new one.
  if (std::filesystem::exists("/proc/sys/net/ipv4/tcp_migrate_req")) {
    out["spec"]["template"]["spec"]["securityContext"]["sysctls"] =
        json::array({{{"name", kMigrate}, {"value", "1"}}});
  }
  return out;
}

conformance::Endpoint Administrator(const kube::Cluster& cluster) {
  const kube::Layout& layout = cluster.layout();
  return {.url = layout.ServerUrl(),
          .ca_file = layout.File("ca.crt"),
          .certificate_file = layout.File("admin.crt"),
          .key_file = layout.File("admin.key")};
}

}  // namespace

absl::Status KubeDemo::Run() {
  const absl::Time begin = absl::Now();
  absl::Status status = SetUp();
  if (status.ok()) status = ShowRestart();
  if (status.ok()) status = CompareWithFloor();
  if (status.ok()) status = ShowHot();
  if (status.ok()) status = ShowDelegate();
  if (status.ok()) status = CheckCounts();
  PrintRows();
  if (!status.ok() && system_ != nullptr) {
    Step("What the controller said last");
    Indented(system_->Log());
  }
  Step("Cleaning up");
  requests_.reset();
  system_.reset();
  absl::Status down = bare_ == nullptr ? absl::OkStatus() : bare_->Down();
  if (cluster_ != nullptr) down.Update(cluster_->Down());
  status.Update(down);
  if (down.ok()) Say("Nothing is left.");
  Say(absl::StrFormat("It took %.0f s.", absl::ToDoubleSeconds(absl::Now() - begin)));
  PrintResult();
  return status;
}

absl::Status KubeDemo::SetUp() {
  Step(
      "Starting a private Kubernetes: etcd, API server, controllers, scheduler, kubelet, "
      "containerd");
  kube::ClusterOptions options;
  options.kubelet_configuration = {{"allowedUnsafeSysctls", {kMigrate}}};
  RK_ASSIGN_OR_RETURN(cluster_, kube::Cluster::Up(options));
  requests_ = std::make_unique<Requests>(
      Requests::Options{.endpoint = Administrator(*cluster_),
                        .kubectl = cluster_->layout().programs + "/kubectl",
                        .kubeconfig = cluster_->Kubeconfig(),
                        .dir = cluster_->dir(),
                        .limit = kSeen});
  Indented(requests_->Kubectl({"get", "nodes"}));
  Step(
      "Installing Rekindle as docs/install.md says: two images, two Secrets with certificates, and "
      "kubectl apply -k deploy/kubernetes");
  Say("The kinds, rekindled on every node, rekindle-controller with its webhooks.");
  RK_ASSIGN_OR_RETURN(system_, deploy::System::Install(cluster_.get(), options_.install));
  Indented(requests_->Kubectl({"-n", "rekindle-system", "get", "pods"}));
  Step("Starting another containerd without a kubelet, to see what the runtime itself needs");
  RK_ASSIGN_OR_RETURN(bare_, bed::Bed::Up());
  bed::PodSpec spec;
  spec.grace_seconds = 10;
  RK_ASSIGN_OR_RETURN(bare_pod_, bare_->RunPod(spec));
  return StartWorkloads();
}

absl::Status KubeDemo::StartWorkloads() {
  Step("Running three StatefulSets, each with an HTTP server and a volume at /data");
  RK_RETURN_IF_ERROR(cluster_->Apply(Workload("web", {})));
  RK_RETURN_IF_ERROR(cluster_->Apply(HotWorkload("web-hot")));
  RK_RETURN_IF_ERROR(cluster_->Apply(Workload("web-delegate", {})));
  for (const char* pod : {kWeb, kHot, kDelegate}) {
    RK_RETURN_IF_ERROR(cluster_->WaitReady(pod).status());
    RK_RETURN_IF_ERROR(cluster_
                           ->Kubectl({"exec", pod, "--", "sh", "-c",
                                      absl::StrCat("echo '", kNote, "' >/data/note")})
                           .status());
    asked_[pod] = 0;
  }
  Indented(requests_->Kubectl({"get", "pods", "-o", "wide"}));
  return absl::OkStatus();
}

absl::StatusOr<KubeDemo::Facts> KubeDemo::Look(const std::string& pod) {
  RK_ASSIGN_OR_RETURN(const json object, cluster_->Pod(pod));
  const json status = kube::ContainerStatus(object, kContainer);
  Facts facts;
  facts.uid = object["metadata"]["uid"];
  facts.ip = object["status"].value("podIP", "");
  facts.container = status.value("containerID", "");
  facts.restarts = status.value("restartCount", -1);
  RK_ASSIGN_OR_RETURN(const std::vector<bed::v1::Container> containers,
                      cluster_->Containers(facts.uid, kContainer));
  for (const bed::v1::Container& container : containers) {
    if (absl::StrCat("containerd://", container.id()) == facts.container) {
      facts.sandbox = container.pod_sandbox_id();
    }
  }
  RK_ASSIGN_OR_RETURN(facts.instance, bed::WaitHttp(facts.ip, kPort, "/id"));
  RK_ASSIGN_OR_RETURN(const std::string note, bed::HttpGet(facts.ip, kPort, "/file?/data/note"));
  facts.note = std::string(absl::StripAsciiWhitespace(note));
  return facts;
}

absl::StatusOr<KubeDemo::Change> KubeDemo::Restart(const Wish& wish, bool shown, Row* row) {
  Change change;
  RK_ASSIGN_OR_RETURN(change.before, Look(wish.pod));
  const Facts& before = change.before;
  bed::Pod watched;
  watched.ip = before.ip;
  ++asked_[wish.pod];
  RK_ASSIGN_OR_RETURN(const measure::ProbeResult seen,
                      measure::Watch(watched, kPort, [&]() -> absl::Status {
                        if (shown) return requests_->Apply(wish);
                        RK_ASSIGN_OR_RETURN(const double took, requests_->Send(wish));
                        requests_ms_.push_back(took);
                        return absl::OkStatus();
                      }));
  row->gaps_ms.push_back(seen.gap_ms);
  row->failed += seen.failed;
  row->good += seen.good;
  RK_RETURN_IF_ERROR(
      cluster_
          ->WaitPod(
              wish.pod,
              [&](const json& now) {
                return kube::ContainerStatus(now, kContainer).value("restartCount", -1) !=
                           before.restarts &&
                       kube::HasCondition(now, "Ready");
              },
              kSeen)
          .status());
  RK_ASSIGN_OR_RETURN(change.after, Look(wish.pod));
  const Facts& after = change.after;
  row->ip_kept = row->ip_kept && before.ip == after.ip;
  row->uid_kept = row->uid_kept && before.uid == after.uid;
  row->sandbox_kept =
      row->sandbox_kept && !before.sandbox.empty() && before.sandbox == after.sandbox;
  row->volume_kept = row->volume_kept && before.note == kNote && after.note == kNote;
  row->counted = row->counted && after.restarts == before.restarts + 1;
  if (after.instance == before.instance || after.container == before.container) {
    return absl::DataLossError(absl::StrCat(wish.pod, ": the container was not restarted"));
  }
  if (!row->kept()) {
    return absl::DataLossError(
        absl::StrCat(wish.pod, ": the restart lost IP, UID, sandbox, volume or its count"));
  }
  return change;
}

void KubeDemo::PrintChange(const Change& change) {
  const Facts& before = change.before;
  const Facts& after = change.after;
  Say("");
  Compare("", "before", "after");
  Compare("pod UID", before.uid, after.uid, Kept(before.uid == after.uid));
  Compare("pod IP", before.ip, after.ip, Kept(before.ip == after.ip));
  Compare("sandbox", Short(before.sandbox), Short(after.sandbox),
          Kept(before.sandbox == after.sandbox));
  Compare("/data/note", before.note, after.note, Kept(before.note == after.note));
  Compare("container", Short(before.container), Short(after.container), "new");
  Compare("restart count", absl::StrCat(before.restarts), absl::StrCat(after.restarts),
          after.restarts == before.restarts + 1 ? "+1" : "WRONG");
}

absl::Status KubeDemo::Add(Row row, const absl::Status& status) {
  rows_.push_back(std::move(row));
  return status;
}

absl::Status KubeDemo::ShowRestart() {
  Step("Asking for a restart in place, while a client connects every 2 ms");
  Row first{.what = kReplaceRow};
  const auto change =
      Restart({.name = "restart-web", .pod = kWeb, .container = kContainer}, true, &first);
  RK_RETURN_IF_ERROR(Add(first, change.status()));
  Indented(requests_->Kubectl({"get", "containerrecreaterequests"}));
  RK_RETURN_IF_ERROR(requests_->ShowEvents("restart-web"));
  PrintChange(*change);
  Say(absl::StrFormat("The client had no answer for %.1f ms (%d refused connections).",
                      first.gaps_ms.back(), first.failed));
  Step("Once more, right after: whoever leaves the start to the kubelet waits 10 s and more now");
  Row again{.what = kAgainRow};
  const absl::Status status =
      Restart({.name = "restart-web-again", .pod = kWeb, .container = kContainer}, true, &again)
          .status();
  RK_RETURN_IF_ERROR(Add(again, status));
  Say(absl::StrFormat("The client had no answer for %.1f ms.", again.gaps_ms.back()));
  return absl::OkStatus();
}

absl::Status KubeDemo::CompareWithFloor() {
  Step(
      absl::StrFormat("Comparing with the runtime's own StopContainer + StartContainer in a pod "
                      "without a kubelet, %d times in turn",
                      options_.rounds));
  Row& row = rows_.front();
  for (int i = 0; i < options_.rounds; ++i) {
    RK_ASSIGN_OR_RETURN(const measure::ProbeResult floor,
                        measure::SwapByHand(bare_.get(), &bare_pod_, kContainer, kPort));
    floors_ms_.push_back(floor.gap_ms);
    RK_RETURN_IF_ERROR(
        Restart({.name = absl::StrCat("round-", i + 1), .pod = kWeb, .container = kContainer},
                false, &row)
            .status());
  }
  Say(absl::StrCat("floor     ", List(floors_ms_), "  ms"));
  Say(absl::StrCat("rekindle  ", List(row.gaps_ms), "  ms"));
  Say(absl::StrCat("from sending the request to Completed: ", List(requests_ms_), "  ms"));
  Say("(that the kubelet has seen the new container, and its readiness probe of every second, are "
      "in it)");
  return absl::OkStatus();
}

absl::Status KubeDemo::ShowHot() {
  Step(
      absl::StrFormat("Hot restart of a server with SO_REUSEPORT under %d requests a second: "
                      "annotation rekindle.io/method",
                      options_.load_rate));
  Row row{.what = kHotRow};
  RK_ASSIGN_OR_RETURN(const Facts facts, Look(kHot));
  measure::LoadGenerator load(facts.ip, kPort, 10, options_.load_rate);
  const absl::Status status =
      Restart({.name = "restart-hot", .pod = kHot, .container = kContainer, .method = "hot"}, true,
              &row)
          .status();
  const measure::LoadResult result = load.Stop();
  RK_RETURN_IF_ERROR(Add(row, status));
  RK_RETURN_IF_ERROR(requests_->ShowEvents("restart-hot"));
  hot_failed_ = result.failed + row.failed;
  Say(absl::StrFormat("%d requests, %d failed, longest gap %.1f ms",
                      result.sent + row.good + row.failed, hot_failed_, row.gaps_ms.back()));
  return hot_failed_ == 0 ? absl::OkStatus()
                          : absl::DataLossError("requests failed in the hot restart");
}

absl::Status KubeDemo::ShowDelegate() {
  for (const bool again : {false, true}) {
    Step(again ? "The same once more, right after: the kubelet takes it for a crash and waits"
               : "For comparison: stop by rekindled, start by the kubelet, as others do it");
    Row row{.what = again ? kDelegateAgainRow : kDelegateRow};
    const std::string name = again ? "restart-delegate-again" : "restart-delegate";
    const absl::Status status =
        Restart({.name = name, .pod = kDelegate, .container = kContainer, .method = "delegate"},
                true, &row)
            .status();
    RK_RETURN_IF_ERROR(Add(row, status));
    RK_RETURN_IF_ERROR(requests_->ShowEvents(name));
    Say(absl::StrFormat("The client had no answer for %.1f ms.", row.gaps_ms.back()));
  }
  return absl::OkStatus();
}

absl::Status KubeDemo::CheckCounts() {
  Step("Counting: each restart that was asked for happened once, and one container runs");
  counts_exact_ = true;
  for (const auto& [pod, asked] : asked_) {
    RK_ASSIGN_OR_RETURN(const json object, cluster_->Pod(pod));
    const int counted = kube::ContainerStatus(object, kContainer).value("restartCount", -1);
    size_t running = 0;
    // The runtime lists one as running until it has tidied up after it.
    bed::WaitUntil(
        [&] {
          const auto now = cluster_->Running(object["metadata"]["uid"], kContainer);
          running = now.ok() ? now->size() : 0;
          return running == 1;
        },
        absl::Seconds(30));
    Say(absl::StrFormat("%-16s asked for %d, restart count %d, running %d", pod, asked, counted,
                        running));
    counts_exact_ = counts_exact_ && counted == asked && running == 1;
  }
  return counts_exact_ ? absl::OkStatus() : absl::DataLossError("restarts were not done once each");
}

const KubeDemo::Row* KubeDemo::Find(const std::string& what) const {
  const auto it =
      std::find_if(rows_.begin(), rows_.end(), [&](const Row& row) { return row.what == what; });
  return it == rows_.end() ? nullptr : &*it;
}

void KubeDemo::PrintRows() const {
  if (rows_.empty()) return;
  Step("Side by side");
  Say(absl::StrFormat(kLine, "", "pod UID", "pod IP", "sandbox", "volume", "restart count",
                      "gap in service (ms)"));
  for (const Row& row : rows_) {
    Say(absl::StrFormat(kLine, row.what, Kept(row.uid_kept), Kept(row.ip_kept),
                        Kept(row.sandbox_kept), Kept(row.volume_kept),
                        row.counted ? "+1 each" : "WRONG", List(row.gaps_ms)));
  }
  Say(absl::StrFormat(kLine, "the runtime's own", "", "", "", "", "", List(floors_ms_)));
}

void KubeDemo::PrintResult() const {
  const auto all = [this](bool Row::*kept) {
    return !rows_.empty() &&
           std::all_of(rows_.begin(), rows_.end(), [kept](const Row& row) { return row.*kept; });
  };
  const auto gap = [this](const char* what) {
    const Row* row = Find(what);
    return row == nullptr || row->gaps_ms.empty() ? -1.0 : measure::Median(row->gaps_ms);
  };
  const auto median = [](const std::vector<double>& values) {
    return values.empty() ? -1.0 : measure::Median(values);
  };
  const double floor = median(floors_ms_);
  absl::PrintF(
      "\nRESULT ip_kept=%s uid_kept=%s sandbox_kept=%s volumes_kept=%s restarts_counted=%s "
      "replace_gap_ms=%.1f replace_again_gap_ms=%.1f floor_ms=%.1f ratio=%.2f hot_gap_ms=%.1f "
      "hot_failed_requests=%d delegate_gap_ms=%.1f delegate_again_gap_ms=%.1f request_ms=%.1f\n",
      YesNo(all(&Row::ip_kept)), YesNo(all(&Row::uid_kept)), YesNo(all(&Row::sandbox_kept)),
      YesNo(all(&Row::volume_kept)), YesNo(all(&Row::counted) && counts_exact_), gap(kReplaceRow),
      gap(kAgainRow), floor, floor > 0 ? gap(kReplaceRow) / floor : 0.0, gap(kHotRow), hot_failed_,
      gap(kDelegateRow), gap(kDelegateAgainRow), median(requests_ms_));
  std::fflush(stdout);
}

}  // namespace rekindle::demo
