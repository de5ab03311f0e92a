#include "tests/bench/fleet/fleet_bench.h"

#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/asio_loop.h"
#include "common/base/status_macros.h"
#include "controller/fleet/fleet.h"
#include "tests/bench/fleet/daemon_process.h"
#include "tests/bench/usage.h"
#include "tests/fakes/await.h"
#include "tests/fakes/temp_dir.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::bench {
namespace {

constexpr double kLimitMs = 10'000;  // of 5,000 restarts
constexpr int kNodesOfLimit = 5000;

// Of this process.
absl::StatusOr<double> ResidentMegabytes() {
  RK_ASSIGN_OR_RETURN(const size_t bytes, ResidentBytes(getpid(), "RssAnon"));
  return static_cast<double>(bytes) / 1e6;
}

std::string NodeName(int i) { return absl::StrCat("node-", i); }

node::v1::RestartContainersRequest Request(int wave, int i) {
  node::v1::RestartContainersRequest request;
  request.set_request_id(absl::StrCat("3d0f8a52-0000-4000-", wave, "-", i));
  request.mutable_pod()->set_namespace_("shop");
  request.mutable_pod()->set_name(absl::StrCat("web-", i));
  request.mutable_pod()->set_uid(absl::StrCat("9c1e0000-0000-4000-8000-", i));
  auto* container = request.add_containers();
  container->set_name("app");
  container->set_method(node::v1::METHOD_AUTO);
  container->set_expected_container_id("containerd://" + std::string(64, 'a'));
  request.mutable_kubernetes_pod()->set_restart_policy(node::v1::RESTART_POLICY_ALWAYS);
  return request;
}

struct Wave {
  absl::Duration last;       // until the last has ended
  absl::Duration processor;  // of this process
  int failed = 0;
  std::string error;  // of the first that failed
};

// One restart on each node.
absl::StatusOr<Wave> Run(AsioLoop& loop, fleet::Fleet& fleet, int nodes, int number) {
  Wave wave;
  int left = nodes;
  Slot<bool> done;
  RK_ASSIGN_OR_RETURN(const absl::Duration before, ProcessorTime(getpid()));
  const absl::Duration begin = loop.Monotonic();
  loop.Post([&] {
    for (int i = 0; i < nodes; ++i) {
      fleet.Restart(NodeName(i), Request(number, i), absl::Minutes(5),
                    {.progress = [](const node::v1::Operation&) {},
                     .ended =
                         [&](const absl::Status& status) {
                           if (!status.ok() && wave.failed++ == 0) wave.error = status.ToString();
                           if (--left > 0) return;
                           wave.last = loop.Monotonic() - begin;
                           done.Set(true);
                         }});
    }
  });
  // Each call has its own timeout.
  if (!done.Get(absl::Minutes(10)).value_or(false)) std::abort();
  if (wave.failed > 0) {
    return absl::InternalError(absl::StrCat(wave.failed, " restarts failed: ", wave.error));
  }
  RK_ASSIGN_OR_RETURN(const absl::Duration after, ProcessorTime(getpid()));
  wave.processor = after - before;
  return wave;
}

absl::StatusOr<std::shared_ptr<net::TlsFiles>> MakeCertificates(const TempDir& dir) {
  TestCa ca;
  const PemPair daemon = ca.Issue({.cn = "daemon", .o = "rekindle:node", .names = "DNS:rekindled"});
  const PemPair own = ca.Issue({.cn = "controller", .o = "rekindle:controller"});
  WriteFile(dir / "ca", ca.pem());
  WriteFile(dir / "daemon.crt", daemon.certificate);
  WriteFile(dir / "daemon.key", daemon.key);
  WriteFile(dir / "own.crt", own.certificate);
  WriteFile(dir / "own.key", own.key);
  return net::TlsFiles::Open(
      {.certificate = dir / "own.crt", .key = dir / "own.key", .ca = dir / "ca"});
}

absl::Status Report(const Wave& wave, const std::string& name, int nodes, Results& results) {
  RK_RETURN_IF_ERROR(results.Add(
      {.bench = "fleet",
       .metric = absl::StrCat("restart_", nodes, "_nodes_", name),
       .value = absl::ToDoubleMilliseconds(wave.last),
       .unit = "ms",
       .limit = nodes == kNodesOfLimit ? std::optional<double>(kLimitMs) : std::nullopt}));
  return results.Add({.bench = "fleet",
                      .metric = absl::StrCat("processor_time_a_restart_", name),
                      .value = absl::ToDoubleMicroseconds(wave.processor) / nodes,
                      .unit = "us"});
}

// A fleet on a loop, and where the daemons are.
class Caller {
 public:
  Caller(const fleet::FleetOptions& options, const std::shared_ptr<net::TlsFiles>& tls) {
    RunOn(loop_, [&] { fleet_ = std::make_unique<fleet::Fleet>(loop_, options, tls); });
  }
  ~Caller() {
    RunOn(loop_, [&] { fleet_.reset(); });
  }
  absl::Status Point(const std::vector<std::string>& targets) {
    absl::Status status;
    RunOn(loop_, [&] {
      for (size_t i = 0; i < targets.size(); ++i) {
        status.Update(fleet_->SetEndpoint(NodeName(static_cast<int>(i)),
                                          {.target = targets[i], .server_name = "rekindled"}));
      }
    });
    return status;
  }
  absl::StatusOr<Wave> Restart(int nodes, int number) { return Run(loop_, *fleet_, nodes, number); }

 private:
  AsioLoop loop_{"fleet-bench"};
  std::unique_ptr<fleet::Fleet> fleet_;
};

// As the controller is set up: connections are made for it, and few are kept.
absl::Status FewKept(int nodes, const std::shared_ptr<net::TlsFiles>& tls,
                     const std::vector<std::string>& targets, double before, Results& results) {
  Caller caller({}, tls);
  RK_RETURN_IF_ERROR(caller.Point(targets));
  RK_ASSIGN_OR_RETURN(const Wave cold, caller.Restart(nodes, 1));
  RK_RETURN_IF_ERROR(Report(cold, "cold", nodes, results));
  RK_ASSIGN_OR_RETURN(const double after, ResidentMegabytes());
  return results.Add({.bench = "fleet",
                      .metric = absl::StrCat("resident_memory_after_", nodes, "_nodes"),
                      .value = after - before,
                      .unit = "MB"});
}

// With all connections kept.
absl::Status AllKept(int nodes, const std::shared_ptr<net::TlsFiles>& tls,
                     const std::vector<std::string>& targets, double before, Results& results) {
  Caller caller({.most_idle = static_cast<size_t>(nodes)}, tls);
  RK_RETURN_IF_ERROR(caller.Point(targets));
  RK_RETURN_IF_ERROR(caller.Restart(nodes, 2).status());
  RK_ASSIGN_OR_RETURN(const double after, ResidentMegabytes());
  RK_RETURN_IF_ERROR(results.Add({.bench = "fleet",
                                  .metric = "memory_of_a_connection",
                                  .value = (after - before) * 1000 / nodes,
                                  .unit = "kB"}));
  RK_ASSIGN_OR_RETURN(const Wave warm, caller.Restart(nodes, 3));
  return Report(warm, "warm", nodes, results);
}

}  // namespace

absl::Status FleetBench(const FleetBenchSettings& settings, Results& results) {
  const TempDir dir;
  RK_ASSIGN_OR_RETURN(const std::shared_ptr<net::TlsFiles> tls, MakeCertificates(dir));
  RK_ASSIGN_OR_RETURN(const std::unique_ptr<DaemonProcess> daemons,
                      DaemonProcess::Start(settings.nodes, dir.path()));
  // What the first has left free is used again by the second, so both count from here.
  RK_ASSIGN_OR_RETURN(const double before, ResidentMegabytes());
  RK_RETURN_IF_ERROR(FewKept(settings.nodes, tls, daemons->targets(), before, results));
  RK_RETURN_IF_ERROR(AllKept(settings.nodes, tls, daemons->targets(), before, results));
  return daemons->Finish(3 * settings.nodes);
}

}  // namespace rekindle::bench
