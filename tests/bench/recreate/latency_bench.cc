#include <sys/stat.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <grpcpp/grpcpp.h>
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "rekindle/node/v1/node.grpc.pb.h"
#include "tests/bed/bed.h"
#include "tests/bench/recreate/recreate_bench.h"
#include "tests/controller/recreate/controller_process.h"
#include "tests/controller/recreate/request_watch.h"
#include "tests/fakes/temp_dir.h"
#include "tests/measure/stats.h"

namespace rekindle::bench {
namespace {

using conformance::Http;
using nlohmann::json;
namespace pb = ::rekindle::node::v1;

constexpr char kPod[] = "recreated";
constexpr char kContainer[] = "main";
constexpr char kNamespace[] = "default";
constexpr double kLimitMs = 250;  // beside the container's own stop and start
constexpr double kMostWrites = 2;
constexpr absl::Duration kPatience = absl::Minutes(1);

// Hops of one request, in milliseconds.
struct Round {
  double total = 0;     // sent -> its end seen
  double stored = 0;    // sent -> answered
  double called = 0;    // sent -> accepted by the daemon
  double written = 0;   // sent -> `Recreating` seen
  double prepared = 0;  // accepted -> the stop begins
  double own = 0;       // the stop begins -> the new container runs and has been looked at
  double gap = 0;       // by the runtime's clock
  double told = 0;      // ended -> `Completed` seen
  int writes = 0;
};

absl::Time Time(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

double Ms(absl::Duration duration) { return absl::ToDoubleMilliseconds(duration); }

class LatencyBench {
 public:
  explicit LatencyBench(const RecreateBenchSettings& settings) : settings_(settings) {}
  // Programs first, so that nothing asks a bed that is gone.
  ~LatencyBench() {
    watch_.reset();
    controller_.reset();
    daemon_.reset();
  }

  absl::Status Start();
  absl::StatusOr<Round> Restart(int number);
  absl::Status End() {
    watch_.reset();
    controller_.reset();
    daemon_.reset();
    return bed_->Down();
  }

 private:
  absl::StatusOr<json> Get(const std::string& path);
  // The pod is shown with the container that runs, and ready.
  absl::Status AwaitShown(const std::string& id);
  absl::StatusOr<pb::Operation> OperationOf(const std::string& uid) const;

  const RecreateBenchSettings& settings_;
  TempDir dir_;
  std::unique_ptr<bed::Bed> bed_;
  std::unique_ptr<measure::Daemon> daemon_;
  std::unique_ptr<ControllerProcess> controller_;
  conformance::Endpoint endpoint_;
  std::unique_ptr<Http> http_;
  std::unique_ptr<RequestWatch> watch_;
  std::unique_ptr<pb::NodeService::Stub> stub_;
};

absl::Status LatencyBench::Start() {
  RK_ASSIGN_OR_RETURN(bed_, bed::Bed::Up());
  RK_ASSIGN_OR_RETURN(daemon_, measure::Daemon::Start(bed_.get(), settings_.programs,
                                                      {"--node-name", "bench-node"}));
  stub_ = pb::NodeService::NewStub(
      grpc::CreateChannel("unix:" + daemon_->socket(), grpc::InsecureChannelCredentials()));
  bed::PodSpec spec;
  spec.name = kPod;
  RK_ASSIGN_OR_RETURN(const bed::Pod pod, bed_->RunPod(spec));
  RK_RETURN_IF_ERROR(bed::WriteFile(dir_ / "tokens", "administrator,admin,1,\"system:masters\"\n"));
  ::chmod((dir_ / "tokens").c_str(), 0600);
  RK_ASSIGN_OR_RETURN(
      controller_,
      ControllerProcess::Start(settings_.controller,
                               {"--embedded", "--data-dir", dir_ / "data", "--listen",
                                "127.0.0.1:0", "--token-file", dir_ / "tokens", "--local-daemon",
                                "unix:" + daemon_->socket(), "--metrics-listen", "127.0.0.1:0"},
                               dir_ / "log"));
  RK_ASSIGN_OR_RETURN(endpoint_.url, controller_->Said("serving "));
  endpoint_.token = "administrator";
  http_ = std::make_unique<Http>(endpoint_);
  RK_RETURN_IF_ERROR(controller_->AwaitLeading());
  watch_ = std::make_unique<RequestWatch>(endpoint_, kNamespace);
  if (!bed::WaitUntil([&] { return watch_->open(); }, kPatience)) {
    return absl::DeadlineExceededError("no watch");
  }
  return AwaitShown(pod.containers.at(kContainer).id);
}

absl::StatusOr<json> LatencyBench::Get(const std::string& path) {
  RK_ASSIGN_OR_RETURN(const conformance::Answer answer, http_->Call({.path = path}));
  if (answer.status != 200) {
    return absl::NotFoundError(absl::StrCat(path, ": ", answer.status, " ", answer.body));
  }
  return answer.tree;
}

absl::Status LatencyBench::AwaitShown(const std::string& id) {
  const std::string path = absl::StrCat("/api/v1/namespaces/", kNamespace, "/pods/", kPod);
  absl::StatusOr<json> last;
  const bool shown = bed::WaitUntil(
      [&] {
        last = Get(path);
        if (!last.ok()) return false;
        const auto at = json::json_pointer("/status/containerStatuses/0/containerID");
        if (last->value(at, "") != "containerd://" + id) return false;
        for (const json& condition : (*last)["status"]["conditions"]) {
          if (condition.at("type") == "Ready") return condition.at("status") == "True";
        }
        return false;
      },
      kPatience);
  if (shown) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat(
      "container ", id, " is not shown: ", last.ok() ? last->dump() : last.status().ToString()));
}

absl::StatusOr<pb::Operation> LatencyBench::OperationOf(const std::string& uid) const {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(kPatience));
  pb::GetOperationRequest request;
  request.set_id(absl::StrCat(uid, "/", kContainer));
  pb::Operation operation;
  const grpc::Status status = stub_->GetOperation(&context, request, &operation);
  if (status.ok()) return operation;
  return absl::UnavailableError(absl::StrCat("GetOperation: ", status.error_message()));
}

absl::StatusOr<Round> LatencyBench::Restart(int number) {
  const std::string name = absl::StrCat("restart-", number);
  const json request = {
      {"apiVersion", "apps.kruise.io/v1beta1"},
      {"kind", "ContainerRecreateRequest"},
      {"metadata", {{"name", name}}},
      {"spec", {{"podName", kPod}, {"containers", json::array({{{"name", kContainer}}})}}}};
  const std::string body = request.dump();
  const absl::Time sent = absl::Now();
  RK_ASSIGN_OR_RETURN(const conformance::Answer answer,
                      http_->Call({.method = "POST",
                                   .path = absl::StrCat("/apis/apps.kruise.io/v1beta1/namespaces/",
                                                        kNamespace, "/containerrecreaterequests"),
                                   .headers = {{"Content-Type", "application/json"}},
                                   .body = body}));
  const absl::Time answered = absl::Now();
  if (answer.status != 201) return absl::InternalError(absl::StrCat("create: ", answer.body));
  if (!bed::WaitUntil([&] { return watch_->completed() > number; }, kPatience)) {
    return absl::DeadlineExceededError(
        absl::StrCat(name, " did not end\n", controller_->LastWords()));
  }
  const SeenRequest seen = watch_->seen().at(name);
  if (seen.container != "Succeeded") {
    return absl::InternalError(
        absl::StrCat(name, ": ", seen.container, " ", seen.container_message, " ", seen.message));
  }
  RK_ASSIGN_OR_RETURN(const pb::Operation operation, OperationOf(seen.uid));
  std::map<pb::Phase, absl::Time> entered;
  for (const pb::PhaseTime& phase : operation.history()) {
    entered.emplace(phase.phase(), Time(phase.entered()));
  }
  const absl::Time accepted = entered[pb::PHASE_ACCEPTED];
  const absl::Time stopping = entered[pb::PHASE_STOPPING];
  const absl::Time done = entered[pb::PHASE_DONE];
  RK_RETURN_IF_ERROR(AwaitShown(operation.new_container_id()));
  return Round{.total = Ms(seen.completed - sent),
               .stored = Ms(answered - sent),
               .called = Ms(accepted - sent),
               .written = Ms(seen.begun - sent),
               .prepared = Ms(stopping - accepted),
               .own = Ms(done - stopping),
               .gap = static_cast<double>(operation.gap().seconds()) * 1e3 +
                      static_cast<double>(operation.gap().nanos()) / 1e6,
               .told = Ms(seen.completed - done),
               .writes = seen.changes};
}

absl::Status Report(const std::vector<Round>& rounds, Results& results) {
  const auto add = [&](const std::string& metric, double value, const char* unit,
                       std::optional<double> limit = std::nullopt) {
    return results.Add({.bench = "recreate",
                        .metric = metric,
                        .value = value,
                        .unit = unit,
                        .reference = std::nullopt,
                        .limit = limit});
  };
  const auto all = [&](auto value) {
    std::vector<double> out;
    for (const Round& round : rounds) out.push_back(value(round));
    return out;
  };
  const std::vector<double> beside = all([](const Round& r) { return r.total - r.own; });
  RK_RETURN_IF_ERROR(add("requests", static_cast<double>(rounds.size()), "requests"));
  RK_RETURN_IF_ERROR(
      add("beside_own_stop_and_start_median", measure::Median(beside), "ms", kLimitMs));
  RK_RETURN_IF_ERROR(
      add("beside_own_stop_and_start_p99", measure::Quantile(beside, 0.99), "ms", kLimitMs));
  const struct {
    const char* name;
    double Round::*member;
  } parts[] = {{"sent_to_completed", &Round::total},
               {"own_stop_and_start", &Round::own},
               {"gap", &Round::gap},
               {"sent_to_answered", &Round::stored},
               {"sent_to_accepted_by_daemon", &Round::called},
               {"sent_to_recreating_seen", &Round::written},
               {"accepted_to_stop", &Round::prepared},
               {"done_to_completed_seen", &Round::told}};
  for (const auto& part : parts) {
    const std::vector<double> values =
        all([member = part.member](const Round& round) { return round.*member; });
    RK_RETURN_IF_ERROR(add(absl::StrCat(part.name, "_median"), measure::Median(values), "ms"));
    RK_RETURN_IF_ERROR(add(absl::StrCat(part.name, "_p99"), measure::Quantile(values, 0.99), "ms"));
  }
  const std::vector<double> writes =
      all([](const Round& round) { return static_cast<double>(round.writes); });
  return add("status_writes_max", measure::Quantile(writes, 1), "writes", kMostWrites);
}

}  // namespace

absl::Status RecreateLatencyBench(const RecreateBenchSettings& settings, Results& results) {
  LatencyBench bench(settings);
  RK_RETURN_IF_ERROR(bench.Start());
  std::vector<Round> rounds;
  for (int i = 0; i < settings.rounds; ++i) {
    RK_ASSIGN_OR_RETURN(const Round round, bench.Restart(i));
    rounds.push_back(round);
  }
  RK_RETURN_IF_ERROR(bench.End());
  return Report(rounds, results);
}

}  // namespace rekindle::bench
