#include "tests/bench/fleet/fleet_bench.h"

#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

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

// Processor time so far.
struct Usage {
  absl::Duration own;      // of this process: the controller's side
  absl::Duration daemons;  // of their process

  static absl::StatusOr<Usage> Now(pid_t daemons) {
    Usage out;
    RK_ASSIGN_OR_RETURN(out.own, ProcessorTime(getpid()));
    RK_ASSIGN_OR_RETURN(out.daemons, ProcessorTime(daemons));
    return out;
  }
  friend Usage operator-(const Usage& a, const Usage& b) {
    return {.own = a.own - b.own, .daemons = a.daemons - b.daemons};
  }
};

struct Wave {
  absl::Duration last;  // until the last has ended
  Usage processor;
  int failed = 0;
  std::string error;  // of the first that failed
};

// One restart on each node.
absl::StatusOr<Wave> Run(AsioLoop& loop, fleet::Fleet& fleet, pid_t daemons, int nodes,
                         int number) {
  Wave wave;
  int left = nodes;
  Slot<bool> done;
  RK_ASSIGN_OR_RETURN(const Usage before, Usage::Now(daemons));
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
  RK_ASSIGN_OR_RETURN(const Usage after, Usage::Now(daemons));
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

absl::Status ReportUsage(const Usage& usage, const std::string& of, int nodes, Results& results) {
  const auto each = [&](const std::string& whose, absl::Duration all) {
    return results.Add({.bench = "fleet",
                        .metric = absl::StrCat(whose, "_a_", of),
                        .value = absl::ToDoubleMicroseconds(all) / nodes,
                        .unit = "us"});
  };
  RK_RETURN_IF_ERROR(each("processor_time", usage.own));
  return each("daemons_processor_time", usage.daemons);
}

absl::Status Report(const Wave& wave, const std::string& name, int nodes, Results& results) {
  RK_RETURN_IF_ERROR(results.Add(
      {.bench = "fleet",
       .metric = absl::StrCat("restart_", nodes, "_nodes_", name),
       .value = absl::ToDoubleMilliseconds(wave.last),
       .unit = "ms",
       .limit = nodes == kNodesOfLimit ? std::optional<double>(kLimitMs) : std::nullopt}));
  return ReportUsage(wave.processor, absl::StrCat("restart_", name), nodes, results);
}

absl::Status ReportMemory(const std::string& metric, double before, int nodes, Results& results) {
  RK_ASSIGN_OR_RETURN(const double after, ResidentMegabytes());
  return results.Add(
      {.bench = "fleet", .metric = metric, .value = (after - before) * 1000 / nodes, .unit = "kB"});
}

// A fleet on a loop, and where the daemons are.
class Caller {
 public:
  Caller(const fleet::FleetOptions& options, const std::shared_ptr<net::TlsFiles>& tls,
         const DaemonProcess& daemons)
      : daemons_(daemons) {
    RunOn(loop_, [&] { fleet_ = std::make_unique<fleet::Fleet>(loop_, options, tls); });
  }
  ~Caller() {
    RunOn(loop_, [&] { fleet_.reset(); });
  }
  absl::Status Point() {
    absl::Status status;
    const std::vector<std::string>& targets = daemons_.targets();
    RunOn(loop_, [&] {
      for (size_t i = 0; i < targets.size(); ++i) {
        status.Update(fleet_->SetEndpoint(NodeName(static_cast<int>(i)),
                                          {.target = targets[i], .server_name = "rekindled"}));
      }
    });
    return status;
  }
  absl::StatusOr<Wave> Restart(int nodes, int number) {
    return Run(loop_, *fleet_, daemons_.pid(), nodes, number);
  }
  // Connects to all nodes ahead: the processor time of that.
  absl::StatusOr<Usage> Connect(int nodes) {
    RK_ASSIGN_OR_RETURN(const Usage before, Usage::Now(daemons_.pid()));
    RunOn(loop_, [&] { fleet_->ConnectAhead(); });
    const absl::Duration end = loop_.Monotonic() + absl::Minutes(10);
    for (size_t connected = 0; connected < static_cast<size_t>(nodes);) {
      if (loop_.Monotonic() > end) {
        return absl::DeadlineExceededError(absl::StrCat(connected, " nodes are connected to"));
      }
      absl::SleepFor(absl::Milliseconds(50));  // looking costs time that is measured
      RunOn(loop_, [&] { connected = fleet_->Stats().connections; });
    }
    RK_ASSIGN_OR_RETURN(const Usage after, Usage::Now(daemons_.pid()));
    return after - before;
  }

 private:
  const DaemonProcess& daemons_;
  AsioLoop loop_{"fleet-bench"};
  std::unique_ptr<fleet::Fleet> fleet_;
};

// Connections are made when they are needed, and few are kept.
absl::Status FewKept(int nodes, const std::shared_ptr<net::TlsFiles>& tls,
                     const DaemonProcess& daemons, double before, Results& results) {
  Caller caller({}, tls, daemons);
  RK_RETURN_IF_ERROR(caller.Point());
  RK_ASSIGN_OR_RETURN(const Wave cold, caller.Restart(nodes, 1));
  RK_RETURN_IF_ERROR(Report(cold, "cold", nodes, results));
  RK_ASSIGN_OR_RETURN(const double after, ResidentMegabytes());
  return results.Add({.bench = "fleet",
                      .metric = absl::StrCat("resident_memory_after_", nodes, "_nodes"),
                      .value = after - before,
                      .unit = "MB"});
}

// With all connections made ahead and kept, but for the pace, which is not what is measured.
absl::Status AllKept(int nodes, const std::shared_ptr<net::TlsFiles>& tls,
                     const DaemonProcess& daemons, double before, Results& results) {
  Caller caller(
      {.most_idle = static_cast<size_t>(nodes), .ahead_at_once = 64, .ahead_per_second = 1e6}, tls,
      daemons);
  RK_RETURN_IF_ERROR(caller.Point());
  RK_ASSIGN_OR_RETURN(const Usage connecting, caller.Connect(nodes));
  RK_RETURN_IF_ERROR(ReportUsage(connecting, "connection", nodes, results));
  RK_RETURN_IF_ERROR(ReportMemory("memory_of_a_connection", before, nodes, results));
  RK_ASSIGN_OR_RETURN(const Wave warm, caller.Restart(nodes, 2));
  RK_RETURN_IF_ERROR(Report(warm, "warm", nodes, results));
  return ReportMemory("memory_of_a_used_connection", before, nodes, results);
}

}  // namespace

absl::Status FleetBench(const FleetBenchSettings& settings, Results& results) {
  const TempDir dir;
  RK_ASSIGN_OR_RETURN(const std::shared_ptr<net::TlsFiles> tls, MakeCertificates(dir));
  RK_ASSIGN_OR_RETURN(const std::unique_ptr<DaemonProcess> daemons,
                      DaemonProcess::Start(settings.nodes, dir.path()));
  // What the first has left free is used again by the second, so both count from here.
  RK_ASSIGN_OR_RETURN(const double before, ResidentMegabytes());
  RK_RETURN_IF_ERROR(FewKept(settings.nodes, tls, *daemons, before, results));
  RK_RETURN_IF_ERROR(AllKept(settings.nodes, tls, *daemons, before, results));
  return daemons->Finish(2 * settings.nodes);
}

}  // namespace rekindle::bench
