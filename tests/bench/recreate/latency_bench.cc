#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <grpcpp/grpcpp.h>
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "rekindle/node/v1/node.grpc.pb.h"
#include "tests/bed/bed.h"
#include "tests/bench/recreate/hops.h"
#include "tests/bench/recreate/recreate_bench.h"
#include "tests/bench/recreate/round.h"
#include "tests/controller/recreate/controller_process.h"
#include "tests/controller/recreate/request_watch.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle::bench {
namespace {

using conformance::Http;
using nlohmann::json;
namespace pb = ::rekindle::node::v1;

constexpr char kPod[] = "recreated";
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

absl::StatusOr<Hops> LatencyBench::Restart(int number) {
  absl::StatusOr<Round> round =
      RunRound({*http_, *watch_, *stub_, kPatience}, kPod, number, /*as_kubectl=*/false);
  if (!round.ok()) {
    return absl::Status(round.status().code(),
                        absl::StrCat(round.status().message(), "\n", controller_->LastWords()));
  }
  RK_RETURN_IF_ERROR(AwaitShown(round->new_container));
  return round->hops;
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
