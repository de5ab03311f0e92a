#include "tests/demo/kube_demo.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/status_macros.h"
#include "tests/bed/http.h"
#include "tests/deploy/kube_pods.h"
#include "tests/measure/stats.h"
#include "tests/measure/swap.h"

namespace rekindle::demo {
namespace {

using nlohmann::json;

constexpr int kPort = 8080;
constexpr char kNote[] = "written before the restart";
// The kubelet's crash back-off may hold a delegated restart for long.
constexpr absl::Duration kSeen = absl::Minutes(2);

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

const char* YesNo(bool yes) { return yes ? "yes" : "no"; }

}  // namespace

absl::Status KubeDemo::Run() {
  absl::Status status = SetUp();
  if (status.ok()) status = ShowReplace();
  if (status.ok()) status = ShowHot();
  if (status.ok()) status = ShowDelegate();
  if (status.ok()) PrintRows();
  Step("Cleaning up");
  daemon_.reset();
  if (cluster_ != nullptr) status.Update(cluster_->Down());
  PrintResult();
  return status;
}

absl::Status KubeDemo::SetUp() {
  Step(
      "Starting a private Kubernetes: etcd, API server, controllers, scheduler, kubelet, "
      "containerd");
  RK_ASSIGN_OR_RETURN(cluster_, kube::Cluster::Up());
  Indented(cluster_->Kubectl({"get", "nodes"}).value_or(""));
  Step("Installing rekindled: its image, certificates, and kubectl apply -k deploy/kubernetes");
  RK_ASSIGN_OR_RETURN(daemon_, deploy::DaemonSet::Install(cluster_.get(), options_.daemon_set));
  Indented(cluster_->Kubectl({"-n", "rekindle-system", "get", "pods"}).value_or(""));
  Step("Running three StatefulSets, each with an HTTP server and a volume at /data");
  RK_RETURN_IF_ERROR(cluster_->Apply(Workload("web", {})));
  // A program made for hot restarts shares its port, and goes on serving for a moment when told to
  // stop, so that its clients can move over.
  RK_RETURN_IF_ERROR(cluster_->Apply(Workload("web-hot", {"--reuse-port", "--drain-ms", "500"})));
  RK_RETURN_IF_ERROR(cluster_->Apply(Workload("web-delegate", {})));
  for (const char* pod : {"web-0", "web-hot-0", "web-delegate-0"}) {
    RK_RETURN_IF_ERROR(cluster_->WaitReady(pod).status());
    RK_RETURN_IF_ERROR(cluster_
                           ->Kubectl({"exec", pod, "--", "sh", "-c",
                                      absl::StrCat("echo '", kNote, "' >/data/note")})
                           .status());
  }
  Indented(cluster_->Kubectl({"get", "pods", "-o", "wide"}).value_or(""));
  return absl::OkStatus();
}

absl::StatusOr<KubeDemo::Facts> KubeDemo::Look(const std::string& pod) {
  RK_ASSIGN_OR_RETURN(const json object, cluster_->Pod(pod));
  const json status = kube::ContainerStatus(object);
  Facts facts;
  facts.uid = object["metadata"]["uid"];
  facts.ip = object["status"].value("podIP", "");
  facts.container = status.value("containerID", "");
  facts.restarts = status.value("restartCount", -1);
  RK_ASSIGN_OR_RETURN(facts.instance, bed::WaitHttp(facts.ip, kPort, "/id"));
  RK_ASSIGN_OR_RETURN(facts.note, bed::HttpGet(facts.ip, kPort, "/file?/data/note"));
  return facts;
}

absl::Status KubeDemo::Restart(const std::string& pod, const std::vector<std::string>& flags,
                               Row* row) {
  RK_ASSIGN_OR_RETURN(const Facts before, Look(pod));
  std::vector<std::string> command = {"restart", absl::StrCat("default/", pod), "-c", "main"};
  command.insert(command.end(), flags.begin(), flags.end());
  absl::PrintF("   $ rekindle node %s\n", absl::StrJoin(command, " "));
  bed::Pod watched;
  watched.ip = before.ip;
  std::string said;
  RK_ASSIGN_OR_RETURN(const measure::ProbeResult seen,
                      measure::Watch(watched, kPort, [&]() -> absl::Status {
                        RK_ASSIGN_OR_RETURN(said, daemon_->Cli(command));
                        return absl::OkStatus();
                      }));
  // Progress is for those who watch; the last lines tell the outcome.
  const size_t outcome = said.find(": restarted in");
  Indented(outcome == std::string::npos ? said : said.substr(said.rfind('\n', outcome) + 1));
  const auto counted = cluster_->WaitPod(
      pod,
      [&](const json& now) {
        return kube::ContainerStatus(now).value("restartCount", -1) != before.restarts &&
               kube::HasCondition(now, "Ready");
      },
      kSeen);
  if (!counted.ok()) return counted.status();
  RK_ASSIGN_OR_RETURN(const Facts after, Look(pod));
  row->gaps_ms.push_back(seen.gap_ms);
  row->ip_kept = row->ip_kept && before.ip == after.ip;
  row->uid_kept = row->uid_kept && before.uid == after.uid;
  row->volume_kept = row->volume_kept && absl::StripAsciiWhitespace(after.note) == kNote &&
                     before.note == after.note;
  row->counted = row->counted && after.restarts == before.restarts + 1;
  if (after.instance == before.instance) {
    return absl::DataLossError(absl::StrCat(pod, ": the container was not restarted"));
  }
  if (!row->ip_kept || !row->uid_kept || !row->volume_kept || !row->counted) {
    return absl::DataLossError(
        absl::StrCat(pod, ": the restart lost IP, UID, volume or its count"));
  }
  return absl::OkStatus();
}

absl::Status KubeDemo::ShowReplace() {
  Step(
      absl::StrFormat("replace: stop and start by rekindled, %d times in a row; the kubelet adopts "
                      "the container",
                      options_.rounds));
  Row row{.what = "replace"};
  for (int i = 0; i < options_.rounds; ++i) {
    RK_RETURN_IF_ERROR(Restart("web-0", {"--method", "replace"}, &row));
  }
  rows_.push_back(std::move(row));
  return absl::OkStatus();
}

absl::Status KubeDemo::ShowHot() {
  Step(absl::StrFormat(
      "hot: the new container starts beside the old one, %d times under %d requests "
      "a second",
      options_.rounds, options_.load_rate));
  Row row{.what = "hot"};
  RK_ASSIGN_OR_RETURN(const Facts facts, Look("web-hot-0"));
  measure::LoadGenerator load(facts.ip, kPort, 10, options_.load_rate);
  for (int i = 0; i < options_.rounds; ++i) {
    RK_RETURN_IF_ERROR(Restart(
        "web-hot-0", {"--method", "hot", "--ready-http", absl::StrCat(kPort, "/healthz")}, &row));
  }
  const measure::LoadResult result = load.Stop();
  hot_failed_ = result.failed;
  hot_sent_ = result.sent;
  rows_.push_back(std::move(row));
  absl::PrintF("   %d requests, %d failed\n", hot_sent_, hot_failed_);
  return hot_failed_ == 0 ? absl::OkStatus()
                          : absl::DataLossError("requests failed in the hot restarts");
}

absl::Status KubeDemo::ShowDelegate() {
  Step("delegate: stop by rekindled, the rest is left to the kubelet, as others do it; and again");
  Row first{.what = "delegate"};
  RK_RETURN_IF_ERROR(Restart("web-delegate-0", {"--method", "delegate"}, &first));
  rows_.push_back(std::move(first));
  Row again{.what = "delegate, 2nd"};
  RK_RETURN_IF_ERROR(Restart("web-delegate-0", {"--method", "delegate"}, &again));
  rows_.push_back(std::move(again));
  return absl::OkStatus();
}

void KubeDemo::PrintRows() const {
  Step("Side by side");
  absl::PrintF("   %-14s %-9s %-7s %-8s %-14s %s\n", "", "pod UID", "pod IP", "volume",
               "restart count", "gap in service (ms)");
  for (const Row& row : rows_) {
    absl::PrintF("   %-14s %-9s %-7s %-8s %-14s %s\n", row.what, row.uid_kept ? "kept" : "LOST",
                 row.ip_kept ? "kept" : "LOST", row.volume_kept ? "kept" : "LOST",
                 row.counted ? "+1 each" : "WRONG",
                 absl::StrJoin(row.gaps_ms, "  ", [](std::string* out, double value) {
                   absl::StrAppend(out, absl::StrFormat("%.1f", value));
                 }));
  }
  std::fflush(stdout);
}

void KubeDemo::PrintResult() const {
  const auto all = [this](bool Row::*kept) {
    return !rows_.empty() &&
           std::all_of(rows_.begin(), rows_.end(), [kept](const Row& row) { return row.*kept; });
  };
  const auto gap = [this](const std::string& what) {
    for (const Row& row : rows_) {
      if (row.what == what) return measure::Median(row.gaps_ms);
    }
    return -1.0;
  };
  absl::PrintF(
      "\nRESULT ip_kept=%s uid_kept=%s volumes_kept=%s restarts_counted=%s replace_gap_ms=%.1f "
      "hot_gap_ms=%.1f hot_failed_requests=%d delegate_gap_ms=%.1f delegate_again_gap_ms=%.1f\n",
      YesNo(all(&Row::ip_kept)), YesNo(all(&Row::uid_kept)), YesNo(all(&Row::volume_kept)),
      YesNo(all(&Row::counted)), gap("replace"), gap("hot"), hot_failed_, gap("delegate"),
      gap("delegate, 2nd"));
  std::fflush(stdout);
}

}  // namespace rekindle::demo
