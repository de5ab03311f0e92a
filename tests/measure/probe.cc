#include "tests/measure/probe.h"

#include <time.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/time/time.h"

#include "tests/bed/process.h"
#include "tests/measure/stats.h"
#include "tests/measure/tcp_client.h"

namespace rekindle::measure {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kProbeEvery = 2 * kMillisecond;
constexpr int kProbeTimeoutMs = 500;
constexpr int kLoadTimeoutMs = 3000;

int64_t Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void SleepUntil(int64_t nanos) {
  timespec at = {nanos / 1'000'000'000, nanos % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) != 0) {
  }
}

}  // namespace

GapProbe::GapProbe(std::string ip, int port)
    : ip_(std::move(ip)), port_(port), thread_([this] { Run(); }) {}

GapProbe::~GapProbe() {
  if (thread_.joinable()) Stop();
}

bool GapProbe::AwaitGood() const {
  int64_t before = good_;
  // The second one has begun after the call.
  return bed::WaitUntil([&] { return good_ >= before + 2; }, absl::Seconds(1));
}

ProbeResult GapProbe::Stop() {
  stop_ = true;
  thread_.join();
  return result_;
}

void GapProbe::Run() {
  std::set<std::string> instances;
  int64_t last_good = 0;
  bool failed_since = false;
  int64_t next = Now();
  while (!stop_) {
    TcpClient client(ip_, port_, kProbeTimeoutMs);
    std::string id;
    bool good = client.Connect() && client.Get("/id", false, &id);
    int64_t now = Now();
    if (good) {
      if (failed_since && last_good != 0) {
        double gap = static_cast<double>(now - last_good) / kMillisecond;
        result_.gap_ms = std::max(result_.gap_ms, gap);
      }
      last_good = now;
      failed_since = false;
      instances.insert(id);
      ++good_;
    } else {
      failed_since = true;
      ++result_.failed;
    }
    next = std::max(next + kProbeEvery, now);
    SleepUntil(next);
  }
  result_.good = good_;
  result_.instances = static_cast<int>(instances.size());
}

LoadGenerator::LoadGenerator(std::string ip, int port, int connections, int rate)
    : ip_(std::move(ip)), port_(port), begun_ns_(Now()) {
  latencies_ms_.resize(static_cast<size_t>(connections));
  for (int i = 0; i < connections; ++i) {
    threads_.emplace_back([=, this] { Run(i, connections, rate); });
  }
}

LoadGenerator::~LoadGenerator() {
  if (!threads_.empty()) Stop();
}

LoadResult LoadGenerator::Stop() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  LoadResult result = {.sent = sent_, .failed = failed_, .seconds = 0, .p99_ms = 0};
  result.seconds = static_cast<double>(Now() - begun_ns_) / 1e9;
  std::vector<double> all;
  for (const auto& part : latencies_ms_) all.insert(all.end(), part.begin(), part.end());
  result.p99_ms = Quantile(std::move(all), 0.99);
  return result;
}

void LoadGenerator::Run(int index, int connections, int rate) {
  TcpClient client(ip_, port_, kLoadTimeoutMs);
  const int64_t period = int64_t{1'000'000'000} * connections / rate;
  // Spread over the period, so that the requests do not come in bursts.
  int64_t next = Now() + period * index / connections;
  std::string body;
  while (!stop_) {
    SleepUntil(next);
    int64_t begin = Now();
    if (client.connected() && client.ClosedByServer()) client.Close(true);
    bool good = (client.connected() || client.Connect()) && client.Get("/id", true, &body);
    ++sent_;
    if (!good) ++failed_;
    double took = static_cast<double>(Now() - begin) / kMillisecond;
    latencies_ms_[static_cast<size_t>(index)].push_back(took);
    // A late request is not made up for by a burst.
    next = std::max(next + period, Now());
  }
}

}  // namespace rekindle::measure
