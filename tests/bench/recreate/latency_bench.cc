#include <sys/stat.h>

#include <chrono>
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
#include "tests/bench/recreate/hops.h"
#include "tests/bench/recreate/recreate_bench.h"
#include "tests/controller/recreate/controller_process.h"
#include "tests/controller/recreate/request_watch.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle::bench {
namespace {

using conformance::Http;
using nlohmann::json;
namespace pb = ::rekindle::node::v1;

constexpr char kPod[] = "recreated";
constexpr char kContainer[] = "main";
constexpr char kNamespace[] = "default";
constexpr absl::Duration kPatience = absl::Minutes(1);

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
  absl::StatusOr<Hops> Restart(int number);
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

absl::StatusOr<Hops> LatencyBench::Restart(int number) {
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
  RK_RETURN_IF_ERROR(AwaitShown(operation.new_container_id()));
  return HopsOf(sent, answered, seen, operation);
}

}  // namespace

absl::Status RecreateLatencyBench(const RecreateBenchSettings& settings, Results& results) {
  LatencyBench bench(settings);
  RK_RETURN_IF_ERROR(bench.Start());
  std::vector<Hops> rounds;
  for (int i = 0; i < settings.rounds; ++i) {
    RK_ASSIGN_OR_RETURN(const Hops round, bench.Restart(i));
    rounds.push_back(round);
  }
  RK_RETURN_IF_ERROR(bench.End());
  return ReportHops("recreate", rounds, results);
}

}  // namespace rekindle::bench
