#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

#include "common/base/status_macros.h"
#include "tests/bench/api/load.h"
#include "tests/bench/recreate/recreate_bench.h"
#include "tests/bench/usage.h"
#include "tests/controller/recreate/request_watch.h"
#include "tests/controller/recreate/sim_cluster.h"
#include "tests/measure/stats.h"

namespace rekindle::bench {
namespace {

constexpr int kClients = 16;
constexpr int kNodesOfLimit = 5000;
constexpr double kLimitSeconds = 10;
constexpr absl::Duration kPatience = absl::Minutes(10);
constexpr absl::Duration kLookPause = absl::Milliseconds(200);  // looking costs the controller time

std::string NameOf(int64_t index) { return absl::StrCat("restart-", index); }

// Rows of one run.
class Rows {
 public:
  Rows(Results& results, std::string bench) : results_(results), bench_(std::move(bench)) {}

  absl::Status Add(const std::string& metric, double value, const char* unit,
                   std::optional<double> limit = std::nullopt) {
    return results_.Add({.bench = bench_,
                         .metric = metric,
                         .value = value,
                         .unit = unit,
                         .reference = std::nullopt,
                         .limit = limit});
  }

 private:
  Results& results_;
  const std::string bench_;
};

// What the processes have used so far.
struct Usage {
  absl::Duration controller;
  absl::Duration api;
  absl::Duration rest;  // this process: daemons, clients, the watch

  static absl::StatusOr<Usage> Now(SimCluster& cluster, const ControllerProcess& controller) {
    Usage out;
    RK_ASSIGN_OR_RETURN(out.controller, ProcessorTime(controller.pid()));
    RK_ASSIGN_OR_RETURN(out.api, ProcessorTime(cluster.api().pid()));
    RK_ASSIGN_OR_RETURN(out.rest, ProcessorTime(::getpid()));
    return out;
  }
};

// Every request succeeded, and every container was restarted exactly once.
absl::Status Check(SimCluster& cluster, const std::map<std::string, SeenRequest>& seen, int nodes) {
  const auto containers = cluster.daemons().containers();
  for (int i = 0; i < nodes; ++i) {
    const SeenRequest& request = seen.at(NameOf(i));
    if (request.container != "Succeeded") {
      return absl::InternalError(absl::StrCat(NameOf(i), " ended with ", request.container, " ",
                                              request.container_message, " ", request.message));
    }
    if (const int starts = containers.at(cluster.pod_uid(i)).starts; starts != 1) {
      return absl::InternalError(absl::StrCat(NameOf(i), ": ", starts, " starts"));
    }
  }
  return absl::OkStatus();
}

absl::Status ReportTimes(const std::map<std::string, SeenRequest>& seen, absl::Time last_created,
                         double creating_seconds, int nodes, bool limited, Rows& rows) {
  absl::Time last = absl::InfinitePast();
  std::vector<double> each;
  int most_writes = 0;
  for (const auto& [name, request] : seen) {
    last = std::max(last, request.completed);
    each.push_back(absl::ToDoubleMilliseconds(request.completed - request.created));
    most_writes = std::max(most_writes, request.changes);
  }
  const std::optional<double> limit =
      limited && nodes == kNodesOfLimit ? std::optional<double>(kLimitSeconds) : std::nullopt;
  RK_RETURN_IF_ERROR(rows.Add("nodes", nodes, "nodes"));
  RK_RETURN_IF_ERROR(rows.Add("creation_of_all", creating_seconds, "s"));
  RK_RETURN_IF_ERROR(rows.Add("last_creation_to_last_completed",
                              absl::ToDoubleSeconds(last - last_created), "s", limit));
  RK_RETURN_IF_ERROR(rows.Add("created_to_completed_median", measure::Median(each), "ms"));
  RK_RETURN_IF_ERROR(rows.Add("created_to_completed_p99", measure::Quantile(each, 0.99), "ms"));
  return rows.Add("status_writes_of_a_request_max", most_writes, "writes", 2);
}

absl::Status ReportUsage(const Usage& before, const Usage& after, const char* what, Rows& rows) {
  const struct {
    const char* of;
    absl::Duration Usage::*member;
  } parts[] = {{"controller", &Usage::controller},
               {"api_server", &Usage::api},
               {"daemons_and_clients", &Usage::rest}};
  for (const auto& part : parts) {
    RK_RETURN_IF_ERROR(rows.Add(absl::StrCat(part.of, "_processor_time", what),
                                absl::ToDoubleSeconds(after.*part.member - before.*part.member),
                                "s"));
  }
  return absl::OkStatus();
}

absl::Status AddMemory(const std::string& metric, const ControllerProcess& controller, Rows& rows) {
  RK_ASSIGN_OR_RETURN(const size_t bytes, ResidentBytes(controller.pid(), "RssAnon"));
  return rows.Add(metric, static_cast<double>(bytes) / (1024.0 * 1024.0), "MiB");
}

// Waits until a metric of the controller has a value. The pause is no part of what is measured.
absl::Status AwaitMetric(const ControllerProcess& controller, const char* name, double wanted) {
  absl::StatusOr<double> last;
  const bool reached = bed::WaitUntil(
      [&] {
        last = controller.Metric(name);
        if (last.ok() && *last != wanted) absl::SleepFor(kLookPause);
        return (last.ok() && *last == wanted) || !controller.Running();
      },
      kPatience);
  if (reached && controller.Running()) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat(name, " is ", last.ok() ? *last : -1, ", not ",
                                                  wanted, "\n", controller.LastWords()));
}

absl::Status ReportCounters(const ControllerProcess& controller, int nodes, Rows& rows) {
  const struct {
    const char* row;
    const char* metric;
    const char* unit;
  } counters[] = {
      {"connections_made", "rekindle_nodes_connects_total", "connections"},
      {"connection_failures", "rekindle_nodes_connect_failures_total", "connections"},
      {"connections_broken", "rekindle_nodes_connections_broken_total", "connections"},
      {"events_written", "rekindle_controller_events_total{outcome=\"written\"}", "events"},
      {"events_dropped", "rekindle_controller_events_total{outcome=\"overflowed\"}", "events"}};
  for (const auto& counter : counters) {
    RK_ASSIGN_OR_RETURN(const double count, controller.Metric(counter.metric));
    RK_RETURN_IF_ERROR(rows.Add(counter.row, count, counter.unit));
  }
  RK_ASSIGN_OR_RETURN(const double calls, controller.Metric("rekindle_controller_api_calls_total"));
  return rows.Add("api_calls_a_request", calls / nodes, "calls");
}

// With all connections there before the first request is made, or with none of them.
absl::Status RunOnce(const RecreateBenchSettings& settings, bool warm, Results& results) {
  Rows rows(results, warm ? "recreate-scale" : "recreate-scale-cold");
  RK_ASSIGN_OR_RETURN(const std::unique_ptr<SimCluster> cluster,
                      SimCluster::Start({.program = settings.controller, .nodes = settings.nodes}));
  std::vector<std::string> flags =
      absl::StrSplit(settings.controller_flags, ' ', absl::SkipEmpty());
  flags.push_back(absl::StrCat("--node-connections=", warm ? settings.nodes : 0));
  RK_ASSIGN_OR_RETURN(const std::unique_ptr<ControllerProcess> controller,
                      cluster->StartController(flags));
  RK_RETURN_IF_ERROR(controller->AwaitLeading(kPatience));
  RK_RETURN_IF_ERROR(AwaitMetric(*controller, "rekindle_nodes_known", settings.nodes));
  RK_RETURN_IF_ERROR(AddMemory("controller_memory_at_rest", *controller, rows));
  if (warm) {
    RK_ASSIGN_OR_RETURN(const Usage before, Usage::Now(*cluster, *controller));
    const absl::Time begin = absl::Now();
    RK_RETURN_IF_ERROR(AwaitMetric(*controller, "rekindle_nodes_connections", settings.nodes));
    RK_RETURN_IF_ERROR(
        rows.Add("connecting_ahead", absl::ToDoubleSeconds(absl::Now() - begin), "s"));
    RK_ASSIGN_OR_RETURN(const Usage after, Usage::Now(*cluster, *controller));
    RK_RETURN_IF_ERROR(ReportUsage(before, after, "_of_connecting_ahead", rows));
    RK_RETURN_IF_ERROR(AddMemory("controller_memory_connected", *controller, rows));
  }
  const RequestWatch watch(cluster->endpoint(), SimCluster::kNamespace);
  if (!bed::WaitUntil([&] { return watch.open(); }, kPatience)) {
    return absl::DeadlineExceededError("no watch");
  }
  RK_ASSIGN_OR_RETURN(const Usage before, Usage::Now(*cluster, *controller));
  const Load load = {.clients = kClients, .requests = settings.nodes, .request = [](int64_t i) {
                       return SimCluster::Creation(NameOf(i), static_cast<int>(i));
                     }};
  RK_ASSIGN_OR_RETURN(const LoadResult created, Run(cluster->endpoint(), load));
  const absl::Time last_created = absl::Now();
  if (!bed::WaitUntil([&] { return watch.completed() == settings.nodes || !controller->Running(); },
                      kPatience) ||
      !controller->Running()) {
    return absl::DeadlineExceededError(absl::StrCat(watch.completed(), " of ", settings.nodes,
                                                    " completed\n", controller->LastWords()));
  }
  RK_ASSIGN_OR_RETURN(const Usage completed, Usage::Now(*cluster, *controller));
  RK_RETURN_IF_ERROR(AddMemory("controller_memory_after", *controller, rows));
  const std::map<std::string, SeenRequest> seen = watch.seen();
  // Events come behind everything else; what they take is told, too.
  RK_RETURN_IF_ERROR(AwaitMetric(*controller, "rekindle_controller_events_waiting", 0));
  RK_ASSIGN_OR_RETURN(const Usage end, Usage::Now(*cluster, *controller));
  const double until_events = absl::ToDoubleSeconds(absl::Now() - last_created);
  RK_RETURN_IF_ERROR(Check(*cluster, seen, settings.nodes));
  RK_RETURN_IF_ERROR(ReportTimes(seen, last_created, created.seconds, settings.nodes, warm, rows));
  RK_RETURN_IF_ERROR(rows.Add("last_creation_to_last_event", until_events, "s"));
  RK_RETURN_IF_ERROR(ReportUsage(before, completed, "", rows));
  RK_RETURN_IF_ERROR(ReportUsage(completed, end, "_of_events_after", rows));
  RK_RETURN_IF_ERROR(ReportCounters(*controller, settings.nodes, rows));
  return Check(*cluster, seen, settings.nodes);
}

}  // namespace

absl::Status RecreateScaleBench(const RecreateBenchSettings& settings, Results& results) {
  if (settings.connections != "cold") RK_RETURN_IF_ERROR(RunOnce(settings, true, results));
  if (settings.connections == "warm") return absl::OkStatus();
  return RunOnce(settings, false, results);
}

}  // namespace rekindle::bench
