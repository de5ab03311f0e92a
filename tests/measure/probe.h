#ifndef REKINDLE_TEST_MEASURE_PROBE_H_
#define REKINDLE_TEST_MEASURE_PROBE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace rekindle::measure {

// What the service's users saw while a probe ran.
struct ProbeResult {
  double gap_ms = 0;  // longest time between two good answers with a failure in between
  int64_t good = 0;
  int64_t failed = 0;
  int instances = 0;  // how many different servers answered (by /id)
};

// A client that opens a new connection every 2 ms and asks for /id. The gap is what it could not
// get an answer in; its resolution is those 2 ms.
// Threads: construct, Stop and destroy on one; the client has its own.
class GapProbe {
 public:
  GapProbe(std::string ip, int port);
  ~GapProbe();
  GapProbe(const GapProbe&) = delete;
  GapProbe& operator=(const GapProbe&) = delete;

  // Waits (at most a second) for a good answer from after the call, so that what follows is seen
  // from a state of service.
  bool AwaitGood() const;
  ProbeResult Stop();

 private:
  void Run();

  const std::string ip_;
  const int port_;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> good_ = 0;
  ProbeResult result_;
  std::thread thread_;
};

struct LoadResult {
  int64_t sent = 0;
  int64_t failed = 0;  // sent, but no complete 200 came back; or no connection could be made
  double seconds = 0;
  double p99_ms = 0;
};

// Keeps `connections` connections busy with `rate` requests a second altogether, and connects anew
// whenever the server asks for it. Threads: construct, Stop and destroy on one.
class LoadGenerator {
 public:
  LoadGenerator(std::string ip, int port, int connections, int rate);
  ~LoadGenerator();
  LoadGenerator(const LoadGenerator&) = delete;
  LoadGenerator& operator=(const LoadGenerator&) = delete;

  LoadResult Stop();
  int64_t sent() const { return sent_; }

 private:
  void Run(int index, int connections, int rate);

  const std::string ip_;
  const int port_;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> sent_ = 0;
  std::atomic<int64_t> failed_ = 0;
  int64_t begun_ns_ = 0;
  std::vector<std::vector<double>> latencies_ms_;  // one per thread
  std::vector<std::thread> threads_;
};

}  // namespace rekindle::measure

#endif  // REKINDLE_TEST_MEASURE_PROBE_H_
