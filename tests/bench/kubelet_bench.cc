#include <algorithm>
#include <iostream>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "common/base/status_macros.h"
#include "common/base/sync.h"
#include "tests/bench/bench.h"
#include "tests/bench/kube_pods.h"
#include "tests/bench/realtime.h"
#include "tests/bench/recording_proxy.h"
#include "tests/bench/restart_call.h"
#include "tests/measure/stats.h"
#include "tests/measure/swap.h"

namespace rekindle::bench {
namespace {

constexpr int kPort = 8080;
// Rounds between which pods are made and removed; so many pods wait side by side for the kubelet's
// back-off, each with its client.
constexpr size_t kBlock = 8;
// The kubelet looks once a second. A pod is ready right after such a look: without another moment
// for each restart all would meet the same part of that second.
constexpr absl::Duration kLook = absl::Milliseconds(1100);
// Back-off, and what a kubelet takes to look at a pod again.
constexpr absl::Duration kBack = absl::Minutes(5);
constexpr char kMigrate[] = "net.ipv4.tcp_migrate_req";

struct Gaps {
  std::vector<double> floor;
  std::vector<double> replace_first;
  std::vector<double> replace_at_once;  // once more, about a second after the first
  std::vector<double> replace_repeated;
  std::vector<double> delegate_first;
  std::vector<double> delegate_repeated;
};

// A cluster with rekindled beside its kubelet, and a bed without a kubelet for the floor.
class Scene {
 public:
  static absl::StatusOr<std::unique_ptr<Scene>> Up(const Settings& settings) {
    std::unique_ptr<Scene> up(new Scene(settings));
    kube::ClusterOptions options;
    options.kubelet_configuration = {{"allowedUnsafeSysctls", {kMigrate}}};
    RK_ASSIGN_OR_RETURN(up->cluster_, kube::Cluster::Up(options));
    RK_ASSIGN_OR_RETURN(up->bed_, bed::Bed::Up());
    RK_ASSIGN_OR_RETURN(up->bare_, up->bed_->RunPod({}));
    RK_RETURN_IF_ERROR(up->StartDaemon({}));
    return up;
  }

  absl::Status Down() {
    caller_.reset();
    daemon_.reset();
    RK_RETURN_IF_ERROR(bed_->Down());
    return cluster_->Down();
  }

  // Another daemon in the place of the one before.
  absl::Status StartDaemon(const std::vector<std::string>& environment) {
    caller_.reset();
    daemon_.reset();
    RK_ASSIGN_OR_RETURN(
        daemon_, measure::Daemon::Start(&cluster_->bed(), settings_.programs, {}, "", environment));
    caller_ = std::make_unique<RestartCaller>(*daemon_);
    return absl::OkStatus();
  }

  kube::Cluster& kube() { return *cluster_; }
  RestartCaller& caller() { return *caller_; }

  // The floor: what the runtime alone takes, in a pod of no kubelet.
  absl::StatusOr<double> BareGap() {
    RK_ASSIGN_OR_RETURN(measure::ProbeResult seen,
                        measure::SwapByHand(bed_.get(), &bare_, "main", kPort));
    return seen.gap_ms;
  }

  // At a random moment of the kubelet's second.
  absl::StatusOr<double> GapOf(const KubePod& pod, node::v1::Method method) {
    absl::SleepFor(AnyMoment());
    bed::Pod at;
    at.ip = pod.ip;
    RK_ASSIGN_OR_RETURN(
        measure::ProbeResult seen,
        measure::Watch(
            at, kPort, [&] { return RestartBeside(caller_.get(), RestartOf(pod, method)); },
            kBack));
    if (seen.instances < 2) {
      return absl::InternalError(absl::StrCat("pod ", pod.name, ": the same server answers still"));
    }
    return seen.gap_ms;
  }

 private:
  explicit Scene(const Settings& settings) : settings_(settings) {}

  absl::Duration AnyMoment() {
    MutexLock lock(&mutex_);
    return kLook * std::uniform_real_distribution<double>(0, 1)(random_);
  }

  const Settings settings_;
  std::unique_ptr<kube::Cluster> cluster_;
  std::unique_ptr<bed::Bed> bed_;
  bed::Pod bare_;
  std::unique_ptr<measure::Daemon> daemon_;
  std::unique_ptr<RestartCaller> caller_;
  Mutex mutex_;
  std::mt19937 random_{20};
};

// One restart of each pod, all at once.
absl::Status AllAtOnce(Scene* scene, const std::vector<KubePod>& pods, node::v1::Method method,
                       std::vector<double>* gaps) {
  Mutex mutex;
  absl::Status failed;
  std::vector<std::thread> threads;
  threads.reserve(pods.size());
  for (const KubePod& pod : pods) {
    threads.emplace_back([&, pod] {
      absl::StatusOr<double> gap = scene->GapOf(pod, method);
      MutexLock lock(&mutex);
      failed.Update(gap.status());
      if (gap.ok()) gaps->push_back(*gap);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return failed;
}

// A round for each of `fresh` and `left`, everything in turn, so that whatever else the machine
// does meets all alike.
absl::Status InTurn(Scene* scene, const KubePod& one, const std::vector<KubePod>& fresh,
                    const std::vector<KubePod>& left, Gaps* gaps) {
  auto add = [](std::vector<double>* to, const absl::StatusOr<double>& gap) {
    if (gap.ok()) to->push_back(*gap);
    return gap.status();
  };
  auto replace = [scene](const KubePod& pod) {
    return scene->GapOf(pod, node::v1::METHOD_REPLACE);
  };
  for (size_t i = 0; i < fresh.size(); ++i) {
    RK_RETURN_IF_ERROR(add(&gaps->floor, scene->BareGap()));
    RK_RETURN_IF_ERROR(add(&gaps->replace_first, replace(fresh[i])));
    RK_RETURN_IF_ERROR(add(&gaps->replace_at_once, replace(fresh[i])));
    RK_RETURN_IF_ERROR(add(&gaps->replace_repeated, replace(one)));
    RK_RETURN_IF_ERROR(
        add(&gaps->delegate_first, scene->GapOf(left[i], node::v1::METHOD_DELEGATE)));
  }
  return absl::OkStatus();
}

absl::StatusOr<Gaps> MeasureGaps(Scene* scene, size_t rounds) {
  Gaps gaps;
  RK_ASSIGN_OR_RETURN(std::vector<KubePod> one, MakePods(scene->kube(), "repeated", 1));
  size_t done = 0;
  while (done < rounds) {
    const size_t block = std::min(kBlock, rounds - done);
    RK_ASSIGN_OR_RETURN(std::vector<KubePod> fresh, MakePods(scene->kube(), "first", block));
    RK_ASSIGN_OR_RETURN(std::vector<KubePod> left, MakePods(scene->kube(), "delegate", block));
    // The calls that are compared with the daemon's come from here, and so do the clients.
    RK_ASSIGN_OR_RETURN(const bool realtime, SetRealtime(true));
    if (!realtime && done == 0) {
      std::cerr << "kubelet: no real-time priority here; on a busy machine the floor is too high\n";
    }
    const absl::Status measured = InTurn(scene, one[0], fresh, left, &gaps);
    RK_RETURN_IF_ERROR(SetRealtime(false).status());
    RK_RETURN_IF_ERROR(measured);
    // Within ten minutes of the first, which is when the kubelet makes them wait.
    RK_RETURN_IF_ERROR(AllAtOnce(scene, left, node::v1::METHOD_DELEGATE, &gaps.delegate_repeated));
    done += block;
    RK_RETURN_IF_ERROR(CheckOneRuns(scene->kube(), fresh, 2));
    RK_RETURN_IF_ERROR(CheckOneRuns(scene->kube(), left, 2));
    RK_RETURN_IF_ERROR(CheckOneRuns(scene->kube(), one, static_cast<int>(done)));
    RK_RETURN_IF_ERROR(RemovePods(scene->kube(), fresh));
    RK_RETURN_IF_ERROR(RemovePods(scene->kube(), left));
  }
  RK_RETURN_IF_ERROR(RemovePods(scene->kube(), one));
  return gaps;
}

Row RowOf(const std::string& metric, double value, const char* unit) {
  return {.bench = "kubelet",
          .metric = metric,
          .value = value,
          .unit = unit,
          .reference = std::nullopt,
          .limit = std::nullopt};
}

// Median and p99 beside those of something else; the limit is that of the median's ratio.
absl::Status AddPair(const std::string& name, const std::vector<double>& gaps, const char* kind,
                     const char* other, const std::vector<double>& its, std::optional<double> limit,
                     Results* results) {
  Row median = RowOf(absl::StrCat(name, "_median"), measure::Median(gaps), "ms");
  median.reference = Reference{kind, other, measure::Median(its)};
  median.limit = limit;
  RK_RETURN_IF_ERROR(results->Add(median));
  Row p99 = RowOf(absl::StrCat(name, "_p99"), measure::Quantile(gaps, 0.99), "ms");
  p99.reference = Reference{kind, other, measure::Quantile(its, 0.99)};
  return results->Add(p99);
}

absl::Status AddGaps(const Gaps& gaps, Results* results) {
  constexpr char kFloor[] = "StopContainer+StartContainer without a kubelet";
  constexpr char kFirst[] = "delegate, first";
  constexpr char kRepeated[] = "delegate, again within ten minutes";
  RK_RETURN_IF_ERROR(
      results->Add(RowOf("rounds", static_cast<double>(gaps.delegate_repeated.size()), "rounds")));
  RK_RETURN_IF_ERROR(
      AddPair("replace_first", gaps.replace_first, "floor", kFloor, gaps.floor, 1.25, results));
  RK_RETURN_IF_ERROR(
      AddPair("replace_at_once", gaps.replace_at_once, "floor", kFloor, gaps.floor, 1.25, results));
  RK_RETURN_IF_ERROR(AddPair("replace_repeated", gaps.replace_repeated, "floor", kFloor, gaps.floor,
                             1.25, results));
  RK_RETURN_IF_ERROR(AddPair("replace_first_beside_delegate", gaps.replace_first, "peer", kFirst,
                             gaps.delegate_first, 1.0 / 3, results));
  return AddPair("replace_repeated_beside_delegate", gaps.replace_repeated, "peer", kRepeated,
                 gaps.delegate_repeated, 1.0 / 50, results);
}

absl::Status MeasureHot(Scene* scene, int restarts, Results* results) {
  constexpr int kConnections = 20;
  constexpr int kRate = 2000;
  KubePodOptions options;
  options.args = {"serve", "--reuse-port", "--drain-ms", "500"};
  if (!bed::ReadFile("/proc/sys/net/ipv4/tcp_migrate_req").empty()) {
    options.sysctls[kMigrate] = "1";
  }
  RK_ASSIGN_OR_RETURN(std::vector<KubePod> pods, MakePods(scene->kube(), "hot", 1, options));
  RK_RETURN_IF_ERROR(bed::WaitHttp(pods[0].ip, kPort, "/id").status());
  measure::LoadGenerator load(pods[0].ip, kPort, kConnections, kRate);
  for (int i = 0; i < restarts; ++i) {
    node::v1::RestartContainersRequest request = RestartOf(pods[0], node::v1::METHOD_HOT);
    auto* get =
        request.mutable_containers(0)->mutable_ready_check()->mutable_handler()->mutable_http_get();
    get->set_port(kPort);
    get->set_path("/healthz");
    RK_RETURN_IF_ERROR(RestartBeside(&scene->caller(), request));
  }
  const measure::LoadResult seen = load.Stop();
  RK_RETURN_IF_ERROR(CheckOneRuns(scene->kube(), pods, restarts));
  RK_RETURN_IF_ERROR(RemovePods(scene->kube(), pods));
  Row failed = RowOf("hot_failed_requests", static_cast<double>(seen.failed), "requests");
  failed.limit = 0;
  RK_RETURN_IF_ERROR(results->Add(failed));
  RK_RETURN_IF_ERROR(results->Add(RowOf("hot_restarts", restarts, "restarts")));
  RK_RETURN_IF_ERROR(results->Add(
      RowOf("hot_requests_per_second", static_cast<double>(seen.sent) / seen.seconds, "1/s")));
  return results->Add(RowOf("hot_latency_p99", seen.p99_ms, "ms"));
}

// What a kind of placeholder costs: the gap, and the whole call.
struct Cost {
  std::vector<double> gaps;
  std::vector<double> calls;
};

// A daemon with that kind replaces each of the pods twice: once watched, and once without a client
// that competes for the processors.
absl::Status MeasurePlaceholder(Scene* scene, const char* kind, const std::vector<KubePod>& pods,
                                Cost* cost) {
  RK_RETURN_IF_ERROR(scene->StartDaemon({absl::StrCat("REKINDLE_TEST_PLACEHOLDER=", kind)}));
  for (const KubePod& pod : pods) {
    RK_ASSIGN_OR_RETURN(double gap, scene->GapOf(pod, node::v1::METHOD_REPLACE));
    cost->gaps.push_back(gap);
  }
  for (const KubePod& pod : pods) {
    const int64_t begun = MonotonicNanos();
    RK_RETURN_IF_ERROR(RestartBeside(&scene->caller(), RestartOf(pod, node::v1::METHOD_REPLACE)));
    cost->calls.push_back(static_cast<double>(MonotonicNanos() - begun) / 1e6);
  }
  return absl::OkStatus();
}

absl::Status ComparePlaceholders(Scene* scene, size_t rounds, Results* results) {
  constexpr char kOther[] = "placeholder without labels";
  Cost unlabelled;
  Cost with_uid;
  RK_ASSIGN_OR_RETURN(std::vector<KubePod> pods,
                      MakePods(scene->kube(), "placeholder", std::min(kBlock, rounds)));
  int restarts = 0;
  while (unlabelled.gaps.size() < rounds) {
    RK_RETURN_IF_ERROR(MeasurePlaceholder(scene, "unlabelled", pods, &unlabelled));
    RK_RETURN_IF_ERROR(MeasurePlaceholder(scene, "pod-uid", pods, &with_uid));
    restarts += 4;
  }
  RK_RETURN_IF_ERROR(CheckOneRuns(scene->kube(), pods, restarts));
  RK_RETURN_IF_ERROR(RemovePods(scene->kube(), pods));
  RK_RETURN_IF_ERROR(AddPair("placeholder_with_pod_uid_gap", with_uid.gaps, "peer", kOther,
                             unlabelled.gaps, std::nullopt, results));
  return AddPair("placeholder_with_pod_uid_call", with_uid.calls, "peer", kOther, unlabelled.calls,
                 std::nullopt, results);
}

}  // namespace

absl::Status KubeletBench(const Settings& settings, Results* results) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<Scene> scene, Scene::Up(settings));
  const auto rounds = static_cast<size_t>(settings.rounds);
  RK_ASSIGN_OR_RETURN(Gaps gaps, MeasureGaps(scene.get(), rounds));
  RK_RETURN_IF_ERROR(AddGaps(gaps, results));
  RK_RETURN_IF_ERROR(MeasureHot(scene.get(), settings.rounds, results));
  RK_RETURN_IF_ERROR(ComparePlaceholders(scene.get(), rounds, results));
  return scene->Down();
}

}  // namespace rekindle::bench
