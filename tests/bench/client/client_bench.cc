#include "tests/bench/client/client_bench.h"

#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "common/client/decoders.h"
#include "common/client/informer.h"
#include "common/client/list_reader.h"
#include "tests/bench/client/pod_pages.h"
#include "tests/bench/usage.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/sim_loop.h"

namespace rekindle::bench {
namespace {

using client::ApiClient;
using client::Informer;
using PodInformer = Informer<api::PodRecord>;

constexpr int64_t kPage = 500;
// What a process needs however small its cache is weighs too much in smaller ones.
constexpr int64_t kPodsOfLimit = 100'000;
constexpr size_t kChunk = 16 * 1024;  // as a network gives it
constexpr size_t kMostOfObject = size_t{1} << 20;

// Of this process's processor time: all of it is one thread's, and other programs do not count.
double ProcessorMilliseconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double Milliseconds(const std::function<void()>& work) {
  const double start = ProcessorMilliseconds();
  work();
  return ProcessorMilliseconds() - start;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Serves lists from pages that are made on demand, and one watch. The time that making them takes
// is kept apart.
class PageTransport final : public client::Transport {
 public:
  PageTransport(Loop& loop, int64_t pods) : loop_(loop), pods_(pods) {}

  CallId Start(client::HttpRequest request, std::shared_ptr<client::BodyReader> reader,
               Done done) override {
    const CallId id = ++last_;
    const FakeApi::Request asked = ToFakeRequest(request.method, request.target);
    if (asked.IsWatch()) {
      watch_ = std::move(reader);
      return id;
    }
    int64_t first = 0;
    (void)absl::SimpleAtoi(asked.Query("continue"), &first);
    loop_.Post([this, first, reader = std::move(reader), done = std::move(done)]() mutable {
      Serve(first, *reader, done);
    });
    return id;
  }
  bool Cancel(CallId) override { return true; }
  void RetireConnections(bool) override {}

  absl::Status Send(const std::string& frame) { return watch_->Consume(frame); }
  double making_ms() const { return making_ms_; }
  size_t bytes() const { return bytes_; }

 private:
  void Serve(int64_t first, client::BodyReader& reader, Done& done) {
    std::string page;
    making_ms_ += Milliseconds(
        [&] { page = PodPage(first, std::min(kPage, pods_ - first), first + kPage < pods_); });
    bytes_ += page.size();
    absl::Status read;
    for (size_t at = 0; at < page.size() && read.ok(); at += kChunk) {
      read = reader.Consume(absl::string_view(page).substr(at, kChunk));
    }
    if (read.ok()) read = reader.Finish();
    if (!read.ok()) return done(read);
    client::HttpReply reply;
    reply.head.status = 200;
    done(std::move(reply));
  }

  Loop& loop_;
  const int64_t pods_;
  CallId last_ = 0;
  std::shared_ptr<client::BodyReader> watch_;
  double making_ms_ = 0;
  size_t bytes_ = 0;
};

// A cache with everything that it stands on.
struct Cache {
  explicit Cache(int64_t pods) : transport(loop, pods) {
    client::ReflectorOptions options = {.collection = {.resource = client::PodResource()},
                                        .page_limit = static_cast<int>(kPage)};
    informer = std::make_unique<PodInformer>(api, options, client::PodDecoder());
    informer->AddIndex("owner", [](const client::ObjectKey&, const api::PodRecord& pod) {
      return std::vector<std::string>{pod.owner_uid.str()};
    });
    informer->AddIndex("node", [](const client::ObjectKey&, const api::PodRecord& pod) {
      return std::vector<std::string>{pod.node.str()};
    });
  }
  SimLoop loop;
  PageTransport transport;
  FakeCredentials credentials;
  ApiClient api{loop, transport, credentials, {.requests_per_second = 1e9, .burst = 1e9}};
  std::unique_ptr<PodInformer> informer;
};

class PodRecords final : public client::Decoder {
 public:
  absl::StatusOr<Record> Decode(absl::string_view object) override {
    absl::StatusOr<api::PodRecord> got = decode_(object);
    if (!got.ok()) return got.status();
    return Record(std::make_shared<const api::PodRecord>(*std::move(got)));
  }

 private:
  client::DecodeFunction<api::PodRecord> decode_ = client::PodDecoder();
};

absl::StatusOr<client::ListPage> Read(absl::string_view page, client::Decoder& decoder) {
  client::ListReader reader(decoder, kMostOfObject);
  for (size_t at = 0; at < page.size(); at += kChunk) {
    const absl::Status fed = reader.Feed(page.substr(at, kChunk));
    if (!fed.ok()) return fed;
  }
  return reader.Finish();
}

absl::Status Decoding(int rounds, Results& results) {
  const std::string page = PodPage(0, kPage, false);
  PodRecords decoder;
  std::vector<double> times;
  for (int i = -1; i < rounds; ++i) {  // the first one warms up
    size_t items = 0;
    const double took = Milliseconds([&] {
      const absl::StatusOr<client::ListPage> got = Read(page, decoder);
      items = got.ok() ? got->items.size() : 0;
    });
    if (items != kPage) return absl::InternalError(absl::StrCat(items, " pods decoded"));
    if (i >= 0) times.push_back(took);
  }
  // 150 MB/s at least.
  constexpr double kLimit = 1e6 / 150.0;
  const double nanoseconds_a_kilobyte =
      Median(times) * 1e6 / (static_cast<double>(page.size()) / 1000.0);
  return results.Add({.bench = "client",
                      .metric = "pod_list_decoding",
                      .value = nanoseconds_a_kilobyte,
                      .unit = "ns/kB",
                      .limit = kLimit});
}

absl::Status FillCache(const ClientBenchSettings& settings, Results& results) {
  malloc_trim(0);
  const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  RK_ASSIGN_OR_RETURN(const size_t resident_before, ResidentBytes(::getpid(), "RssAnon"));
  Cache cache(settings.pods);
  const double took = Milliseconds([&] {
    cache.informer->Start();
    cache.loop.AdvanceUntil([&] { return cache.informer->synced(); }, absl::Minutes(10));
  });
  if (cache.informer->size() != static_cast<size_t>(settings.pods)) {
    return absl::InternalError(absl::StrCat(cache.informer->size(), " pods in the cache"));
  }
  // With all that reading the list has left behind.
  RK_ASSIGN_OR_RETURN(const size_t resident_after, ResidentBytes(::getpid(), "RssAnon"));
  const double resident = static_cast<double>(resident_after - resident_before);
  malloc_trim(0);
  const double held = static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd - before);
  absl::Status status =
      results.Add({.bench = "client",
                   .metric = absl::StrCat("cache_heap_of_", settings.pods, "_pods"),
                   .value = held / static_cast<double>(settings.pods),
                   .unit = "bytes/pod",
                   .limit = 1024});
  if (!status.ok()) return status;
  status = results.Add(
      {.bench = "client",
       .metric = absl::StrCat("resident_memory_of_", settings.pods, "_pods"),
       .value = resident / static_cast<double>(settings.pods),
       .unit = "bytes/pod",
       .limit = settings.pods < kPodsOfLimit ? std::nullopt : std::optional<double>(1024)});
  if (!status.ok()) return status;
  status = results.Add({.bench = "client",
                        .metric = absl::StrCat("list_", settings.pods, "_pods"),
                        .value = took - cache.transport.making_ms(),
                        .unit = "ms"});
  if (!status.ok()) return status;
  // One change after the other, from the frame to the handler.
  size_t heard = 0;
  cache.informer->AddHandler({.updated = [&](const auto&, const auto&, const auto&) { ++heard; }});
  cache.loop.Settle();
  std::vector<double> times;
  const int changes = settings.rounds * 50;
  for (int i = 0; i < changes; ++i) {
    const std::string frame =
        absl::StrCat(R"({"type":"MODIFIED","object":)",
                     RealisticPod(i * int64_t{7919} % settings.pods, 900'000'001 + i), "}\n");
    absl::Status sent;
    times.push_back(Milliseconds([&] {
      sent = cache.transport.Send(frame);
      cache.loop.Settle();
    }));
    if (!sent.ok()) return sent;
  }
  if (heard != static_cast<size_t>(changes)) {
    return absl::InternalError(absl::StrCat(heard, " of ", changes, " changes heard"));
  }
  std::sort(times.begin(), times.end());
  return results.Add({.bench = "client",
                      .metric = "one_changed_pod_p99",
                      .value = times[times.size() * 99 / 100],
                      .unit = "ms",
                      .limit = 1});
}

}  // namespace

absl::Status ClientBench(const ClientBenchSettings& settings, Results& results) {
  absl::Status status = FillCache(settings, results);
  return status.ok() ? Decoding(settings.rounds, results) : status;
}

}  // namespace rekindle::bench
