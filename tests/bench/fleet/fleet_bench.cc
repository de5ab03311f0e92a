#include "tests/bench/fleet/fleet_bench.h"

#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/asio_loop.h"
#include "common/base/status_macros.h"
#include "controller/fleet/fleet.h"
#include "tests/bench/fleet/daemon_process.h"
#include "tests/fakes/await.h"
#include "tests/fakes/temp_dir.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::bench {
namespace {

constexpr double kLimitMs = 10'000;  // of 5,000 restarts
constexpr int kNodesOfLimit = 5000;

double ProcessorMilliseconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// Resident memory that is no file's, in kB.
double ResidentKilobytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    absl::string_view rest = line;
    double kilobytes = 0;
    if (!absl::ConsumePrefix(&rest, "RssAnon:") || !absl::ConsumeSuffix(&rest, " kB")) continue;
    return absl::SimpleAtod(rest, &kilobytes) ? kilobytes : 0;
  }
  return 0;
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
  absl::Duration last;  // until the last has ended
  double cpu_ms = 0;    // of this process
  int failed = 0;
  std::string error;  // of the first that failed
};

// One restart on each node. Returns what it took.
Wave Run(AsioLoop& loop, fleet::Fleet& fleet, int nodes, int number) {
  Wave wave;
  int left = nodes;
  Slot<bool> done;
  const double cpu = ProcessorMilliseconds();
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
  done.Get(absl::Minutes(6));
  wave.cpu_ms = ProcessorMilliseconds() - cpu;
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
  if (wave.failed > 0) {
    return absl::InternalError(absl::StrCat(wave.failed, " restarts failed: ", wave.error));
  }
  const std::string of = absl::StrCat("_", nodes, "_nodes_", name);
  RK_RETURN_IF_ERROR(results.Add(
      {.bench = "fleet",
       .metric = "restart" + of,
       .value = absl::ToDoubleMilliseconds(wave.last),
       .unit = "ms",
       .limit = nodes == kNodesOfLimit ? std::optional<double>(kLimitMs) : std::nullopt}));
  return results.Add(
      {.bench = "fleet", .metric = "processor_time" + of, .value = wave.cpu_ms, .unit = "ms"});
}

}  // namespace

absl::Status FleetBench(const FleetBenchSettings& settings, Results& results) {
  const TempDir dir;
  RK_ASSIGN_OR_RETURN(const std::shared_ptr<net::TlsFiles> tls, MakeCertificates(dir));
  RK_ASSIGN_OR_RETURN(const std::unique_ptr<DaemonProcess> daemons,
                      DaemonProcess::Start(settings.nodes, dir.path()));
  AsioLoop loop("fleet-bench");
  std::unique_ptr<fleet::Fleet> fleet;
  absl::Status set;
  const double before = ResidentKilobytes();
  RunOn(loop, [&] {
    fleet = std::make_unique<fleet::Fleet>(loop, fleet::FleetOptions(), tls);
    for (int i = 0; i < settings.nodes; ++i) {
      set.Update(fleet->SetEndpoint(
          NodeName(i),
          {.target = absl::StrCat("127.0.0.1:", daemons->ports()[static_cast<size_t>(i)]),
           .server_name = "rekindled"}));
    }
  });
  absl::Status status = set;
  if (status.ok()) {
    status = Report(Run(loop, *fleet, settings.nodes, 1), "cold", settings.nodes, results);
  }
  if (status.ok()) {
    status = results.Add({.bench = "fleet",
                          .metric = absl::StrCat("memory_of_", settings.nodes, "_connections"),
                          .value = (ResidentKilobytes() - before) / settings.nodes,
                          .unit = "kB/node"});
  }
  if (status.ok()) {
    status = Report(Run(loop, *fleet, settings.nodes, 2), "warm", settings.nodes, results);
  }
  RunOn(loop, [&] { fleet.reset(); });
  RK_RETURN_IF_ERROR(status);
  return daemons->Finish(2 * settings.nodes);
}

}  // namespace rekindle::bench
