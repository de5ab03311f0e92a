#include <memory>
#include <optional>
#include <string>
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

std::string NameOf(int64_t index) { return absl::StrCat("restart-", index); }

absl::Status Add(Results& results, const std::string& metric, double value, const char* unit,
                 std::optional<double> limit = std::nullopt) {
  return results.Add({.bench = "recreate-scale",
                      .metric = metric,
                      .value = value,
                      .unit = unit,
                      .reference = std::nullopt,
                      .limit = limit});
}

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

absl::Status Report(const std::map<std::string, SeenRequest>& seen, absl::Time last_created,
                    double creating_seconds, int nodes, Results& results) {
  absl::Time last = absl::InfinitePast();
  std::vector<double> each;
  int most_writes = 0;
  for (const auto& [name, request] : seen) {
    last = std::max(last, request.completed);
    each.push_back(absl::ToDoubleMilliseconds(request.completed - request.created));
    most_writes = std::max(most_writes, request.changes);
  }
  const std::optional<double> limit =
      nodes == kNodesOfLimit ? std::optional<double>(kLimitSeconds) : std::nullopt;
  RK_RETURN_IF_ERROR(Add(results, "nodes", nodes, "nodes"));
  RK_RETURN_IF_ERROR(Add(results, "creation_of_all", creating_seconds, "s"));
  RK_RETURN_IF_ERROR(Add(results, "last_creation_to_last_completed",
                         absl::ToDoubleSeconds(last - last_created), "s", limit));
  RK_RETURN_IF_ERROR(Add(results, "created_to_completed_median", measure::Median(each), "ms"));
  RK_RETURN_IF_ERROR(Add(results, "created_to_completed_p99", measure::Quantile(each, 0.99), "ms"));
  return Add(results, "status_writes_of_a_request_max", most_writes, "writes", 2);
}

}  // namespace

absl::Status RecreateScaleBench(const RecreateBenchSettings& settings, Results& results) {
  RK_ASSIGN_OR_RETURN(const std::unique_ptr<SimCluster> cluster,
                      SimCluster::Start({.program = settings.controller, .nodes = settings.nodes}));
  RK_ASSIGN_OR_RETURN(
      const std::unique_ptr<ControllerProcess> controller,
      cluster->StartController(absl::StrSplit(settings.controller_flags, ' ', absl::SkipEmpty())));
  RK_RETURN_IF_ERROR(controller->AwaitLeading(kPatience));
  const RequestWatch watch(cluster->endpoint(), SimCluster::kNamespace);
  if (!bed::WaitUntil([&] { return watch.open(); }, kPatience)) {
    return absl::DeadlineExceededError("no watch");
  }
  RK_ASSIGN_OR_RETURN(const size_t memory_before, ResidentBytes(controller->pid(), "RssAnon"));
  RK_ASSIGN_OR_RETURN(const absl::Duration before, ProcessorTime(controller->pid()));
  RK_ASSIGN_OR_RETURN(const absl::Duration api_before, ProcessorTime(cluster->api().pid()));
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
  RK_ASSIGN_OR_RETURN(const absl::Duration after, ProcessorTime(controller->pid()));
  RK_ASSIGN_OR_RETURN(const absl::Duration api_after, ProcessorTime(cluster->api().pid()));
  RK_ASSIGN_OR_RETURN(const size_t memory, ResidentBytes(controller->pid(), "RssAnon"));
  const std::map<std::string, SeenRequest> seen = watch.seen();
  RK_RETURN_IF_ERROR(Check(*cluster, seen, settings.nodes));
  RK_RETURN_IF_ERROR(Report(seen, last_created, created.seconds, settings.nodes, results));
  const struct {
    const char* row;
    const char* metric;
  } counters[] = {{"connections_made", "rekindle_nodes_connects_total"},
                  {"connection_failures", "rekindle_nodes_connect_failures_total"}};
  for (const auto& counter : counters) {
    RK_ASSIGN_OR_RETURN(const double count, controller->Metric(counter.metric));
    RK_RETURN_IF_ERROR(Add(results, counter.row, count, "connections"));
  }
  constexpr double kMiB = 1024.0 * 1024.0;
  RK_RETURN_IF_ERROR(
      Add(results, "controller_memory_before", static_cast<double>(memory_before) / kMiB, "MiB"));
  RK_RETURN_IF_ERROR(
      Add(results, "controller_memory_after", static_cast<double>(memory) / kMiB, "MiB"));
  RK_RETURN_IF_ERROR(
      Add(results, "controller_processor_time", absl::ToDoubleSeconds(after - before), "s"));
  return Add(results, "api_server_processor_time", absl::ToDoubleSeconds(api_after - api_before),
             "s");
}

}  // namespace rekindle::bench
