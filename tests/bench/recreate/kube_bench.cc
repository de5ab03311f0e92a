#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <grpcpp/grpcpp.h>
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "rekindle/node/v1/node.grpc.pb.h"
#include "tests/bench/kube_pods.h"
#include "tests/bench/recreate/hops.h"
#include "tests/bench/recreate/recreate_bench.h"
#include "tests/bench/recreate/round.h"
#include "tests/controller/recreate/request_watch.h"
#include "tests/deploy/system.h"

namespace rekindle::bench {
namespace {

using conformance::Http;
using nlohmann::json;
namespace pb = ::rekindle::node::v1;

constexpr absl::Duration kPatience = absl::Minutes(2);

// What the API server has counted so far.
struct Counts {
  double status_writes = 0;  // of requests
  double other_writes = 0;   // of requests, beside their creation: finalizer and label
  double events = 0;
  double admissions = 0;    // creations that went through the webhook
  double admission_ms = 0;  // what these took there in all
};

// The sum of a counter's rows that have all of `labels` ("verb=\"PATCH\"").
double SumOf(const std::string& metrics, const std::string& name,
             const std::vector<std::string>& labels) {
  double sum = 0;
  for (absl::string_view line : absl::StrSplit(metrics, '\n')) {
    if (!absl::StartsWith(line, absl::StrCat(name, "{"))) continue;
    bool fits = true;
    for (const std::string& label : labels) fits = fits && absl::StrContains(line, label);
    double value = 0;
    if (fits && absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value)) sum += value;
  }
  return sum;
}

class KubeBench {
 public:
  explicit KubeBench(const RecreateBenchSettings& settings) : settings_(settings) {}
  // What asks the cluster goes before it.
  ~KubeBench() {
    watch_.reset();
    system_.reset();
  }

  absl::Status Start();
  absl::StatusOr<Hops> Restart(int number);
  absl::StatusOr<Counts> Count();
  absl::Status End();

 private:
  // The pod is shown with the container that runs.
  absl::Status AwaitShown(const std::string& id);

  const RecreateBenchSettings& settings_;
  std::unique_ptr<kube::Cluster> cluster_;
  std::unique_ptr<deploy::System> system_;
  std::vector<KubePod> pods_;
  std::unique_ptr<Http> http_;
  std::unique_ptr<RequestWatch> watch_;
  std::unique_ptr<pb::NodeService::Stub> stub_;
};

absl::Status KubeBench::Start() {
  RK_ASSIGN_OR_RETURN(cluster_, kube::Cluster::Up());
  RK_ASSIGN_OR_RETURN(system_, deploy::System::Install(
                                   cluster_.get(), {.image = settings_.node_image,
                                                    .controller_image = settings_.controller_image,
                                                    .manifests = settings_.manifests,
                                                    .rekindle = settings_.programs.rekindle}));
  stub_ = pb::NodeService::NewStub(grpc::CreateChannel("unix:" + system_->daemons().Socket(),
                                                       grpc::InsecureChannelCredentials()));
  RK_ASSIGN_OR_RETURN(pods_, MakePods(*cluster_, "recreated", 1));
  const kube::Layout& layout = cluster_->layout();
  conformance::Endpoint endpoint;
  endpoint.url = layout.ServerUrl();
  endpoint.ca_file = layout.File("ca.crt");
  endpoint.certificate_file = layout.File("admin.crt");
  endpoint.key_file = layout.File("admin.key");
  http_ = std::make_unique<Http>(endpoint);
  watch_ = std::make_unique<RequestWatch>(endpoint, kNamespace);
  if (bed::WaitUntil([&] { return watch_->open(); }, kPatience)) return absl::OkStatus();
  return absl::DeadlineExceededError("no watch");
}

absl::Status KubeBench::AwaitShown(const std::string& id) {
  return cluster_
      ->WaitPod(
          pods_[0].name,
          [&](const json& pod) {
            const json status = kube::ContainerStatus(pod, kContainer);
            return status.is_object() &&
                   status.value("containerID", "") == absl::StrCat("containerd://", id) &&
                   kube::HasCondition(pod, "Ready");
          },
          kPatience)
      .status();
}

absl::StatusOr<Hops> KubeBench::Restart(int number) {
  absl::StatusOr<Round> round =
      RunRound({*http_, *watch_, *stub_, kPatience}, pods_[0].name, number,
               /*as_kubectl=*/true);
  if (!round.ok()) {
    return absl::Status(round.status().code(),
                        absl::StrCat(round.status().message(), "\n", system_->Log()));
  }
  RK_RETURN_IF_ERROR(AwaitShown(round->new_container));
  return round->hops;
}

absl::StatusOr<Counts> KubeBench::Count() {
  RK_ASSIGN_OR_RETURN(const conformance::Answer answer,
                      http_->Call({.path = "/metrics", .parse = false}));
  if (answer.status != 200) return absl::InternalError(absl::StrCat("/metrics: ", answer.body));
  const auto writes = [&](const char* resource, const char* subresource) {
    return SumOf(answer.body, "apiserver_request_total",
                 {absl::StrCat("resource=\"", resource, "\""),
                  absl::StrCat("subresource=\"", subresource, "\""), "verb=\"PATCH\""});
  };
  Counts out;
  out.status_writes = writes("containerrecreaterequests", "status");
  out.other_writes = writes("containerrecreaterequests", "");
  out.events =
      SumOf(answer.body, "apiserver_request_total", {"resource=\"events\"", "verb=\"POST\""}) +
      writes("events", "");
  const std::vector<std::string> webhook = {"name=\"mcontainerrecreaterequest.kb.io\"",
                                            "operation=\"CREATE\""};
  constexpr char kDuration[] = "apiserver_admission_webhook_admission_duration_seconds";
  out.admissions = SumOf(answer.body, absl::StrCat(kDuration, "_count"), webhook);
  out.admission_ms = SumOf(answer.body, absl::StrCat(kDuration, "_sum"), webhook) * 1e3;
  return out;
}

absl::Status KubeBench::End() {
  RK_RETURN_IF_ERROR(CheckOneRuns(*cluster_, pods_, settings_.rounds));
  watch_.reset();
  stub_.reset();
  system_.reset();
  return cluster_->Down();
}

}  // namespace

absl::Status RecreateKubernetesBench(const RecreateBenchSettings& settings, Results& results) {
  constexpr char kBench[] = "recreate-kubernetes";
  KubeBench bench(settings);
  RK_RETURN_IF_ERROR(bench.Start());
  RK_ASSIGN_OR_RETURN(const Counts before, bench.Count());
  std::vector<Hops> rounds;
  for (int i = 0; i < settings.rounds; ++i) {
    RK_ASSIGN_OR_RETURN(const Hops round, bench.Restart(i));
    rounds.push_back(round);
  }
  RK_ASSIGN_OR_RETURN(const Counts after, bench.Count());
  RK_RETURN_IF_ERROR(bench.End());
  RK_RETURN_IF_ERROR(ReportHops(kBench, rounds, results));
  const double count = settings.rounds;
  const struct {
    const char* metric;
    double value;
    const char* unit;
  } rows[] = {
      {"admission_by_webhook_mean",
       (after.admission_ms - before.admission_ms) / (after.admissions - before.admissions), "ms"},
      {"status_writes_mean", (after.status_writes - before.status_writes) / count, "writes"},
      {"other_writes_of_the_request_mean", (after.other_writes - before.other_writes) / count,
       "writes"},
      {"event_writes_mean", (after.events - before.events) / count, "writes"}};
  for (const auto& row : rows) {
    RK_RETURN_IF_ERROR(results.Add({.bench = kBench,
                                    .metric = row.metric,
                                    .value = row.value,
                                    .unit = row.unit,
                                    .reference = std::nullopt,
                                    .limit = std::nullopt}));
  }
  return absl::OkStatus();
}

}  // namespace rekindle::bench
