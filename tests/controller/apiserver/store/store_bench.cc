// Measures a store on this machine: durable writes of many clients, reads beside them, and how long
// a change takes to its watchers. `rekindle-store-bench --help`.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>

#include "absl/strings/str_cat.h"
#include <CLI/CLI.hpp>

#include "common/base/sync.h"
#include "controller/apiserver/store/sqlite_store.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle::apiserver {
namespace {

struct Settings {
  int clients = 16;
  int writes = 500;  // of each client
  int objects = 100'000;
  int watchers = 200;
  size_t bytes = 5'000;
  std::string directory;
};

double At(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<size_t>(share * static_cast<double>(values.size())))];
}

double Milliseconds(absl::Duration duration) { return absl::ToDoubleMilliseconds(duration); }

// Notes when each revision was seen.
class TimingSink final : public WatchSink {
 public:
  void OnChanges(const std::vector<std::shared_ptr<const Change>>& changes) override {
    const absl::Time now = absl::Now();
    MutexLock lock(&mutex_);
    for (const auto& change : changes) seen_.emplace_back(change->revision, now);
  }
  void OnProgress(Revision) override {}
  void OnEnd(const absl::Status&) override {}
  std::vector<std::pair<Revision, absl::Time>> Await(size_t count) {
    MutexLock lock(&mutex_);
    mutex_.AwaitFor(absl::Seconds(60),
                    [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return seen_.size() >= count; });
    return seen_;
  }

 private:
  Mutex mutex_;
  std::vector<std::pair<Revision, absl::Time>> seen_ ABSL_GUARDED_BY(mutex_);
};

int Run(const Settings& settings) {
  TempDir temporary;
  SqliteStore::Options options;
  options.directory =
      settings.directory.empty() ? temporary / "data" : settings.directory + "/data";
  auto opened = SqliteStore::Open(options);
  if (!opened.ok()) {
    std::fprintf(stderr, "%s\n", std::string(opened.status().message()).c_str());
    return 1;
  }
  SqliteStore& store = **opened;
  const std::string text(settings.bytes, 'x');
  absl::Time from = absl::Now();
  for (int i = 0; i < settings.objects; i += 100) {
    std::vector<Write> writes;
    for (int k = i; k < std::min(i + 100, settings.objects); ++k) {
      writes.push_back(
          {{"pods", absl::StrCat("ns", k % 50), absl::StrCat("pod-", k)}, 0, text, std::nullopt});
    }
    if (!store.Commit(std::move(writes)).ok()) return 1;
  }
  std::printf("fill: %d objects of %zu bytes in %.1f s\n", settings.objects, settings.bytes,
              absl::ToDoubleSeconds(absl::Now() - from));

  std::vector<std::shared_ptr<TimingSink>> sinks;
  std::vector<std::unique_ptr<WatchHandle>> handles;
  for (int i = 0; i < settings.watchers; ++i) {
    sinks.push_back(std::make_shared<TimingSink>());
    handles.push_back(*store.Watch("pods", "", 0, sinks.back()));
  }
  std::atomic<bool> stop{false};
  std::vector<double> reads;
  std::thread reader([&] {
    for (uint64_t i = 1; !stop && settings.objects > 0; i = i * 6364136223846793005u + 1) {
      const uint64_t k = (i >> 33) % static_cast<uint64_t>(settings.objects);
      const absl::Time begin = absl::Now();
      if (!store.Get({"pods", absl::StrCat("ns", k % 50), absl::StrCat("pod-", k)}).ok()) return;
      reads.push_back(Milliseconds(absl::Now() - begin));
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
  });
  Mutex mutex;
  std::vector<double> latencies;
  std::vector<std::pair<Revision, absl::Time>> done;
  std::vector<std::thread> clients;
  const auto before = store.stats();
  from = absl::Now();
  for (int c = 0; c < settings.clients; ++c) {
    clients.emplace_back([&, c] {
      Revision revision = 0;
      for (int i = 0; i < settings.writes; ++i) {
        const absl::Time begin = absl::Now();
        const auto result = store.Commit(
            {{{"pods", "bench", absl::StrCat("client-", c)}, revision, text, std::nullopt}});
        const absl::Time end = absl::Now();
        if (!result.ok()) return;
        revision = result->at(0);
        MutexLock lock(&mutex);
        latencies.push_back(Milliseconds(end - begin));
        done.emplace_back(revision, begin);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  const double seconds = absl::ToDoubleSeconds(absl::Now() - from);
  stop = true;
  reader.join();
  const auto after = store.stats();
  const size_t count = latencies.size();
  std::printf(
      "writes: %zu by %d clients in %.2f s = %.0f/s, p50 %.2f ms, p99 %.2f ms; %.1f a sync\n",
      count, settings.clients, seconds, static_cast<double>(count) / seconds, At(latencies, 0.5),
      At(latencies, 0.99),
      static_cast<double>(count) /
          static_cast<double>(std::max<uint64_t>(1, after.transactions - before.transactions)));
  std::printf("reads beside them: %zu, p50 %.3f ms, p99 %.3f ms\n", reads.size(), At(reads, 0.5),
              At(reads, 0.99));
  std::sort(done.begin(), done.end());
  std::vector<double> delays;
  for (const auto& sink : sinks) {
    const auto seen = sink->Await(count);
    for (size_t i = 0; i < std::min(seen.size(), done.size()); ++i) {
      delays.push_back(Milliseconds(seen[i].second - done[i].second));
    }
  }
  std::printf("from the call to %zu watchers: %zu changes, p50 %.2f ms, p99 %.2f ms\n",
              sinks.size(), delays.size(), At(delays, 0.5), At(delays, 0.99));
  return 0;
}

}  // namespace
}  // namespace rekindle::apiserver

int main(int argc, char** argv) {
  rekindle::apiserver::Settings settings;
  CLI::App app("Measures the store of the embedded API server");
  app.add_option("--clients", settings.clients, "that write at once");
  app.add_option("--writes", settings.writes, "of each client");
  app.add_option("--objects", settings.objects, "that are there already");
  app.add_option("--watchers", settings.watchers, "that see every change");
  app.add_option("--bytes", settings.bytes, "of an object");
  app.add_option("--directory", settings.directory, "on the disk to measure (default: /tmp)");
  CLI11_PARSE(app, argc, argv);
  return rekindle::apiserver::Run(settings);
}
