#include <algorithm>
#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "common/base/sync.h"
#include "tests/bench/bench.h"
#include "tests/bench/recording_proxy.h"
#include "tests/bench/restart_call.h"
#include "tests/measure/stats.h"

namespace rekindle::bench {
namespace {

constexpr int kContainers = 200;
// So many tell how a concurrency does: all 200 at six of them would take minutes.
constexpr size_t kSweep = 48;
// Not more: when many containers of a pod exit at once, the shim of containerd 1.6 locks up
// (daemon/restart/stop_gate.h), and with it the bare client.
constexpr int kConcurrencies[] = {1, 2, 4, 8};
constexpr int kSetUpConcurrency = 4;
constexpr absl::Duration kSettle = absl::Minutes(2);

double SecondsSince(int64_t begun) { return static_cast<double>(MonotonicNanos() - begun) / 1e9; }

// Does `work` for 0..count-1 with so many threads; the first error.
absl::Status ForEach(size_t count, int concurrency,
                     const std::function<absl::Status(size_t)>& work) {
  std::atomic<size_t> next = 0;
  Mutex mutex;
  absl::Status failed;
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(concurrency));
  for (int i = 0; i < concurrency; ++i) {
    threads.emplace_back([&] {
      for (size_t item = next++; item < count; item = next++) {
        absl::Status status = work(item);
        MutexLock lock(&mutex);
        failed.Update(status);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return failed;
}

// One pod with all the containers, and the bare client that replaces them.
class Batch {
 public:
  static absl::StatusOr<std::unique_ptr<Batch>> Make(bed::Bed* bed) {
    bed::PodSpec spec;
    spec.name = "batch";
    spec.containers.clear();
    for (int i = 0; i < kContainers; ++i) {
      bed::ContainerSpec container;
      container.name = absl::StrCat("c", i);
      container.args = {"wait"};
      spec.containers.push_back(std::move(container));
    }
    RK_ASSIGN_OR_RETURN(bed::Pod pod, bed->RunSandbox(spec));
    std::unique_ptr<Batch> batch(new Batch(bed, std::move(pod)));
    const absl::Status done =
        ForEach(kContainers, kSetUpConcurrency, [&](size_t i) -> absl::Status {
          RK_ASSIGN_OR_RETURN(std::string id, batch->Create(i, 0));
          return bed->cri().StartContainer(id);
        });
    if (!done.ok()) return done;
    return batch;
  }

  const bed::Pod& pod() const { return pod_; }

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const bed::ContainerSpec& container : pod_.spec.containers)
      names.push_back(container.name);
    return names;
  }

  // Create, stop and start of the first `count` containers by plain calls; seconds. The removals
  // that follow are not part of it.
  absl::StatusOr<double> ByHand(size_t count, int concurrency) {
    RK_ASSIGN_OR_RETURN(std::vector<bed::v1::Container> now, Current());
    int64_t begun = MonotonicNanos();
    const absl::Status done = ForEach(count, concurrency, [&](size_t i) -> absl::Status {
      RK_ASSIGN_OR_RETURN(std::string id, Create(i, now[i].metadata().attempt() + 1));
      RK_RETURN_IF_ERROR(bed_->cri().StopContainer(now[i].id(), pod_.spec.grace_seconds));
      return bed_->cri().StartContainer(id);
    });
    if (!done.ok()) return done;
    double took = SecondsSince(begun);
    RK_RETURN_IF_ERROR(ForEach(count, kSetUpConcurrency,
                               [&](size_t i) { return bed_->cri().RemoveContainer(now[i].id()); }));
    return took;
  }

  // All of them by one call to the daemon; seconds until every operation has ended.
  absl::StatusOr<double> ByDaemon(RestartCaller* caller) {
    std::vector<std::string> names = Names();
    int64_t begun = MonotonicNanos();
    RK_RETURN_IF_ERROR(caller->Restart(pod_, names));
    double took = SecondsSince(begun);
    // What it still has to remove, and the last dead instance of each that it keeps, must not weigh
    // on the next round.
    absl::Status settled;
    bed::WaitUntil([&] { return (settled = RemoveDead()).ok() && Current().ok(); }, kSettle);
    RK_RETURN_IF_ERROR(settled);
    RK_RETURN_IF_ERROR(Current().status());
    return took;
  }

 private:
  Batch(bed::Bed* bed, bed::Pod pod) : bed_(bed), pod_(std::move(pod)) {}

  absl::StatusOr<std::string> Create(size_t index, uint32_t attempt) {
    bed::ContainerSpec spec = pod_.spec.containers[index];
    spec.attempt = attempt;
    return bed_->cri().CreateContainer(pod_.sandbox_id,
                                       bed::MakeContainerConfig(pod_.spec, spec, ""), pod_.config);
  }

  absl::Status RemoveDead() {
    RK_ASSIGN_OR_RETURN(std::vector<bed::v1::Container> all,
                        bed_->cri().ListContainers(pod_.sandbox_id));
    std::erase_if(all, [](const auto& c) { return c.state() != bed::v1::CONTAINER_EXITED; });
    return ForEach(all.size(), kSetUpConcurrency,
                   [&](size_t i) { return bed_->cri().RemoveContainer(all[i].id()); });
  }

  // In the order of the pod. kFailedPrecondition unless exactly these run and nothing else is left.
  absl::StatusOr<std::vector<bed::v1::Container>> Current() {
    RK_ASSIGN_OR_RETURN(std::vector<bed::v1::Container> all,
                        bed_->cri().ListContainers(pod_.sandbox_id));
    std::map<std::string, bed::v1::Container> running;
    for (bed::v1::Container& container : all) {
      if (container.state() != bed::v1::CONTAINER_RUNNING) continue;
      running[container.metadata().name()] = container;
    }
    if (all.size() != kContainers || running.size() != kContainers) {
      return absl::FailedPreconditionError(
          absl::StrCat(running.size(), " containers run, ", all.size(), " are there"));
    }
    std::vector<bed::v1::Container> out;
    for (const std::string& name : Names()) out.push_back(running[name]);
    return out;
  }

  bed::Bed* const bed_;
  const bed::Pod pod_;
};

absl::StatusOr<int> BestConcurrency(Batch* batch) {
  int best = 0;
  double least = 0;
  for (int concurrency : kConcurrencies) {
    RK_ASSIGN_OR_RETURN(double took, batch->ByHand(kSweep, concurrency));
    if (best == 0 || took < least) {
      best = concurrency;
      least = took;
    }
  }
  return best;
}

}  // namespace

absl::Status BatchBench(const Settings& settings, Results* results) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<bed::Bed> bed, bed::Bed::Up());
  RK_ASSIGN_OR_RETURN(std::unique_ptr<Batch> batch, Batch::Make(bed.get()));
  RK_ASSIGN_OR_RETURN(std::unique_ptr<measure::Daemon> daemon,
                      measure::Daemon::Start(bed.get(), settings.programs));
  RestartCaller caller(*daemon);
  RK_ASSIGN_OR_RETURN(int best, BestConcurrency(batch.get()));
  std::vector<double> ours;
  std::vector<double> bare;
  // A round is 400 restarts, so it weighs as many rounds of the other benchmarks.
  const int rounds = std::clamp(settings.rounds / 10, 1, 5);
  for (int i = 0; i < rounds; ++i) {
    RK_ASSIGN_OR_RETURN(double by_hand, batch->ByHand(kContainers, best));
    bare.push_back(by_hand);
    RK_ASSIGN_OR_RETURN(double by_daemon, batch->ByDaemon(&caller));
    ours.push_back(by_daemon);
  }
  RK_RETURN_IF_ERROR(results->Add(
      {.bench = "batch",
       .metric = "restart_200_containers_of_a_pod",
       .value = measure::Median(ours),
       .unit = "s",
       .reference = Reference{"floor", absl::StrCat("bare client, ", best, " at a time"),
                              measure::Median(bare)},
       .limit = 1.05}));
  daemon.reset();
  return bed->Down();
}

}  // namespace rekindle::bench
