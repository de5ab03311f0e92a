#include "common/client/http/curl_pool.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace rekindle::client {
namespace {

// libcurl wakes up by itself for its own timers; this is a bound for the rest.
constexpr int kLongestPollMilliseconds = 1000;
// That are kept. More than the requests and watches of a client at a time (ApiClient::Options,
// most_at_once): with HTTP/1.1 each has one, and what is not kept costs the next a handshake.
constexpr long kMostConnections = 128;
// Below what usual servers allow, so that a request is never refused for it.
constexpr long kMostStreams = 100;

// Signals are for other threads; and a connection that breaks is an error, not a SIGPIPE.
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

CurlPool::CurlPool(CurlServer server, Report report)
    : server_(std::move(server)), report_(std::move(report)), multi_(curl_multi_init()) {
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  curl_multi_setopt(multi_, CURLMOPT_MAX_CONCURRENT_STREAMS, kMostStreams);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kMostConnections);
  thread_ = std::thread([this] { Serve(); });
  pthread_setname_np(thread_.native_handle(), "api-client");
}

CurlPool::~CurlPool() {
  Stop();
  if (thread_.joinable()) thread_.join();
  curl_multi_cleanup(multi_);
}

void CurlPool::Start(std::shared_ptr<CurlCall> call) {
  {
    MutexLock lock(&mutex_);
    orders_.start.push_back(std::move(call));
  }
  curl_multi_wakeup(multi_);
}

void CurlPool::Drop(std::shared_ptr<CurlCall> call) {
  {
    MutexLock lock(&mutex_);
    orders_.drop.push_back(std::move(call));
  }
  curl_multi_wakeup(multi_);
}

void CurlPool::Retire() {
  {
    MutexLock lock(&mutex_);
    orders_.retired = true;
  }
  curl_multi_wakeup(multi_);
}

void CurlPool::Stop() {
  {
    MutexLock lock(&mutex_);
    orders_.stopped = true;
  }
  curl_multi_wakeup(multi_);
}

CurlPool::Orders CurlPool::TakeOrders() {
  MutexLock lock(&mutex_);
  Orders taken = {.start = std::exchange(orders_.start, {}),
                  .drop = std::exchange(orders_.drop, {}),
                  .retired = orders_.retired,
                  .stopped = orders_.stopped};
  return taken;
}

void CurlPool::Begin(const std::shared_ptr<CurlCall>& call) {
  CURL* easy = call->Prepare(server_);
  if (easy == nullptr || curl_multi_add_handle(multi_, easy) != CURLM_OK) {
    report_(call, absl::ResourceExhaustedError("no memory for a request"));
    return;
  }
  active_[easy] = call;
}

void CurlPool::Remove(CURL* easy) {
  curl_multi_remove_handle(multi_, easy);
  active_.erase(easy);
}

void CurlPool::ReportFinished() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const CURLcode code = message->data.result;
    const auto found = active_.find(easy);
    if (found == active_.end()) continue;
    const std::shared_ptr<CurlCall> call = found->second;
    absl::StatusOr<HttpReply> result = call->Result(code);
    Remove(easy);
    report_(call, std::move(result));
  }
}

void CurlPool::Serve() {
  BlockSignals();
  while (true) {
    const Orders orders = TakeOrders();
    if (orders.stopped) break;
    for (const auto& call : orders.start) Begin(call);
    // After the starts: what was started and dropped in one go is dropped.
    for (const auto& call : orders.drop) {
      if (call->easy() != nullptr && active_.contains(call->easy())) Remove(call->easy());
    }
    int running = 0;
    curl_multi_perform(multi_, &running);
    ReportFinished();
    if (orders.retired && active_.empty()) {
      MutexLock lock(&mutex_);
      if (orders_.start.empty()) break;
      continue;
    }
    curl_multi_poll(multi_, nullptr, 0, kLongestPollMilliseconds, nullptr);
  }
  while (!active_.empty()) Remove(active_.begin()->first);
  finished_.store(true);
}

}  // namespace rekindle::client
