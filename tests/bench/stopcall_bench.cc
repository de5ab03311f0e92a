#include <algorithm>
#include <iostream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "tests/bed/cri_client.h"
#include "tests/bench/bench.h"
#include "tests/bench/realtime.h"
#include "tests/bench/recording_proxy.h"
#include "tests/bench/restart_call.h"
#include "tests/measure/stats.h"

namespace rekindle::bench {
namespace {

constexpr int kPods = 110;
constexpr absl::Duration kQuiet = absl::Seconds(10);
constexpr absl::Duration kRest = absl::Milliseconds(50);

struct Way {
  double total_ms = 0;  // request sent to StopContainer arrived
  double own_ms = 0;    // of that, no call to the runtime was under way
  int calls = 0;        // to the runtime, before the stop
};

absl::StatusOr<Way> Split(std::vector<RecordedCall> calls, int64_t sent) {
  auto is_stop = [](const RecordedCall& call) {
    return absl::EndsWith(call.method, "/StopContainer");
  };
  // Calls are in the order of their beginnings.
  auto stop = std::find_if(calls.begin(), calls.end(), is_stop);
  if (stop == calls.end()) return absl::InternalError("no StopContainer call was seen");
  Way way;
  int64_t in_runtime = 0;
  int64_t covered = sent;  // calls overlap: each moment counts once
  for (auto call = calls.begin(); call != stop; ++call) {
    ++way.calls;
    int64_t end = call->ended == 0 ? stop->begun : std::min(call->ended, stop->begun);
    in_runtime += std::max<int64_t>(0, end - std::max(covered, call->begun));
    covered = std::max(covered, end);
  }
  way.total_ms = static_cast<double>(stop->begun - sent) / 1e6;
  way.own_ms = static_cast<double>(stop->begun - sent - in_runtime) / 1e6;
  return way;
}

// What the transport alone takes of such a way: a bare client makes calls one after the other, as
// many as the daemon has to wait for in turn, and nothing in between.
absl::StatusOr<double> TransportOnce(bed::CriClient& client, RecordingProxy& proxy,
                                     const bed::Pod& pod) {
  proxy.Clear();
  const int64_t sent = MonotonicNanos();
  RK_RETURN_IF_ERROR(client.ListSandboxes().status());
  RK_RETURN_IF_ERROR(client.ListContainers(pod.sandbox_id).status());
  RK_RETURN_IF_ERROR(client.VerboseStatus(pod.containers.at("main").id).status());
  RK_RETURN_IF_ERROR(client.Status(pod.containers.at("main").id).status());
  double transport = 0;
  int64_t free_since = sent;
  for (const RecordedCall& call : proxy.Calls()) {
    transport += static_cast<double>(call.begun - free_since) / 1e6;
    free_since = call.ended;
  }
  return transport;
}

// Stop and start have been answered, so have all other calls, and for a moment there were no more:
// nothing of this round meets the next one.
absl::Status AwaitQuiet(const RecordingProxy& proxy) {
  bool quiet = bed::WaitUntil(
      [&] {
        const int64_t now = MonotonicNanos();
        bool stopped = false;
        bool started = false;
        for (const RecordedCall& call : proxy.Calls()) {
          const bool event_stream = !absl::StartsWith(call.method, "/runtime.");
          if (call.ended == 0 && !event_stream) return false;
          if (now - std::max(call.begun, call.ended) < kRest / absl::Nanoseconds(1)) return false;
          stopped = stopped || absl::EndsWith(call.method, "/StopContainer");
          started = started || absl::EndsWith(call.method, "/StartContainer");
        }
        return stopped && started;
      },
      kQuiet);
  if (quiet) return absl::OkStatus();
  return absl::DeadlineExceededError("the calls of a restart were not answered");
}

absl::Status AddRows(const std::vector<Way>& ways, const std::vector<double>& transport,
                     Results* results) {
  std::vector<double> own;
  std::vector<double> total;
  std::vector<double> calls;
  for (const Way& way : ways) {
    own.push_back(way.own_ms);
    total.push_back(way.total_ms);
    calls.push_back(way.calls);
  }
  auto row = [](const char* metric, double value, const char* unit) {
    return Row{.bench = "stopcall",
               .metric = metric,
               .value = value,
               .unit = unit,
               .reference = std::nullopt,
               .limit = std::nullopt};
  };
  Row p99 = row("own_time_p99", measure::Quantile(own, 0.99), "ms");
  p99.limit = 5;
  Row median = row("own_time_median", measure::Median(own), "ms");
  median.reference = Reference{"floor", "transport of as many calls", measure::Median(transport)};
  RK_RETURN_IF_ERROR(results->Add(median));
  RK_RETURN_IF_ERROR(results->Add(p99));
  RK_RETURN_IF_ERROR(results->Add(row("transport_p99", measure::Quantile(transport, 0.99), "ms")));
  RK_RETURN_IF_ERROR(results->Add(row("request_to_stop_median", measure::Median(total), "ms")));
  RK_RETURN_IF_ERROR(
      results->Add(row("runtime_calls_before_stop", measure::Median(calls), "calls")));
  return results->Add(row("runtime_calls_before_stop_max", measure::Quantile(calls, 1), "calls"));
}

}  // namespace

absl::Status StopCallBench(const Settings& settings, Results* results) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<bed::Bed> bed, bed::Bed::Up());
  std::vector<bed::PodSpec> specs(kPods);
  for (int i = 0; i < kPods; ++i) {
    specs[static_cast<size_t>(i)].name = absl::StrCat("pod-", i);
    specs[static_cast<size_t>(i)].containers[0].args = {"wait"};
  }
  RK_ASSIGN_OR_RETURN(std::vector<bed::Pod> pods, bed->RunPods(std::move(specs)));
  // This program notes the arrivals: like the daemon it must not wait for a processor to do so. The
  // runtime runs already and keeps its ordinary priority.
  RK_ASSIGN_OR_RETURN(const bool realtime, SetRealtime(true));
  if (!realtime) std::cerr << "stopcall: no real-time priority here; a busy machine will show\n";
  RK_ASSIGN_OR_RETURN(std::unique_ptr<RecordingProxy> proxy,
                      RecordingProxy::Start(bed->dir() + "/proxy.sock", bed->endpoint()));
  bed::CriClient client(proxy->endpoint());
  std::vector<double> transport;
  for (int i = 0; i <= settings.rounds; ++i) {
    const bed::Pod& pod = pods[static_cast<size_t>(i) % pods.size()];
    RK_ASSIGN_OR_RETURN(double once, TransportOnce(client, *proxy, pod));
    if (i > 0) transport.push_back(once);
  }
  RK_ASSIGN_OR_RETURN(std::unique_ptr<measure::Daemon> daemon,
                      measure::Daemon::Start(bed.get(), settings.programs, {}, proxy->endpoint()));
  RestartCaller caller(*daemon);
  std::vector<Way> ways;
  // The first round makes the connection and is not counted.
  for (int i = 0; i <= settings.rounds; ++i) {
    const bed::Pod& pod = pods[static_cast<size_t>(i) % pods.size()];
    proxy->Clear();
    int64_t sent = MonotonicNanos();
    RK_RETURN_IF_ERROR(caller.Restart(pod, {"main"}));
    RK_RETURN_IF_ERROR(AwaitQuiet(*proxy));
    RK_ASSIGN_OR_RETURN(Way way, Split(proxy->Calls(), sent));
    if (i > 0) ways.push_back(way);
  }
  RK_RETURN_IF_ERROR(AddRows(ways, transport, results));
  daemon.reset();
  proxy.reset();
  RK_RETURN_IF_ERROR(SetRealtime(false).status());
  return bed->Down();
}

}  // namespace rekindle::bench
