#include "tests/bench/api/load.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace rekindle::bench {
namespace {

using conformance::Answer;
using conformance::Http;
using conformance::Request;

constexpr absl::Duration kPatience = absl::Seconds(60);

// What the threads of one load share.
struct Shared {
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  absl::Status status;
  std::vector<double> milliseconds;

  void Fail(absl::Status why) {
    std::lock_guard<std::mutex> lock(mutex);
    if (status.ok()) status = std::move(why);
    failed = true;
  }
};

void RunClient(const conformance::Endpoint& endpoint, const Load& load, absl::Time start,
               Shared& shared) {
  Http http(endpoint);
  std::vector<double> own;
  while (!shared.failed) {
    const int64_t index = shared.next++;
    if (index >= load.requests) break;
    const Request request = load.request(index);
    if (load.per_second > 0) {  // a pace, not a wait for something
      absl::SleepFor(start + absl::Seconds(static_cast<double>(index) / load.per_second) -
                     absl::Now());
    }
    const absl::Time sent = absl::Now();
    const absl::StatusOr<Answer> answer = http.Call(request);
    if (!answer.ok()) return shared.Fail(answer.status());
    if (answer->status != 200 && answer->status != 201) {
      return shared.Fail(absl::InternalError(absl::StrCat(request.method, " ", request.path, ": ",
                                                          answer->status, " ", answer->body)));
    }
    own.push_back(absl::ToDoubleMilliseconds(absl::Now() - sent));
    if (load.answered) load.answered(*answer, sent);
  }
  std::lock_guard<std::mutex> lock(shared.mutex);
  std::move(own.begin(), own.end(), std::back_inserter(shared.milliseconds));
}

}  // namespace

double LoadResult::At(double quantile) const {
  const auto last = static_cast<double>(milliseconds.size() - 1);
  return milliseconds[static_cast<size_t>(quantile * last)];
}

absl::StatusOr<LoadResult> Run(const conformance::Endpoint& endpoint, const Load& load) {
  Shared shared;
  const absl::Time start = absl::Now();
  std::vector<std::thread> threads;
  for (int i = 0; i < load.clients; ++i) {
    threads.emplace_back([&] { RunClient(endpoint, load, start, shared); });
  }
  for (std::thread& thread : threads) thread.join();
  if (!shared.status.ok()) return shared.status;
  LoadResult out{.milliseconds = std::move(shared.milliseconds),
                 .seconds = absl::ToDoubleSeconds(absl::Now() - start)};
  std::sort(out.milliseconds.begin(), out.milliseconds.end());
  return out;
}

struct Watchers::One {
  explicit One(const conformance::Endpoint& endpoint) : http(endpoint) {}
  Http http;
  std::unique_ptr<conformance::Stream> stream;
  std::atomic<bool> stop{false};
  std::thread reader;
};

absl::StatusOr<std::unique_ptr<Watchers>> Watchers::Open(const conformance::Endpoint& endpoint,
                                                         const std::vector<std::string>& paths) {
  auto out = std::make_unique<Watchers>();
  for (const std::string& path : paths) {
    auto one = std::make_unique<One>(endpoint);
    one->stream = one->http.Open({.path = path});
    if (const int status = one->stream->AwaitStatus(kPatience); status != 200) {
      return absl::UnavailableError(absl::StrCat("watch ", path, ": ", status));
    }
    one->reader = std::thread([watcher = one.get()] {
      while (!watcher->stop) {
        const auto line = watcher->stream->Next(absl::Seconds(1));
        if (line.ok() && line->empty()) return;  // the server has ended it
      }
    });
    out->all_.push_back(std::move(one));
  }
  return out;
}

Watchers::~Watchers() {
  for (const auto& one : all_) one->stop = true;
  for (const auto& one : all_) one->reader.join();
}

}  // namespace rekindle::bench
